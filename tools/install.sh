#!/bin/bash
# install.sh: where the library is installed, and what its installation left there. PREFIX, DESTDIR, LIBDIR and CC are
# read from the environment. It must not know what is installed: meson does, and lists it.
#
#   install.sh libdir       prints the folder of the libraries, relative to PREFIX
#   install.sh check        ends with 1, and says what to type instead, if this user may not write there
#   install.sh put BUILD    installs what was built in that folder, and says how a program is compiled with it
#   install.sh remove       removes what was installed, and nothing else
set -euo pipefail

prefix=${PREFIX:?} cc=${CC:-cc}
while [[ $prefix == */ ]]; do prefix=${prefix%/}; done
staged=${DESTDIR:-}
[[ $staged == /* || -z $staged ]] || staged=$PWD/$staged
place=$staged$prefix
list=$place/share/libasyncio/installed # every file and folder that was put there, as absolute paths without DESTDIR

fail() { printf '%s\n' "$@" >&2; exit 1; }

# Where the loader and pkg-config look: Debian has folders by processor for its own packages and lib for everybody
# else; Fedora and its kin have lib64; Arch has lib, and lib64 as another name for it.
choose_libdir() {
    local multiarch
    multiarch=$($cc -print-multiarch 2>/dev/null || true)
    if [ "${LIBDIR:-}" ]; then
        echo "$LIBDIR"
    elif [ "$multiarch" ] && [ "$prefix" = /usr ] && [ -d "/usr/lib/$multiarch" ]; then
        echo "lib/$multiarch"
    elif [ -z "$multiarch" ] && [ ! -e /etc/debian_version ] && [ -d /usr/lib64 ] && [ ! -L /usr/lib64 ]; then
        echo lib64
    else
        echo lib
    fi
}

libdir=$(choose_libdir)
[[ $libdir == /* ]] || libdir=$prefix/$libdir

# As one would type it.
quoted() { if [[ $1 =~ ^[A-Za-z0-9_/.,:+@%=-]*$ ]]; then echo "$1"; else echo "'${1//\'/\'\\\'\'}'"; fi; }

typed_places() {
    local said=''
    [ "$prefix" = /usr/local ] || said+=" PREFIX=$(quoted "$prefix")"
    [ -z "$staged" ] || said+=" DESTDIR=$(quoted "$staged")"
    echo "$said"
}

# may_write folder: whether it, or the first above it that exists, may be written to.
may_write() {
    local folder=$1
    until [ -e "$folder" ]; do folder=$(dirname "$folder"); done
    [ -d "$folder" ] && [ -w "$folder" ]
}

check() {
    local folder
    [[ $prefix == /* && $prefix/ != */../* ]] || fail "PREFIX is $prefix and must be an absolute path without '..'." \
        "In the home folder: PREFIX=\$HOME/.local"
    for folder in "$staged$libdir/pkgconfig" "$place/include/asyncio-0" "$place/share/man/man3" "$(dirname "$list")"; do
        may_write "$folder" || fail "$(id -un) may not write to $folder. Please type this:" \
            "    sudo make $1$(typed_places)" \
            ${2:+"or, for a place that needs no root:" "    make $1 PREFIX=\$HOME/.local"}
    done
}

# ---- install ---------------------------------------------------------------------------------------------------

# Meson lists what it installed and the folders that it made. Those of an earlier installation stay in the list.
keep_list() {
    local log=$1/meson-logs/install-log.txt fresh line folder
    fresh=$(mktemp)
    folder=$(dirname "$list")
    while [ ! -e "$folder" ]; do
        echo "${folder#"$staged"}"
        folder=$(dirname "$folder")
    done >"$fresh"
    while IFS= read -r line; do
        if [[ $line == "$staged"/* ]]; then echo "${line#"$staged"}"; elif [[ $line == "$staged" ]]; then echo /; fi
    done <"$log" >>"$fresh"
    echo "${list#"$staged"}" >>"$fresh"
    [ ! -e "$list" ] || cat "$list" >>"$fresh"
    install -d -m 755 "$(dirname "$list")"
    sort -u "$fresh" | install -m 644 /dev/stdin "$list"
    rm "$fresh"
}

PROBE='#include <asyncio.h>
#include <stddef.h>
int main(void) { return async_strerror(0) == NULL; }'

# compiles LINE: whether that command compiles program.c, and the program then finds the library that was installed.
compiles() {
    local folder found
    folder=$(mktemp -d)
    echo "$PROBE" >"$folder/program.c"
    found=$(cd "$folder" && eval "$1 -o program" >/dev/null 2>&1 &&
        ldd ./program | sed -n 's/^\tlibasyncio\.so\.[0-9]* => \(.*\) (.*$/\1/p') || true
    rm -r "$folder"
    [ "$found" ] && [ "$found" -ef "$libdir/libasyncio.so.0" ]
}

# The first line that works here, of those from the plainest on.
say_how_to_compile() {
    local found plain run_path line
    found='$(pkg-config --cflags --libs asyncio)'
    plain="-I$(quoted "$prefix/include/asyncio-0") -L$(quoted "$libdir") -lasyncio"
    run_path="-Wl,-rpath,$(quoted "$libdir")"
    for line in "$cc program.c $found" "$cc program.c $found $run_path" \
        "$cc program.c \$(PKG_CONFIG_PATH=$(quoted "$libdir/pkgconfig") ${found#\$(} $run_path" \
        "$cc program.c $plain" "$cc program.c $plain $run_path"; do
        compiles "$line" || continue
        if ! command -v pkg-config >/dev/null; then
            "$(dirname "$0")/need.sh" --tell 'the shorter line $(pkg-config …) to compile programs' pkg-config
        fi
        echo "This compiles a program:"
        echo "    $line"
        if [ -e "$libdir/pkgconfig/asyncio-tls.pc" ]; then
            if [[ $line == *pkg-config* ]]; then
                echo "One with TLS: asyncio-tls in place of asyncio."
            else
                echo "One with TLS: -lasyncio-tls before -lasyncio."
            fi
        fi
        return
    done
    echo "The library is in $libdir, its headers are in $prefix/include/asyncio-0. No program could be compiled here."
}

put() {
    local build=$1
    DESTDIR=$staged meson install -C "$build" --no-rebuild --quiet
    keep_list "$build"
    if [ -z "$staged" ] && [ "$(id -u)" = 0 ]; then PATH=$PATH:/usr/sbin:/sbin ldconfig || true; fi
    echo "libasyncio is installed in $place"
    [ "$staged" ] || say_how_to_compile
}

# ---- uninstall -------------------------------------------------------------------------------------------------

# Files first, and folders from the innermost on: those that something else was put into stay.
remove() {
    local path paths
    if [ ! -e "$list" ]; then
        echo "Nothing is installed in $place: there is no $list"
        return
    fi
    check uninstall
    mapfile -t paths < <(LC_ALL=C sort -r "$list")
    for path in "${paths[@]}"; do
        [[ $path != */../* && $path != */.. ]] || continue
        if [ -d "$staged$path" ] && [ ! -L "$staged$path" ]; then
            rmdir --ignore-fail-on-non-empty "$staged$path"
        elif [[ $path == "$prefix"/* || $path == "$libdir"/* ]]; then
            rm -f "$staged$path"
        fi
    done
    if [ -z "$staged" ] && [ "$(id -u)" = 0 ]; then PATH=$PATH:/usr/sbin:/sbin ldconfig || true; fi
    echo "libasyncio is no longer in $place"
}

case $1 in
libdir) choose_libdir ;;
check) check install elsewhere ;;
put) put "$2" ;;
remove) remove ;;
esac
