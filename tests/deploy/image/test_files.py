"""The files of a deployment as those who take them see them: Docker's linter, Kubernetes' schemas, systemd."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.conftest import project_root
from tests.faults import packages
from tests.faults.conftest import Say

ROOT = project_root()
DEPLOY = ROOT / "deploy"
TOOLS = ROOT / ".venv" / "operations" / "bin"
UNITS = sorted((DEPLOY / "systemd").iterdir())
# From 0 (nothing can happen) to 10.
EXPOSURE = 2.5


def test_hadolint_has_nothing_to_say() -> None:
    assert _said(TOOLS / "hadolint", "Dockerfile", "deploy/pgbouncer/Dockerfile") == (0, "")


def test_hadolint_would_say_something(tmp_path: Path) -> None:
    bad = tmp_path / "Dockerfile"
    bad.write_text("FROM debian\nRUN apt-get install python3\n")
    status, said = _said(TOOLS / "hadolint", bad)
    assert status == 1
    assert "DL3006" in said


def test_the_manifests_are_valid() -> None:
    files = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    status, said = _said(TOOLS / "kubernetes-validate", "--strict", *files)
    assert status == 0, said
    kinds = re.findall(r"passed for resource (\w+)/", said)
    assert sorted(kinds) == ["deployment", "job", "networkpolicy", "networkpolicy", "poddisruptionbudget", "service"]


def test_a_manifest_with_a_wrong_name_is_not(tmp_path: Path) -> None:
    bad = tmp_path / "deployment.yaml"
    text = (DEPLOY / "kubernetes" / "deployment.yaml").read_text()
    bad.write_text(text.replace("terminationGracePeriodSeconds", "terminationGraceSeconds"))
    assert _said(TOOLS / "kubernetes-validate", "--strict", bad)[0] == 1


def test_systemd_takes_the_units(systemd: str, tmp_path: Path) -> None:
    for unit in UNITS:
        # It wants to see the program, which lies elsewhere here.
        text = unit.read_text().replace("/srv/todo-api/.venv/bin/python", "/bin/true")
        (tmp_path / unit.name).write_text(text.replace("/srv/todo-api", str(tmp_path)))
    units = [tmp_path / unit.name for unit in UNITS]
    assert _said(systemd, "verify", "--man=no", *units) == (0, "")
    units[0].write_text(units[0].read_text().replace("DynamicUser", "DynamicUsers"))
    assert "DynamicUsers" in _said(systemd, "verify", "--man=no", *units)[1]


def test_the_service_is_shut_in(systemd: str, say: Say) -> None:
    status, said = _said(systemd, "security", "--offline=true", "--no-pager", DEPLOY / "systemd" / "todo-api.service")
    found = re.search(r"exposure level for todo-api.service: ([\d.]+)", said)
    assert found, said
    say(f"systemd-analyze security: {found[1]}")
    assert status == 0
    assert float(found[1]) <= EXPOSURE


@pytest.fixture(scope="module")
def systemd() -> str:
    """systemd-analyze."""
    return packages.needed("systemd-analyze")


def _said(*command: object) -> tuple[int, str]:
    """The status of a command in the project's folder, and what it says."""
    done = subprocess.run(
        [str(part) for part in command], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    return done.returncode, (done.stdout + done.stderr).strip()
