"""Writes models.py of a slice: the table, its constraints, and an index for each sort and each filter."""

from scaffold.fields import Field
from scaffold.spec import Spec
from scaffold.texts import imports

_SQL_TYPES = {"text": "Text", "enum": "Text", "bool": "Boolean", "int": "Integer", "time": "TIMESTAMP"}
_TYPES = {"text": "str", "enum": "str", "bool": "bool", "int": "int", "time": "datetime"}
# Where a column may be NULL a sort has this in its place: no time and no number is later.
LAST = {"time": "'infinity'::timestamptz", "int": "2147483647"}


def models(spec: Spec) -> str:
    """The text of the file, not yet formatted."""
    names, lines = spec.names, []
    lines.append(f'"""The table of {names.nouns}, and the indexes that serve its lists."""\n\n{_imports(spec)}\n')
    lines += [f"{field.constant} = {field.length:_}" for field in spec.of_kind("text")]
    lines += [_enum(spec, field) for field in spec.of_kind("enum")]
    lines.append(
        f"\n\nclass {names.row}(ChangeTracked, Versioned, OwnedTable, table=True):\n"
        f'    """{names.a_noun.capitalize()} of one user."""\n\n'
        f'    __tablename__ = "{names.plural}"\n'
        "    __table_args__: ClassVar[Any] = ("
    )
    lines += [f"        {line}," for field in spec.fields for line in _checks(field)]
    lines.append("        # One for each sort, which walks either way, and for each filter.")
    lines += [f"        {line}," for line in _indexes(spec)]
    lines.append("    )\n")
    lines += [f"    {_column(field)}" for field in spec.fields]
    lines.append(_link(spec))
    return "\n".join(lines) + "\n"


def _imports(spec: Spec) -> str:
    checked = spec.of_kind("text", "enum")
    expressions = any(_expression(field) for field in spec.fields)
    types = [_SQL_TYPES[field.kind] for field in spec.fields]
    house = ["ChangeTracked", "OwnedTable", "Versioned", *(name for name in types if name == "TIMESTAMP")]
    alchemy = ["Index", *(name for name in types if name != "TIMESTAMP")]
    alchemy += ["CheckConstraint"] * bool(checked) + ["text"] * expressions
    alchemy += ["ForeignKeyConstraint"] * bool(spec.related)
    return imports(
        ("datetime", ["datetime"] * bool(spec.of_kind("time"))),
        ("enum", ["StrEnum"] * bool(spec.of_kind("enum"))),
        ("typing", ["Any", "ClassVar"]),
        ("uuid", ["UUID"] * bool(spec.related)),
        ("sqlalchemy", alchemy),
        ("sqlmodel", ["Field"]),
        ("core.resources", house + ["LinkTable"] * bool(spec.related)),
    )


def _enum(spec: Spec, field: Field) -> str:
    values = "\n".join(f'    {value.upper()} = "{value}"' for value in field.values)
    of = f"{field.name.replace('_', ' ').capitalize()} of {spec.names.a_noun}"
    doc = f'"""{of}. The values are on the wire and in the table."""'
    return f"\n\nclass {spec.enum(field)}(StrEnum):\n    {doc}\n\n{values}"


def _checks(field: Field) -> list[str]:
    if field.kind == "text":
        bounds = f"BETWEEN 1 AND {{{field.constant}}}" if field.required else f"<= {{{field.constant}}}"
        return [f'CheckConstraint(f"char_length({field.name}) {bounds}", name="{field.name}_length")']
    if field.kind == "enum":
        values = ", ".join(f"'{value}'" for value in field.values)
        return [f'CheckConstraint("{field.name} IN ({values})", name="{field.name}_known")']
    return []


def _indexes(spec: Spec) -> list[str]:
    sorts = {name: f'"{name}"' for name in ("created_at", "updated_at")}
    sorts |= {field.name: _expression(field) or f'"{field.name}"' for field in spec.fields if field.is_sort}
    # Of what has changed since a client last asked.
    sorts["change"] = '"change"'
    filters = {field.name: f'"{field.name}", "created_at"' for field in spec.fields if field.is_filter}
    table = spec.names.plural
    return [f'Index("ix_{table}_{name}", "user_id", {key}, "id")' for name, key in {**sorts, **filters}.items()]


def _expression(field: Field) -> str:
    """What a sort is, where it is no column."""
    if field.kind == "text" and field.is_sort:
        return f'text("lower({field.name})")'
    return f'text("COALESCE({field.name}, {LAST[field.kind]})")' if field.is_sort and field.nullable else ""


def _column(field: Field) -> str:
    null = " | None" if field.nullable else ""
    return f"{field.name}: {_TYPES[field.kind]}{null} = Field(sa_type={_SQL_TYPES[field.kind]})"


def _link(spec: Spec) -> str:
    if spec.related is None:
        return ""
    names, related = spec.names, spec.related
    keys = "\n".join(
        f'        ForeignKeyConstraint(["user_id", "{one.singular}_id"], '
        f'["{one.plural}.user_id", "{one.plural}.id"], ondelete="CASCADE"),'
        for one in (related, names)
    )
    return f'''

class {spec.link}(LinkTable, table=True):
    """{names.a_noun.capitalize()} that is attached to {related.a_noun} of the same user. It goes with either."""

    __tablename__ = "{spec.links}"
    __table_args__: ClassVar[Any] = (
        # By the names of tables: a slice imports no other one.
{keys}
        # The key finds the {names.nouns} of {related.a_noun}, this the {related.nouns} of {names.a_noun}.
        Index("ix_{spec.links}_{names.singular}_id", "user_id", "{names.singular}_id", "{related.singular}_id"),
    )

    {related.singular}_id: UUID = Field(primary_key=True)
    {names.singular}_id: UUID = Field(primary_key=True)'''
