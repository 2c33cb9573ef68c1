"""A database that looks as if its tables were spread over servers: the list that Citus keeps, without Citus."""

import re

from core.database.distribution import ENGINE
from tests.conftest import TestDatabase, project_root

# As they are in Citus 13.2, as far as they are asked: the list of tables, and the function that reads a column of it.
_CATALOGUE = """
SET allow_system_table_mods = on;
CREATE TABLE pg_catalog.pg_dist_partition (logicalrelid regclass, partkey text, colocationid integer);
GRANT SELECT ON pg_catalog.pg_dist_partition TO PUBLIC;
CREATE TABLE pg_catalog.pg_dist_shard (logicalrelid regclass, shardid bigint, shardminvalue text);
CREATE TABLE pg_catalog.pg_dist_placement (shardid bigint, groupid integer);
CREATE TABLE pg_catalog.pg_dist_node (groupid integer, nodename text, nodeport integer, noderole text);
GRANT SELECT ON pg_catalog.pg_dist_shard, pg_catalog.pg_dist_placement, pg_catalog.pg_dist_node TO PUBLIC;
CREATE FUNCTION pg_catalog.column_to_column_name(regclass, text) RETURNS text LANGUAGE sql AS 'SELECT $2';
CREATE FUNCTION pg_catalog.create_distributed_table(name text, owner text, colocate_with text) RETURNS void LANGUAGE sql
    AS 'INSERT INTO pg_catalog.pg_dist_partition SELECT $1::regclass, $2, colocationid FROM pg_catalog.pg_dist_partition
     WHERE logicalrelid = $3::regclass';
"""


def install(database: TestDatabase) -> None:
    """From now on there is an engine, which has spread nothing."""
    assert database.query(ENGINE) == [(False,)]
    database.query(_CATALOGUE)
    assert database.query(ENGINE) == [(True,)]


def run_at_owner(database: TestDatabase) -> None:
    """From now on there is the function of deploy/citus.sql, which runs here what an engine would run elsewhere."""
    file = (project_root() / "deploy" / "citus.sql").read_text(encoding="utf-8")
    (made,) = re.findall(r"^CREATE OR REPLACE FUNCTION .*?END';$", file, re.MULTILINE | re.DOTALL)
    database.query(made)


def pooled(database: TestDatabase) -> None:
    """From now on the session says that another process serves it than the login was told, as behind a pooler."""
    database.query(
        "ALTER FUNCTION pg_catalog.pg_backend_pid() RENAME TO own_pid;"
        "CREATE FUNCTION pg_catalog.pg_backend_pid() RETURNS integer LANGUAGE sql AS 'SELECT 0'"
    )


def spread(database: TestDatabase, table: str, owner: str | None, place: int = 1) -> None:
    """As create_distributed_table does first; without an owner, as create_reference_table."""
    database.query(
        "INSERT INTO pg_catalog.pg_dist_partition VALUES (%s::regclass, %s, %s)", f"todo.{table}", owner, place
    )


def divide(database: TestDatabase, *lowest: int) -> None:
    """Each part of the users, from its lowest hash on, is on a server of its own: the first on one:5432."""
    for place, (hashed, name) in enumerate(zip(lowest, ("one", "two", "three"), strict=False)):
        values = place, name, place, str(hashed), place
        database.query(
            "WITH node AS (INSERT INTO pg_catalog.pg_dist_node VALUES (%s, %s, 5432, 'primary')),"
            " shard AS (INSERT INTO pg_catalog.pg_dist_shard VALUES ('todo.users'::regclass, %s, %s))"
            " INSERT INTO pg_catalog.pg_dist_placement VALUES (%s, %s)",
            *values,
            place,
        )


def found(database: TestDatabase) -> set[tuple[str, str | None, int]]:
    """What is spread, by which column, and beside which others."""
    return set(database.query("SELECT logicalrelid::text, partkey, colocationid FROM pg_catalog.pg_dist_partition"))
