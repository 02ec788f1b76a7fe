#!/bin/bash
# build.sh BENCHMARK PROGRAM [LOOP]: writes a script that runs the asyncio program, on LOOP if it is given; prints the
# version. Uses Python as Debian has it, because uvloop is a Debian package.
set -eu
loop=${3:-asyncio}
python=/usr/bin/python3
$python -c "import $loop"
printf '#!/bin/sh\nexec %s %q %s "$@"\n' "$python" "$(realpath "$(dirname "$0")/$1.py")" "$loop" >"$2"
chmod +x "$2"
echo "$($python --version)"
