# The API's image: Debian's python3, what requirements.txt names and the product's files, for any user and a read-only
# file system. docs/deployment.md says how it is built and run.

# Whatever has apt-get, or python3 and ca-certificates already.
ARG BASE=docker.io/library/debian:12-slim

# Debian builds its python3 with profile-guided and link-time optimisation.
FROM ${BASE} AS python
# The base chooses the versions, and with them the security updates.
# hadolint ignore=DL3008
RUN if ! { command -v python3 && test -s /etc/ssl/certs/ca-certificates.crt; } >/dev/null; then \
        apt-get update && apt-get install -y --no-install-recommends ca-certificates python3 \
        && rm -rf /var/lib/apt/lists/*; \
    fi

FROM python AS build
# hadolint ignore=DL3008
RUN apt-get update && apt-get install -y --no-install-recommends python3-pip python3-venv && rm -rf /var/lib/apt/lists/*
WORKDIR /srv/todo-api
COPY requirements.txt ./
RUN python3 -m venv --without-pip .venv && python3 -m pip --python .venv/bin/python install \
        --no-cache-dir --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.txt
COPY LICENSE main.py pyproject.toml ./
COPY alembic alembic
COPY core core
COPY modules modules
# Nobody can write there later, and whoever runs it must be able to read it, whatever the builder's umask was.
RUN .venv/bin/python -m compileall -q main.py alembic core modules && chmod -R a+rX,go-w .

FROM python
COPY --from=build /srv/todo-api /srv/todo-api
WORKDIR /srv/todo-api
ENV APP_ENV=production HOST=0.0.0.0 PORT=8000 LOG_FORMAT=json PYTHONDONTWRITEBYTECODE=1
EXPOSE 8000
USER 10001:10001
# The process alone, and nothing of the database: as in docs/operations.md, "Probes".
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 CMD [".venv/bin/python", "-I", "-S", "-c", \
    "import os, http.client as h; c = h.HTTPConnection('127.0.0.1', int(os.environ['PORT']), timeout=2); c.request('GET', '/health/live'); raise SystemExit(c.getresponse().status != 200)"]
# `… -m alembic upgrade head` migrates. SIGTERM reaches the server itself, which drains.
ENTRYPOINT [".venv/bin/python"]
CMD ["main.py"]
