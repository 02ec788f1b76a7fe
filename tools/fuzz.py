#!/usr/bin/env python3
"""Runs the programs in tests/*/fuzz under clang's libFuzzer, for SECONDS in total.

    tools/fuzz.py SECONDS FOLDER [OPTION…]   builds in that folder, with those options for meson

Inputs found earlier are in FOLDER/corpus and are tried first. An input that crashes a program is kept in FOLDER and
printed, and the status is 1; FOLDER/fuzz-NAME FILE repeats it. If the machine lacks something, that is printed and
nothing is run.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
LONGEST = {"certificate": 2048, "records": 600, "replies": 1024, "memory": 4096}  # bytes of an input
SURROUNDINGS = {**os.environ, "CC": "clang", "UBSAN_OPTIONS": "halt_on_error=1:print_stacktrace=1"}
SETTINGS = ["-Dfuzz=true", "-Db_sanitize=address,undefined", "-Db_lundef=false"]
HANDSHAKE = bytes(16)  # four flights of the peer, unchanged


def lack() -> str:
    """The missing part; empty if everything is there."""
    if shutil.which("clang") is None:
        return "clang is not installed"
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "try.c")
        source.write_text("int LLVMFuzzerTestOneInput(const char *p, unsigned long n) { return p == 0 && n; }\n")
        tried = subprocess.run(["clang", "-fsanitize=fuzzer,address", source, "-o", f"{folder}/try"],
                               capture_output=True)
    if tried.returncode != 0:
        return "clang has no libFuzzer here"
    found = subprocess.run(["pkg-config", "--atleast-version=3.0", "openssl"], capture_output=True)
    return "" if found.returncode == 0 else "OpenSSL 3 is not installed"


def build(folder: Path, options: list[str]) -> bool:
    configured = (folder / "build.ninja").exists()
    command = ["meson", "configure" if configured else "setup", folder, *SETTINGS, *options]
    programs = [f"fuzz-{name}" for name in LONGEST]
    return all(subprocess.run(line, cwd=ROOT, env=SURROUNDINGS).returncode == 0
               for line in (command, ["ninja", "--quiet", "-C", folder, *programs]))


def certificate(names: str) -> bytes:
    """A certificate for those names, in DER; empty if openssl is not installed."""
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
               "/dev/null", "-subj", "/O=Example/CN=a name", "-addext", f"subjectAltName={names}", "-outform", "DER"]
    return subprocess.run(command, capture_output=True).stdout if shutil.which("openssl") else b""


def seeds(name: str) -> list[bytes]:
    """Initial inputs; the programs document the bytes."""
    if name == "memory":
        magic = (0x73706f6f6c41534e).to_bytes(8, sys.byteorder)
        program = Path(sys.executable).resolve().read_bytes()
        return [bytes(1) + magic + bytes(range(256)) * 4, b"\1" + bytes(range(256)), b"\2" + program[:64] + program[-4000:]]
    if name == "replies":
        return [b"\1" + reply.replace(b" ", b"\r\n") for reply in (
            b"+OK -ERR no :12 ", b"$5 hello $0  $-1 ", b"*3 :1 $1 a *2 _ *1 +x ", b"%1 +key ,1.5 ~1 #t >1 (12 ",
            b"|1 +a *1 :3 :7 =7 txt:abc !3 bad ", b"*2 *1 *1 *1 *1 *0 *-1 ", b"$300 " + b"x" * 300 + b" ")]
    if name == "certificate":
        whole = [certificate(names) for names in ("DNS:localhost,IP:127.0.0.1", "IP:::1,email:a@example.com",
                                                  "DNS:*.example.com,URI:http://a.example/")]
        parts = ["01 3003 8701aa", "01 3006 8704 7f000001", "01 3008 82061b5b324a0a00", "01 3004 8200 8200", "01 ff",
                 "02 00 61c29be280ae", "02 01 d800dc00", "02 02 00110000", "02 03 0a", "02 04 9b"]
        return [b"\0" + der for der in whole if der] + [bytes.fromhex(part) for part in parts]
    steps = [HANDSHAKE, b"\6" + bytes(4), b"\7" + bytes(4), b"\11\0" + bytes(4), b"\11\1" + bytes(4),
             b"\13" + b"\2\5\0\0" + b"\11\0" + b"\5" + bytes(4), b"\13" + b"\2\5\2\0" + b"\11\1\12\0" + b"\5" + bytes(4),
             b"\1\7\0\xff" * 4, b"\4\5\x15\3\3\0\2\2\50"]
    return [bytes([how]) + step * times for how in (0, 1, 4, 5, 8, 9, 12, 13, 3, 11) for step in steps for times in (1, 3)]


def run(name: str, folder: Path, seconds: int) -> tuple[int, bool]:
    """The number of inputs, and whether the program survived."""
    corpus, begin = folder / "corpus" / name, folder / "corpus" / f"{name}-seeds"
    for place in (corpus, begin):
        place.mkdir(parents=True, exist_ok=True)
    for number, seed in enumerate(seeds(name)):
        (begin / f"{number:03}").write_bytes(seed)
    log = folder / f"fuzz-{name}.log"
    with open(log, "w") as output:
        status = subprocess.run([folder / f"fuzz-{name}", f"-max_total_time={seconds}", f"-max_len={LONGEST[name]}",
                                 "-len_control=0", f"-artifact_prefix={folder}/found-{name}-", corpus, begin],
                                env=SURROUNDINGS, stdout=output, stderr=subprocess.STDOUT).returncode
    said = log.read_text(errors="replace")
    counts = re.findall(r"^(?:Done |#)(\d+)\b", said, re.MULTILINE)
    print(f"{name:12} {'passes' if status == 0 else 'FAILS'}   {(counts or ['0'])[-1]} inputs", flush=True)
    if status != 0:
        print(*said.splitlines()[-60:], sep="\n")
    return int((counts or ["0"])[-1]), status == 0


def main(words: list[str]) -> int:
    if len(words) < 2 or not words[0].isdigit():
        print(__doc__)
        return 2
    folder = ROOT / words[1]
    missing = lack()
    if missing:
        print(f"skipped: {missing} ({len(LONGEST)})")
        return 0
    if not build(folder, words[2:]):
        return 1
    results = [run(name, folder, max(1, int(words[0]) // len(LONGEST))) for name in LONGEST]
    failures = sum(not passes for _, passes in results)
    print(f"{sum(count for count, _ in results)} inputs, {failures} of {len(results)} programs crashed")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
