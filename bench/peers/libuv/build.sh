#!/bin/bash
# build.sh benchmark program: builds libuv's part of it; prints the version.
set -eu
here=$(dirname "$0")
${CC:-cc} -O2 -I"$here/../.." "$here/$1.c" $(pkg-config --cflags --libs libuv) -o "$2"
echo "libuv $(pkg-config --modversion libuv)"
