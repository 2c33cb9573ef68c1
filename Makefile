# The project's commands. `make run` serves, `make quick` while you write, `make check` before you push.

PYTHON ?= python3
BIN = .venv/bin
RUNTIME = .venv/.runtime
DEV = .venv/.dev
BENCH = .venv/.bench
SOURCES = main.py core modules alembic tests benchmarks

.PHONY: run test test-better-auth test-faults test-compatibility test-offline quick check format lint types contracts docs lock move-schema
.PHONY: doctor sweep log-queries bench bench-scale bench-database

run: $(RUNTIME) .env
	$(BIN)/python -m alembic upgrade head
	$(BIN)/python main.py

# Moves the tables of a database that was made before they had a schema of their own. The API may go on meanwhile.
move-schema: $(RUNTIME) .env
	$(BIN)/python -m core.database.move_schema

# In several processes, each with a PostgreSQL of its own. One test: .venv/bin/python -m pytest PATH -k NAME
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

# Python is all that it takes.
test: $(DEV)
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest --numprocesses=$(JOBS) $(BY_FILE)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report

check: lint types contracts test

# What is broken most often, in some twenty seconds: the rules, the contract and the slices, but for what is marked slow.
quick: lint types contracts
	$(BIN)/python -m pytest --quiet --numprocesses=2 $(BY_FILE) -m "not slow" \
		tests/architecture tests/contract tests/modules

# Better Auth and Drizzle themselves, in a minute or two: Node.js 20 or newer and npm are needed.
test-better-auth: $(DEV)
	$(BIN)/python -m pytest tests/better_auth --numprocesses=2 $(BY_FILE)

# PostgreSQL, PgBouncer and nginx at their worst, under load, in about ten minutes; writes the tables of
# docs/reliability.md. SOAK=600 makes the soak ten minutes long.
SOAK ?= 180

test-faults: $(DEV)
	$(BIN)/python -m tests.faults.packages
	$(BIN)/python -m pytest tests/faults --verbose --maxfail=5 --soak=$(SOAK)

# Real clients, proxies and Better Auth servers, in some minutes; writes the table of docs/compatibility.md. SMALL=1
# repeats less and writes nothing.
test-compatibility: $(DEV)
	$(BIN)/python -m tests.compatibility.run $(if $(SMALL),--small)

# TanStack DB's offline transactions in two tabs, before the API a proxy that cuts, delays and repeats by a seed: Node.js 20
# or newer and npm. SEED=17 replays one schedule; SEEDS=1000 writes the figures of docs/offline.md.
SEEDS ?= 25

test-offline: $(DEV)
	$(BIN)/python -m pytest tests/offline --seeds=$(SEEDS) $(if $(SEED),--seed=$(SEED) -k ends_as)

lint: $(DEV)
	$(BIN)/python -m ruff format --check $(SOURCES)
	$(BIN)/python -m ruff check $(SOURCES)

format: $(DEV)
	$(BIN)/python -m ruff format $(SOURCES)
	$(BIN)/python -m ruff check --fix $(SOURCES)

types: $(DEV)
	$(BIN)/python -m mypy

contracts: $(DEV)
	$(BIN)/lint-imports

# Writes docs/openapi.json anew, and what other documents say of the code, after a change that is meant.
docs: $(DEV)
	$(BIN)/python -m tests.contract.write_documents

# Asks the questions of docs/operations.md of the real jq and lnav, and writes both there.
log-queries: $(DEV)
	$(BIN)/python -m tests.operations.log_queries

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
