#!/bin/bash
# build.sh BENCHMARK PROGRAM: builds the raw io_uring server; prints its description.
set -eu
here=$(dirname "$0")
${CC:-cc} -O2 -I"$here/../.." "$here/$1.c" -o "$2"
echo "io_uring, raw"
