#!/bin/bash
# demo.sh FOLDER: runs the five programs of the tutorial, built in that folder, and prefixes their output with seconds.
# The status is 1 if the output is not as docs/tutorial shows it.
set -uo pipefail
build=${1:-${BUILD_DIR:?give the folder that holds the programs}}
shown=$(dirname "$0")/../docs/tutorial/output
lines=$(mktemp)
trap 'rm -f "$lines"' EXIT
wrong=0

# Microseconds; the decimal point depends on the locale.
now() { echo "${EPOCHREALTIME//[!0-9]/}"; }

# Runs a command and keeps its lines in $lines, each prefixed with its second; sets $status and $took.
# A shell in the background ignores SIGINT, and its children inherit that.
watch() {
    local begun=$(now) line
    env --default-signal=INT stdbuf -oL "$@" 2>&1 | while IFS= read -r line; do
        printf '%4d s  %s\n' $((($(now) - begun) / 1000000)) "$line"
    done | tee "$lines"
    status=${PIPESTATUS[0]} took=$((($(now) - begun) / 1000000))
}

# judge CONDITION…: prints the result of the run.
judge() {
    if "$@"; then
        echo "        $took s, status $status"
    else
        echo "        $took s, status $status: WRONG"
        wrong=1
    fi
}

# as_shown NAME: true if lines and seconds are those of the tutorial, without the messages of debug mode.
as_shown() {
    [ "$status" = 0 ] && diff "$shown/$1.txt" <(grep -v 'asyncio: ' "$lines")
}

# Checks the end only: the lines after Ctrl-C differ from run to run.
ended_clean() {
    [ "$status" = 130 ] && grep -q 'closing$' "$lines" && grep -q ', left: 0; stacks in use: 0; ' "$lines"
}

title() { printf '\n== %s: %s\n\n' "$1" "$2"; }

# show NAME TITLE: runs a program that ends by itself.
show() {
    title "$1" "$2"
    watch "$build/$1"
    judge as_shown "$1"
}

show 1_hello 'hello, and one second later world'
show 2_await 'two calls in a row, 2 + 6 seconds'
show 3_tasks 'two tasks of 3 seconds, side by side'
ASYNCIO_DEBUG=1 show 4_gather 'three tasks that block, and how debug mode names them'

# --foreground: otherwise timeout signals the program and then its group, and the second SIGINT kills it.
title 5_queue 'three producers, two consumers, and Ctrl-C after ten seconds'
ASYNCIO_DEBUG=1 watch timeout --foreground --preserve-status --signal=INT --kill-after=5 10 "$build/5_queue" 1
judge ended_clean

[ $wrong = 0 ] && printf '\nAll output is as docs/tutorial shows it.\n'
exit $wrong
