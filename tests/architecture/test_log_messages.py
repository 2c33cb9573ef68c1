"""Each message of the log is in the table of docs/operations.md, where operators look it up; a slice's own may lack."""

import ast
import re
from collections.abc import Iterator

from tests.architecture.log_fields import is_log_call
from tests.conftest import project_root

_ROW = re.compile(r"^\| `([^`]+)` \| [a-z0-9, ]+ \|", re.MULTILINE)


def _messages() -> Iterator[str]:
    folder = project_root()
    for path in (folder / "main.py", *(folder / "core").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if is_log_call(node) and node.args and isinstance(node.args[0], ast.Constant):
                yield str(node.args[0].value)


def test_operators_can_look_up_each_message() -> None:
    text = (project_root() / "docs" / "operations.md").read_text(encoding="utf-8")
    table = text.partition("## The log")[2].partition("## Questions to the log")[0]
    told, messages = set(_ROW.findall(table)), set(_messages())
    assert {"started", "slow statement"} <= messages
    assert messages - told == set()
