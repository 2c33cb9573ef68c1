# The project's commands. `make run` serves, `make quick` while you write, `make check` before you push.

# One that is built with profile-guided optimisation, where there is one: it needs a fifth less time for everything.
PYTHON ?= $(shell sh scaffold/find_python.sh)
BIN = .venv/bin
RUNTIME = .venv/.runtime
DEV = .venv/.dev
BENCH = .venv/.bench
OPERATIONS = .venv/.operations
SOURCES = main.py core modules alembic tests benchmarks scaffold

.PHONY: run example test test-better-auth test-faults test-compatibility test-offline test-cluster test-failover check-clients client-types check-web pictures quick check format lint types contracts docs lock move-schema
.PHONY: check-operations sbom licences audit outdated
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
# In the order of tests/conftest.py: the last ones, of the slices, are short, so that all processes end at about one time.
BY_FILE = --dist=loadfile --no-loadscope-reorder

# What is installed is used as it is, with its own settings: production has neither pip nor an .env.
INSTALLED = $(if $(wildcard $(BIN)/python),,$(RUNTIME))

# Says in a line for each thing whether the deployment of these settings would work, and which variable to set where not.
# TOKEN=... is verified; URL=https://... is where clients reach the API.
doctor: | $(INSTALLED)
	@$(BIN)/python -m core.operations.doctor

# Removes old keys, deletions, sessions and throttles of people who do not come back: once a day, by cron, where that
# matters.
sweep: | $(INSTALLED)
	@$(BIN)/python -m core.operations.sweep

# Runs all tests; make test t=tests/modules/tasks those of a folder, make test t="tasks and not slow" those of a name.
# What has a slash is a path, or several; a test's own name, behind `::`, may have spaces.
test: $(DEV)
ifdef t
	$(BIN)/python -m pytest $(if $(findstring ::,$(t)),"$(t)",$(if $(findstring /,$(t))$(wildcard $(t)),$(t),-k "$(t)"))
else
	$(BIN)/python -m coverage erase
	$(BIN)/python -m coverage run -m pytest --numprocesses=$(JOBS) $(BY_FILE)
	$(BIN)/python -m coverage combine --quiet
	$(BIN)/python -m coverage report
endif

# Runs whatever has to be green before you push: format, lint, types, import contracts and all tests.
check: lint types contracts test

# Runs what is broken most often, in about a minute: the rules, the contract and the slices, but for what is marked slow.
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

# Faults under load, which need a superuser and end others' sessions, then the slices, the walls and every statement, on a
# Citus cluster that was made ready by deploy/citus.sql: make test-cluster CLUSTER_URL=postgresql://… It leaves users and
# moves them. docs/scaling.md says what fails.
test-cluster: $(DEV)
	@test -n "$(CLUSTER_URL)" || { echo "CLUSTER_URL is the URL of the cluster's coordinator" >&2; exit 1; }
	CLUSTER_URL='$(CLUSTER_URL)' $(BIN)/python -m pytest tests/cluster/test_faults.py -rP
	CLUSTER_URL='$(CLUSTER_URL)' $(BIN)/python -m pytest tests/cluster tests/modules/tasks tests/modules/users \
		tests/contract/test_walls.py tests/contract/test_resource_walls.py --ignore=tests/cluster/test_faults.py \
		--numprocesses=2 $(BY_FILE)

FAILOVER = .venv/failover

# Another server takes over: Patroni, etcd and HAProxy, under writes; some eight minutes. Writes the table of
# docs/reliability.md. SMALL=1 kills one server in synchronous replication, and writes nothing.
test-failover: $(DEV) $(FAILOVER)/.installed
	$(BIN)/python -m tests.faults.packages etcd haproxy
	$(BIN)/python -m pytest tests/failover --verbose \
		$(if $(SMALL),-k "synchronous-kill and not asynchronous and not ahead")

# Of Debian's Python where there is one: PostgreSQL does not run as root, and who it runs as may not read root's.
$(FAILOVER)/.installed: tests/failover/requirements.txt
	$(firstword $(wildcard /usr/bin/python3) $(PYTHON)) -m venv $(FAILOVER)
	$(FAILOVER)/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/failover/requirements.txt
	@touch $@

SEEDS ?= 25

# TanStack DB's offline transactions in two tabs, before the API a proxy that cuts, delays and repeats by a seed: Node.js 20
# or newer and npm. SEED=17 replays one schedule; SEEDS=1000 writes the figures of docs/offline.md.
test-offline: $(DEV)
	$(BIN)/python -m pytest tests/offline --seeds=$(SEEDS) $(if $(SEED),--seed=$(SEED) -k ends_as)

# Builds the image of the Dockerfile on a Debian made on the spot, runs it as it would be run, behind nginx and PgBouncer,
# and has the files of deploy/ checked by those who know: in two or three minutes, as root on Debian.
check-operations: $(OPERATIONS)
	$(BIN)/python -m tests.faults.packages podman mmdebstrap runc nginx pgbouncer openssl systemd-analyze promtool jq lnav \
		|| echo "What needs these is left out, with its reason."
	$(BIN)/python -m pytest tests/deploy/image tests/operations/test_log_queries.py $(if $(t),-k "$(t)")

# Writes dist/sbom.cdx.json: what production installs, with licences and what needs what, as CycloneDX has it.
sbom: $(OPERATIONS) dist/production
	.venv/operations/bin/cyclonedx-py environment dist/production/bin/python --pyproject pyproject.toml \
		--mc-type application --output-reproducible --validate --output-file dist/sbom.cdx.json

# Lists the licences of what production installs, and ends with status 1 for one that is not accepted.
licences: $(DEV)
	@$(BIN)/python -m tests.deploy.licences

# Looks for known vulnerabilities of what production installs; a package whose data cannot be had is none that is safe.
audit: $(OPERATIONS)
	.venv/operations/bin/pip-audit --strict --progress-spinner=off --disable-pip --require-hashes -r requirements.txt

# Lists what has newer versions than are installed here: `make lock` takes those that pyproject.toml admits.
outdated: $(DEV)
	@$(BIN)/uv pip list --outdated --python $(BIN)/python

# The generators that frontends use, on docs/openapi.json, and clients/typescript: compiled strictly, and run against the
# API; schemathesis too. Node.js 20 or newer and npm.
check-clients: $(DEV)
	@-$(BIN)/python -m tests.faults.packages nginx chromium
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
contracts: $(DEV)  # not by its script, which would hold this folder's path
	@$(BIN)/python -c 'from importlinter.cli import lint_imports_command as main; main()'

# Writes docs/openapi.json anew, and what other documents say of the code, after a change that is meant.
docs: $(DEV)
	$(BIN)/python -m tests.contract.write_documents

# Asks the questions of docs/operations.md of the real jq and lnav, and writes both there.
log-queries: $(DEV)
	$(BIN)/python -m tests.operations.log_queries

# Makes a slice: make slice name=labels fields="name:text80! archived:bool due_at:time? kind:enum(plain,checklist)"
# relation=tasks, too, where a label can be attached to tasks; singular=… where it is not the plural without its s.
slice: $(DEV)
	@$(BIN)/python -m scaffold.make --name="$(name)" --fields="$(fields)" --singular="$(singular)" --relation="$(relation)"

# Removes a slice: make remove-slice name=labels; force=yes where its table has rows.
remove-slice: $(DEV)
	@$(BIN)/python -m scaffold.remove --name="$(name)" $(if $(force),--force)

# Makes slices in copies of the project, uses and removes them, in some ten minutes; SMALL=1 one of them, in two.
check-slices: $(DEV)
	$(BIN)/python -m scaffold.check $(if $(SMALL),--small)

# Compares this API with others, and loads it with twice too much; writes docs/performance.md. Some twenty minutes.
bench: $(BENCH)
	$(BIN)/python -m benchmarks.packages wrk h2load
	PYTHONPATH=benchmarks/shared $(BIN)/python benchmarks/backends/run.py

# The same API on ten million tasks; writes its table into docs/performance.md. Some minutes, and 8 GB of disk.
bench-scale: $(DEV) $(BENCH)
	PYTHONPATH=benchmarks/shared $(BIN)/python benchmarks/scale/run.py

# Compares the ways to the database, and the application on it, with Litestar on asyncpg. Takes some minutes.
bench-database: $(BENCH)
	$(BIN)/python -m benchmarks.packages wrk
	PYTHONPATH=benchmarks/shared $(BIN)/python benchmarks/database_path/run.py

# Resolves the dependencies of pyproject.toml anew, by hash and without the name of an index: requirements.txt is what
# production needs, requirements-local.txt has the embedded PostgreSQL as well, requirements-dev.txt the tests' tools.
lock: $(DEV)
	$(BIN)/uv pip compile pyproject.toml $(LOCK) -o requirements.txt
	$(BIN)/uv pip compile pyproject.toml $(LOCK) --extra local -c requirements.txt -o requirements-local.txt
	$(BIN)/uv pip compile pyproject.toml $(LOCK) --extra local --extra dev -c requirements-local.txt -o requirements-dev.txt
	$(BIN)/uv pip compile benchmarks/requirements.in requirements-local.txt $(LOCK) -o benchmarks/requirements.txt
	$(BIN)/uv pip compile tests/compatibility/opentelemetry.in -c requirements.txt $(LOCK) -o tests/compatibility/opentelemetry.txt
	$(BIN)/uv pip compile tests/deploy/tools.in $(LOCK) -o tests/deploy/tools.txt
	$(BIN)/uv pip compile tests/failover/requirements.in -c requirements-dev.txt $(LOCK) -o tests/failover/requirements.txt
	$(BIN)/uv pip compile tests/clients/openapi-python-client.in -c requirements-dev.txt $(LOCK) -o tests/clients/openapi-python-client.txt
	$(BIN)/uv pip compile tests/clients/schemathesis.in -c requirements-dev.txt $(LOCK) -o tests/clients/schemathesis.txt

LOCK = --quiet --universal --python-version 3.11 --generate-hashes --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links

# Debian keeps a part of Python's venv in a package of its own.
INSTALL_VENV = test "$$(id -u)" = 0 && command -v apt-get >/dev/null \
	&& apt-get update -qq && apt-get install -qq -y python3-venv >/dev/null

# pip is the last that comes: a folder whose making was interrupted has none, and is made to its end.
$(BIN)/pip:
	@$(PYTHON) -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))' \
		|| { echo "Python 3.11 to 3.14 is needed: make PYTHON=python3.11 run" >&2; exit 1; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null || { $(INSTALL_VENV); } \
		|| { echo "Python's venv module is incomplete here. On Debian: apt-get install python3-venv" >&2; exit 1; }
	@$(PYTHON) -m venv .venv

$(RUNTIME): requirements-local.txt | $(BIN)/pip
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-local.txt
	@touch $@

$(DEV): requirements-dev.txt $(RUNTIME)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

# In a folder of its own: what these stand on is not what the product stands on.
$(OPERATIONS): tests/deploy/tools.txt $(DEV)
	rm -rf .venv/operations
	$(BIN)/python -m venv .venv/operations
	.venv/operations/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r tests/deploy/tools.txt
	@touch $@

# As the image has it: without pip.
dist/production: requirements.txt | $(BIN)/pip
	rm -rf $@
	$(PYTHON) -m venv --without-pip $@
	$(BIN)/python -m pip --quiet --disable-pip-version-check --python $@/bin/python install --require-hashes -r requirements.txt

$(BENCH): benchmarks/requirements.txt $(RUNTIME)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r benchmarks/requirements.txt
	@touch $@

.env: .env.example
	@if [ -e .env ]; then touch .env; else umask 077 && sed "s/^BETTER_AUTH_SECRET=.*/BETTER_AUTH_SECRET=$$( \
		$(PYTHON) -c 'import secrets; print(secrets.token_hex(32))')/" .env.example > .env; fi
