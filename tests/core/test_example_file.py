"""`.env.example` is in the repository for all to read: it holds no secret, and who puts one there is told the line."""

import re
from collections.abc import Iterator

import pytest

from tests.conftest import project_root

# What stands for a secret: an unset value, make's placeholder, the words of a URL that is an example.
_STANDS_FOR = {"", "placeholder-that-make-run-replaces", "password"}
_VALUE = re.compile(r"^(?:# ?)?\w*(?:SECRET|PASSWORD|TOKEN|API_KEY)(?:_PREVIOUS)?=(.*)$")
_IN_URL = re.compile(r"://[^/\s:@]*:([^/\s@]*)@")
# Of letters and digits, as nobody writes words.
_RANDOM = re.compile(r"(?=[\w+-]*\d)(?=[\w+-]*[A-Za-z])[\w+-]{20,}")


def secrets_in(text: str) -> Iterator[str]:
    """A sentence for each line of the file that holds one, in a comment too."""
    for number, line in enumerate(text.splitlines(), start=1):
        found = [*_VALUE.findall(line), *_IN_URL.findall(line), *_RANDOM.findall(line)]
        if any(one.strip() not in _STANDS_FOR for one in found):
            yield f".env.example:{number}: a secret that everybody can read: it belongs into .env, and a new one"


def test_the_example_holds_no_secret() -> None:
    assert list(secrets_in((project_root() / ".env.example").read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize(
    "line",
    [
        "BETTER_AUTH_SECRET=4d1f8a09c2b7e3561f90ab8d7c6e5f42",
        "# BETTER_AUTH_SECRET_PREVIOUS=short",
        "DATABASE_URL=postgresql://owner:hunter2@db.example.com/todo",
        "# for instance postgresql://owner:npg_x@db.example.com/todo",
        "# The key of the pipeline: kq7_16C7e42F292c6912E771",
    ],
)
def test_a_secret_in_the_example_is_named_by_its_line(line: str) -> None:
    lines = (project_root() / ".env.example").read_text(encoding="utf-8").splitlines()
    (told,) = secrets_in("\n".join([*lines[:7], line, *lines[7:]]))
    assert told.startswith(".env.example:8: a secret")
