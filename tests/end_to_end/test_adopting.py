"""docs/adopting.md, done in a copy: all that runs has the product's own name, and the tests go on."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from core.config import NAME
from main import TITLE
from scaffold.copies import Copy, copied
from tests.architecture.folders import replace
from tests.conftest import TestDatabase
from tests.core.api_process import ApiProcess
from tests.ports import free_port

pytestmark = pytest.mark.slow

# What of `make quick` looks at main.py, at what it serves, or at the documents; and what else reads main.py.
TESTS = (
    "architecture/test_rules.py",
    "contract/test_openapi_document.py",
    "contract/test_operations_document.py",
    "contract/test_examples.py",
)
AND_THESE = ("contract/test_documents.py", "scaffold/test_files.py", "scaffold/test_removal.py")


@pytest.fixture(scope="module")
def adopted() -> Iterator[Copy]:
    """The copy, with another name."""
    with copied() as copy:
        replace(copy.folder, "pyproject.toml", f'name = "{NAME}"', 'name = "ledger"')
        replace(copy.folder, "main.py", f'TITLE = "{TITLE}"', 'TITLE = "Ledger <Ltd>"')
        yield copy


def test_everything_that_runs_has_the_name_that_it_was_given(adopted: Copy, database: TestDatabase) -> None:
    document, page, figures, told, sessions = _seen(adopted, database)
    assert told == {"ledger"}
    assert document["info"]["title"] == "Ledger <Ltd>"
    assert document["info"]["contact"]["name"] == "The maintainers of the Ledger <Ltd>"
    assert "<title>Ledger &lt;Ltd&gt;</title>" in page
    assert 'target_info{service_name="ledger",' in figures
    assert "ledger" in sessions


def test_its_tests_are_green_once_its_documents_are_written(adopted: Copy) -> None:
    adopted.python("tests.contract.write_documents")
    adopted.python("ruff", "check", "--quiet", "main.py")
    adopted.python("pytest", "-q", "-n2", "--dist=loadfile", *(f"tests/{file}" for file in TESTS + AND_THESE))


def _seen(adopted: Copy, database: TestDatabase) -> tuple[dict[str, Any], str, str, set[str], set[str]]:
    """The document, the page and the figures of a server, how its log calls it, and who is connected."""
    port = free_port()
    with ApiProcess(database.url, folder=adopted.folder, DOCS="true", METRICS_PORT=str(port)) as process:
        document = httpx.get(f"{process.url}/openapi.json", trust_env=False).json()
        page = httpx.get(f"{process.url}/docs", trust_env=False).text
        figures = httpx.get(f"http://127.0.0.1:{port}/metrics", trust_env=False).text
        httpx.get(f"{process.url}/health/ready", trust_env=False).raise_for_status()
        sessions = {name for (name,) in database.query("SELECT application_name FROM pg_stat_activity")}
        return document, page, figures, {line["service.name"] for line in process.lines}, sessions
