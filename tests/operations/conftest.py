"""Copies of the project for the commands that start a database of their own."""

from tests.end_to_end.conftest import project

__all__ = ["project"]
