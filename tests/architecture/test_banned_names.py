"""What a slice must not use of SQLAlchemy and SQLModel is named by ruff, with the sentence that says what to use."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.architecture.folders import copy_product, plant
from tests.unmeasured import unmeasured

SESSION = "use a CrudRepository, or SQL of your own under @statement"
TEXT = "write select(), insert(), update() or delete() of sqlmodel under @statement"
# In a slice's repository: a line, and what is to be used instead.
BREACHES = {
    "from sqlmodel import Session": SESSION,
    "from sqlmodel import create_engine": SESSION,
    "from sqlalchemy.orm import Session": SESSION,
    "from sqlalchemy.orm import sessionmaker": SESSION,
    "from sqlalchemy.ext.asyncio import AsyncSession": SESSION,
    "from sqlmodel.ext.asyncio.session import AsyncSession": SESSION,
    "from sqlmodel import text": TEXT,
    "from sqlalchemy import text": TEXT,
    "from sqlalchemy.sql import text": TEXT,
}


def test_each_is_named_with_file_and_line_and_what_to_use(tmp_path: Path) -> None:
    copy_product(tmp_path)
    for number, line in enumerate(BREACHES):
        plant(tmp_path, f"modules/gadgets{number}/repository.py", f'"""Whatever."""\n{line}')
    told = _ruff(tmp_path, "modules")
    assert len(told) == len(BREACHES)
    for number, use in enumerate(BREACHES.values()):
        (one,) = [line for line in told if line.startswith(f"modules/gadgets{number}/repository.py:2:")]
        assert use in one


@pytest.mark.parametrize("path", ["core/database/pool.py", "modules/tasks/models.py"])
def test_core_and_the_indexes_of_a_table_may(tmp_path: Path, path: str) -> None:
    plant(copy_product(tmp_path), path, "from sqlalchemy import text")
    assert _ruff(tmp_path, path) == []


def _ruff(folder: Path, path: str) -> list[str]:
    command = [sys.executable, "-m", "ruff", "check", "--no-cache", "--output-format=concise", "--select=TID251", path]
    done = subprocess.run(command, cwd=folder, env=unmeasured(), capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if "TID251" in line]
