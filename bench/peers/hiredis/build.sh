#!/bin/bash
# build.sh BENCHMARK PROGRAM: builds the program with hiredis; prints its version.
set -eu
here=$(dirname "$0")
pkg-config --exists hiredis || { echo "there is no hiredis" >&2; exit 1; }
${CC:-cc} -O2 -I"$here/../.." "$here/$1.c" $(pkg-config --cflags --libs hiredis) -o "$2"
echo "hiredis $(pkg-config --modversion hiredis)"
