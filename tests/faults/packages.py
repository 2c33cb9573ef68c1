"""PgBouncer and nginx, Debian's packages: finds them, installs them where that is possible, or says what to type."""

import os
import shutil
import subprocess
import sys

# Debian puts both where only root looks.
_PLACES = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
NEEDED = ("pgbouncer", "nginx")


def find(program: str) -> str | None:
    """Where the program is, or None."""
    return shutil.which(program, path=_PLACES)


def main() -> None:
    """Ends with a message where something is missing and cannot be installed."""
    missing = [name for name in NEEDED if find(name) is None]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing", *missing, flush=True)  # noqa: T201
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
            subprocess.run(["apt-get", "-q", *command], env=environment, check=True, stdout=subprocess.DEVNULL)
        missing = [name for name in NEEDED if find(name) is None]
    if missing:
        sys.exit(f"make test-faults needs {' and '.join(missing)}. On Debian: apt-get install {' '.join(missing)}")


if __name__ == "__main__":
    main()
