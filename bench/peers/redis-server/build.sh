#!/bin/bash
# build.sh benchmark program: the Redis that is installed, which keeps nothing on a disk; prints what it is.
set -eu
command -v redis-server >/dev/null || { echo "there is no redis-server" >&2; exit 1; }
cat >"$2" <<'END'
#!/bin/bash
# Says its port when it is ready, and ends when its input does.
set -eu
port=$(python3 -c 'import socket; s = socket.create_server(("127.0.0.1", 0)); print(s.getsockname()[1])')
redis-server --port "$port" --bind 127.0.0.1 --save "" --appendonly no --loglevel warning >/dev/null &
until (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null; do sleep 0.02; done
echo "$port"
cat >/dev/null
kill $!
wait
END
chmod +x "$2"
redis-server --version | cut -d' ' -f1-3
