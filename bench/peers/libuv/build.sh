#!/bin/bash
# build.sh BENCHMARK PROGRAM: builds the program for libuv; prints the version.
set -eu
here=$(dirname "$0")
${CC:-cc} -O2 -I"$here/../.." "$here/$1.c" $(pkg-config --cflags --libs libuv) -o "$2"
echo "libuv $(pkg-config --modversion libuv)"
