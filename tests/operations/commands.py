"""The commands of an operator as processes: with the settings that are given, and none of this machine's."""

import os
import re
import subprocess
import sys

from tests.conftest import project_root


def settings_names() -> list[str]:
    """The variables of all settings."""
    return re.findall(r"^(?:# )?([A-Z_]+)=", (project_root() / ".env.example").read_text(), re.MULTILINE)


def run(command: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """`python -m core.operations.…` to its end."""
    names = settings_names()
    kept = {name: value for name, value in os.environ.items() if name not in names}
    return subprocess.run(
        [sys.executable, "-m", f"core.operations.{command}"],
        cwd=project_root(),
        env={**kept, **settings},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
