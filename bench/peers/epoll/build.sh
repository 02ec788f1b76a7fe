#!/bin/bash
# build.sh BENCHMARK PROGRAM: builds the raw epoll server; prints its description.
set -eu
here=$(dirname "$0")
${CC:-cc} -O2 -I"$here/../.." "$here/$1.c" -o "$2"
echo "epoll, raw"
