"""Holds docs/better-auth.md against the code: each reason that the log can give is in a table, each setting exists."""

import ast
import re
from pathlib import Path

import pytest

from core.config import Settings
from tests.conftest import project_root

ROOT = project_root()
DOCUMENT = (ROOT / "docs/better-auth.md").read_text()
ROWS = [line for line in DOCUMENT.splitlines() if line.startswith("|")]
# Settings of Better Auth itself that the document names.
THEIRS = {"BETTER_AUTH_SECRETS", "SSL_CERT_FILE"}


def reasons(path: Path) -> set[str]:
    """The constant reasons of the token errors that a file raises, or has raised for it."""
    calls = [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call)]
    words = {"TokenError": 0, "read_object": 1, "decode": 1}
    found = set()
    for call in calls:
        place = words.get(call.func.id) if isinstance(call.func, ast.Name) else None
        if place is not None:
            found |= {node.value for node in ast.walk(call.args[place]) if isinstance(node, ast.Constant)}
    return {reason for reason in found if isinstance(reason, str) and not reason.endswith("_")}


REASONS = sorted(set().union(*(reasons(path) for path in (ROOT / "core").rglob("*.py"))))


def test_there_are_reasons() -> None:
    assert {"audience_not_configured", "expired", "malformed_claims", "session_token", "unknown_key"} < set(REASONS)


@pytest.mark.parametrize("reason", REASONS)
def test_a_reason_has_its_row(reason: str) -> None:
    general = re.sub(r"^malformed_.*", "malformed_…", reason)
    assert any(f"`{name}`" in row.split("|")[1] for row in ROWS for name in (reason, general))


@pytest.mark.parametrize("setting", sorted(set(re.findall(r"`([A-Z]+(?:_[A-Z]+)+)[`=]", DOCUMENT)) - THEIRS))
def test_a_setting_exists(setting: str) -> None:
    assert setting.lower() in Settings.model_fields


@pytest.mark.parametrize(
    "reason",
    ["the status is 404 at", "the status is 429", "the response is too large", "this is not a JSON Web Key Set"],
)
def test_why_keys_were_not_fetched_has_its_row(reason: str) -> None:
    assert any(reason in row.split("|")[1] for row in ROWS)
