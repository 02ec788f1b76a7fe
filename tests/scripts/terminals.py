#!/usr/bin/env python3
"""Programs on terminals and in pipelines, as a shell starts them.

    terminals.py keys       modes of a terminal: every way out, Ctrl-Z and fg, the background
    terminals.py password   examples/password.c
    terminals.py filter     examples/rot13.c with pipes, files, /dev/null, a closed input

For a terminal, a process plays the shell: the leader of a session, which gives the terminal to one job and sees how
the job ends and what it leaves. Another one plays the user. Each waits for what the other does; no clock is read.
"""

import fcntl
import json
import os
import pty
import signal
import subprocess
import sys
import tempfile
import termios
import traceback
from contextlib import contextmanager
from pathlib import Path

from built import BUILD, SKIPPED, WRAPPER
from programs import build, reason_to_skip

BACKENDS = ["epoll", "uring"]


class Failure(Exception):
    pass


def expect(what, wanted, got):
    if wanted != got:
        raise Failure(f"{what}: {got!r} instead of {wanted!r}")


# ---- the shell ---------------------------------------------------------------------------------------------------


def state():
    """What a program must leave as it was: the terminal's settings and the flags of the standard descriptors."""
    return termios.tcgetattr(0), [fcntl.fcntl(fd, fcntl.F_GETFL) for fd in range(3)]


class Shell:
    """In the child of pty.fork(): runs jobs on its terminal."""

    def __init__(self, report):
        self.report = report
        self.before = state()
        signal.signal(signal.SIGTTOU, signal.SIG_IGN)

    def start(self, command, backend, foreground=True):
        job = os.fork()
        if job == 0:
            os.setpgid(0, 0)
            if foreground:
                os.tcsetpgrp(0, os.getpid())
            signal.signal(signal.SIGTTOU, signal.SIG_DFL)
            os.execvpe(command[0], command, {**os.environ, "ASYNCIO_BACKEND": backend})
        return job

    def go_on(self, job):
        os.tcsetpgrp(0, job)
        os.killpg(job, signal.SIGCONT)

    def say(self, what):
        os.write(self.report, (json.dumps(what) + "\n").encode())

    def wait(self, job):
        """How it stopped or ended: the signal, negative; or the status. It must have left the terminal as it was."""
        _, status = os.waitpid(job, os.WUNTRACED)
        os.tcsetpgrp(0, os.getpgrp())
        expect("what the job has left", self.before, state())
        return -os.WSTOPSIG(status) if os.WIFSTOPPED(status) else os.waitstatus_to_exitcode(status)


class User:
    """The other end of the terminal."""

    def __init__(self, master, report):
        self.master = master
        self.reports = os.fdopen(report)
        self.shown = b""

    def type(self, keys):
        os.write(self.master, keys.encode())

    def see(self, text):
        """Waits until the terminal shows the text; returns what came before it, and forgets both."""
        while text.encode() not in self.shown:
            try:
                more = os.read(self.master, 4096)
            except OSError:
                more = b""
            if not more:
                raise Failure(f"the terminal shows {self.shown!r}, and never {text!r}")
            self.shown += more
        before, self.shown = self.shown.split(text.encode(), 1)
        return before.decode()

    def hear(self, what):
        line = self.reports.readline()
        if not line:
            raise Failure(f"the shell says nothing, and not {what!r}; the terminal shows {self.shown!r}")
        expect("the shell", what, json.loads(line))


@contextmanager
def terminal(play):
    """Runs play(shell) in a session with a terminal of its own, whose user the block is."""
    reading, writing = os.pipe()
    child, master = pty.fork()
    if child == 0:
        os.close(reading)
        status = 1
        try:
            play(Shell(writing))
            status = 0
        except BaseException:
            os.write(writing, (json.dumps(traceback.format_exc()) + "\n").encode())
        os._exit(status)
    os.close(writing)
    try:
        yield User(master, reading)
    finally:
        os.close(master)
        os.waitpid(child, 0)


def run_job(command, backend):
    """One job in the foreground, whose end is reported."""
    def play(shell):
        shell.say(shell.wait(shell.start(command, backend)))
    return terminal(play)


# ---- modes of a terminal -----------------------------------------------------------------------------------------


def test_keys(backend):
    if reason := reason_to_skip():
        print(reason)
        sys.exit(SKIPPED)
    with tempfile.TemporaryDirectory() as folder:
        keys = [str(build("tools/keys.c", Path(folder) / "keys"))]
        every_way_out(keys, backend)
        stop_and_continue(keys, backend)
        begin_in_the_background(keys, backend)


def every_way_out(keys, backend):
    for typed, end in (("q", 0), ("e", 1), ("\3", 130), ("\x1cq", 0)):  # Ctrl-\ prints the tasks
        with run_job(keys, backend) as user:
            user.see("ready\r\n")
            user.type("a")
            expect("the echo", "", user.see("key a\r\n"))
            user.type(typed)
            user.hear(end)


def stop_and_continue(keys, backend):
    def play(shell):
        job = shell.start(keys, backend)
        shell.say(shell.wait(job))
        shell.go_on(job)
        shell.say(shell.wait(job))
        shell.go_on(job)
        shell.say(shell.wait(job))
    with terminal(play) as user:
        user.see("ready\r\n")
        for _ in range(2):
            user.type("\x1a")
            user.hear(-signal.SIGTSTP)
            user.type("b")  # without a newline: the mode is set again
            user.see("key b\r\n")
        user.type("q")
        user.hear(0)


def begin_in_the_background(keys, backend):
    """It prints, stops at its first read, and has changed nothing; in the foreground it goes on."""
    def play(shell):
        job = shell.start(keys, backend, foreground=False)
        shell.say(shell.wait(job))
        shell.go_on(job)
        shell.say(shell.wait(job))
    with terminal(play) as user:
        user.see("ready\r\n")
        user.hear(-signal.SIGTTIN)
        user.type("c")
        user.see("key c\r\n")
        user.type("q")
        user.hear(0)


# ---- passwords ---------------------------------------------------------------------------------------------------


def test_password(backend):
    password = [*WRAPPER, str(BUILD / "password"), "1000"]
    with run_job(password, backend) as user:
        user.see("password: ")
        user.type("sword\n")
        expect("what is shown", "\r\n", user.see("this is not the password\r\n"))
        user.see("password: ")
        user.type("swordfish\n")
        expect("what is shown", "\r\n", user.see("welcome\r\n"))
        user.hear(0)
    with run_job(password, backend) as user:
        user.see("password: ")
        user.type("swo\3")
        user.hear(130)
    with run_job([*password[:-1], "0.001"], backend) as user:
        user.see("no password within 0.001 seconds")
        user.hear(1)


# ---- a filter ----------------------------------------------------------------------------------------------------


def test_filter(backend):
    rot13 = [*WRAPPER, str(BUILD / "rot13")]
    environment = {**os.environ, "ASYNCIO_BACKEND": backend, "ASYNCIO_DEBUG": "0"}
    start = lambda *arguments, **more: subprocess.Popen(*arguments, env=environment, **more)

    much = os.urandom(1 << 20)
    through = subprocess.run([*rot13], input=much, env=environment, capture_output=True)
    expect("the end of a filter", (0, b""), (through.returncode, through.stderr))
    back = subprocess.run([*rot13], input=through.stdout, env=environment, capture_output=True)
    expect("twice the filter", True, back.stdout == much)

    with tempfile.TemporaryFile() as file, tempfile.TemporaryFile() as output:
        file.write(much)
        file.seek(0)
        expect("a file", 0, start(rot13, stdin=file, stdout=output).wait())
        output.seek(0)
        expect("a file through the filter", True, output.read() == through.stdout)
    expect("/dev/null", 0, start(rot13, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL).wait())

    closed = start(["sh", "-c", '"$@" <&-', "sh", *rot13], stderr=subprocess.PIPE)
    complaint = closed.communicate()[1]
    expect("a closed input", (1, True), (closed.returncode, b"is not open" in complaint))

    script = 'yes | "$@" | head -1; echo "${PIPESTATUS[@]}"'
    ended = subprocess.run(["bash", "-c", script, "bash", *rot13], env=environment, capture_output=True,
                           preexec_fn=lambda: signal.signal(signal.SIGPIPE, signal.SIG_DFL))
    expect("yes | rot13 | head -1", (b"l\n141 141 0\n", b""), (ended.stdout, ended.stderr))

    on_a_terminal(rot13, backend)
    shared_with_another(rot13, environment)


def on_a_terminal(rot13, backend):
    with run_job(rot13, backend) as user:
        user.type("hello\n")
        user.see("uryyb\r\n")
        user.type("\4")
        user.hear(0)
    def play(shell):
        job = shell.start(rot13, backend)
        shell.say(job)
        shell.say(shell.wait(job))
    with terminal(play) as user:
        job = json.loads(user.reports.readline())
        user.type("hello\n")
        user.see("uryyb\r\n")
        os.kill(job, signal.SIGKILL)
        user.hear(-signal.SIGKILL)


def shared_with_another(rot13, environment):
    """The pipes are blocking for others, also after SIGKILL."""
    in_read, in_write = os.pipe()
    out_read, out_write = os.pipe()
    ends = [in_read, in_write, out_read, out_write]
    flags = [fcntl.fcntl(fd, fcntl.F_GETFL) for fd in ends]
    process = subprocess.Popen(rot13, env=environment, stdin=in_read, stdout=out_write)
    os.write(in_write, b"hello")
    expect("the filter", b"uryyb", os.read(out_read, 100))
    expect("flags meanwhile", flags, [fcntl.fcntl(fd, fcntl.F_GETFL) for fd in ends])
    process.kill()
    process.wait()
    expect("flags afterwards", flags, [fcntl.fcntl(fd, fcntl.F_GETFL) for fd in ends])
    for fd in ends:
        os.close(fd)


# ---- all ---------------------------------------------------------------------------------------------------------


def main(name):
    tests = {"keys": test_keys, "password": test_password, "filter": test_filter}
    for backend in BACKENDS:
        try:
            tests[name](backend)
        except Failure as failure:
            print(f"{name} on {backend}: {failure}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
