#!/bin/bash
# build.sh BENCHMARK PROGRAM: builds the program for Boost.Context; prints the version.
set -eu
here=$(dirname "$0")
${CXX:-g++} -std=c++17 -O2 -I"$here/../.." "$here/$1.cpp" -lboost_context -o "$2"
echo "Boost.Context $(sed -n 's/^#define BOOST_LIB_VERSION "\(.*\)"/\1/p' /usr/include/boost/version.hpp), raw"
