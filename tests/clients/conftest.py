"""The generated clients, once for all tests of this folder, and Better Auth beside the API."""

import shutil
from pathlib import Path

import pytest

from tests.better_auth.conftest import database_of_its_own, deploy, workplace
from tests.better_auth.servers import install
from tests.clients.workplace import CLIENT, HERE, Workplace
from tests.conftest import project_root

OFFLINE = project_root() / "tests" / "offline" / "client"

__all__ = ["database_of_its_own", "deploy", "workplace"]


@pytest.fixture(scope="session")
def place(tmp_path_factory: pytest.TempPathFactory) -> Workplace:
    """Skips the tests where there is no Node.js, or its packages cannot be had."""
    install(HERE)
    made = Workplace(tmp_path_factory.mktemp("clients"))
    made.generate()
    return made


@pytest.fixture(scope="session")
def package(place: Workplace) -> Path:
    """What `npm pack` packs, with its programs beside it, compiled and bundled."""
    source, programs = place.folder / "source", place.folder / "package"
    shutil.copytree(CLIENT, source, ignore=shutil.ignore_patterns("node_modules", "dist"))
    shutil.copytree(HERE / "package", programs)
    for name in ("proxy.mjs", "chance.mjs"):
        shutil.copy(OFFLINE / name, programs)
    place.must("npm", "pack", "--silent", "./source")
    (packed,) = place.folder.glob("*.tgz")
    place.must("tar", "--extract", "--file", str(packed), "--directory", str(programs))
    (programs / "node_modules").mkdir()
    (programs / "package").rename(programs / "node_modules" / "todo-api-client")
    return programs
