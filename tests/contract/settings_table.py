"""The table of settings: name, kind and default from `core.config.Settings`, what it is for from `.env.example`."""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from core.config import Settings

_NAMED = re.compile(r"^(?:# )?([A-Z][A-Z_]+)=", re.MULTILINE)
_KINDS = {"string": "text", "integer": "whole number", "number": "number", "boolean": "`true` or `false`"}
_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "more than",
    "maximum": "at most",
    "exclusiveMaximum": "less than",
}


def settings_table(example: Path) -> str:
    """A row for each paragraph of `example`, in its order. Fails for a setting that one side knows alone."""
    described = Settings.model_json_schema()["properties"]
    lines = ["| setting | kind | default | what it is for |", "|---|---|---|---|"]
    paragraphs = list(_paragraphs(example.read_text(encoding="utf-8")))
    told = {name.lower() for names, _ in paragraphs for name in names}
    assert told == set(described), f"{sorted(told ^ set(described))}: not in both Settings and .env.example"
    for names, text in paragraphs:
        fields = [described[name.lower()] for name in names]
        cells = [[f"`{name}`" for name in names], [*map(_kind, fields)], [*map(_default, fields)], [text]]
        lines.append(f"| {' | '.join('<br>'.join(cell).replace('|', '&#124;') for cell in cells)} |")
    return "\n".join(lines)


def _paragraphs(text: str) -> Iterator[tuple[list[str], str]]:
    """The names of the settings of each paragraph, and the comment above them."""
    for paragraph in text.split("\n\n"):
        if names := _NAMED.findall(paragraph):
            comment = _NAMED.split(paragraph)[0]
            yield names, " ".join(line.removeprefix("#").strip() for line in comment.splitlines()).strip()


def _kind(field: Mapping[str, Any]) -> str:
    one: Mapping[str, Any] = next((kind for kind in field.get("anyOf", []) if kind["type"] != "null"), field)
    if "enum" in one:
        return " or ".join(f"`{value}`" for value in one["enum"])
    if one["type"] == "array":
        return "texts, separated by commas"
    kind = "secret text" if one.get("format") == "password" else _KINDS[one["type"]]
    return ", ".join([kind, *(f"{word} {one[bound]:g}" for bound, word in _BOUNDS.items() if bound in one)])


def _default(field: Mapping[str, Any]) -> str:
    value = field.get("default")
    if value in (None, [], ""):
        return "unset"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"
