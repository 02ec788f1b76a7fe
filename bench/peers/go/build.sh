#!/bin/bash
# build.sh BENCHMARK PROGRAM: builds the program for Go; prints the version.
set -eu
here=$(dirname "$0")
export GOFLAGS=-mod=mod GO111MODULE=off GOTOOLCHAIN=local GOCACHE=${2}-cache
go build -o "$2" "$here/$1.go" "$here/bench.go"
go version | cut -d ' ' -f 3 | sed 's/^go/Go /'
