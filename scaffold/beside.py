"""What a migration asks for, as the release before serves beside it and tables have rows: said when it is made."""

import re
from collections.abc import Iterator

_DROPS = (
    "It drops a column, and what is in it: if you renamed it, write op.alter_column(…, new_column_name=…) in place of "
    "that and of the new one. If not, deploy first a release whose model has it no more."
)
_NOT_NULL = (
    "{0}.{1} may not be NULL any more: what the release before leaves NULL is 400 then. Deploy first a release that "
    "always gives it a value."
)
_NULL = (
    "{0}.{1} may be NULL: the release before cannot show that, and its lists are 500 then. Deploy first a release "
    "whose `…Read` has `| None`, and write null in the next."
)
_CHECK = (
    "Another rule: {0}. What it takes no more is 400 where the release before writes it. Deploy first a release that "
    "does not."
)
_ROWS = (
    "Rows that do not fit stop the migration. Bring them in line at its beginning: "
    '`op.execute(rows_changed("labels", "color = \'\'", "color IS NULL"))`, from core.resources.changes, also tells '
    "clients that sync."
)
_INDEX = (
    "Writes to {1} wait while {0} is built. Where {1} has millions of rows, build it before: "
    '"Large tables" in docs/operations.md.'
)

_ALTERED = re.compile(r'op\.alter_column\(\s*"(\w+)",\s*"(\w+)",(?:[^()]|\([^()]*\))*?\bnullable=(True|False)')
_ADDED = re.compile(r'op\.add_column\(\s*"\w+",\s*sa\.Column\(\s*"(\w+)"')
_CHECKED = re.compile(r"ADD CONSTRAINT (ck_\w+) (.*)")
_INDEXED = re.compile(r'op\.create_index\(\s*"(\w+)",\s*"(\w+)"')
_MADE = re.compile(r'op\.create_table\(\s*"(\w+)"')


def sentences(migration: str) -> Iterator[str]:
    """Those that the text of a migration needs."""
    up = migration.partition("def downgrade")[0]
    altered, rules, made = _ALTERED.findall(up), list(_rules(up)), _MADE.findall(up)
    narrowed = [_NOT_NULL.format(*one) for one in altered if one[2] == "False"]
    narrowed += [_CHECK.format(", ".join(rules))] if rules else []
    if "op.drop_column(" in up:
        yield _DROPS
    yield from (_NULL.format(*one) for one in altered if one[2] == "True")
    yield from narrowed
    if narrowed or "op.create_unique_constraint(" in up:
        yield _ROWS
    yield from (_INDEX.format(name, table) for name, table in _INDEXED.findall(up) if table not in made)


def _rules(up: str) -> Iterator[str]:
    """The names of the constraints, but for those of new columns, to which the release before writes nothing."""
    new = _ADDED.findall(up)
    for name, rule in _CHECKED.findall(up):
        if not any(re.search(rf"\b{column}\b", rule) for column in new):
            yield name
