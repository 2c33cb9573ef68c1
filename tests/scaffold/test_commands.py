"""What the Makefile offers to who writes code here: each command does what it says, also in a fresh clone."""

import os
import re
import subprocess
import sys

import pytest

from tests.conftest import project_root
from tests.faults import packages
from tests.unmeasured import unmeasured

# Without what a make above this one says to those below.
_ENVIRONMENT = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}


def make(*arguments: str) -> "subprocess.CompletedProcess[str]":
    """What make says in the project's folder."""
    return subprocess.run(
        ["make", *arguments], cwd=project_root(), env=_ENVIRONMENT, capture_output=True, text=True, check=False
    )


def test_help_has_a_sentence_for_every_command() -> None:
    shown = dict(re.findall(r"^make ([a-z-]+) +(\S.*)$", make("help").stdout, re.MULTILINE))
    declared = re.findall(r"^\.PHONY: (.+)$", (project_root() / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    assert set(shown) == {name for line in declared for name in line.split()}
    assert [name for name, said in shown.items() if said.startswith("make ")] == [], "how it is typed, not what it does"


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ("tests/modules/tasks", "tests/modules/tasks"),
        ("tests", "tests"),
        ("tests/core/http tests/core/test_config.py", "tests/core/http tests/core/test_config.py"),
        ("tests/core/misspelt.py", "tests/core/misspelt.py"),
        ("tests/modules/tasks/test_list.py::test_a", '"tests/modules/tasks/test_list.py::test_a"'),
        ("tests/core/test_config.py::test_a[b c]", '"tests/core/test_config.py::test_a[b c]"'),
        ("tasks and not slow", '-k "tasks and not slow"'),
        ("walls", '-k "walls"'),
    ],
)
def test_one_test_is_named_by_its_path_or_a_word(given: str, passed: str) -> None:
    printed = make("--dry-run", "test", f"t={given}").stdout
    assert printed.splitlines()[-1].endswith(f" -m pytest {passed}")


def test_the_longest_files_come_first() -> None:
    asked = ("tests/core/test_strict_json.py", "tests/scaffold/test_names.py")
    command = (sys.executable, "-m", "pytest", "--collect-only", "-q", "-p", "no:cacheprovider", *asked)
    done = subprocess.run(command, cwd=project_root(), env=unmeasured(), capture_output=True, text=True, check=True)
    found = dict.fromkeys(line.partition("::")[0] for line in done.stdout.splitlines() if "::" in line)
    assert [*found] == [*reversed(asked)]


def test_a_program_that_is_missing_is_named_with_its_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(packages, "_PLACES", "")
    with pytest.raises(pytest.skip.Exception, match=r"etcd is needed\. On Debian: apt-get install etcd-server$"):
        packages.needed("etcd")


def test_a_benchmark_that_imports_from_tests_installs_their_tools() -> None:
    printed = {
        name: make("--dry-run", "--always-make", name).stdout for name in ("bench", "bench-scale", "bench-database")
    }
    installs = {name for name, text in printed.items() if "requirements-dev.txt" in text}
    assert installs == {name for name, text in printed.items() if _imports_from_tests(text)}


def _imports_from_tests(printed: str) -> bool:
    (program,) = re.findall(r"(benchmarks/\w+)/run\.py", printed)
    sources = [file for folder in (program, "benchmarks/shared") for file in (project_root() / folder).glob("*.py")]
    return any("\nfrom tests" in source.read_text(encoding="utf-8") for source in sources)
