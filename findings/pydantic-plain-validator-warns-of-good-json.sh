#!/usr/bin/env bash
# pydantic 2.14.3: a field `Annotated[datetime, PlainValidator(read)]` holds a right datetime, and each time that it is
# written as JSON there is a warning that the value may not be as expected: "Expected `datetime`", of a text. The text is
# pydantic's own, made of the datetime a moment before, and is looked at as if it were the value; it is written as it
# should be. Of a date, a UUID and a Decimal the same; of a str and an int, whose JSON is of the same type, no warning.
# With BeforeValidator in its place, which validates what was read once more, there is none. Where warnings are errors
# (`python -W error`), nothing is written at all. Needs Python 3.11 with venv.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pydantic==2.14.3
cat >look.py <<'PY'
import warnings
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, PlainValidator, TypeAdapter

MOMENT = "2030-01-31T09:00:00+00:00"
ID = "0192f7a0-0000-7000-8000-00000000002a"
READERS = [(datetime, datetime.fromisoformat, MOMENT), (date, date.fromisoformat, "2030-01-31"), (UUID, UUID, ID)]
READERS += [(Decimal, Decimal, "1.50"), (str, str.strip, " a "), (int, int, "7")]


def written(kind: Any, text: str) -> tuple[str, bool]:
    """The JSON of the value, and whether a warning came with it."""
    adapter = TypeAdapter(kind)
    value = adapter.validate_python(text)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        return adapter.dump_json(value).decode(), any("Expected `" in str(one.message) for one in told)


for kind, read, text in READERS:
    plain, warned = written(Annotated[kind, PlainValidator(read)], text)
    before, warned_before = written(Annotated[kind, BeforeValidator(read)], text)
    print(f"{kind.__name__:9} {plain:40} PlainValidator warns: {warned!s:5}  BeforeValidator: {warned_before}")
    assert plain == before
    assert warned == (kind not in (str, int))
    assert not warned_before
PY
venv/bin/python look.py
