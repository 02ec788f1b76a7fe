#!/bin/bash
# build.sh BENCHMARK PROGRAM: builds the program for State Threads; prints the version.
set -eu
here=$(dirname "$0")
${CC:-cc} -O2 -I"$here/../.." "$here/$1.c" $(pkg-config --cflags --libs st) -o "$2"
echo "State Threads $(pkg-config --modversion st)"
