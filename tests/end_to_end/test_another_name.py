"""Who makes another product of this one names it in pyproject.toml and main.py, and nothing keeps the old name."""

from pathlib import Path

import httpx

from core.config import NAME
from main import TITLE
from tests.architecture.folders import replace
from tests.conftest import TestDatabase
from tests.core.api_process import ApiProcess
from tests.end_to_end.project import Project
from tests.ports import free_port


def test_everything_that_runs_has_the_name_that_it_was_given(project: Project, database: TestDatabase) -> None:
    _rename(project.folder)
    port = free_port()
    variables = {"DOCS": "true", "METRICS_PORT": str(port)}
    with ApiProcess(database.url, folder=project.folder, **variables) as process:
        document = httpx.get(f"{process.url}/openapi.json", trust_env=False).json()
        page = httpx.get(f"{process.url}/docs", trust_env=False).text
        figures = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
        httpx.get(f"{process.url}/health/ready", trust_env=False).raise_for_status()
        sessions = {name for (name,) in database.query("SELECT application_name FROM pg_stat_activity")}
        told = {line["service.name"] for line in process.lines}
    assert told == {"ledger"}
    assert (document["info"]["title"], document["info"]["contact"]["name"]) == (
        "Ledger <Ltd>",
        "The maintainers of the Ledger <Ltd>",
    )
    assert "<title>Ledger &lt;Ltd&gt;</title>" in page
    assert 'target_info{service_name="ledger",' in figures
    assert "ledger" in sessions


def _rename(folder: Path) -> None:
    replace(folder, "pyproject.toml", f'name = "{NAME}"', 'name = "ledger"')
    replace(folder, "main.py", f'TITLE = "{TITLE}"', 'TITLE = "Ledger <Ltd>"')
