"""Writes schemas.py of a slice: its rows on the wire."""

from scaffold.fields import Field
from scaffold.spec import Spec
from scaffold.texts import filled, imports, listed, template

_SORTED_BY_ALL = ("created_at", "updated_at")
_SEVERAL = "With one of these; repeat the parameter for several."
_TIMES = ("Before this time, and not at it.", "After this time, and not at it. What has no time is left out.")


# What every row has, before its fields and behind them.
_BEFORE = ("id: UUID = Field(description=\"The server's, or of the client's own making.\")",)
_BEHIND = (
    'created_at: TimeOutput = Field(description="When it was created, in UTC.")',
    'updated_at: TimeOutput = Field(description="When it was last written. No two changes of a user have the same.")',
    "etag: ETag",
)


def schemas(spec: Spec) -> str:
    """The text of the file, not yet formatted."""
    names = spec.names
    values = {"Row": names.row, "nouns": names.nouns, "Nouns": names.nouns.capitalize()}
    parts = [
        f'"""{names.a_noun.capitalize()} on the wire."""\n\n{_imports(spec)}\n',
        *(_alias(field) for field in spec.of_kind("text", "int")),
        *(_meaning(spec, field) for field in spec.fields),
        _model(f"{names.row}Create(InputModel)", f"A new {names.noun}.", [_created(spec, one) for one in spec.fields]),
        _model(
            f"{names.row}Replace(ReplaceModel, {names.row}Create)",
            "All that a client may write; what is absent gets its default, and what the server writes is ignored.",
        ),
        _update(spec),
        filled(template("schemas_many"), values),
        _model(f"{names.row}Read(OutputModel)", f"{names.a_noun.capitalize()}.", _read(spec)),
        filled(template("schemas_lists"), values),
        _model(f"{names.row}Filters(InputModel)", "What narrows a list, and what chooses rows.", _filters(spec)),
        _model(
            f"{names.row}ListQuery({names.row}Filters, ListQuery)", "How to choose, sort and cut the list.", _sort(spec)
        ),
        _model(f"{names.row}Selection({names.row}Filters, Selection)", "Which are meant: `id`, or a filter."),
    ]
    return "\n".join(parts)


def sorts(spec: Spec) -> list[str]:
    """What the list can be sorted by."""
    return [*_SORTED_BY_ALL, *(field.name for field in spec.fields if field.is_sort)]


def _imports(spec: Spec) -> str:
    house = [
        "ETag",
        "InputModel",
        "ListQuery",
        "OutputModel",
        "ReplaceModel",
        "Selection",
        "TaggedChanges",
        "TimeOutput",
    ]
    house += ["MERGED", "MERGED_OR_TAGGED", "TAGGED"]
    house += ["EnumOutput"] * bool(spec.of_kind("enum"))
    house += ["TimeInput"] * bool(spec.of_kind("time"))
    times = [field for field in spec.of_kind("time") if not field.nullable]
    pydantic = ["Field", *(["StringConstraints"] * bool(spec.of_kind("text")))]
    own = [field.constant for field in spec.of_kind("text")] + [spec.enum(field) for field in spec.of_kind("enum")]
    return imports(
        ("datetime", ["datetime"] * bool(times)),
        ("typing", ["Annotated", "Literal"]),
        ("uuid", ["UUID"]),
        ("pydantic", pydantic + ["StrictBool"] * bool(spec.of_kind("bool"))),
        ("core.resources", house),
        (f"modules.{spec.names.plural}.models", own),
    )


def _alias(field: Field) -> str:
    if field.kind == "int":
        return f"{field.alias} = Annotated[int, Field(strict=True, ge=-2_147_483_648, le=2_147_483_647)]"
    stripped = "strip_whitespace=True, min_length=1, " if field.required else ""
    return f"{field.alias} = Annotated[str, StringConstraints({stripped}max_length={field.constant})]"


def _meaning(spec: Spec, field: Field) -> str:
    words = field.name.replace("_", " ")
    meanings = {
        "bool": f"Whether it is {words}.",
        "time": f"Its `{field.name}`: RFC 3339 with any offset; in UTC in responses.",
    }
    meaning = meanings.get(field.kind, f"The {spec.names.noun}'s {words}.")
    return f'{field.meaning} = "{meaning}"'


def _model(head: str, doc: str, lines: list[str] | None = None) -> str:
    body = "".join(f"    {line}\n" for line in lines or [])
    return f'\n\nclass {head}:\n    """{doc}"""\n' + (f"\n{body}" if body else "")


def _type(spec: Spec, field: Field) -> str:
    kinds = {"bool": "StrictBool", "time": "TimeInput", "enum": spec.enum(field)}
    return kinds.get(field.kind, field.alias) + (" | None" if field.nullable else "")


def _first(spec: Spec, field: Field) -> str:
    return f"{spec.enum(field)}.{field.values[0].upper()}"


def _created(spec: Spec, field: Field) -> str:
    if not field.has_default:
        return f"{field.name}: {_type(spec, field)} = Field(description={field.meaning})"
    defaults = {"text": '""', "bool": "False", "int": "0"}
    default = "None" if field.nullable else defaults.get(field.kind) or _first(spec, field)
    return f"{field.name}: {_type(spec, field)} = Field(default={default}, description={field.meaning})"


def _update(spec: Spec) -> str:
    cleared = [f"`{field.name}`" for field in spec.fields if field.nullable]
    doc = "A merge (RFC 7396): what is absent stays"
    doc += f"; `null` clears {listed(cleared)}, nothing else." if cleared else ", and nothing may be `null`."
    lines = [_updated(spec, field) for field in spec.fields]
    if len(cleared) < len(lines):
        lines.insert(0, "# A factory: may be absent, and is not null. What it makes is never used.")
    return _model(f"{spec.names.row}Update(InputModel)", doc, lines)


def _updated(spec: Spec, field: Field) -> str:
    if field.nullable:
        return f"{field.name}: {_type(spec, field)} = Field(default=None, description={field.meaning})"
    factories = {"text": "str", "bool": "bool", "int": "int", "time": "datetime.now"}
    factory = factories.get(field.kind) or f"lambda: {_first(spec, field)}"
    return f"{field.name}: {_type(spec, field)} = Field(default_factory={factory}, description={field.meaning})"


def _read(spec: Spec) -> list[str]:
    kinds = {"text": "str", "bool": "bool", "int": "int", "time": "TimeOutput"}
    rows = [(one, kinds.get(one.kind) or f"EnumOutput[{spec.enum(one)}]") for one in spec.fields]
    lines = [
        f"{one.name}: {kind}{' | None' if one.nullable else ''} = Field(description={one.meaning})"
        for one, kind in rows
    ]
    return [*_BEFORE, *lines, *_BEHIND]


def _filters(spec: Spec) -> list[str]:
    lines = []
    for field in spec.fields:
        if field.kind == "time":
            lines += [
                f"{name}: TimeInput | None = {_filter(says)}" for name, says in zip(field.filters, _TIMES, strict=True)
            ]
        elif field.kind == "bool":
            lines.append(f"{field.name}: bool | None = {_filter('Only what is, or is not.')}")
        elif field.is_filter:
            kind = spec.enum(field) if field.kind == "enum" else field.alias
            lines.append(f'{field.name}: list[{kind}] = Field(default=[], max_length=10, description="{_SEVERAL}")')
    if spec.related:
        says = f"Attached to this {spec.related.noun}."
        lines.append(f"{spec.related.singular}_id: UUID | None = {_filter(says)}")
    return lines


def _sort(spec: Spec) -> list[str]:
    values = ", ".join(f'"{one}", "-{one}"' for one in sorts(spec))
    return [
        f'sort: Literal[{values}] = Field(default="-created_at", description="`-` is the other way round.")',
    ]


def _filter(says: str) -> str:
    return f'Field(default=None, description="{says}")'
