#!/bin/bash
# build.sh BENCHMARK PROGRAM: writes a script that runs our program on the uring backend.
set -eu
printf '#!/bin/sh\nASYNCIO_BACKEND=uring exec %q "$@"\n' "${2%-ours-uring}-ours" >"$2"
chmod +x "$2"
echo "ours, on uring"
