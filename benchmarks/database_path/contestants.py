"""The ways to the database that are compared, and the application that ships beside them."""

from pathlib import Path

from server import SHARED, product, uvicorn

HERE = Path(__file__).parent

CONTESTANTS = (
    uvicorn("H: psycopg2, 4 threads", "path_h", HERE),
    uvicorn("G: psycopg2, greenlets", "path_g", HERE),
    uvicorn("I: psycopg2 asynchronous", "path_i", HERE),
    uvicorn("I with SET LOCAL statement_timeout", "path_i", HERE, STATEMENT_TIMEOUT="1"),
    uvicorn("Litestar, asyncpg", "litestar_asyncpg", SHARED),
    product("the whole application, as it ships"),
    uvicorn("Litestar, asyncpg without the pool's reset", "litestar_asyncpg", SHARED, POOL_RESET="0"),
)
