#!/bin/bash
# build.sh BENCHMARK PROGRAM: writes a script that runs redis-server without persistence; prints the version.
set -eu
command -v redis-server >/dev/null || { echo "there is no redis-server" >&2; exit 1; }
cat >"$2" <<'END'
#!/bin/bash
# Prints its port when it is ready; ends at the end of its input.
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
