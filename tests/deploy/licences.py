"""The licences of all that is installed in production, as packages say them: `python -m tests.deploy.licences`."""

import re
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

from tests.conftest import project_root

# By which what we ship may be in anybody's service and image: no source of theirs need be published.
ACCEPTED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "MIT-0",
    "PSF-2.0",
    "Unlicense",
    # These two ask for the source of what was changed of the library itself: we change nothing of psycopg2 and orjson.
    "LGPL-3.0-or-later",
    "MPL-2.0",
}
# What packages wrote before there were expressions (PEP 639).
_NAMES = {
    "Apache": "Apache-2.0",
    "Apache 2.0": "Apache-2.0",
    "Apache License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "Apache Software License": "Apache-2.0",
    "BSD": "BSD-3-Clause",
    "BSD License": "BSD-3-Clause",
    "GNU Library or Lesser General Public License (LGPL)": "LGPL-3.0-or-later",
    "ISC License (ISCL)": "ISC",
    "LGPL with exceptions": "LGPL-3.0-or-later",
    "MIT License": "MIT",
    "PSF": "PSF-2.0",
    "Python Software Foundation License": "PSF-2.0",
}


def pinned(path: Path) -> list[str]:
    """The names of the packages of a file of requirements."""
    return re.findall(r"^([\w.-]+)==", path.read_text(encoding="utf-8"), re.MULTILINE)


def licence(name: str) -> str:
    """The licence of an installed package as an expression of SPDX, or in its own words where it has none."""
    found = metadata.metadata(name)
    said = next((one for key in ("License-Expression", "License") for one in found.get_all(key, [])), "")
    if not said or "\n" in said or len(said) > 60:
        classes = [one.rsplit(" :: ", 1)[1] for one in found.get_all("Classifier", []) if one.startswith("License ::")]
        said = " OR ".join(_NAMES.get(one, one) for one in classes) or "not said"
    return _NAMES.get(said, said)


def accepted(expression: str) -> bool:
    """Whether all that it names is accepted, alternatives too."""
    named = [one for one in re.findall(r"[\w.-]+", expression) if one not in ("AND", "OR", "WITH")]
    return bool(named) and all(one in ACCEPTED for one in named)


def listed(path: Path) -> Iterator[tuple[str, str, str]]:
    """Name, version and licence of each package of a file of requirements."""
    for name in pinned(path):
        yield name, metadata.version(name), licence(name)


def main() -> None:
    """Prints them; ends with status 1 where one is not accepted."""
    rows = list(listed(project_root() / "requirements.txt"))
    for name, version, found in rows:
        print(f"{name:26}{version:12}{found}")  # noqa: T201
    if bad := [name for name, _, found in rows if not accepted(found)]:
        sys.exit(f"Not accepted, or not said: {', '.join(bad)}")


if __name__ == "__main__":
    main()
