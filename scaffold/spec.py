"""What is known of a slice before a line of it is written."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from scaffold.fields import Field
from scaffold.names import Names


@dataclass(frozen=True)
class Spec:
    """The names of a slice, its fields, and the slice whose rows its own can be attached to, if there is one."""

    names: Names
    fields: tuple[Field, ...]
    related: Names | None = None

    @property
    def link(self) -> str:
        """The class of a link: `TaskLabel`."""
        return f"{self.related.row}{self.names.row}" if self.related else ""

    @property
    def links(self) -> str:
        """The table of links: `task_labels`."""
        return f"{self.related.singular}_{self.names.plural}" if self.related else ""

    def of_kind(self, *kinds: str) -> list[Field]:
        """The fields of these kinds."""
        return [field for field in self.fields if field.kind in kinds]

    def enum(self, field: Field) -> str:
        """The class of an enum's values."""
        return f"{self.names.row}{field.alias}"


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
