#!/bin/bash
# build.sh BENCHMARK PROGRAM: copies the script that runs `openssl s_server`; prints the version.
set -eu
here=$(dirname "$0")
openssl version | cut -d ' ' -f 1,2
cp "$here/$1.sh" "$2"
