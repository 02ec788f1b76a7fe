#!/bin/bash
# build.sh BENCHMARK PROGRAM: writes a script that runs the program on BullMQ; prints the version. npm installs BullMQ and
# ioredis into the folder of the program, once.
set -eu
command -v npm >/dev/null || { echo "there is no npm" >&2; exit 1; }
folder=$(dirname "$2")/bullmq
mkdir -p "$folder"
if [ ! -d "$folder/node_modules/bullmq" ] || [ ! -d "$folder/node_modules/ioredis" ]; then
    timeout 120 npm install --prefix "$folder" --silent --no-audit --no-fund bullmq ioredis >/dev/null || {
        echo "npm cannot install BullMQ" >&2
        exit 1
    }
fi
program=$(realpath "$(dirname "$0")/$1.js")
printf '#!/bin/sh\nNODE_PATH=%q exec node %q "$@"\n' "$(realpath "$folder")/node_modules" "$program" >"$2"
chmod +x "$2"
version() { node -p "require('$(realpath "$folder")/node_modules/$1/package.json').version"; }
echo "BullMQ $(version bullmq), ioredis $(version ioredis) on Node.js $(node --version)"
