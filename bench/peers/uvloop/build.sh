#!/bin/bash
# build.sh BENCHMARK PROGRAM: writes a script that runs the asyncio program on uvloop; prints the version.
set -eu
python=$("$(dirname "$0")/../asyncio/build.sh" "$1" "$2" uvloop)
echo "uvloop $(/usr/bin/python3 -c 'import uvloop; print(uvloop.__version__)') on $python"
