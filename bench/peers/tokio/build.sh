#!/bin/bash
# build.sh BENCHMARK PROGRAM: builds the program for tokio from Debian packages of crates; prints the versions. cargo
# writes beside the program only, and ignores the settings of the user.
set -eu
crates=/usr/share/cargo/registry
ls -d $crates/tokio-1.* >/dev/null
work=$2-cargo
mkdir -p "$work"
cp "$(dirname "$0")"/Cargo.toml "$(dirname "$0")"/*.rs "$work"
cd "$work"
CARGO_HOME=$work/home cargo build --quiet --release --offline --bin "$1" \
    --config 'source.crates-io.replace-with = "debian"' --config "source.debian.directory = '$crates'"
cp "target/release/$1" "$2"
echo "tokio $(sed -n '/name = "tokio"/{n;s/.*"\(.*\)"/\1/p}' Cargo.lock), $(rustc --version | cut -d ' ' -f 1-2)"
