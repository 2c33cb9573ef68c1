"""The commands of an operator as processes: with the settings that are given, and none of this machine's."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping

from tests.conftest import project_root


def settings_names() -> list[str]:
    """The variables of all settings."""
    return re.findall(r"^(?:# )?([A-Z_]+)=", (project_root() / ".env.example").read_text(), re.MULTILINE)


def environment(settings: Mapping[str, str]) -> dict[str, str]:
    """These settings, and of this machine's variables those that are none."""
    names = settings_names()
    return {**{name: value for name, value in os.environ.items() if name not in names}, **settings}


def run(command: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    """`python -m core.operations.…` to its end."""
    return subprocess.run(
        [sys.executable, "-m", f"core.operations.{command}"],
        cwd=project_root(),
        env=environment(settings),
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
