"""The house's rules hold for the project, and each is seen to find a breach that was planted in a copy."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from core.http import private_router
from main import create_app
from tests.architecture import loaded_rules, log_fields, mounts, source_rules
from tests.architecture.folders import copy_product, plant, replace
from tests.conftest import TestDatabase, make_settings, project_root

Rule = Callable[[Path], Iterator[str]]


@pytest.mark.parametrize("rule", source_rules.RULES)
def test_the_source_keeps_the_rule(rule: Rule) -> None:
    assert set(rule(project_root())) == set()


def test_the_loaded_product_keeps_the_rules() -> None:
    assert loaded_rules.breaches(project_root()) == []


LONG = "\n".join(["def long() -> None:", '    """Not counted."""', *["    pass"] * 26])
LOGGING = "import structlog\n_log = structlog.get_logger()\n"
LOG_OF_DICT = """\
def told() -> None:
    fields = {"email": 1, "error.code": 2}
    fields["q"] = 3
    _log.info("a", **{**fields, "error.type": "b"})
"""
LOG_OF_FUNCTION = """\
def made_fields() -> dict[str, int]:
    made: dict[str, int] = {"body": 1}
    return made
def told() -> None:
    _log.info("a", **made_fields())
"""
INSTALL = "add it to `dependencies` of pyproject.toml, then `make lock`"
# Each in a file of its own, so that all are planted in one copy.
SOURCE_BREACHES = [
    ("modules/tasks/extra.py", '"""x"""', "modules/tasks/extra: not a file of the slice"),
    ("modules/gadgets/router.py", '"""x"""', "modules/gadgets: no repository.py"),
    ("modules/gadgets/passwords.py", '"""x"""', "modules/gadgets/passwords: not a file of the slice"),
    ("core/no_job.py", "import os", "core/no_job.py: the first line does not say the file's job"),
    ("core/blank.py", "\n", "core/blank.py: the first line does not say the file's job"),
    ("core/utils.py", '"""x"""', "core/utils.py: `utils` is the name of no job"),
    ("modules/common/models.py", '"""x"""', "modules/common/models.py: `common` is the name of no job"),
    ("core/long.py", "#\n" * 200, "core/long.py: more than 200 lines"),
    ("core/function.py", LONG, "core/function.py: long has more than 25 lines"),
    ("core/log_f.py", LOGGING + '_log.info(f"{1} rows")', "core/log_f.py:3: a log message that is not a constant"),
    (
        "core/log_sum.py",
        LOGGING + '_log.error("a" + str(1))',
        "core/log_sum.py:3: a log message that is not a constant",
    ),
    ("core/log_name.py", LOGGING + "_log.warning(_log)", "core/log_name.py:3: a log message that is not a constant"),
    ("core/log_word.py", LOGGING + '_log.info("a", title="b")', f"core/log_word.py:3: `title` {log_fields.CURE}"),
    ("core/log_bound.py", LOGGING + '_log.bind(**{"a.b": 1})', f"core/log_bound.py:3: `a.b` {log_fields.CURE}"),
    ("core/log_dict.py", LOGGING + LOG_OF_DICT, f"core/log_dict.py:4: `email` {log_fields.CURE}"),
    ("core/log_later.py", LOGGING + LOG_OF_DICT, f"core/log_later.py:5: `q` {log_fields.CURE}"),
    ("core/log_made.py", LOGGING + LOG_OF_FUNCTION, f"core/log_made.py:4: `body` {log_fields.CURE}"),
    (
        "modules/common/repository.py",
        "raise ValueError('x')",
        f"modules/common/repository.py:1: ValueError {source_rules.A_500}",
    ),
    ("modules/common/router.py", "raise KeyError", f"modules/common/router.py:1: KeyError {source_rules.A_500}"),
    *[
        (path, text, f"{path}:1: production does not install {name}: {INSTALL}")
        for path, text, name in (
            ("core/calls.py", "import httpx", "httpx"),
            ("modules/common/calls.py", "def f() -> None: from yaml import load", "yaml"),
            ("modules/common/figures.py", "import prometheus_client.core", "prometheus_client"),
            ("modules/common/nowhere.py", "import no_such_package", "no_such_package"),
        )
    ],
    ("modules/auth/sql.py", "from sqlmodel import select", "modules/auth/sql.py: imports sqlmodel.select"),
    ("modules/tasks/more.py", "import modules.users.models", "modules/tasks/more.py: imports modules.users.models"),
    ("modules/gadgets/more.py", "from modules import users", "modules/gadgets/more.py: imports modules.users"),
    (
        "modules/gadgets/deep.py",
        "from core.resources.rows import Rows, maker",
        "modules/gadgets/deep.py: Rows is offered by core.resources",
    ),
    ("modules/auth/more.py", "from modules.users import models", "modules/auth/more.py: imports modules.users.models"),
]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """What the rules find in a copy in which all breaches were planted."""
    folder = copy_product(tmp_path_factory.mktemp("breaches"))
    for path, text, _ in SOURCE_BREACHES:
        plant(folder, path, text)
    return {breach for rule in source_rules.RULES for breach in rule(folder)}


@pytest.mark.parametrize("breach", [breach for _, _, breach in SOURCE_BREACHES])
def test_a_planted_breach_in_the_source_is_found(found: set[str], breach: str) -> None:
    assert breach in found


def test_nothing_is_found_where_nothing_was_planted(found: set[str]) -> None:
    planted = {Path(path).with_suffix("").as_posix() for path, _, _ in SOURCE_BREACHES}
    slices = {"modules/gadgets", "modules/common"}
    not_mounted = (
        "main.py: `from modules.gadgets import router as gadgets`",
        "main.py: `from modules.common",
    )
    assert [one for one in found if not one.startswith((*planted, *slices, *not_mounted))] == []


def test_a_slice_that_is_not_mounted_is_found(tmp_path: Path) -> None:
    plant(copy_product(tmp_path), "modules/gadgets/router.py", '"""Gadgets over HTTP."""')
    (told,) = mounts.slices_are_mounted(tmp_path)
    assert told.startswith("main.py: `from modules.gadgets import router as gadgets` is missing")
    replace(
        tmp_path,
        "main.py",
        "from modules.users import",
        "from modules.gadgets import router as gadgets\nfrom modules.users import",
    )
    (told,) = mounts.slices_are_mounted(tmp_path)
    assert told.startswith("main.py: gadgets.router is not among the routers")
    replace(tmp_path, "main.py", "        users.router,", "        gadgets.router,\n        users.router,")
    assert list(mounts.slices_are_mounted(tmp_path)) == []


def test_every_operation_is_reached(database: TestDatabase) -> None:
    assert list(mounts.operations_are_reached(create_app(make_settings(), database.proxied_url).router.routes)) == []


def test_an_operation_behind_another_is_found() -> None:
    router = private_router("gadgets", "/gadgets")
    for method, path in [("GET", "/{gadget_id}"), ("PUT", "/last"), ("GET", "/last"), ("GET", "/last/parts")]:
        router.add_api_route(path, lambda: None, methods=[method])
    (told,) = mounts.operations_are_reached(router.routes)
    assert told.startswith("GET /api/v1/gadgets/last is never reached: it stands behind /api/v1/gadgets/{gadget_id}, ")


def test_a_slice_without_one_of_its_files_is_found(tmp_path: Path) -> None:
    (copy_product(tmp_path) / "modules/tasks/schemas.py").unlink()
    assert list(source_rules.slices_have_the_agreed_files(tmp_path)) == ["modules/tasks: no schemas.py"]


BAD_TABLES = """
from typing import Any, ClassVar
from sqlalchemy import ForeignKey, ForeignKeyConstraint, Index, UniqueConstraint
from sqlmodel import Field, SQLModel
from core.resources.changes import ChangeTracked
from core.resources.models import OwnedTable, Versioned
from core.resources.schemas import InputModel

class Stray(SQLModel, table=True):
    __tablename__ = "strays"
    __table_args__: ClassVar[Any] = (
        Index("strays_by_name", "name"),
        UniqueConstraint("name", name="one_name"),
    )
    id: int = Field(primary_key=True)
    name: str
    user_id: str = Field(sa_column_args=[ForeignKey("users.id", name="to_user")])

class Late(SQLModel, table=True):
    __tablename__ = "lates"
    number: int = Field(primary_key=True)
    user_id: str = Field(
        sa_column_args=[ForeignKey("users.id", ondelete="CASCADE")],
        sa_column_kwargs={"info": {"owner_column": True}}, primary_key=True,
    )

class Silent(ChangeTracked, Versioned, OwnedTable, table=True):
    __tablename__ = "silents"
    __table_args__: ClassVar[Any] = (
        ForeignKeyConstraint(["user_id", "id"], ["tasks.user_id", "tasks.id"], "fk_silents_tasks", ondelete="CASCADE"),
    )

class Loose(SQLModel, table=True):
    __tablename__ = "looses"
    user_id: str = Field(sa_column_kwargs={"info": {"owner_column": True}}, primary_key=True)

class Wired(InputModel):
    number: int
"""
BAD_SCHEMAS = """
from pydantic import BaseModel
from modules.tasks.models import Late

class Open(InputModel, extra="ignore"):
    number: int

class Smuggling(InputModel):
    user_id: str

class Homeless(BaseModel):
    number: int

class LateRead(Late):
    pass
"""


def test_planted_breaches_in_tables_and_wire_are_found(tmp_path: Path) -> None:
    plant(copy_product(tmp_path), "modules/tasks/models.py", BAD_TABLES)
    plant(tmp_path, "modules/tasks/schemas.py", BAD_SCHEMAS)
    found = sorted(loaded_rules.breaches(tmp_path))
    of_columns = [one for one in found if "write Field(sa_type=Text)" in one]
    named = [one.split()[1].removesuffix(":") for one in of_columns]
    assert named == ["Stray.name", "Stray.user_id", "Late.user_id", "Loose.user_id"]
    assert all(one.startswith("modules/tasks/models.py:") for one in of_columns)
    assert [one for one in found if one not in of_columns] == [
        "lates: the primary key does not start with the owner",
        "looses: the owner's foreign key is not fk_looses_user_id_users",
        "modules.tasks.models.Wired: a wire class among the tables",
        "modules.tasks.schemas.Homeless: neither an InputModel nor an OutputModel",
        "modules.tasks.schemas.Homeless: takes unknown fields",
        "modules.tasks.schemas.LateRead: a table on the wire",
        "modules.tasks.schemas.Open: takes unknown fields",
        "modules.tasks.schemas.Smuggling: takes `user_id`",
        "silents: fk_silents_tasks is ON DELETE CASCADE, and the feed of changes would not tell: remove the rows in "
        "the repository first, in one transaction (`_together`)",
        "strays: fk is named to_user",
        "strays: ix is named strays_by_name",
        "strays: refers to a user and has no owner",
        "strays: to_user has no ON DELETE CASCADE",
        "strays: uq is named one_name",
    ]
