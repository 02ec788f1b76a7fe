#!/bin/bash
# build.sh BENCHMARK PROGRAM: writes a script that runs our program on the epoll backend.
set -eu
printf '#!/bin/sh\nASYNCIO_BACKEND=epoll exec %q "$@"\n' "${2%-ours-epoll}-ours" >"$2"
chmod +x "$2"
echo "ours, on epoll"
