"""Holds the README against the repository: every file that it names is there, and every test."""

import re

import pytest

from tests.conftest import project_root

ROOT = project_root()
README = (ROOT / "README.md").read_text()
REFERENCES = sorted(set(re.findall(r"`((?:tests|benchmarks|docs)/[\w./]+(?:::\w+)?)`", README)))
LINKS = sorted(set(re.findall(r"\]\(([^)#:]+)\)", README)))
REQUIREMENTS = [f"FR-{n:03}" for n in range(1, 13)] + [f"SC-{n:03}" for n in range(1, 11)]


@pytest.mark.parametrize("reference", REFERENCES)
def test_what_shows_a_requirement_exists(reference: str) -> None:
    path, _, test = reference.partition("::")
    assert (ROOT / path).exists()
    if test:
        assert f"def {test}(" in (ROOT / path).read_text()


@pytest.mark.parametrize("link", LINKS)
def test_a_link_leads_somewhere(link: str) -> None:
    assert (ROOT / link).exists()


@pytest.mark.parametrize("requirement", REQUIREMENTS)
def test_every_requirement_has_its_row(requirement: str) -> None:
    assert README.count(f"| {requirement} ") == 1
