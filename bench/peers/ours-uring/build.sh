#!/bin/bash
# build.sh benchmark program: our own program, which lies beside, on the uring backend.
set -eu
printf '#!/bin/sh\nASYNCIO_BACKEND=uring exec %q "$@"\n' "${2%-ours-uring}-ours" >"$2"
chmod +x "$2"
echo "ours, on uring"
