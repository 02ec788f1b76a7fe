#!/bin/bash
# need.sh: installs missing programs, C headers (x.h), C++ headers (x.hpp), Rust crates and Python modules (those listed
# below). Prints nothing if all of them are there.
#
#   need.sh --for PURPOSE NAME…    must be there
#           --wish PURPOSE NAME…   optional: left out if it cannot be installed
#           --tell PURPOSE NAME…   never installed: a missing package is only named
#
# Any number of these, in any order. First the missing packages are printed, one line per purpose. Then they are
# installed as Debian packages, by root or through sudo if sudo asks for no password; otherwise the command to type is
# printed. The status is 1 if a name of --for is missing. Only the caller knows the purposes.
set -u

# The Debian packages for a name.
package_of() {
    case $1 in
    cc | gcc) echo gcc libc6-dev ;; # libc's headers are only a recommendation of gcc's package
    ninja) echo ninja-build ;;
    *-linux-gnu*-gcc) echo "g++-${1%-gcc}" ;; # C++ brings C and libc's headers along
    readelf) echo binutils ;;
    groff) echo groff-base ;;
    valgrind) echo valgrind libc6-dbg ;; # it does not start without the symbols of ld.so
    clang++) echo clang ;;
    musl-gcc) echo musl-tools gcc ;;
    go) echo golang-go ;;
    boost/context/fiber.hpp) echo libboost-context-dev ;;
    st.h) echo libst-dev ;;
    uv.h) echo libuv1-dev ;;
    hiredis/hiredis.h) echo libhiredis-dev ;;
    tokio) echo librust-tokio-dev librust-tokio-macros-dev ;;
    uvloop) echo python3-uvloop ;;
    rq) echo python3-rq ;;
    /lib/ld-linux.so.2) echo libc6-i386 ;;
    linux32) echo util-linux ;;
    qemu-system-x86_64) echo qemu-system-x86 ;;
    qemu-system-aarch64) echo qemu-system-arm ;;
    qemu-*) echo qemu-user ;; # after the two qemu-system-*
    openssl/ssl.h) echo libssl-dev ;;
    elfutils/libdwfl.h) echo libdw-dev ;;
    nc) echo netcat-openbsd ;;
    dig) echo bind9-dnsutils ;;
    check.h) echo check ;;
    cmocka.h) echo libcmocka-dev ;;
    criterion/criterion.h) echo libcriterion-dev ;;
    redis-cli | redis-benchmark) echo redis-tools ;;
    *) echo "$1" ;;
    esac
}

# A compiler without the headers of libc counts as missing; without any compiler the header's file is looked for.
have() {
    case $1 in
    *.h)
        if command -v cc >/dev/null; then
            echo "#include <$1>" | cc -E -x c - >/dev/null 2>&1
        else
            [ -e "/usr/include/$1" ]
        fi
        return ;;
    /*) [ -e "$1" ]; return ;;
    *.hpp) echo "#include <$1>" | g++ -E -x c++ - >/dev/null 2>&1; return ;;
    tokio) (cd /usr/share/cargo/registry && ls -d tokio-1.* tokio-macros-1.*) >/dev/null 2>&1; return ;;
    uvloop | rq) /usr/bin/python3 -c "import $1" 2>/dev/null; return ;;
    esac
    command -v "$1" >/dev/null || return 1
    case $1 in
    cc | clang | *gcc) echo '#include <stdio.h>' | "$1" -E -x c - >/dev/null 2>&1 ;;
    esac
}

# The packages of each kind, and lines "packages<TAB>purpose".
declare -A packages=([for]='' [wish]='' [tell]='') lines=([for]='' [wish]='' [tell]='')

# check KIND PURPOSE NAME…: adds the missing packages, each once.
check() {
    local kind=$1 purpose=$2 missing='' name package
    shift 2
    for name; do
        have "$name" && continue
        for package in $(package_of "$name"); do
            case " ${packages[*]} $missing " in
            *" $package "*) ;;
            *) missing+="${missing:+ }$package" ;;
            esac
        done
    done
    [ -z "$missing" ] && return
    packages[$kind]+="${packages[$kind]:+ }$missing"
    lines[$kind]+="$missing"$'\t'"$purpose"$'\n'
}

show() {
    printf '%s' "$1" | while IFS=$'\t' read -r names purpose; do printf '    %-32s  %s\n' "$names" "$purpose"; done
}

arguments=()
for word in "$@" --; do
    case $word in
    --*)
        [ ${#arguments[@]} -gt 0 ] && check "${arguments[@]}"
        arguments=("${word#--}") ;;
    *) arguments+=("$word") ;;
    esac
done
[ -z "${packages[for]}${packages[wish]}${packages[tell]}" ] && exit 0
exec >&2

as_root='sudo '
if [ "$(id -u)" -eq 0 ]; then as_root=''; fi
hint='Type this'
if [ "$as_root" ] && ! command -v sudo >/dev/null; then as_root='' hint='Type this as root'; fi
apt_get='apt-get install -y --no-install-recommends'

# say_command PACKAGES: the command for the user to type.
say_command() { echo "    ${as_root}apt-get update && $as_root$apt_get $1"; }

# say_left_out LINES PACKAGES: for packages that are not installed.
say_left_out() {
    echo "Left out, because these Debian packages are missing:"
    show "$1"
    echo "$hint to install them, then repeat this make:"
    say_command "$2"
}

[ "${packages[tell]}" ] && say_left_out "${lines[tell]}" "${packages[tell]}"
wanted=$(echo ${packages[for]} ${packages[wish]})
[ -z "$wanted" ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "These packages are missing (their names in Debian); they are installed automatically on Debian only:"
    show "${lines[for]}${lines[wish]}"
    [ -z "${packages[for]}" ]
    exit
elif [ "$(id -u)" -eq 0 ]; then
    run_as_root=(env DEBIAN_FRONTEND=noninteractive)
elif sudo -n true 2>/dev/null; then
    run_as_root=(sudo -n env DEBIAN_FRONTEND=noninteractive)
elif [ "${packages[for]}" ]; then
    echo "These Debian packages are missing:"
    show "${lines[for]}${lines[wish]}"
    echo "$hint, then repeat this make:"
    say_command "$wanted"
    exit 1
else
    say_left_out "${lines[wish]}" "$wanted"
    exit 0
fi

# Runs a command while packages may not start services: the tests start the servers that they need.
without_services='policy=/usr/sbin/policy-rc.d
[ -e $policy ] || { trap "rm -f $policy" EXIT && printf "#!/bin/sh\nexit 101\n" >$policy && chmod +x $policy; }
"$@"'

install() { "${run_as_root[@]}" sh -c "$without_services" sh $apt_get "$@"; }

echo "These Debian packages are missing and are installed now, with their dependencies:"
show "${lines[for]}${lines[wish]}"
"${run_as_root[@]}" apt-get -q update || echo "apt-get update failed; its old lists are used."
if ! install -q $wanted; then
    # An optional package that cannot be installed must not prevent the others.
    if [ "${packages[for]}" ] && ! install -q ${packages[for]}; then
        echo "The installation failed. By hand: $as_root$apt_get ${packages[for]}"
        exit 1
    fi
    for package in ${packages[wish]}; do
        install -q "$package" || echo "Left out: $package could not be installed."
    done
fi
exit 0
