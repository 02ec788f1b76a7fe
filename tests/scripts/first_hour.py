#!/usr/bin/env python3
"""Does in a bare Debian what README.md tells to type, word by word, and sees that it works.

    first_hour.py FOLDER             every course; what is worth keeping, and the logs, are in FOLDER/first-hour
    first_hour.py FOLDER user        the courses with this in their name
    first_hour.py --self-test        the commands are found in README.md, and one without them is refused

The Debian is made by debootstrap (variant minbase), from the mirror that this machine's apt uses, and kept as a tar
file. Each course unpacks it anew, runs each command in a namespace of its own for mounts and processes, so that nothing
is left mounted or running whatever ends the test, and counts the packages that each command brings. The working tree
lies in a folder with a space in its name. Where that cannot be done the reason is printed, and the status is 0.
"""

import os
import re
import shlex
import shutil
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Callable, NamedTuple

ROOT = Path(__file__).resolve().parent.parent.parent
SUITE = "bookworm"
USER = "stranger"
TREE = "a source tree/libasyncio"  # below the home folder
PYTHONS = "usr/local/lib/python3"  # which Debian's package of Python makes
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
SURROUNDINGS = [f"PATH={PATH}", "TERM=dumb", "TEST_TIME_LIMIT=" + os.environ.get("TEST_TIME_LIMIT", "120"),
                *(f"{name}={value}" for name, value in os.environ.items()
                  if name.lower() in ("http_proxy", "https_proxy"))]

# As root in namespaces of its own. What is mounted there, and what is started there, ends with the command.
INSIDE = """
mount -t proc proc "$1/proc" && mount --rbind /dev "$1/dev" && mount -t sysfs -o ro sysfs "$1/sys" &&
mount --bind "$2" "$1/var/cache/apt/archives" || exit 125
shift 2
chroot "$@"
exit $?
"""
NAMESPACES = ["unshare", "--mount", "--pid", "--fork", "--kill-child", "--", "sh", "-c", INSIDE, "sh"]

# What uses TLS and needs no peer.
SECURE = """#include <asyncio.h>
#include <asyncio/tls.h>
#include <stdio.h>

static int amain(void)
{
    async_auto_tls *tls = NULL;
    ASYNC_TRY(async_tls_client_new(&tls, NULL));
    puts("a context for TLS");
    return 0;
}
async_fn(amain);

int main(void)
{
    return async_main(amain);
}
"""


class Skip(Exception):
    """It cannot be tried here; the text says why."""


class Failure(Exception):
    """Something is not as README.md says; the text says what."""


# ---- README.md -------------------------------------------------------------------------------------------------


def read_blocks(text: str, language: str) -> dict[str, list[str]]:
    """The fenced blocks of a language by the heading that they stand under."""
    blocks: dict[str, list[str]] = {}
    for section in re.split(r"^#+ ", text, flags=re.MULTILINE)[1:]:
        heading = section.partition("\n")[0]
        blocks[heading] = re.findall(rf"^```{language}\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    return blocks


class Readme:
    """What it tells to type, and the program that it shows."""

    def __init__(self, text: str):
        commands = read_blocks(text, "sh")

        def under(heading: str) -> str:
            if len(commands.get(heading, [])) != 1:
                raise Failure(f"README.md has not exactly one block of commands under the heading {heading}")
            return commands[heading][0]

        self.packages = under("Packages")
        self.tls = under("TLS")
        self.install = under("Build and install")
        self.compile = under("Compile a program")
        self.compile_tls = under("Compile a program that uses TLS")
        self.home = under("Install without root")
        self.remove = under("Remove it")
        self.show = under("See it at work")
        programs = [block for blocks in read_blocks(text, "c").values() for block in blocks]
        if len(programs) != 1:
            raise Failure("README.md does not have exactly one program")
        self.program = programs[0]


def without_sudo(commands: str) -> str:
    return re.sub(r"^sudo ", "", commands, flags=re.MULTILINE)


# ---- the bare machine ------------------------------------------------------------------------------------------


def find_mirror() -> str:
    """Where apt has Debian from; its name is written nowhere in the project."""
    answer = subprocess.run(["apt-get", "indextargets", "--format", "$(ORIGIN) $(SITE)", "Created-By: Packages"],
                            text=True, capture_output=True)
    sites = [line.split()[1] for line in answer.stdout.splitlines() if line.startswith("Debian ")]
    if not sites:
        raise Skip("apt knows no mirror of Debian")
    return sites[0]


def check_this_machine() -> None:
    """Also that the mirror answers: without it a course would fail, not be skipped."""
    if os.geteuid() != 0:
        raise Skip("only root can make a bare Debian")
    for tool in ("debootstrap", "apt-get", "unshare", "chroot", "tar"):
        if shutil.which(tool) is None:
            raise Skip(f"there is no {tool}")
    probe = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--", "mount", "-t", "proc", "proc", "/proc"],
                           text=True, capture_output=True)
    if probe.returncode != 0:
        raise Skip(f"a namespace of one's own is not allowed here: {probe.stderr.strip()}")
    try:
        urllib.request.urlopen(f"{find_mirror()}/dists/{SUITE}/InRelease", timeout=30).close()
    except OSError as error:
        raise Skip(f"the mirror of Debian does not answer: {error}")


def make_tar(folder: Path) -> Path:
    """The bare Debian, as a tar file that the next run finds."""
    kept = folder / f"{SUITE}.tar"
    if kept.exists():
        return kept
    fresh = folder / "fresh"
    shutil.rmtree(fresh, ignore_errors=True)
    answer = subprocess.run(["unshare", "--mount", "--pid", "--fork", "--kill-child", "--", "debootstrap",
                             "--variant=minbase", SUITE, fresh, find_mirror()], text=True, capture_output=True)
    if answer.returncode != 0:
        shutil.rmtree(fresh, ignore_errors=True)
        raise Skip(f"debootstrap cannot do it here: {(answer.stdout + answer.stderr).strip().splitlines()[-1]}")
    subprocess.run(["tar", "-C", fresh, "-cf", f"{kept}.new", "."], check=True)
    shutil.rmtree(fresh)
    os.rename(f"{kept}.new", kept)
    return kept


class Answer(NamedTuple):
    status: int
    said: str
    seconds: float
    packages: int  # how many the command brought

    def last_lines(self, count: int) -> str:
        return "\n".join(self.said.splitlines()[-count:])


class Machine:
    """A bare Debian with the working tree of one user in it."""

    def __init__(self, folder: Path, course: str, user: str):
        self.root, self.user, self.debs = folder / course, user, folder / "debs"
        self.log = open(folder / f"{course}.log", "w")

    def __enter__(self):
        tar = make_tar(self.root.parent)
        (self.debs / "partial").mkdir(parents=True, exist_ok=True)
        shutil.rmtree(self.root, ignore_errors=True)
        self.root.mkdir()
        subprocess.run(["tar", "-C", self.root, "-xf", tar], check=True)
        for name in ("resolv.conf", "hosts"):
            shutil.copy(f"/etc/{name}", self.root / "etc" / name)
        if self.user != "root":
            self.must("useradd --create-home " + self.user, user="root")
        self.copy_tree()
        return self

    def __exit__(self, *_):
        self.log.close()
        subprocess.run(["rm", "-rf", "--one-file-system", self.root], check=True)

    def home_of(self, user: str) -> str:
        """What its list of users says; the top folder for one that it does not have yet."""
        entries = [line.split(":") for line in self.path("/etc/passwd").read_text().splitlines()]
        return next((entry[5] for entry in entries if entry[0] == user), "/")

    @property
    def home(self) -> str:
        return self.home_of(self.user)

    def path(self, name: str) -> Path:
        """Seen from outside."""
        return self.root / name.lstrip("/")

    def copy_tree(self) -> None:
        """What git has, or would take, belongs to the user."""
        names = subprocess.run(["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"], cwd=ROOT,
                               capture_output=True).stdout
        place = self.path(f"{self.home}/{TREE}")
        place.mkdir(parents=True)
        subprocess.run(f"tar --ignore-failed-read --null -T - -c | tar --no-same-owner -C {shlex.quote(str(place))} -x",
                       shell=True, cwd=ROOT, input=names, check=True)
        self.must(f"chown -R {self.user}: {self.home}", user="root")

    def count_packages(self) -> int:
        status = self.path("/var/lib/dpkg/status").read_text(errors="replace")
        return len(re.findall(r"^Status: .* installed$", status, re.MULTILINE))

    def run(self, commands: str, user: str = "") -> Answer:
        """In the working tree, as the user; the status is that of the first command which fails. What asks gets yes."""
        user = user or self.user
        place = shlex.quote(f"{self.home}/{TREE}")
        script = f"cd {place} 2>/dev/null || cd /\nset -e\n{commands}"
        before, began = self.count_packages(), time.monotonic()
        surroundings = [f"HOME={self.home_of(user)}", f"USER={user}", *SURROUNDINGS]
        command = [*NAMESPACES, self.root, self.debs, f"--userspec={user}:{user}", "--groups=", self.root,
                   "env", "-i", *surroundings, "sh", "-c", script]
        answer = subprocess.run(command, text=True, errors="replace", stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        seconds, packages = time.monotonic() - began, self.count_packages() - before
        self.log.write(f"\n$ {commands.strip()}   (as {user}: status {answer.returncode}, {seconds:.0f} s, "
                       f"{packages} packages)\n{answer.stdout}")
        self.log.flush()
        return Answer(answer.returncode, answer.stdout, seconds, packages)

    def must(self, commands: str, user: str = "", packages: int = -1, says: tuple[str, ...] = ()) -> Answer:
        """Commands that must succeed, say these words, and bring so many packages, if that is given."""
        return self.expect(self.run(commands, user), commands, 0, packages, says)

    def refuses(self, commands: str, says: tuple[str, ...]) -> Answer:
        """Commands that must fail in an orderly way."""
        return self.expect(self.run(commands), commands, 2, 0, says)

    def expect(self, answer: Answer, commands: str, status: int, packages: int, says: tuple[str, ...]) -> Answer:
        end = f"It ended so:\n{answer.last_lines(30)}"
        if answer.status != status:
            raise Failure(f"{commands.strip()}: status {answer.status}, not {status}. {end}")
        if "Traceback" in answer.said:
            raise Failure(f"{commands.strip()}: a traceback. {end}")
        if packages >= 0 and answer.packages != packages:
            raise Failure(f"{commands.strip()}: it brought {answer.packages} packages, not {packages}. {end}")
        for words in says:
            if words not in answer.said:
                raise Failure(f"{commands.strip()}: it does not say {words!r}. {end}")
        return answer

    def write(self, name: str, text: str) -> None:
        """A file of the user in the working tree."""
        path = self.path(f"{self.home}/{TREE}/{name}")
        path.write_text(text)
        os.chown(path, path.parent.stat().st_uid, path.parent.stat().st_gid)

    def listing(self, folder: str) -> dict[str, tuple]:
        """What is in a folder, with owner, mode and size or target."""
        found = {}
        for path in sorted(self.path(folder).rglob("*")):
            facts = path.lstat()
            size = os.readlink(path) if path.is_symlink() else 0 if path.is_dir() else facts.st_size
            found[str(path.relative_to(self.root))] = (facts.st_uid, facts.st_mode, size)
        return found


def tell(what: str, answer: Answer) -> None:
    print(f"    {what:52}{answer.seconds:5.0f} s  {answer.packages:3} packages", flush=True)


def line_after(said: str, words: str) -> str:
    """The indented line that follows the last one with these words."""
    found = re.findall(rf"{re.escape(words)}.*\n    (.*)", said)
    if not found:
        raise Failure(f"nothing to type follows {words!r} in:\n{said[-2000:]}")
    return found[-1]


# ---- what is done there ----------------------------------------------------------------------------------------


def compile_and_run(machine: Machine, readme: Readme, commands: str) -> Answer:
    """Commands that compile program.c as program and start that. A reader may have copied it from README.md."""
    machine.write("program.c", readme.program)
    answer = machine.must(commands, packages=0)
    if answer.said != "hello\nworld\n":
        raise Failure(f"{commands.strip()}: the program printed {answer.said!r}")
    return answer


def compile_as_told(machine: Machine, readme: Readme, said: str) -> None:
    """With the line that make install printed."""
    line = line_after(said, "This compiles a program:")
    compile_and_run(machine, readme, f"{line} -o program\n./program")
    print(f"        {line}")


def compile_tls(machine: Machine, readme: Readme) -> None:
    """The example that README.md names, and with the same words one that needs no network."""
    machine.must(readme.compile_tls, packages=0)
    machine.write("secure.c", SECURE)
    ours = readme.compile_tls.replace("examples/fetch.c -o fetch", "secure.c -o secure")
    machine.must(f"{ours}./secure", packages=0, says=("a context for TLS",))


def only_make(machine: Machine) -> Answer:
    """Without it there is nothing to type."""
    return machine.must("apt-get update && apt-get install -y --no-install-recommends make", user="root")


def same_listing(machine: Machine, folder: str, before: dict[str, tuple]) -> None:
    after = machine.listing(folder)
    different = sorted(name for name in before.keys() | after.keys()
                       if before.get(name) != after.get(name) and not name.startswith(PYTHONS))
    if different:
        raise Failure(f"{folder} is not as it was before the installation: {different[:10]}")


def root_word_by_word(machine: Machine, readme: Readme) -> None:
    """README.md from the first line to the last, with TLS."""
    before = machine.listing("/usr/local")
    tell("Packages", machine.must(without_sudo(readme.packages)))
    tell("TLS", machine.must(without_sudo(readme.tls)))
    answer = machine.must(without_sudo(readme.install), packages=0, says=("$(pkg-config --cflags --libs asyncio)",))
    if "without TLS" in answer.said:
        raise Failure("TLS is left out although its packages are there")
    tell("Build and install", answer)
    compile_as_told(machine, readme, answer.said)
    tell("Compile a program", compile_and_run(machine, readme, readme.compile))
    compile_tls(machine, readme)
    answer = machine.must(readme.show, says=("All output is as docs/tutorial shows it.", " 0 failed"))
    tell("See it at work", answer)
    print("       ", re.findall(r"^\d+ passed, .*$", answer.said, re.MULTILINE)[-1])
    tell("Remove it", machine.must(without_sudo(readme.remove)))
    same_listing(machine, "/usr/local", before)


def root_with_nothing_but_make(machine: Machine, readme: Readme) -> None:
    """make install brings what it needs, says what is left out, and how a program is compiled without pkg-config."""
    tell("make itself", only_make(machine))
    before = machine.listing("/usr/local")
    answer = machine.must("make install", says=("gcc libc6-dev ", "to compile C", "meson ninja-build python3 ",
                                                "pkg-config libssl-dev ", "TLS for streams", "without TLS"))
    tell("make install", answer)
    compile_as_told(machine, readme, answer.said)
    for_tls = re.findall(r"^    (apt-get update .* libssl-dev)$", answer.said, re.MULTILINE)[0]
    tell(for_tls[-30:], machine.must(for_tls))
    answer = machine.must("make install", packages=0)
    if "without TLS" in answer.said:
        raise Failure("TLS is left out after what was told to be typed for it")
    tell("make install, again", answer)
    compile_as_told(machine, readme, answer.said)
    compile_and_run(machine, readme, readme.compile)
    compile_tls(machine, readme)
    machine.must("make uninstall", packages=0)
    same_listing(machine, "/usr/local", before)


def root_elsewhere(machine: Machine, readme: Readme) -> None:
    """Other prefixes: with a space, Debian's own, and a folder to make a package from."""
    machine.must(without_sudo(readme.packages))
    for prefix in ("/opt/a prefix", "/usr"):
        before = machine.listing("/opt") | machine.listing("/usr")
        answer = machine.must(f"make install PREFIX='{prefix}'", packages=0)
        tell(f"make install PREFIX='{prefix}'", answer)
        compile_as_told(machine, readme, answer.said)
        machine.path(f"{prefix}/lib/strangers").write_text("is not the library's\n")
        machine.must(f"make uninstall PREFIX='{prefix}'")
        machine.path(f"{prefix}/lib/strangers").unlink()
        for folder in ("/opt/a prefix/lib", "/opt/a prefix"):  # the stranger's file kept them
            if machine.path(folder).exists():
                machine.path(folder).rmdir()
        same = machine.listing("/opt") | machine.listing("/usr")
        left = sorted(name for name in before.keys() ^ same.keys() if "__pycache__" not in name)
        if left:
            raise Failure(f"make uninstall PREFIX='{prefix}' does not leave what was there: {left[:10]}")
    before = machine.listing("/usr/local")
    machine.must("make install DESTDIR='a stage'", packages=0)
    staged = machine.listing(f"{machine.home}/{TREE}/a stage")
    if not any(name.endswith("/usr/local/lib/libasyncio.so.0") for name in staged):
        raise Failure(f"nothing is in DESTDIR: {sorted(staged)[:10]}")
    same_listing(machine, "/usr/local", before)
    machine.must("make uninstall DESTDIR='a stage'")
    if machine.path(f"{machine.home}/{TREE}/a stage").exists():
        raise Failure("make uninstall leaves something in DESTDIR")


def root_demo(machine: Machine, _: Readme) -> None:
    """The two commands alone, and that TLS is tested although make demo was configured without it."""
    tell("make itself", only_make(machine))
    answer = machine.must("make demo", says=("to compile C", "All output is as docs/tutorial shows it."))
    tell("make demo", answer)
    objects = list(machine.path(f"{machine.home}/{TREE}/build").rglob("*.o"))
    print(f"        {len(objects)} files compiled")
    answer = machine.must("make test T=tls", says=("pkg-config libssl-dev openssl ", "TLS", " 0 failed"))
    tell("make test T=tls", answer)
    counted = re.findall(r"^(\d+) passed", answer.said, re.MULTILINE)
    if not counted or int(counted[-1]) == 0:
        raise Failure(f"no test of TLS ran: {answer.last_lines(5)}")
    print(f"        {counted[-1]} tests of TLS")


def user_without_sudo(machine: Machine, readme: Readme) -> None:
    """Each command says what somebody with root must type, and works after that; nothing else needs root."""
    tell("make itself", only_make(machine))
    for command in ("make", "make demo", "make test", "make install PREFIX=$HOME/.local"):
        answer = machine.refuses(command, ("to compile C", "gcc libc6-dev ", "Type this as root"))
    told = line_after(answer.said, "Type this as root")
    print(f"        {told}")
    tell("what make told root to type", machine.must(told, user="root"))
    tell("make", machine.must("make", packages=0, says=("without TLS",)))
    answer = machine.refuses("make install", ("sudo make install\n", "make install PREFIX=$HOME/.local\n"))
    print(*("        " + line for line in answer.said.splitlines()), sep="\n")
    before = machine.listing(machine.home)
    answer = machine.must("make install PREFIX=$HOME/.local", packages=0)
    compile_as_told(machine, readme, answer.said)
    machine.must(without_sudo(readme.packages), user="root")
    tell("Install without root", machine.must(readme.home.partition("\n")[0]))
    compile_and_run(machine, readme, "\n".join(readme.home.splitlines()[1:]))
    machine.must("make uninstall PREFIX=$HOME/.local", packages=0)
    left = [name for name in machine.listing(machine.home).keys() ^ before.keys() if TREE not in name]
    if left:
        raise Failure(f"make uninstall leaves {left}")


def user_with_sudo(machine: Machine, readme: Readme) -> None:
    """README.md as it stands; and sudo make install leaves nothing that the user may not change."""
    machine.must(f"apt-get update && apt-get install -y --no-install-recommends sudo\n"
                 f"echo '{USER} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/{USER}", user="root")
    before = machine.listing("/usr/local")
    tell("Packages", machine.must(readme.packages))
    tell("Build and install", machine.must(readme.install, packages=0))
    compile_and_run(machine, readme, readme.compile)
    machine.must("sudo make install PREFIX=/opt/asyncio", packages=0)
    machine.must("sudo make uninstall PREFIX=/opt/asyncio", packages=0)
    foreign = machine.must('find . ! -user "$USER"').said
    if foreign:
        raise Failure(f"sudo make install leaves files of root: {foreign}")
    machine.must("touch src/sched/task.c\nmake", packages=0)
    tell("Install without root", machine.must(readme.home.partition("\n")[0]))
    tell("Remove it", machine.must(readme.remove))
    same_listing(machine, "/usr/local", before)


class Course(NamedTuple):
    user: str
    run: Callable[[Machine, Readme], None]


COURSES = [Course("root", root_word_by_word), Course("root", root_with_nothing_but_make),
           Course("root", root_elsewhere), Course("root", root_demo), Course(USER, user_without_sudo),
           Course(USER, user_with_sudo)]


def run_courses(folder: Path, words: list[str]) -> int:
    """The number of those that failed."""
    readme = Readme((ROOT / "README.md").read_text())
    courses = [course for course in COURSES if not words or any(word in course.run.__name__ for word in words)]
    failures = 0
    for course in courses:
        name, began = course.run.__name__, time.monotonic()
        print(f"{name}: {' '.join(course.run.__doc__.split())}", flush=True)
        try:
            with Machine(folder, name, course.user) as machine:
                course.run(machine, readme)
            print(f"    {name} passes, {time.monotonic() - began:.0f} s")
        except Failure as failure:
            failures += 1
            print(f"    {name} FAILS: {failure}\n    (all that was said: {folder / name}.log)")
    print(f"{len(courses) - failures} passed, {failures} failed")
    return failures


def self_test() -> int:
    """The status: 1 if a block that is missing in README.md is not missed."""
    text = (ROOT / "README.md").read_text()
    whole = Readme(text)
    for block in (whole.packages, whole.tls, whole.install, whole.compile, whole.home, whole.remove, whole.program):
        try:
            Readme(re.sub(r"```\w+\n" + re.escape(block) + "```\n", "", text))
        except Failure:
            continue
        print(f"nothing is said of a README.md without\n{block}")
        return 1
    return 0


def main(arguments: list[str]) -> int:
    if arguments == ["--self-test"]:
        return self_test()
    folder = (ROOT / arguments[0] / "first-hour").resolve()
    try:
        check_this_machine()
        folder.mkdir(parents=True, exist_ok=True)
        return 1 if run_courses(folder, arguments[1:]) else 0
    except Skip as reason:
        print(f"0 passed, 0 failed\nskipped: {reason} (1)")
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
