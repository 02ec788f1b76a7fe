#!/bin/bash
# build.sh BENCHMARK PROGRAM: writes a script that runs the program on RQ; prints the version. Uses Python as Debian has
# it, because RQ is a Debian package.
set -eu
python=/usr/bin/python3
version=$($python -c 'import redis, rq; print(f"RQ {rq.VERSION}, redis-py {redis.__version__}")') || {
    echo "there is no RQ" >&2
    exit 1
}
printf '#!/bin/sh\nexec %s %q "$@"\n' "$python" "$(realpath "$(dirname "$0")/rq_$1.py")" >"$2"
chmod +x "$2"
echo "$version on $($python --version)"
