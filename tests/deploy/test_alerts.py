"""The alerts ask for figures that there are, by labels and values that they have."""

import re
from typing import Any

import pytest
import yaml

from core.metrics.families import FAMILIES
from core.problems import Problem
from tests.conftest import project_root

FOLDER = project_root() / "deploy" / "prometheus"
# What Prometheus itself makes.
OF_PROMETHEUS = {"up": ("job",)}
_SUFFIXES = {"histogram": ("_bucket", "_count", "_sum"), "summary": ("_count", "_sum")}
_SERIES = re.compile(r"\b([a-z_]+)\{([^}]*)\}|\b((?:http|db|todo)_[a-z_]+)\b")


def _rules() -> list[dict[str, Any]]:
    (group,) = yaml.safe_load((FOLDER / "alerts.yml").read_text())["groups"]
    rules: list[dict[str, Any]] = group["rules"]
    return rules


RULES = _rules()


def _known() -> dict[str, tuple[str, ...]]:
    """The names of the labels of each series."""
    found: dict[str, tuple[str, ...]] = dict(OF_PROMETHEUS)
    for name, family in FAMILIES.items():
        for suffix in _SUFFIXES.get(family.kind, ("",)):
            found[name + suffix] = family.labels + (("le",) if suffix == "_bucket" else ())
    return found


def unknown(expression: str) -> list[str]:
    """What an expression asks for that nobody tells."""
    known, found = _known(), []
    for name, labels, bare in _SERIES.findall(expression):
        if (name or bare) not in known:
            found.append(name or bare)
            continue
        found += [label for label in re.findall(r"(\w+)(?:=|!|=~|!~)", labels) if label not in known[name or bare]]
    return found


def test_there_are_seven() -> None:
    assert len({rule["alert"] for rule in RULES}) == 7
    for rule in RULES:
        assert set(rule) == {"alert", "expr", "for", "labels", "annotations"}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_each_asks_for_what_there_is(rule: dict[str, Any]) -> None:
    # The labels of `by` and `ignoring` are no series.
    expression = re.sub(r"(by|ignoring) \([a-z_, ]*\)|ignoring\(\w+\)", "", rule["expr"])
    assert _SERIES.findall(expression)
    assert unknown(expression) == []


def test_what_there_is_not_is_found() -> None:
    assert unknown('rate(http_server_requests_total[5m]) + todo_api_problems_total{kode="overloaded"}') == [
        "http_server_requests_total",
        "kode",
    ]


def test_the_code_in_an_annotation_is_one() -> None:
    assert "503 keys_unavailable" in RULES[-1]["annotations"]["description"]
    assert Problem.KEYS_UNAVAILABLE.code == "keys_unavailable"
