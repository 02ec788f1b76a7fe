#!/bin/bash
# install.sh: installs and removes the library. PREFIX, DESTDIR, LIBDIR and CC come from the environment. It must not
# know the list of files: meson has it.
#
#   install.sh libdir       prints the folder of the libraries, relative to PREFIX
#   install.sh check        if this user may not write there, prints the command to type instead and ends with 1
#   install.sh put BUILD    installs from that build folder and prints a command that compiles a program
#   install.sh remove       removes the installed files, and nothing else
set -euo pipefail

prefix=${PREFIX:?} cc=${CC:-cc}
while [[ $prefix == */ ]]; do prefix=${prefix%/}; done
staged=${DESTDIR:-}
[[ $staged == /* || -z $staged ]] || staged=$PWD/$staged
place=$staged$prefix
list=$place/share/libasyncio/installed # every installed file and folder, as absolute paths without DESTDIR

fail() { printf '%s\n' "$@" >&2; exit 1; }

# The folder that the loader and pkg-config search: Debian has a folder per processor for its own packages and lib for
# other files; Fedora and similar systems have lib64; Arch has lib, and lib64 as a link to it.
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

# quoted WORD: as the user would type it.
quoted() { if [[ $1 =~ ^[A-Za-z0-9_/.,:+@%=-]*$ ]]; then echo "$1"; else echo "'${1//\'/\'\\\'\'}'"; fi; }

typed_places() {
    local said=''
    [ "$prefix" = /usr/local ] || said+=" PREFIX=$(quoted "$prefix")"
    [ -z "$staged" ] || said+=" DESTDIR=$(quoted "$staged")"
    echo "$said"
}

# may_write FOLDER: true if the folder, or its nearest existing parent, is writable.
may_write() {
    local folder=$1
    until [ -e "$folder" ]; do folder=$(dirname "$folder"); done
    [ -d "$folder" ] && [ -w "$folder" ]
}

check() {
    local folder
    [[ $prefix == /* && $prefix/ != */../* ]] || fail "PREFIX is $prefix; it must be an absolute path without '..'." \
        "In the home folder: PREFIX=\$HOME/.local"
    for folder in "$staged$libdir/pkgconfig" "$place/include/asyncio-0" "$place/share/man/man3" "$(dirname "$list")"; do
        may_write "$folder" || fail "$(id -un) may not write to $folder. Type this instead:" \
            "    sudo make $1$(typed_places)" \
            ${2:+"or, to install without root:" "    make $1 PREFIX=\$HOME/.local"}
    done
}

# ---- install ---------------------------------------------------------------------------------------------------

# Meson lists the files that it installed and the folders that it made. Entries of an earlier installation are kept.
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

# compiles LINE: true if that command compiles program.c and the program then finds the installed library.
compiles() {
    local folder found
    folder=$(mktemp -d)
    echo "$PROBE" >"$folder/program.c"
    found=$(cd "$folder" && eval "$1 -o program" >/dev/null 2>&1 &&
        ldd ./program | sed -n 's/^\tlibasyncio\.so\.[0-9]* => \(.*\) (.*$/\1/p') || true
    rm -r "$folder"
    [ "$found" ] && [ "$found" -ef "$libdir/libasyncio.so.0" ]
}

# say_for_another LINE PURPOSE NAME: what is different in the line for a library that is installed, too.
say_for_another() {
    [ -e "$libdir/pkgconfig/$3.pc" ] || return 0
    if [[ $1 == *pkg-config* ]]; then
        echo "For $2: $3 instead of asyncio."
    else
        echo "For $2: -l$3 before -lasyncio."
    fi
}

# Prints the simplest command that works here.
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
            "$(dirname "$0")/need.sh" --tell 'the shorter command with $(pkg-config …) to compile programs' pkg-config
        fi
        echo "This compiles a program:"
        echo "    $line"
        say_for_another "$line" TLS asyncio-tls
        say_for_another "$line" Redis asyncio-redis
        say_for_another "$line" tests asyncio-test
        return
    done
    echo "The library is in $libdir, its headers are in $prefix/include/asyncio-0. A test program did not compile."
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

# Removes files, then folders from the innermost on. Folders with other files stay.
remove() {
    local path paths
    if [ ! -e "$list" ]; then
        echo "Nothing is installed in $place: $list does not exist"
        return
    fi
    check uninstall
    mapfile -t paths < <(LC_ALL=C sort -r "$list")
    for path in "${paths[@]}"; do
        [[ $path != */../* && $path != */.. ]] || continue
        if [ -d "$staged$path" ] && [ ! -L "$staged$path" ]; then
            rmdir --ignore-fail-on-non-empty "$staged$path"
        elif [[ $path == "$prefix"/* || $path == "$libdir"/* || $path == *"$libdir"/libasyncio.so.*-gdb.py ]]; then
            rm -f "$staged$path"
        fi
    done
    if [ -z "$staged" ] && [ "$(id -u)" = 0 ]; then PATH=$PATH:/usr/sbin:/sbin ldconfig || true; fi
    echo "libasyncio is removed from $place"
}

case $1 in
libdir) choose_libdir ;;
check) check install elsewhere ;;
put) put "$2" ;;
remove) remove ;;
esac
