"""On a platform that sets PORT, gives a `postgres://` URL and has a proxy in front: as docs/deployment.md says it."""

import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import httpx

from tests.conftest import TestDatabase, project_root
from tests.core.api_process import ApiProcess
from tests.ports import free_port

TEXT = (project_root() / "docs/deployment.md").read_text(encoding="utf-8")
(SECTION,) = re.findall(r"## A platform\n(.*?)\n## ", TEXT, re.DOTALL)
COMMANDS, VARIABLES = re.findall(r"```sh\n(.*?)```", SECTION, re.DOTALL)
MIGRATE, START = re.findall(r"^(.+?) +#", COMMANDS, re.MULTILINE)


def test_it_is_reached_knows_who_asks_and_ends_with_sigterm(make_database: Callable[[], TestDatabase]) -> None:
    own = make_database()
    variables = dict(re.findall(r"^([A-Z_]+)=(.*)$", VARIABLES, re.MULTILINE))
    # The proxy of the test is on this machine.
    variables["TRUSTED_PROXIES"] += ",127.0.0.1"
    variables["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    url = own.proxied_url.replace("postgresql://", "postgres://")
    with ApiProcess(url, program=("sh", "-c", f"{MIGRATE} && {START}"), PORT=str(free_port()), **variables) as api:
        headers = {"X-Forwarded-For": "192.0.2.1, 203.0.113.7, 100.64.5.6, 10.4.5.6", "X-Forwarded-Proto": "https"}
        assert httpx.get(f"{api.url}/health/ready", headers=headers, trust_env=False).status_code == 200
        line = api.find(lambda line: line.get("url.path") == "/health/ready")
        assert (line["client.address"], line["url.scheme"]) == ("203.0.113.7", "https")
        api.find(lambda line: "http://0.0.0.0:" in line["message"])
        api.terminate()
        api.wait()
        assert api.exit_status == 0
        assert api.lines[-1]["message"].startswith("Finished")
