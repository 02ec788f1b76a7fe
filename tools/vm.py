#!/usr/bin/env python3
"""Runs the suite, linked statically, on another Linux kernel: a Debian kernel, which qemu boots with a busybox.

    tools/vm.py BUILD SUITE/FLAVOUR [--without-uring] [--seconds 5000] [part of a name]...

BUILD has the suite (-Dstatic_programs=true). SUITE/FLAVOUR names the kernel as Debian does: bullseye/cloud-amd64,
trixie/arm64-16k. It is fetched with apt-get from the mirror that this machine uses, and kept in BUILD/vm. The status is
the suite's; 77, with the reason, if the kernel or qemu is not available. This machine is not changed: apt-get works in
folders of its own. Tests that need Python or a compiler are skipped there.
"""

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from archive import Archive, Skip

SKIPPED = 77
MARK = "vm: status "
MACHINES = {  # Debian's architecture: qemu's arguments, and the console
    "amd64": (["qemu-system-x86_64", "-cpu", "max"], "ttyS0"),
    "arm64": (["qemu-system-aarch64", "-machine", "virt", "-cpu", "max"], "ttyAMA0"),
}

INIT = """#!/bin/busybox sh
/bin/busybox --install -s /bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
mkdir -p /dev/pts /dev/shm /tmp
mount -t devpts devpts /dev/pts
ln -s /proc/self/fd /dev/fd
ln -s /proc/self/fd/0 /dev/stdin
chmod 1777 /tmp
ip link set lo up
%(prepare)s
echo "vm: $(uname -m) $(uname -r), pages of $(sed -n 's/^KernelPageSize: *//p' /proc/self/smaps | head -n 1)"
cd /tmp
export TEST_WRAPPER=  # nothing is emulated here, as the guest sees it
TEST_TIME_LIMIT=${TEST_TIME_LIMIT:-300} setsid '%(suite)s' -j $(nproc) %(filters)s
echo "%(mark)s$?"
poweroff -f
"""


def make_image(folder: Path, busybox: Path, suite: Path, init: str) -> Path:
    """The file system that the kernel unpacks into memory."""
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    for name in ["bin", "proc", "sys", "dev", "etc", "usr"]:
        (root / name).mkdir(parents=True)
    shutil.copy(busybox, root / "bin/busybox")
    place = root / str(suite).lstrip("/")  # its path on this machine: some cases start it again
    place.parent.mkdir(parents=True)
    shutil.copy(suite, place)
    (root / "etc/hosts").write_text("127.0.0.1 localhost\n::1 localhost\n")
    (root / "etc/passwd").write_text("root:x:0:0:root:/:/bin/sh\n")
    (root / "init").write_text(init)
    (root / "init").chmod(0o755)
    names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    image = folder / "image"
    with open(image, "wb") as file:
        subprocess.run(["cpio", "--quiet", "-o", "-H", "newc"], cwd=root, input=names.encode(), stdout=file, check=True)
    return image


def boot(architecture: str, kernel: Path, image: Path, seconds: float) -> int:
    """Prints the output of the machine from the first line of the suite on. Returns the suite's status."""
    machine, console = MACHINES[architecture]
    command = [*machine, "-accel", os.environ.get("QEMU_ACCEL", "tcg,thread=multi"), "-smp", "2", "-m", "3G",
               "-nographic", "-no-reboot", "-nic", "none", "-kernel", str(kernel), "-initrd", str(image),
               "-append", f"console={console} panic=-1 quiet loglevel=0"]
    status, begun = 1, False
    with subprocess.Popen(["timeout", str(seconds), *command], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          text=True, errors="replace") as process:
        for line in process.stdout:
            line = line.rstrip()
            if not begun:  # the firmware may have written on the same line
                begun = "vm: " in line
                line = line[line.find("vm: "):]
            if line.startswith(MARK):
                status = int(line[len(MARK):])
            elif begun:
                print(line, flush=True)
    if process.returncode == 124:
        print(f"the machine was stopped after {seconds} seconds")
    elif not begun:
        print(f"{' '.join(command)}\ndid not boot")
    return status


def main(words: list[str]) -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("build", type=Path)
    parser.add_argument("kernel")
    parser.add_argument("filters", nargs="*")
    parser.add_argument("--without-uring", action="store_true")
    parser.add_argument("--seconds", type=float, default=5000)
    given = parser.parse_intermixed_args(words)
    suite, flavour = given.kernel.split("/")
    architecture = next(name for name in MACHINES if name in flavour)
    try:
        for program in [MACHINES[architecture][0][0], "cpio"]:
            if shutil.which(program) is None:
                raise Skip(f"{program} is not installed")
        folder = given.build.resolve() / "vm" / f"{suite}-{flavour}"
        archive = Archive(folder, suite, architecture)
        kernel = archive.unpack(archive.newest(rf"^linux-image-[0-9].*[0-9a-z]-{flavour}$"), "boot/vmlinuz*")
        busybox = archive.unpack("busybox-static", "**/bin/busybox")
    except Skip as reason:
        print(f"skipped: {reason} (1)")
        return SKIPPED
    prepare = "sysctl -w kernel.io_uring_disabled=2" if given.without_uring else ""
    program = given.build.resolve() / "suite"
    init = INIT % {"prepare": prepare, "suite": program, "filters": " ".join(given.filters), "mark": MARK}
    return boot(architecture, kernel, make_image(folder, busybox, program, init), given.seconds)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
