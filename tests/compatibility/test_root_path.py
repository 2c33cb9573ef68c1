"""ROOT_PATH and a Unix socket behind a real nginx: clients find everything below the prefix, whoever calls."""

import re
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urljoin

import httpx
import pytest

from tests.conftest import TestDatabase, make_token
from tests.core.api_process import ApiProcess
from tests.core.server.test_sockets import OnUnixSocket
from tests.faults.between import Nginx
from tests.ports import free_port

PREFIX = "/todo"
HEADERS = {"X-Forwarded-Prefix": "/evil", "Authorization": f"Bearer {make_token('u1')}"}


@pytest.fixture(params=["port", "unix socket"])
def origin(request: pytest.FixtureRequest, database: TestDatabase, tmp_path: Path) -> Iterator[str]:
    """The API below a prefix, as docs/operations.md sets nginx up."""
    settings: dict[str, Any] = {"ROOT_PATH": PREFIX, "DOCS": "true"}
    with tempfile.TemporaryDirectory(prefix="todo-") as folder:
        Path(folder).chmod(0o755)
        path = Path(folder) / "api.sock"
        if request.param == "port":
            process = ApiProcess(database.proxied_url, TRUSTED_PROXIES="127.0.0.1", **settings)
        else:
            process = OnUnixSocket(database.proxied_url, path, TRUSTED_PROXIES="unix:", **settings)
        with process:
            target = f"http://127.0.0.1:{process.port}/" if request.param == "port" else f"http://unix:{path}:/"
            port = free_port()
            block = (
                f"server {{ listen 127.0.0.1:{port}; location {PREFIX}/ {{ proxy_pass {target}; "
                "proxy_set_header Host $http_host; proxy_set_header X-Forwarded-For $remote_addr; "
                'proxy_http_version 1.1; proxy_set_header Connection ""; } }'
            )
            nginx = Nginx(tmp_path, [free_port()], more=block)
            nginx.launch()
            try:
                yield f"http://127.0.0.1:{port}"
                line = process.find(lambda line: line["message"] == "request" and line["url.path"] != "/health/live")
                assert line["client.address"] == "127.0.0.1"
            finally:
                nginx.stop()


def test_whatever_the_api_says_of_a_place_leads_there(origin: str) -> None:
    with httpx.Client(base_url=origin, headers=HEADERS, trust_env=False) as client:
        tasks = f"{PREFIX}/api/v1/users/me/tasks"
        made = [client.post(tasks, json={"title": title}) for title in ("one", "two")]
        for response in made:
            assert response.headers["location"].startswith(f"{tasks}/")
            assert client.get(response.headers["location"]).json()["id"] == response.json()["id"]
        link = client.get(tasks, params={"limit": 1}).headers["link"]
        (following,) = re.findall(r"<(.*)>", link)
        assert client.get(following).status_code == 200
        page = client.get(f"{PREFIX}/docs")
        parts = re.findall(r"""(?:src|href|url)(?:=|: )"([^"]+)\"""", page.text)
        assert len(parts) == 4
        for part in parts:
            assert client.get(urljoin(f"{PREFIX}/docs", part)).status_code == 200, part
        (servers,) = client.get(f"{PREFIX}/openapi.json").json()["servers"]
        assert client.get(f"{servers['url']}/api/v1/users/me").status_code == 200
        missing = client.get(f"{PREFIX}/nothing")
        assert missing.json()["instance"] == f"{PREFIX}/nothing"
