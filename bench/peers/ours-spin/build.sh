#!/bin/bash
# build.sh BENCHMARK PROGRAM: writes a script that runs our program with a loop that spins 20 us before it sleeps.
set -eu
printf '#!/bin/sh\nASYNCIO_SPIN_US=20 exec %q "$@"\n' "${2%-ours-spin}-ours" >"$2"
chmod +x "$2"
echo "ours, ASYNCIO_SPIN_US=20"
