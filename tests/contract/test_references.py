"""What the documents refer to is there: files, tests, headings, commands of make, and every requirement."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import project_root
from tests.unmeasured import unmeasured

ROOT = project_root()
DOCUMENTS = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("examples/*/README.md")])
REQUIREMENTS = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
ASKED = [
    *(f"FR-{n:03}" for n in range(1, 13)),
    *(f"SC-{n:03}" for n in range(1, 11)),
    *(f"Story {story}.{n}" for story, n in [(1, 1), (1, 2), (1, 3), (2, 1), (2, 2), (2, 3), (2, 4)]),
    *(f"Story {story}.{n}" for story in (3, 4) for n in (1, 2, 3)),
]
_EDGES = 5
# The slices that CONTRIBUTING.md and the tutorial make.
_EXAMPLE = re.compile("modules/(memos|habits)|_habits")
# A file of tests by its name alone, as behind another one of the same folder.
_TEST_FILE = re.compile(r"(?<![\w/])test_\w+\.py")
# Files of the repository in running text and in commands: a folder that it has, and what is below it.
_FILE = re.compile(
    r"(?<![\w/.-])((?:core|modules|tests|benchmarks|docs|alembic|examples|scaffold)(?:/[\w*.-]*[\w*-])+/?)(?:::(\w+))?"
)
# A module that is run.
_MODULE = re.compile(r"-m ((?:core|tests|benchmarks|scaffold)(?:\.\w+)+)")


def test_the_documents_are_found() -> None:
    names = {path.relative_to(ROOT).as_posix() for path in DOCUMENTS}
    assert {"README.md", "CONTRIBUTING.md", "docs/architecture.md", "docs/requirements.md"} <= names


def test_the_readme_stays_within_a_screen_and_a_half() -> None:
    """But for the picture, which grows with the slices."""
    text = re.sub(
        r"<!-- picture.*?picture: end -->", "", (ROOT / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL
    )
    assert len(text.splitlines()) <= 81


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_what_a_document_refers_to_is_there(document: Path) -> None:
    assert missing(document.read_text(encoding="utf-8"), document.parent) == []


def test_every_picture_is_in_a_document() -> None:
    """Also where a command has put it somewhere else than where documents look for it."""
    links = [
        (path.parent, re.findall(r"\]\((\S+\.(?:png|svg))\)", path.read_text(encoding="utf-8"))) for path in DOCUMENTS
    ]
    shown = {(folder / link).resolve() for folder, found in links for link in found}
    listed = ("git", "ls-files", "--cached", "--others", "--exclude-standard", "*.png", "docs/*.svg")
    names = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    assert names
    assert [name for name in names if ROOT / name not in shown] == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("[a](nowhere.md)", ["nowhere.md"]),
        ("[a](docs/settings.md#nothing)", ["docs/settings.md#nothing"]),
        ("[a](docs/settings.md#in-production) [b](#contributing)", ["#contributing"]),
        ("run `make nothing` or `make check`", ["make nothing"]),
        ("```\nmake nonsense   # x\n```\nmake sense", ["make nonsense"]),
        (
            "see `core/nothing.py`, core/http/routing.py and modules/*/router.py, core/*/none.py.",
            ["core/nothing.py", "core/*/none.py"],
        ),
        ("`tests/core/test_health.py::test_nothing`", ["tests/core/test_health.py::test_nothing"]),
        ("`tests/core/test_health.py`, `test_config.py`, `test_nothing.py`", ["test_nothing.py"]),
        ("`python -m core.operations.doctor`, `python -m benchmarks.nothing`", ["-m benchmarks.nothing"]),
        ("https://example.com/docs/x.md and [c](https://example.com/)", []),
    ],
)
def test_what_is_not_there_is_found(text: str, found: list[str]) -> None:
    assert missing(text, ROOT) == found


@pytest.mark.parametrize("asked", ASKED)
def test_every_requirement_has_its_row(asked: str) -> None:
    assert REQUIREMENTS.count(f"| {asked} ") == 1


def test_every_requirement_has_a_place_and_a_test() -> None:
    rows = [line.strip("|").split("|") for line in REQUIREMENTS.splitlines() if line.startswith("| ")][1:]
    assert len(rows) == len(ASKED) + _EDGES
    assert [row[0] for row in rows if len(row) != 3 or not all(cell.strip() for cell in row) or "`" not in row[2]] == []


def test_the_last_column_is_what_pytest_takes() -> None:
    """Copied as it stands, without a word between; tests are found by each of its paths."""
    cells = re.findall(r"\| ([^|]*) \|$", REQUIREMENTS, re.MULTILINE)[1:]
    assert [cell for cell in cells if not re.fullmatch(r"`tests/\S+( tests/\S+)*`", cell)] == []
    paths = sorted({path for cell in cells for path in cell.strip("`").split(" ")})
    command = (sys.executable, "-m", "pytest", "--collect-only", "-qq", *paths)
    done = subprocess.run(command, cwd=ROOT, env=unmeasured(), capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert {path.split("::")[0] for path in paths} <= set(re.findall(r"^(tests/[^:]+):", done.stdout, re.MULTILINE))


def missing(text: str, folder: Path) -> list[str]:
    """The links, files, tests and commands in `text` that there are not. `folder` is where its links begin."""
    links = [link for link in re.findall(r"\]\(([^)\s]+)\)", text) if "://" not in link]
    fenced = "\n".join(re.findall(r"^```.*?^```", text, re.MULTILINE | re.DOTALL))
    commands = re.findall(r"`make ([a-z][\w-]*)", text) + re.findall(r"^make ([a-z][\w-]*)", fenced, re.MULTILINE)
    targets = re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    plain = re.sub(r"\]\([^)\s]+\)|https?://\S+", "]", text)
    named = [(path, test) for path, test in _FILE.findall(plain) if not _EXAMPLE.search(path)]
    files = [(path, test) for path, test in named if not _is_there(path, test)]
    tests = [name for name in _TEST_FILE.findall(plain) if not _EXAMPLE.search(name)]
    return [
        *(link for link in links if not _leads(link, text, folder)),
        *(f"make {command}" for command in commands if command not in targets),
        *(f"{path}::{test}" if test else path for path, test in files),
        *(f"-m {name}" for name in _MODULE.findall(plain) if not (ROOT / f"{name.replace('.', '/')}.py").exists()),
        *(name for name in tests if not list(ROOT.glob(f"tests/**/{name}"))),
    ]


def _leads(link: str, text: str, folder: Path) -> bool:
    path, _, heading = link.partition("#")
    if path and not (folder / path).exists():
        return False
    return not heading or heading in _headings((folder / path).read_text(encoding="utf-8") if path else text)


def _headings(text: str) -> list[str]:
    """The headings as GitHub names them in links."""
    found = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in found]


def _is_there(path: str, test: str) -> bool:
    found = list(ROOT.glob(path.rstrip("/")))
    return bool(found) and (not test or f"def {test}(" in found[0].read_text(encoding="utf-8"))
