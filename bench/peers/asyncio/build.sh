#!/bin/bash
# build.sh benchmark program [loop]: writes a program that runs asyncio's part of it, on another loop if one is named;
# prints the version. Debian's Python: uvloop is its package.
set -eu
loop=${3:-asyncio}
python=/usr/bin/python3
$python -c "import $loop"
printf '#!/bin/sh\nexec %s %q %s "$@"\n' "$python" "$(realpath "$(dirname "$0")/$1.py")" "$loop" >"$2"
chmod +x "$2"
echo "$($python --version)"
