#!/usr/bin/env python3
"""Checks TLS between the library and other implementations: openssl and curl against examples/proxy, examples/fetch against
openssl, over loopback, on both backends.

    tests/tls/peers.py client   openssl s_client talks to us: 1.2 and 1.3, and resumes
    tests/tls/peers.py server   we fetch from openssl s_server
    tests/tls/peers.py curl     curl fetches through two of ours, one that speaks TLS to the other
    tests/tls/peers.py strangers  clients that do not trust us, or do not speak TLS, do not disturb others
"""

import contextlib
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "scripts"))
from examples import files_served  # noqa: E402
from serving import BUILD, HOST, WRAPPER, expect, hear, main, needs, output_of, say, serving, talking  # noqa: E402

MUCH = 3_000_000  # bytes: many records, more than the kernel has room for
PROXY, FETCH = BUILD / "proxy", BUILD / "fetch"


@contextlib.contextmanager
def certificate():
    """The path of a self-signed certificate for localhost and its key."""
    with tempfile.TemporaryDirectory() as folder:
        path = f"{folder}/server.pem"
        output_of("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1", "-subj", "/CN=localhost",
                  "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", path + ".key", "-out", path)
        with open(path, "a") as file:
            file.write(Path(path + ".key").read_text())
        yield path


@contextlib.contextmanager
def secure_echo(backend):
    """The port of an echo server by TLS, and the certificate to trust."""
    with certificate() as trusted, serving("echo_server", 0, backend=backend) as echo:
        with serving("proxy", "-c", trusted, 0, HOST, echo.port, backend=backend) as proxy:
            yield proxy, trusted


def s_client(port, trusted, *more):
    return ["openssl", "s_client", "-connect", f"localhost:{port}", "-CAfile", trusted, "-verify_return_error", *more]


@needs("openssl", PROXY)
def test_client(backend):
    with secure_echo(backend) as (proxy, trusted), tempfile.TemporaryDirectory() as folder:
        for version in ("-tls1_2", "-tls1_3"):
            with talking(*s_client(proxy.port, trusted, "-quiet", "-verify_quiet", version)) as client:
                say(client, "hello\n")
                hear(client, "hello\n")
            kept = Path(folder, "session")
            for option, word in (("-sess_out", "New"), ("-sess_in", "Reused")):
                said = ask(proxy.port, trusted, version, option, kept)
                expect(f"{version} {option}", True, f"{word}, TLSv1." in said)


def ask(port, trusted, *more) -> str:
    """The output of s_client for a connection on which a line was echoed."""
    with talking(*s_client(port, trusted, *more)) as client:
        say(client, "line that comes back\n")
        text = ""
        while "\nline that comes back" not in text:
            text += os.read(client.stdout.fileno(), 65536).decode()
        client.stdin.close()
        return text


@contextlib.contextmanager
def s_server(folder, trusted):
    """The port at which openssl serves that folder's files."""
    command = ["openssl", "s_server", "-accept", f"{HOST}:0", "-cert", trusted, "-WWW"]
    with subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as server:
        try:
            said = next(line for line in server.stdout if line.startswith("ACCEPT"))
            yield int(re.search(r":(\d+)$", said.strip())[1])
        finally:
            server.kill()


@needs("openssl", FETCH)
def test_server(backend):
    surroundings = {**os.environ, "ASYNCIO_BACKEND": backend}
    with certificate() as trusted, tempfile.TemporaryDirectory() as folder, s_server(folder, trusted) as port:
        Path(folder, "much").write_bytes(os.urandom(MUCH))
        address = f"https://localhost:{port}/much"
        said = output_of(*WRAPPER, FETCH, "-a", trusted, *[address] * 3, env=surroundings).decode()
        for line in said.splitlines():
            expect("fetch", f"200 {address}: {MUCH} bytes", line.split(" in ")[0])
        expect("pages", 3, len(said.splitlines()))
        said = output_of(*WRAPPER, FETCH, address, env=surroundings, status={1}).decode()
        expect("a certificate that nobody knows", True, "self-signed certificate" in said and "EKEYREJECTED" in said)


@needs("openssl", "curl", PROXY)
def test_curl(backend):
    much = os.urandom(MUCH)
    with certificate() as trusted, tempfile.TemporaryDirectory() as folder, files_served(folder) as port:
        Path(folder, "much").write_bytes(much)
        with serving("proxy", "-c", trusted, 0, HOST, port, backend=backend) as inner:
            with serving("proxy", "-t", "-a", trusted, "-c", trusted, 0, "localhost", inner.port,
                         backend=backend) as outer:
                address = f"https://localhost:{outer.port}/much"
                for version in (["--tls-max", "1.2"], []):
                    got = output_of("curl", "-sS", "--cacert", trusted, *version, address, address)
                    expect("curl", much * 2, got)


@needs("openssl", "curl", PROXY)
def test_strangers(backend):
    with secure_echo(backend) as (proxy, trusted):
        output_of("curl", "-sS", f"https://localhost:{proxy.port}/", status={60})  # it does not trust us
        output_of("curl", "-sS", f"http://localhost:{proxy.port}/", status={1, 52, 56})  # in the clear
        proxy.ask(b"\x16\x03\x01\x00\xff" + os.urandom(255))
        with proxy.connect() as silent:
            silent.sendall(b"\x16\x03")
            with talking(*s_client(proxy.port, trusted, "-quiet", "-verify_quiet")) as client:
                say(client, "hello\n")
                hear(client, "hello\n")


if __name__ == "__main__":
    main({name[len("test_"):]: test for name, test in list(globals().items()) if name.startswith("test_")})
