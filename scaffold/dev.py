"""`make dev`: serves as `make run` does, and starts again when a file of the product changes."""

import os
import signal
import subprocess
import sys
import time
from types import FrameType
from typing import NoReturn

from core.config import PROJECT_ROOT

LOOK_SECONDS = 0.3


def changed_at() -> dict[str, int]:
    """When each file that the process was made of was written last."""
    files = [PROJECT_ROOT / "main.py", PROJECT_ROOT / ".env"]
    for folder in ("core", "modules"):
        files += (PROJECT_ROOT / folder).rglob("*.py")
    return {str(file.relative_to(PROJECT_ROOT)): file.stat().st_mtime_ns for file in files if file.exists()}


def _start() -> "subprocess.Popen[bytes]":
    # Nobody is in front who would have to be told that it ends.
    return subprocess.Popen([sys.executable, "main.py"], cwd=PROJECT_ROOT, env={**os.environ, "SHUTDOWN_NOTICE": "0"})


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    process.wait()


def _end(_: int, __: FrameType | None) -> NoReturn:
    sys.exit(0)


def main() -> None:
    """Ends with SIGINT or SIGTERM. A process that fails is started again with the next change."""
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    known, process = changed_at(), _start()
    try:
        while True:
            time.sleep(LOOK_SECONDS)
            found = changed_at()
            if changes := sorted(dict(found.items() ^ known.items())):
                sys.stderr.write(f"\nChanged: {', '.join(changes)}. Starting again.\n")
                _stop(process)
                known, process = found, _start()
    finally:
        _stop(process)


if __name__ == "__main__":
    main()
