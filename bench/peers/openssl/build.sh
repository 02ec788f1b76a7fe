#!/bin/bash
# build.sh benchmark program: makes a program of OpenSSL's own server; prints the version.
set -eu
here=$(dirname "$0")
openssl version | cut -d ' ' -f 1,2
cp "$here/$1.sh" "$2"
