"""Columns as plain SQLModel makes them: each that would be stored wrongly is named with its cure, no other one is."""

import re
from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import DateTime, Text
from sqlalchemy.orm import registry
from sqlmodel import Field, SQLModel

from core.database.column_rules import complaints
from tests.conftest import project_root

OWN = registry()


class Color(StrEnum):
    RED = "red"


class Stamped(SQLModel):
    seen_at: datetime


class Habit(SQLModel, registry=OWN):
    """The registry of all tables of this file."""


class Plain(Stamped, Habit, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    nick: str | None = Field(max_length=20)
    color: Color
    due_at: datetime | None
    naive_at: datetime = Field(sa_type=DateTime)
    told: str = Field(sa_type=Text)
    done_at: datetime = Field(sa_type=DateTime(timezone=True))
    size: int
    weight: float
    open: bool
    day: date


def test_each_column_that_is_not_what_it_seems_is_named_with_its_cure() -> None:
    source = (project_root() / "tests/core/database/test_column_rules.py").read_text(encoding="utf-8").splitlines()
    expected = {
        "Stamped.seen_at": "Field(sa_type=TIMESTAMP)",
        "Plain.name": "Field(sa_type=Text)",
        "Plain.nick": "Field(sa_type=Text)",
        "Plain.color": "a CheckConstraint with the values",
        "Plain.naive_at": "Field(sa_type=TIMESTAMP)",
        "Plain.due_at": "Field(sa_type=TIMESTAMP)",
    }
    told = list(complaints(OWN))
    assert len(told) == len(expected)
    for (field, cure), one in zip(sorted(expected.items()), sorted(told, key=lambda one: one.split()[1]), strict=True):
        found = re.fullmatch(r"tests/core/database/test_column_rules\.py:(\d+): ([\w.]+): (.*)\.", one)
        assert found is not None
        assert source[int(found[1]) - 1].startswith(f"    {field.split('.')[1]}: ")
        assert found[2] == field
        assert cure in found[3]


def test_the_product_has_none() -> None:
    assert list(complaints()) == []
