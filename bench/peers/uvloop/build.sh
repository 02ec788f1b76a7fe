#!/bin/bash
# build.sh benchmark program: asyncio's part of it, on uvloop; prints the version.
set -eu
python=$("$(dirname "$0")/../asyncio/build.sh" "$1" "$2" uvloop)
echo "uvloop $(/usr/bin/python3 -c 'import uvloop; print(uvloop.__version__)') on $python"
