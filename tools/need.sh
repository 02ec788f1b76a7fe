#!/bin/bash
# need.sh: sees to it that programs, C headers (x.h), C++ headers (x.hpp), Rust crates and Python modules (those listed
# below) are there. Silent when they are.
#
#   need.sh --for PURPOSE name…    what must be there
#           --wish PURPOSE name…   what is left out if it cannot be had
#           --tell PURPOSE name…   what is not installed: a missing package is only named
#
# Any number of these, in any order. What is missing is named first, one line per purpose. Then it is installed as
# Debian packages, by root or through sudo if that asks for no password; else the command to type is printed. The
# status is 1 if something that must be there is missing. What programs are for is known to the caller only.
set -u

# The Debian package that brings it.
package_of() {
    case $1 in
    cc | gcc) echo gcc libc6-dev ;; # libc's headers are only a recommendation of gcc's package
    ninja) echo ninja-build ;;
    *-linux-gnu*-gcc) echo "g++-${1%-gcc}" ;; # C++ brings C and libc's headers along
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
    /lib/ld-linux.so.2) echo libc6-i386 ;;
    linux32) echo util-linux ;;
    qemu-system-x86_64) echo qemu-system-x86 ;;
    qemu-system-aarch64) echo qemu-system-arm ;;
    qemu-*) echo qemu-user ;; # below the systems
    openssl/ssl.h) echo libssl-dev ;;
    nc) echo netcat-openbsd ;;
    dig) echo bind9-dnsutils ;;
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
    uvloop) /usr/bin/python3 -c 'import uvloop' 2>/dev/null; return ;;
    esac
    command -v "$1" >/dev/null || return 1
    case $1 in
    cc | clang | *gcc) echo '#include <stdio.h>' | "$1" -E -x c - >/dev/null 2>&1 ;;
    esac
}

# The packages of each kind, and lines "packages TAB purpose".
declare -A packages=([for]='' [wish]='' [tell]='') lines=([for]='' [wish]='' [tell]='')

# look KIND PURPOSE name…: adds what is missing; a package that was named before is not named again.
look() {
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
        [ ${#arguments[@]} -gt 0 ] && look "${arguments[@]}"
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

# say_command packages: what a person types.
say_command() { echo "    ${as_root}apt-get update && $as_root$apt_get $1"; }

# Groups that are not installed: what is left out, and how to have it.
say_left_out() {
    echo "Left out, because Debian packages are missing:"
    show "$1"
    echo "$hint to have it, then repeat this make:"
    say_command "$2"
}

[ "${packages[tell]}" ] && say_left_out "${lines[tell]}" "${packages[tell]}"
wanted=$(echo ${packages[for]} ${packages[wish]})
[ -z "$wanted" ] && exit 0

if ! command -v apt-get >/dev/null; then
    echo "These are missing (by their names in Debian), and are installed only there:"
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

# Runs a command while packages may start no services: what is installed is for us to run, and ends with us.
without_services='policy=/usr/sbin/policy-rc.d
[ -e $policy ] || { trap "rm -f $policy" EXIT && printf "#!/bin/sh\nexit 101\n" >$policy && chmod +x $policy; }
"$@"'

install() { "${run_as_root[@]}" sh -c "$without_services" sh $apt_get "$@"; }

echo "These Debian packages are missing and are now installed, with those that they depend on:"
show "${lines[for]}${lines[wish]}"
"${run_as_root[@]}" apt-get -q update || echo "apt-get update did not work; its old lists are used."
if ! install -q $wanted; then
    # One package that cannot be had must not keep the others away.
    if [ "${packages[for]}" ] && ! install -q ${packages[for]}; then
        echo "That did not work. By hand: $as_root$apt_get ${packages[for]}"
        exit 1
    fi
    for package in ${packages[wish]}; do
        install -q "$package" || echo "Left out: $package could not be installed."
    done
fi
exit 0
