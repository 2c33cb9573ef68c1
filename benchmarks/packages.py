"""wrk and h2load, Debian's packages: installs them where that is possible, or says what to type."""

import os
import shutil
import subprocess
import sys

PACKAGES = {"wrk": "wrk", "h2load": "nghttp2-client"}


def main(programs: list[str]) -> None:
    """Ends with a message where something is missing and cannot be installed."""
    missing = [PACKAGES[name] for name in programs if shutil.which(name) is None]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        print("Installing", *missing, flush=True)
        for command in (["update"], ["install", "-y", "--no-install-recommends", *missing]):
            subprocess.run(["apt-get", "-q", *command], check=True, stdout=subprocess.DEVNULL)
    elif missing:
        sys.exit(f"This needs {' and '.join(missing)}. On Debian: apt-get install {' '.join(missing)}")


if __name__ == "__main__":
    main(sys.argv[1:])
