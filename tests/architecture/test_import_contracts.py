"""Who may import whom: the contracts of pyproject.toml hold, and each is seen to break."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tests.architecture.folders import copy_product, plant
from tests.conftest import project_root
from tests.unmeasured import unmeasured

pytestmark = pytest.mark.slow

SLICES = "slices stand side by side; auth alone stands on users"
FILES = "a slice's files: router over repository over schemas over models"
FILES_OF_AUTH = "the files of auth"
ROOMS = "core's rooms: each stands on those below it"
HTTP = "only routers speak HTTP"
SQL = "only repositories and models speak SQL"

# The contract, a file, and the line that breaks this contract and no other.
BREACHES = [
    ("core knows no slice", "core/server/server.py", "import modules.users.models"),
    ("core knows no slice", "core/server/server.py", "import main"),
    (ROOMS, "core/config.py", "import core.database.pool"),
    (ROOMS, "core/database/pool.py", "import core.tokens.claims"),
    (ROOMS, "core/resources/models.py", "import core.http.routing"),
    (ROOMS, "core/logging/lines.py", "import core.database.errors"),
    (ROOMS, "core/http/routing.py", "import core.server.framing"),
    (ROOMS, "core/more.py", '"""Whatever."""'),
    ("nothing imports the composition root", "modules/tasks/router.py", "import main"),
    (SLICES, "modules/tasks/repository.py", "import modules.auth.models"),
    (SLICES, "modules/users/accounts.py", "import modules.tasks.models"),
    (SLICES, "modules/users/models.py", "import modules.auth.tokens"),
    ("users is reached by its face", "modules/auth/local_accounts.py", "import modules.users.repository"),
    (FILES, "modules/tasks/models.py", "import modules.tasks.schemas"),
    (FILES, "modules/users/repository.py", "import modules.users.accounts"),
    (FILES, "modules/tasks/schemas.py", "import modules.tasks.repository"),
    (FILES, "modules/tasks/repository.py", "import modules.tasks.router"),
    (FILES_OF_AUTH, "modules/auth/tokens.py", "import modules.auth.repository"),
    (FILES_OF_AUTH, "modules/auth/passwords.py", "import modules.auth.tokens"),
    (FILES_OF_AUTH, "modules/auth/services.py", '"""Whatever."""'),
    (HTTP, "modules/tasks/repository.py", "import fastapi"),
    (HTTP, "modules/users/models.py", "import fastapi"),
    (HTTP, "modules/auth/schemas.py", "import starlette.requests"),
    (SQL, "modules/tasks/router.py", "import sqlalchemy"),
    (SQL, "modules/users/router.py", "import sqlmodel"),
    (SQL, "modules/auth/schemas.py", "import sqlalchemy.orm"),
    ("only the database path knows the driver", "modules/tasks/repository.py", "import psycopg2"),
]


def test_every_contract_holds() -> None:
    assert _broken(project_root()) == []


def test_every_contract_has_a_planted_breach() -> None:
    settings = tomllib.loads((project_root() / "pyproject.toml").read_text(encoding="utf-8"))
    contracts = {contract["name"] for contract in settings["tool"]["importlinter"]["contracts"]}
    assert {contract for contract, _, _ in BREACHES} == contracts


@pytest.mark.parametrize("contract", sorted({contract for contract, _, _ in BREACHES}))
def test_forbidden_imports_break_their_contract_and_no_other(tmp_path: Path, contract: str) -> None:
    """All at once, and each is named."""
    copy_product(tmp_path)
    planted = [(path, line) for broken, path, line in BREACHES if broken == contract]
    for path, line in planted:
        plant(tmp_path, path, line)
    linted = _lint(tmp_path)
    assert _states(linted, "BROKEN") == [contract]
    assert [breach for breach in planted if not _named(linted.stdout, *breach)] == []


def test_a_new_slice_is_held_without_being_listed(tmp_path: Path) -> None:
    copy_product(tmp_path)
    for file in ("__init__", "router", "repository", "schemas", "models"):
        plant(tmp_path, f"modules/gadgets/{file}.py", "")
    assert _broken(tmp_path) == []
    plant(tmp_path, "modules/gadgets/repository.py", "import modules.tasks.models")
    plant(tmp_path, "modules/gadgets/schemas.py", "import modules.gadgets.router")
    assert _broken(tmp_path) == [SLICES, FILES]


def _broken(folder: Path) -> list[str]:
    """The names of the broken contracts."""
    return _states(_lint(folder), "BROKEN")


def _states(linted: "subprocess.CompletedProcess[str]", wanted: str) -> list[str]:
    """The names of the contracts in that state."""
    found = re.findall(r"^(.+) (KEPT|BROKEN)(?: \(\d+ ignored imports?\))?$", linted.stdout, re.MULTILINE)
    assert found, linted.stderr
    assert bool(linted.returncode) == any(state == "BROKEN" for _, state in found)
    return [name for name, state in found if state == wanted]


def _named(output: str, path: str, line: str) -> bool:
    """Whether the import is told, or the module that has no place. Of what is not ours only the package is."""
    module = path.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
    told = rf"- {module}"
    if line.startswith("import "):
        imported = line.removeprefix("import ")
        ours = imported.split(".")[0] in ("core", "modules", "main")
        told = rf"-? *{module} -> {imported if ours else imported.split('.')[0]} \(l\.\d+\)"
    return re.search(rf"^{told}$", output, re.MULTILINE) is not None


def _lint(folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]
    return subprocess.run(command, cwd=folder, env=unmeasured(), capture_output=True, text=True, check=False)
