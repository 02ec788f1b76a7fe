#!/bin/bash
# build.sh BENCHMARK PROGRAM: writes a script that measures XADD with redis-benchmark, 16 commands at a time on 50
# connections, against a server of its own; prints the version.
set -eu
command -v redis-benchmark >/dev/null || { echo "there is no redis-benchmark" >&2; exit 1; }
cat >"$2" <<'END'
#!/bin/bash
set -eu
[ $# = 1 ] || { echo many; exit; }
folder=$(mktemp -d)
trap 'kill $server; wait; rm -r "$folder"' EXIT
redis-server --port 0 --unixsocket "$folder/socket" --save "" --appendonly no --dir "$folder" >/dev/null &
server=$!
until [ -S "$folder/socket" ]; do sleep 0.02; done
item=$(head -c 64 /dev/zero | tr '\0' x)
redis-benchmark -s "$folder/socket" -P 16 -n 200000 --csv XADD q '*' b "$item" |
    tail -n 1 | sed 's/^"[^"]*","\([0-9.]*\)".*/put\/128\t\1/'
END
chmod +x "$2"
redis-benchmark --version
