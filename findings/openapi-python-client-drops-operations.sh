#!/usr/bin/env bash
# openapi-python-client 0.29.1 leaves a whole operation out of the client when one of its header parameters has a `const`,
# which OpenAPI 3.1 allows: it prints a warning and exits with 0, and the method is missed only where somebody calls it.
# With `enum: ["*"]`, which means the same, the operation is there. `--fail-on-warning` makes it exit with 1. Needs Python
# 3.11 with venv.
set -euo pipefail
VERSION=0.29.1
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check "openapi-python-client==$VERSION"
cat >run.py <<'PY'
import json, pathlib, subprocess


def generated(schema, *more):
    """Whether the operation is in the client, and what the generator said and returned."""
    header = {"name": "If-None-Match", "in": "header", "required": False, "schema": schema}
    put = {"operationId": "putThing", "tags": ["things"], "parameters": [header], "responses": {"204": {"description": "Done"}}}
    document = {"openapi": "3.1.0", "info": {"title": "Things", "version": "1"}, "paths": {"/thing": {"put": put}}}
    pathlib.Path("openapi.json").write_text(json.dumps(document))
    command = ["venv/bin/openapi-python-client", "generate", "--path", "openapi.json", "--overwrite", "--output-path", "client", *more]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    found = any(path.name == "put_thing.py" for path in pathlib.Path("client").rglob("*.py"))
    print(f"--- {schema} {' '.join(more)}: exit status {done.returncode}, operation there: {found}\n{done.stdout.strip()}")
    return found, done.returncode


const = generated({"type": "string", "const": "*"})
enum = generated({"type": "string", "enum": ["*"]})
strict = generated({"type": "string", "const": "*"}, "--fail-on-warning")
raise SystemExit((const, enum, strict[1]) != ((False, 0), (True, 0), 1))
PY
PATH="$folder/venv/bin:$PATH" venv/bin/python run.py
