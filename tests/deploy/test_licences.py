"""Everything that production installs has a licence that is accepted, and one that is not would be seen."""

import pytest

from tests.conftest import project_root
from tests.deploy.licences import accepted, licence, listed, pinned


def test_everything_that_is_installed_has_an_accepted_licence() -> None:
    rows = list(listed(project_root() / "requirements.txt"))
    assert len(rows) > 30
    assert [row for row in rows if not accepted(row[2])] == []


def test_the_tests_tools_say_theirs_too() -> None:
    said = {name: licence(name) for name in pinned(project_root() / "requirements-local.txt")}
    assert "not said" not in said.values()


@pytest.mark.parametrize(
    ("expression", "good"),
    [
        ("MIT", True),
        ("Apache-2.0 OR BSD-3-Clause", True),
        ("MPL-2.0 AND (Apache-2.0 OR MIT)", True),
        ("AGPL-3.0-only", False),
        ("MIT AND GPL-3.0-or-later", False),
        ("not said", False),
        ("", False),
    ],
)
def test_a_licence_is_accepted_by_all_that_it_names(expression: str, good: bool) -> None:
    assert accepted(expression) is good
