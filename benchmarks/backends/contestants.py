"""Who is compared: each with one worker, and what it is written with."""

import shutil
import subprocess
import sys
from pathlib import Path

from server import SHARED, Contestant, product, uvicorn

HERE = Path(__file__).parent
FASTIFY = HERE / "fastify"

PRODUCT = product("this API")
TEMPLATE = uvicorn("full-stack template's pattern", "sync_sqlmodel", HERE, READ_USER="1")
ASYNC_ORM = uvicorn("async SQLAlchemy, asyncpg", "async_sqlalchemy", HERE)
LITESTAR = uvicorn("Litestar, asyncpg", "litestar_asyncpg", SHARED)
NODE = Contestant("Fastify, pg (Node)", "fastify", FASTIFY, ("node", "server.mjs"), {"NODE_ENV": "production"})
BARE = uvicorn("bare ASGI, constant body", "bare_asgi", HERE)

_GUNICORN = (sys.executable, "-m", "gunicorn", "--bind", "127.0.0.1:$PORT", "--threads", "4", "--log-level", "error")
DJANGO = Contestant("Django Ninja", "django_ninja", HERE, ("sh", "-c", f"exec {' '.join(_GUNICORN)} django_ninja"))

EVERYBODY = (
    PRODUCT,
    TEMPLATE,
    uvicorn("tutorial's pattern", "sync_sqlmodel", HERE, READ_USER="0"),
    ASYNC_ORM,
    LITESTAR,
    DJANGO,
    NODE,
)


def install_fastify() -> bool:
    """Whether Node can run it; installs what its package.json pins."""
    if shutil.which("npm") is None:
        return False
    command = ["npm", "install", "--no-package-lock", "--no-audit", "--no-fund"]
    return subprocess.run(command, cwd=FASTIFY, capture_output=True, check=False).returncode == 0
