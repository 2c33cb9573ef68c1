"""Who is compared: each with one worker, and what it is written with."""

import shutil
import subprocess
import sys
from pathlib import Path

from server import SHARED, Contestant, product, uvicorn

HERE = Path(__file__).parent
FASTIFY = HERE / "fastify"

PRODUCT = product("this API")
# What the fast path and prepared statements are worth.
SLOW_PATH = product("this API, FAST_PATH=false", FAST_PATH="false")
UNPREPARED = product("this API, PREPARED_STATEMENTS=false", PREPARED_STATEMENTS="false")
TEMPLATE = uvicorn("full-stack template's pattern", "sync_sqlmodel", HERE, READ_USER="1")
ASYNC_ORM = uvicorn("async SQLAlchemy, asyncpg", "async_sqlalchemy", HERE)
LITESTAR = uvicorn("Litestar, asyncpg", "litestar_asyncpg", SHARED)
LITESTAR_SILENT = uvicorn("Litestar, asyncpg, no access line", "litestar_asyncpg", SHARED, ACCESS_LINE="0")


def _fastify(name: str, named: str) -> Contestant:
    variables = {"NODE_ENV": "production", "NAMED": named}
    return Contestant(name, "fastify", FASTIFY, ("node", "server.mjs"), variables)


NODE = _fastify("Fastify, pg (Node)", "0")
NODE_NAMED = _fastify("Fastify, pg, named statements (Node)", "1")
BARE = uvicorn("bare ASGI, constant body", "bare_asgi", HERE)

_GUNICORN = (sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:$PORT", "--threads", "4", "--log-level", "error")
DJANGO = Contestant("Django Ninja", "django_ninja", HERE, ("sh", "-c", f"exec {' '.join(_GUNICORN)} django_ninja"))

EVERYBODY = (
    PRODUCT,
    TEMPLATE,
    uvicorn("tutorial's pattern", "sync_sqlmodel", HERE, READ_USER="0"),
    ASYNC_ORM,
    LITESTAR,
    LITESTAR_SILENT,
    DJANGO,
    NODE,
    NODE_NAMED,
    SLOW_PATH,
    UNPREPARED,
)


def install_fastify() -> bool:
    """Whether Node can run it; installs what its package-lock.json pins, by hash."""
    if shutil.which("npm") is None:
        return False
    command = ["npm", "ci", "--no-audit", "--no-fund"]
    return subprocess.run(command, cwd=FASTIFY, capture_output=True, check=False).returncode == 0
