"""The image as a container engine has it: built, looked at, run; in a store of its own that is removed in the end."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

from tests.conftest import project_root
from tests.faults import packages

# Debian 12, as the Dockerfile has it, with what that would install on it.
SUITE, INCLUDED = "bookworm", "ca-certificates,python3"
# Nobody's number, in the image and here: who runs it may be anybody.
STRANGER = 54321
PROGRAMS = ("podman", "runc", "mmdebstrap")
CERTIFICATES = "/etc/ssl/certs"
BASE, IMAGE = "localhost/todo-base", "localhost/todo-api"
# A container of the network of this machine, with nothing that it could write to, and no right beyond a user's.
_RUN = (
    *("run", "--rm", "--network=host", "--read-only", "--read-only-tmpfs=false", "--cap-drop=all", "--log-driver=none"),
    # Its engine would have systemd run the health check; and would raise limits that a container's root may not.
    *("--no-healthcheck", "--ulimit=nofile=4096:4096", "--ulimit=nproc=4096:4096"),
    *("--security-opt=no-new-privileges", f"--user={STRANGER}:{STRANGER}"),
)


class UnavailableError(Exception):
    """No image can be built here; the message says why."""


class Podman:
    """Podman with a store in a folder. Raises UnavailableError where it, or what it stands on, cannot be had."""

    def __init__(self) -> None:
        missing = [name for name in PROGRAMS if packages.find(name) is None]
        if missing or os.geteuid() != 0:
            raise UnavailableError(f"{', '.join(missing) or 'root'} cannot be had here")
        self.folder = Path(tempfile.mkdtemp(prefix="todo-api-image-"))
        store = [f"--root={self.folder}/store", f"--runroot={self.folder}/run", f"--tmpdir={self.folder}/tmp"]
        self._command = ["podman", *store, "--storage-driver=overlay", "--runtime=runc", "--cgroup-manager=cgroupfs"]

    def __call__(self, *arguments: str, seconds: float = 300) -> str:
        """What a command prints. Raises UnavailableError with the end of its complaint where it fails."""
        done = subprocess.run(
            [*self._command, *arguments],
            cwd=project_root(),
            capture_output=True,
            text=True,
            check=False,
            timeout=seconds,
            stdin=subprocess.DEVNULL,
        )
        if done.returncode:
            raise UnavailableError(f"podman {arguments[0]}: {done.stderr.strip()[-1500:]}")
        return done.stdout

    def make_base(self) -> str:
        """Debian with its python3, made of packages; gives its name."""
        archive = self.folder / "base.tar"
        command = ["mmdebstrap", "--quiet", "--mode=root", "--variant=minbase", f"--include={INCLUDED}", SUITE]
        done = subprocess.run([*command, archive], capture_output=True, text=True, check=False, timeout=300)
        if done.returncode:
            raise UnavailableError(f"mmdebstrap: {done.stderr.strip()[-1500:]}")
        self("import", str(archive), BASE)
        archive.unlink()
        return BASE

    def build(self, base: str) -> None:
        """The Dockerfile on `base`, with this machine's certificates while it is built."""
        trusted = f"--volume={CERTIFICATES}:{CERTIFICATES}:ro"
        self(
            "build",
            "--quiet",
            "--isolation=chroot",
            "--format=docker",
            f"--build-arg=BASE={base}",
            trusted,
            f"--tag={IMAGE}",
            ".",
        )

    def inspect(self, name: str) -> dict[str, Any]:
        """What an image is."""
        found: dict[str, Any] = json.loads(self("image", "inspect", name))[0]
        return found

    def command(self, *arguments: str, name: str = "", **variables: str) -> list[str]:
        """The command line that runs the image as a stranger, read-only, with the arguments in place of its own."""
        set_to = [part for key, value in variables.items() for part in ("--env", f"{key}={value}")]
        named = ["--name", name] if name else []
        return [*self._command, *_RUN, *named, *set_to, IMAGE, *arguments]

    def remove(self) -> None:
        """Whatever it has: containers, images, the folder."""
        subprocess.run([*self._command, "rm", "--all", "--force"], capture_output=True, check=False, timeout=60)
        subprocess.run([*self._command, "rmi", "--all", "--force"], capture_output=True, check=False, timeout=120)
        shutil.rmtree(self.folder, ignore_errors=True)
