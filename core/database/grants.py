"""What the role of DATABASE_URL must be allowed: the least that the API works with, and what of it is missing."""

from collections.abc import Sequence

from sqlmodel import SQLModel

from core.database.delegation import FUNCTION
from core.database.queries import Query
from core.database.table_schema import SPREAD, VERSIONS, of_catalogue

# Of tables that migrations alone write to.
READ = (VERSIONS.name, "schema_compatibility", "sync_history")
ALL = ("SELECT", "INSERT", "UPDATE", "DELETE")

# Of what is there: what is not is no matter of grants, and the function is called where an engine spreads rows alone.
# The name is null for the schema itself.
_MISSING = """\
SELECT NULL::text, 'USAGE' FROM pg_catalog.pg_namespace
WHERE nspname = '{schema}' AND NOT has_schema_privilege(oid, 'USAGE')
UNION ALL
SELECT c.relname::text, p.privilege FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN (VALUES {privileges}) AS p (number, privilege)
WHERE n.nspname = '{schema}' AND (
    c.relname IN ('{written}') OR c.relname IN ('{read}') AND p.privilege = 'SELECT'
) AND c.relkind IN ('r', 'p') AND NOT has_table_privilege(c.oid, p.privilege)
UNION ALL
SELECT p.proname::text, 'EXECUTE' FROM pg_catalog.pg_proc p JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = '{schema}' AND p.proname = '{function}' AND NOT has_function_privilege(p.oid, 'EXECUTE')
AND pg_catalog.to_regclass('{spread}') IS NOT NULL"""


def of_table(name: str) -> str:
    """What the role needs on one of our tables."""
    return "SELECT" if name in READ else ", ".join(ALL)


def needed(schema: str, role: str) -> list[str]:
    """The statements that let `role` serve, and change no schema."""
    written, read = (", ".join(f"{schema}.{name}" for name in names) for names in (_written(), READ))
    return [
        f"GRANT USAGE ON SCHEMA {schema} TO {role};",
        f"GRANT {', '.join(ALL)} ON {written} TO {role};",
        f"GRANT SELECT ON {read} TO {role};",
    ]


def missing(schema: str) -> Query[tuple[str | None, str]]:
    """Gives what the current role lacks: the name of the table or the function, None for the schema, and the
    privilege."""
    privileges = ", ".join(f"({number}, '{one}')" for number, one in enumerate(ALL))
    written, read = ("', '".join(names) for names in (_written(), READ))
    there = {"written": written, "read": read, "function": FUNCTION, "spread": SPREAD}
    return of_catalogue(_MISSING.format(schema=schema, privileges=privileges, **there), tuple)


def told(schema: str, found: Sequence[tuple[str | None, str]]) -> str:
    """The statements that grant what `missing` gave, in one line."""
    by_place: dict[str, list[str]] = {}
    for name, privilege in found:
        kind = "FUNCTION " if name == FUNCTION else ""
        by_place.setdefault(f"{kind}{schema}.{name}" if name else f"SCHEMA {schema}", []).append(privilege)
    return "; ".join(
        f"GRANT {', '.join(privileges)} ON {place} TO the role of DATABASE_URL"
        for place, privileges in by_place.items()
    )


def _written() -> list[str]:
    return sorted(name for name in SQLModel.metadata.tables if name not in READ)
