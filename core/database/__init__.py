"""The way to PostgreSQL: what a repository of a slice writes its own statements with."""

from core.database.limits import found_once
from core.database.ownership import OWNER
from core.database.statements import prepared, statement

__all__ = ["OWNER", "found_once", "prepared", "statement"]
