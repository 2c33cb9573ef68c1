"""The API as `opentelemetry-instrument` runs it, in an environment of its own."""

from pathlib import Path

from tests.conftest import project_root
from tests.environments import installed


def install() -> Path:
    """Where the programs are of an environment that has what this project needs, and OpenTelemetry's packages."""
    listed = ("requirements.txt", "tests/compatibility/opentelemetry.txt")
    return installed("opentelemetry", *(project_root() / name for name in listed))


def program(programs: Path) -> list[str]:
    """What is run in place of `python main.py`."""
    return [str(programs / "opentelemetry-instrument"), str(programs / "python"), "main.py"]
