#!/bin/bash
# need.sh name…: sees to it that these programs, C headers (x.h), C++ headers (x.hpp), Rust crates and Python modules
# (those listed below) are there. Silent when they are; what is missing is installed
# as Debian packages, by root or through sudo if that asks for no password; else the one command to type is
# printed and the status is 1. It must not know what the programs are for: whoever calls names them.
set -u

# The Debian package that brings it.
package_of() {
    case $1 in
    cc | gcc) echo gcc libc6-dev ;; # libc's headers are only a recommendation of gcc's package
    ninja) echo ninja-build ;;
    *-linux-gnu-gcc) echo "g++-${1%-gcc}" ;; # C++ brings C and libc's headers along
    qemu-*) echo qemu-user ;;
    readelf) echo binutils ;;
    groff) echo groff-base ;;
    valgrind) echo valgrind libc6-dbg ;; # it refuses to start without the names in ld.so
    clang++) echo clang ;;
    musl-gcc) echo musl-tools gcc ;;
    go) echo golang-go ;;
    boost/context/fiber.hpp) echo libboost-context-dev ;;
    st.h) echo libst-dev ;;
    uv.h) echo libuv1-dev ;;
    tokio) echo librust-tokio-dev librust-tokio-macros-dev ;;
    uvloop) echo python3-uvloop ;;
    openssl/ssl.h) echo libssl-dev ;;
    nc) echo netcat-openbsd ;;
    dig) echo bind9-dnsutils ;;
    redis-cli | redis-benchmark) echo redis-tools ;;
    *) echo "$1" ;;
    esac
}

# A compiler without the headers of libc counts as missing.
have() {
    case $1 in
    *.h) echo "#include <$1>" | cc -E -x c - >/dev/null 2>&1; return ;;
    *.hpp) echo "#include <$1>" | g++ -E -x c++ - >/dev/null 2>&1; return ;;
    tokio) (cd /usr/share/cargo/registry && ls -d tokio-1.* tokio-macros-1.*) >/dev/null 2>&1; return ;;
    uvloop) /usr/bin/python3 -c 'import uvloop' 2>/dev/null; return ;;
    esac
    command -v "$1" >/dev/null || return 1
    case $1 in
    cc | clang | *gcc) echo '#include <stdio.h>' | "$1" -E -x c - >/dev/null 2>&1 ;;
    esac
}

packages=()
for program in "$@"; do
    have "$program" || packages+=($(package_of "$program"))
done
[ ${#packages[@]} -eq 0 ] && exit 0

install=(apt-get install -y --no-install-recommends "${packages[@]}")
if ! command -v apt-get >/dev/null; then
    echo "These are missing (by their Debian names), please install them: ${packages[*]}" >&2
    exit 1
elif [ "$(id -u)" -eq 0 ]; then
    as_root=(env DEBIAN_FRONTEND=noninteractive)
elif sudo -n true 2>/dev/null; then
    as_root=(sudo -n env DEBIAN_FRONTEND=noninteractive)
else
    echo "Something is missing. Please run this, then try again:" >&2
    echo "    sudo apt-get update && sudo ${install[*]}" >&2
    exit 1
fi

# Runs a command while packages may start no services: what is installed is for us to run, and ends with us.
without_services='policy=/usr/sbin/policy-rc.d
[ -e $policy ] || { trap "rm -f $policy" EXIT && printf "#!/bin/sh\nexit 101\n" >$policy && chmod +x $policy; }
"$@"'

echo "Installing ${packages[*]}" >&2
{ "${as_root[@]}" apt-get update && "${as_root[@]}" sh -c "$without_services" sh "${install[@]}"; } >&2 || {
    echo "That did not work; by hand: apt-get update && ${install[*]}" >&2
    exit 1
}
