# The project's commands. `make run` serves, `make quick` while you write, `make check` before you push.

PYTHON ?= python3
BIN = .venv/bin
RUNTIME = .venv/.runtime
DEV = .venv/.dev
BENCH = .venv/.bench
SOURCES = main.py core modules alembic tests benchmarks scaffold

.PHONY: run example test test-better-auth test-faults test-compatibility test-offline check-clients client-types check-web pictures quick check format lint types contracts docs lock move-schema
.PHONY: doctor sweep log-queries bench bench-scale bench-database slice remove-slice check-slices

# Migrates and serves, with settings from .env and an embedded PostgreSQL where they name none.
run: $(RUNTIME) .env
	$(BIN)/python -m alembic upgrade head
	$(BIN)/python main.py

# Serves examples/web with all that it stands on, and prints one address: Node.js 20.19 or newer and npm. PORT=5174
# chooses another one than 5173.
example: $(RUNTIME) .env
	@$(BIN)/python -m alembic upgrade head
	@exec $(BIN)/python -m scaffold.example

# What follows is for who writes code here.
.PHONY: help install dev migration psql

# Migrates and serves, and starts again when a file of the product changes.
dev: $(RUNTIME) .env
	$(BIN)/python -m alembic upgrade head
	@exec $(BIN)/python -m scaffold.dev

# Lists the commands.
help:
	@awk '/^# / { said = said (said ? " " : "") substr($$0, 3); next } \
		/^[a-z][a-z-]*:/ { sub(/\. .*|\.$$/, "", said); printf "make %-19s %s\n", substr($$1, 1, index($$1, ":") - 1), said } \
		{ said = "" }' $(firstword $(MAKEFILE_LIST))

# Sets up everything in .venv, and .env with a secret of its own.
install: $(DEV) .env

# Writes the migration of what was changed in the models: make migration m="labels have a color". Needs no database.
migration: $(DEV)
	@$(BIN)/python -m scaffold.migration "$(m)"

# Opens PostgreSQL's client on the database of the settings.
psql: $(RUNTIME) .env
	@$(BIN)/python -m scaffold.psql

# Moves the tables of a database that was made before they had a schema of their own. The API may go on meanwhile.
move-schema: $(RUNTIME) .env
	$(BIN)/python -m core.database.move_schema

# For `make test`: in several processes, each with a PostgreSQL of its own.
JOBS ?= 4
# In the order of their names: the last ones, of the slices, are short, so that all processes end at about one time.
BY_FILE = --dist=loadfile --no-loadscope-reorder

# Says in a line for each thing whether the deployment of these settings would work, and which variable to set where not.
# TOKEN=... is verified; URL=https://... is where clients reach the API.
doctor: $(RUNTIME) .env
	@TOKEN='$(TOKEN)' URL='$(URL)' $(BIN)/python -m core.operations.doctor

# Removes old idempotency keys and deletions of people who do not come back: once a day, by cron, where that matters.
sweep: $(RUNTIME) .env
	@$(BIN)/python -m core.operations.sweep

# Runs all tests; make test t=tests/modules/tasks those of a folder, make test t="tasks and not slow" those of a name.
test: $(DEV)
ifdef t
	$(BIN)/python -m pytest $(if $(wildcard $(firstword $(subst ::, ,$(t)))),"$(t)",-k "$(t)")
else
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest --numprocesses=$(JOBS) $(BY_FILE)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report
endif

# Runs whatever has to be green before you push: format, lint, types, import contracts and all tests.
check: lint types contracts test

# Runs what is broken most often, in half a minute: the rules, the contract and the slices, but for what is marked slow.
quick: lint types contracts
	$(BIN)/python -m pytest --quiet --numprocesses=2 $(BY_FILE) -m "not slow" \
		tests/architecture tests/contract tests/modules

# Better Auth and Drizzle themselves, in a minute or two: Node.js 20 or newer and npm are needed.
test-better-auth: $(DEV)
	$(BIN)/python -m pytest tests/better_auth --numprocesses=2 $(BY_FILE)

# For `make test-faults`: 600 makes the soak ten minutes long.
SOAK ?= 180

# PostgreSQL, PgBouncer and nginx at their worst, under load, in about ten minutes; writes the tables of
# docs/reliability.md.
test-faults: $(DEV)
	$(BIN)/python -m tests.faults.packages
	$(BIN)/python -m pytest tests/faults --verbose --maxfail=5 --soak=$(SOAK)

# Real clients, proxies and Better Auth servers, in some minutes; writes the table of docs/compatibility.md. SMALL=1
# repeats less and writes nothing.
test-compatibility: $(DEV)
	$(BIN)/python -m tests.compatibility.run $(if $(SMALL),--small)

SEEDS ?= 25

# TanStack DB's offline transactions in two tabs, before the API a proxy that cuts, delays and repeats by a seed: Node.js 20
# or newer and npm. SEED=17 replays one schedule; SEEDS=1000 writes the figures of docs/offline.md.
test-offline: $(DEV)
	$(BIN)/python -m pytest tests/offline --seeds=$(SEEDS) $(if $(SEED),--seed=$(SEED) -k ends_as)

# The generators that frontends use, on docs/openapi.json, and clients/typescript: compiled strictly, and run against the
# API. Node.js 20 or newer and npm.
check-clients: $(DEV)
	$(BIN)/python -m pytest tests/clients

# examples/web in Chromium, whole: people, tabs, trouble, looks, on one origin and on two. Node.js 20.19 or newer, npm and
# Chromium, which is installed where that is possible; in two or three minutes.
check-web: $(DEV)
	@-$(BIN)/python -m tests.faults.packages chromium
	$(BIN)/python -m pytest tests/web -rP --numprocesses=2 $(BY_FILE)

# Writes the pictures of docs/frontend.md anew.
pictures: $(DEV)
	$(BIN)/python -m pytest tests/web/test_looks.py -k accessible --pictures=docs/images

# Writes the types of clients/typescript anew, after docs/openapi.json has changed.
client-types: $(DEV)
	$(BIN)/python -m tests.clients.workplace

# Looks at format and style.
lint: $(DEV)
	$(BIN)/python -m ruff format --check $(SOURCES)
	$(BIN)/python -m ruff check $(SOURCES)

# Mends format, and what lint can mend.
format: $(DEV)
	$(BIN)/python -m ruff format $(SOURCES)
	$(BIN)/python -m ruff check --fix $(SOURCES)

# Looks at the types.
types: $(DEV)
	$(BIN)/python -m mypy

# Looks at who imports whom.
contracts: $(DEV)
	$(BIN)/lint-imports

# Writes docs/openapi.json anew, and what other documents say of the code, after a change that is meant.
docs: $(DEV)
	$(BIN)/python -m tests.contract.write_documents

# Asks the questions of docs/operations.md of the real jq and lnav, and writes both there.
log-queries: $(DEV)
	$(BIN)/python -m tests.operations.log_queries

# make slice name=labels fields="name:text80! color:text20 archived:bool due_at:time? kind:enum(plain,checklist)"
# relation=tasks, too, where a label can be attached to tasks; singular=… where it is not the plural without its s.
slice: $(DEV)
	@$(BIN)/python -m scaffold.make --name="$(name)" --fields="$(fields)" --singular="$(singular)" --relation="$(relation)"

# make remove-slice name=labels; force=yes where its table has rows.
remove-slice: $(DEV)
	@$(BIN)/python -m scaffold.remove --name="$(name)" $(if $(force),--force)

# Makes slices in copies of the project, uses and removes them, in some ten minutes; SMALL=1 one of them, in two.
check-slices: $(DEV)
	$(BIN)/python -m scaffold.check $(if $(SMALL),--small)

# Compares this API with others, and loads it with twice too much; writes docs/performance.md. About ten minutes.
bench: $(BENCH)
	$(BIN)/python -m benchmarks.packages wrk h2load
	PYTHONPATH=benchmarks/shared $(BIN)/python benchmarks/backends/run.py

# The same API on ten million tasks; writes its table into docs/performance.md. Some minutes, and 8 GB of disk.
bench-scale: $(BENCH)
	PYTHONPATH=benchmarks/shared $(BIN)/python benchmarks/scale/run.py

# Compares the ways to the database, and the application on it, with Litestar on asyncpg. Takes some minutes.
bench-database: $(BENCH)
	$(BIN)/python -m benchmarks.packages wrk
	PYTHONPATH=benchmarks/shared $(BIN)/python benchmarks/database_path/run.py

# Resolves the dependencies of pyproject.toml anew, by hash and without the name of an index.
lock: $(DEV)
	$(BIN)/uv pip compile pyproject.toml $(LOCK) -o requirements.txt
	$(BIN)/uv pip compile pyproject.toml $(LOCK) --extra dev -c requirements.txt -o requirements-dev.txt
	$(BIN)/uv pip compile benchmarks/requirements.in requirements.txt $(LOCK) -o benchmarks/requirements.txt
	$(BIN)/uv pip compile tests/compatibility/opentelemetry.in -c requirements.txt $(LOCK) -o tests/compatibility/opentelemetry.txt
	$(BIN)/uv pip compile tests/clients/openapi-python-client.in -c requirements-dev.txt $(LOCK) -o tests/clients/openapi-python-client.txt

LOCK = --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links

# Debian keeps a part of Python's venv in a package of its own.
INSTALL_VENV = test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
	&& apt-get update -qq && apt-get install -qq -y python3-venv >/dev/null

.venv:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))' \
		|| { echo "Python 3.11, 3.12 or 3.13 is needed: make PYTHON=python3.11 run" >&2; exit 1; }
	@$(PYTHON) -m venv .venv >/dev/null || { rm -rf .venv; $(INSTALL_VENV) && $(PYTHON) -m venv .venv; } || { rm -rf .venv; \
		echo "Python's venv module is incomplete here. On Debian: apt-get install python3-venv" >&2; exit 1; }

$(RUNTIME): requirements.txt | .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@touch $@

$(DEV): requirements-dev.txt $(RUNTIME)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

$(BENCH): benchmarks/requirements.txt $(RUNTIME)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/requirements.txt
	@touch $@

.env: .env.example
	@if [ -e .env ]; then touch .env; else umask 077 && sed "s/^BETTER_AUTH_SECRET=.*/BETTER_AUTH_SECRET=$$( \
		$(PYTHON) -c 'import secrets; print(secrets.token_hex(32))')/" .env.example > .env; fi
