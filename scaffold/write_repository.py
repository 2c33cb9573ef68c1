"""Writes repository.py of a slice: its filters, its sorts, and what attaches its rows to others."""

from scaffold.fields import Field
from scaffold.spec import Spec
from scaffold.texts import imports

_LAST = {
    "time": '_NEVER = cast("infinity", TIMESTAMP)\n# No time is later than any.',
    "int": "_MOST = 2_147_483_647\n# No number is greater than any.",
}
_CONSTANTS = {"time": "_NEVER", "int": "_MOST"}


def repository(spec: Spec) -> str:
    """The text of the file, not yet formatted."""
    names = spec.names
    parts = [f'"""All SQL on {names.nouns}."""\n\n{_imports(spec)}\n', *_expressions(spec), _related(spec)]
    filters = "".join(f'            "{name}": {value},\n' for name, value in _filters(spec).items())
    filters = f"        filters={{\n{filters}        }},\n" if filters else ""
    sorts = "".join(f'            "{name}": {value},\n' for name, value in _sorts(spec).items())
    parts.append(f'''

class {names.row}Repository(ManyRepository[{names.row}]):
    """The current user's {names.nouns}."""

    rows = Rows(
        {names.row},
{filters}        # Each is an expression of an index of the table.
        sorts={{
{sorts}        }},
    )
''')
    return "\n".join(parts) + _links(spec)


def _links(spec: Spec) -> str:
    if spec.related is None:
        return ""
    return f'''

class {spec.link}Repository(LinkRepository):
    """Which {spec.names.nouns} are attached to which of the current user's {spec.related.nouns}."""

    links = Links({spec.link})
'''


def _imports(spec: Spec) -> str:
    late = [field for field in spec.fields if field.is_sort and field.nullable]
    texts = [field for field in spec.of_kind("text") if field.is_sort]
    own_filter = bool(spec.of_kind("time", "bool") or spec.related)
    chosen = any(field.is_filter and field.kind != "bool" for field in spec.fields)
    times = any(field.kind == "time" for field in late)
    house = ["ManyRepository", "Rows", *(["Filter"] * own_filter), *(["one_of"] * chosen), *(["TIMESTAMP"] * times)]
    alchemy = ["Text"] * bool(texts) + ["func"] * bool(texts or late) + ["cast"] * times
    return imports(
        ("typing", ["Any"] * bool(spec.related)),
        ("sqlalchemy", alchemy),
        ("sqlmodel", ["col", *(["select"] * bool(spec.related))]),
        ("core.database", ["OWNER"] * bool(spec.related)),
        ("core.resources", house + ["LinkRepository", "Links"] * bool(spec.related)),
        (f"modules.{spec.names.plural}.models", [spec.names.row, *([spec.link] * bool(spec.related))]),
    )


def _expressions(spec: Spec) -> list[str]:
    """What a sort is whose column may be NULL."""
    lines, seen = [], set[str]()
    for field in spec.fields:
        if field.is_sort and field.nullable:
            lines += [] if field.kind in seen else [_LAST[field.kind]]
            seen.add(field.kind)
            last = _CONSTANTS[field.kind]
            lines.append(f"_{field.stem} = func.coalesce(col({spec.names.row}.{field.name}), {last})")
    return lines


def _related(spec: Spec) -> str:
    if spec.related is None:
        return ""
    one = spec.related.singular
    return f'''

def _on_{one}({one}_id: Any) -> Any:
    """Those that are attached to {spec.related.a_noun}."""
    mine = col({spec.link}.user_id) == OWNER, col({spec.link}.{one}_id) == {one}_id
    return col({spec.names.row}.id).in_(select({spec.link}.{spec.names.singular}_id).where(*mine))
'''


def _filters(spec: Spec) -> dict[str, str]:
    found = {}
    for field in spec.fields:
        column = f"col({spec.names.row}.{field.name})"
        if field.kind == "time":
            key, known = (f"_{field.stem}", f" & (_{field.stem} < _NEVER)") if field.nullable else (column, "")
            before, after = field.filters
            found[before] = f"Filter(lambda time: {key} < time)"
            found[after] = f"Filter(lambda time: {f'({key} > time){known}' if known else f'{key} > time'})"
        elif field.kind == "bool":
            found[field.name] = f"Filter(lambda value: {column} == value)"
        elif field.is_filter:
            found[field.name] = f"one_of({column})"
    if spec.related:
        found[f"{spec.related.singular}_id"] = f"Filter(_on_{spec.related.singular})"
    return found


def _sorts(spec: Spec) -> dict[str, str]:
    row = spec.names.row
    found = {name: f"col({row}.{name})" for name in ("created_at", "updated_at")}
    return found | {field.name: _sort(row, field) for field in spec.fields if field.is_sort}


def _sort(row: str, field: Field) -> str:
    if field.kind == "text":
        return f"func.lower(col({row}.{field.name}), type_=Text)"
    return f"_{field.stem}" if field.nullable else f"col({row}.{field.name})"
