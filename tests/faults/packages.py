"""Debian's programs that tests need: finds them, installs them where that is possible, or says what to type.

`python -m tests.faults.packages [PROGRAM …]`: those of `make test-faults` unless some are named.
"""

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

# Debian puts some where only root looks.
_PLACES = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
NEEDED = ("pgbouncer", "nginx")
# Where the package has another name.
_PACKAGES = {
    "etcd": "etcd-server",
    "java": "default-jdk-headless",
    "javac": "default-jdk-headless",
    "promtool": "prometheus",
    "systemd-analyze": "systemd",
}


def find(program: str) -> str | None:
    """Where the program is, or None."""
    return shutil.which(program, path=_PLACES)


def needed(program: str) -> str:
    """Where the program is. Skips the test where it is missing, and says what to install."""
    found = find(program)
    if found is None:
        pytest.skip(f"{program} is needed. On Debian: apt-get install {_package(program)}")
    return found


def _package(program: str) -> str:
    return _PACKAGES.get(program, program)


def install(programs: Iterable[str]) -> list[str]:
    """Installs what is missing where that is possible, and gives what is missing still."""
    with Path(__file__).open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # of two at once, apt-get rejects one
        missing = [name for name in programs if find(name) is None]
        if missing and os.geteuid() == 0 and shutil.which("apt-get"):
            names = [*map(_package, missing)]
            print("Installing", *names, flush=True)  # noqa: T201
            environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
            for command in (["update"], ["install", "-y", "--no-install-recommends", *names]):
                subprocess.run(["apt-get", "-q", *command], env=environment, check=False, stdout=subprocess.DEVNULL)
        return [name for name in missing if find(name) is None]


def main() -> None:
    """Ends with a message where something is missing and cannot be installed."""
    programs = sys.argv[1:] or NEEDED
    if missing := install(programs):
        names = " ".join(map(_package, missing))
        sys.exit(f"This needs {' and '.join(missing)}. On Debian: apt-get install {names}")


if __name__ == "__main__":
    main()
