"""What the text of a file is put together of: templates with places, lines of imports, lists of words."""

import re
from collections.abc import Mapping
from pathlib import Path


def template(name: str) -> str:
    """A text with places such as `<noun>`."""
    return (Path(__file__).parent / "templates" / f"{name}.txt").read_text(encoding="utf-8")


def filled(text: str, values: Mapping[str, str]) -> str:
    """A template with its places filled."""
    return re.sub(r"<(\w+)>", lambda place: values[place[1]], text)


def imports(*lines: tuple[str, list[str]]) -> str:
    """Import lines of those modules of which something is used; a name may be there several times."""
    return "\n".join(f"from {module} import {', '.join(sorted(set(names)))}" for module, names in lines if names)


def listed(words: list[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return " and ".join([*([", ".join(words[:-1])] if len(words) > 1 else []), *words[-1:]])
