#!/bin/bash
# build.sh BENCHMARK PROGRAM: builds the program with blocking calls; prints its description.
set -eu
here=$(dirname "$0")
${CC:-cc} -O2 -I"$here/../.." "$here/$1.c" -o "$2"
echo "blocking calls of $(ldd --version | head -1 | sed 's/^ldd (\(.*\)) .*/\1/')"
