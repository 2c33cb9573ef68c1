#!/usr/bin/env bash
# Until 1972 Liberia's clock was 44 minutes and 30 seconds behind UTC, and before 1900 most zones had seconds; Python's
# datetime and zoneinfo know them, and `isoformat` writes them. RFC 3339 has no place for them. orjson 3.13.0 rounds such
# an offset to the minute, pydantic 2.14.3 cuts it off, and both leave the clock as it was: what is read back is another
# moment, by half a minute, once later and once earlier, without an error. With OPT_UTC_Z it is the same.
# A time that was made UTC before it is written keeps its moment. Needs Python 3.11 with venv.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pydantic==2.14.3 orjson==3.13.0 tzdata==2025.2
cat >look.py <<'PY'
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import orjson
from pydantic import TypeAdapter

adapter = TypeAdapter(datetime)
moment = datetime(1971, 1, 1, 12, tzinfo=ZoneInfo("Africa/Monrovia"))
assert moment.utcoffset() == -timedelta(minutes=44, seconds=30)
assert datetime.fromisoformat(moment.isoformat()) == moment
print("isoformat", moment.isoformat())
for name, dumps, moved in (
    ("orjson", orjson.dumps, 30),
    ("orjson, OPT_UTC_Z", lambda value: orjson.dumps(value, option=orjson.OPT_UTC_Z), 30),
    ("pydantic", adapter.dump_json, -30),
):
    text = dumps(moment).decode().strip('"')
    found = datetime.fromisoformat(text) - moment
    print(f"{name:18} {text}  moved by {found.total_seconds():+.0f} s")
    assert found == timedelta(seconds=moved), found
    assert datetime.fromisoformat(dumps(moment.astimezone(UTC)).decode().strip('"')) == moment
PY
venv/bin/python look.py
