#!/bin/bash
# build.sh benchmark program: builds the server that stands on io_uring and nothing else; prints what it is.
set -eu
here=$(dirname "$0")
${CC:-cc} -O2 -I"$here/../.." "$here/$1.c" -o "$2"
echo "io_uring, raw"
