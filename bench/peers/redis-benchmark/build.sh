#!/bin/bash
# build.sh BENCHMARK PROGRAM: writes a script that measures XADD with redis-benchmark against a server of its own, 16
# commands at a time on 50 connections; with a file on 8 connections, because the commands that are under way share a
# write to the disk, and ours are 128. Prints the version.
set -eu
command -v redis-benchmark >/dev/null || { echo "there is no redis-benchmark" >&2; exit 1; }
cat >"$2" <<'END'
#!/bin/bash
set -eu
[ $# = 1 ] || { printf '%s\n' many everysec always; exit; }
settings=(--appendonly yes --appendfsync "$1") row="put/128 $1" connections=8
[ "$1" != many ] || { settings=(--appendonly no) row=put/128 connections=50; }
folder=$(mktemp -d)
trap 'kill $server || true; wait; rm -r "$folder"' EXIT
"${REDIS_SERVER:-redis-server}" --port 0 --unixsocket "$folder/socket" --save "" "${settings[@]}" --dir "$folder" >/dev/null &
server=$!
until [ -S "$folder/socket" ]; do kill -0 $server; sleep 0.02; done
item=$(head -c 64 /dev/zero | tr '\0' x)
rate=$(redis-benchmark -s "$folder/socket" -c "$connections" -P 16 -n 200000 --csv XADD q '*' b "$item" |
    tail -n 1 | sed 's/^"[^"]*","\([0-9.]*\)".*/\1/')
printf '%s\t%s\n' "$row" "$rate"
END
chmod +x "$2"
redis-benchmark --version
