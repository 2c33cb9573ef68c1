"""A folder in which clients are generated from docs/openapi.json, compiled, and run against an API."""

import os
import re
import shutil
import subprocess
import tempfile
from collections import defaultdict
from pathlib import Path

from tests.better_auth.servers import install
from tests.conftest import project_root

HERE = Path(__file__).parent
DOCUMENT = project_root() / "docs" / "openapi.json"
CLIENT = project_root() / "clients" / "typescript"
TYPES = "generated/openapi-typescript/schema.ts"
# How each generator is called, by the name of the program that stands on it.
GENERATORS = {
    "openapi-fetch": ("openapi-typescript", "openapi.json", "-o", TYPES),
    "hey-api": ("openapi-ts", "-f", "hey-api.config.mjs"),
    "orval": ("orval", "--config", "orval.config.mjs"),
    "kubb": ("kubb", "generate", "--config", "kubb.config.mjs"),
}
# What @hey-api/openapi-ts brings along, the same for every document, is not written for exactOptionalPropertyTypes.
NOT_OURS = ("generated/hey-api/client", "generated/hey-api/core")
# None of them is to tell anybody that it was run.
QUIET = {"DO_NOT_TRACK": "1", "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true", "NO_COLOR": "1"}

_ERROR = re.compile(r"^([^(\s]+)\(\d+,\d+\): error (TS\d+): ", re.MULTILINE)


class Workplace:
    """Has the packages of package.json, the programs and the document."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "node_modules").symlink_to(HERE / "node_modules")
        for name in ("programs", "generators"):
            shutil.copytree(HERE / name, folder, dirs_exist_ok=True)
        shutil.copy(DOCUMENT, folder / "openapi.json")

    def run(self, *command: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """A program of the packages, or one of the PATH."""
        env = _environment(environment)
        return subprocess.run(
            command, cwd=self.folder, env=env, capture_output=True, text=True, timeout=300, check=False
        )

    def start(self, *command: str, **environment: str) -> subprocess.Popen[str]:
        """The same, to be talked with while it runs."""
        return subprocess.Popen(
            command, cwd=self.folder, env=_environment(environment), stdout=subprocess.PIPE, text=True
        )

    def must(self, *command: str, **environment: str) -> str:
        """What it writes; AssertionError if it fails."""
        done = self.run(*command, **environment)
        assert done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def generate(self) -> None:
        """All clients."""
        for command in GENERATORS.values():
            self.must(*command)
        for name in NOT_OURS:
            for path in (self.folder / name).glob("*.ts"):
                path.write_text(f"// @ts-nocheck\n{path.read_text()}")

    def compile(self, project: str = ".") -> dict[str, list[str]]:
        """The codes of the errors of all its files, by file."""
        done = self.run("tsc", "--project", project)
        found = defaultdict(list)
        for file, code in _ERROR.findall(done.stdout):
            found[file].append(code)
        assert bool(found) == bool(done.returncode), done.stdout + done.stderr
        return dict(found)

    def bundle(self, program: str, platform: str = "node") -> Path:
        """A program in one file, as a page would load it."""
        made = f"{program}.bundle.mjs"
        how = ("--bundle", f"--platform={platform}", "--format=esm", "--target=es2022", "--log-level=warning")
        self.must("esbuild", f"{program}.ts", *how, f"--outfile={made}")
        return self.folder / made

    def execute(self, program: str, **environment: str) -> str:
        """Bundles a program and runs it; gives what it prints."""
        return self.must("node", str(self.bundle(program)), **environment)


def _environment(more: dict[str, str]) -> dict[str, str]:
    path = f"{HERE / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}"
    return {**os.environ, **QUIET, "PATH": path, **more}


if __name__ == "__main__":
    install(HERE)
    with tempfile.TemporaryDirectory(prefix="todo-api-clients-") as made:
        place = Workplace(Path(made))
        place.must(*GENERATORS["openapi-fetch"])
        shutil.copy(place.folder / TYPES, CLIENT / "src" / "schema.ts")
