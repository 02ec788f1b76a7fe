"""Packages of other Debian releases, from the mirror that this machine uses; nothing is installed.

For tools/vm.py and tools/redis_servers.py. It must not know what the packages are for.
"""

import re
import shutil
import subprocess
from pathlib import Path


class Skip(Exception):
    """Something cannot be had here; the text is the reason."""


def output(*command: str) -> str:
    answer = subprocess.run(command, text=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return answer.stdout if answer.returncode == 0 else ""


class Archive:
    """The packages of one architecture, in a folder of its own. `suites`: "trixie", or a release and what is built for
    it: "bookworm bookworm-backports"."""

    def __init__(self, folder: Path, suites: str, architecture: str):
        for program in ["apt-get", "dpkg-deb"]:
            if shutil.which(program) is None:
                raise Skip(f"{program} is not installed")
        self.folder, self.suites = folder, suites
        (folder / "lists/partial").mkdir(parents=True, exist_ok=True)
        (folder / "archives/partial").mkdir(parents=True, exist_ok=True)
        (folder / "status").touch()
        mirror = output("apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages")
        places = [line.split()[1] for line in mirror.splitlines() if line.startswith("Debian ")]
        if not places:
            raise Skip("apt-get of this machine has no Debian mirror")
        place = min(places, key=len)
        (folder / "sources").write_text("".join(f"deb {place} {suite} main\n" for suite in suites.split()))
        settings = {"APT::Architecture": architecture, "APT::Architectures": architecture,
                    "Dir::State::lists": folder / "lists", "Dir::State::status": folder / "status",
                    "Dir::Cache": folder, "Dir::Cache::archives": folder / "archives",
                    "Dir::Etc::sourcelist": folder / "sources", "Dir::Etc::sourceparts": "/dev/null",
                    "APT::Sandbox::User": "root"}
        self.settings = [f"-o{name}={value}" for name, value in settings.items()]
        if not list((folder / "lists").glob("*Packages*")):
            output("apt-get", *self.settings, "update")

    def newest(self, pattern: str) -> str:
        found = output("apt-cache", *self.settings, "search", "--names-only", pattern)
        names = [line.split()[0] for line in found.splitlines()]
        if not names:
            raise Skip(f"the mirror has no package {pattern}")
        return max(names, key=lambda name: [int(number) for number in re.findall(r"\d+", name)])

    def with_dependencies(self, package: str) -> list[str]:
        """The packages that an empty machine would need for it, itself included."""
        plan = output("apt-get", *self.settings, "install", "--simulate", "--no-install-recommends", package)
        names = re.findall(r"^Inst (\S+)", plan, re.MULTILINE)
        if not names:
            raise Skip(f"the mirror has no package {package} of {self.suites}")
        return names

    def extract(self, packages: list[str], place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        subprocess.run(["apt-get", *self.settings, "download", *packages], cwd=place, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL)
        for file in place.glob("*.deb"):
            subprocess.run(["dpkg-deb", "--extract", file, place], check=True)
            file.unlink()

    def unpack(self, package: str, pattern: str) -> Path:
        """The first file of the package that matches the pattern; the package is fetched once."""
        place = self.folder / package
        if not list(place.glob(pattern)):
            self.extract([package], place)
        found = list(place.glob(pattern))
        if not found:
            raise Skip(f"{package} cannot be fetched")
        return found[0]
