"""Writes router.py of a slice, as that of tasks is."""

from scaffold.names import Names
from scaffold.spec import Spec
from scaffold.texts import filled, template


def router(spec: Spec) -> str:
    """The text of the file, not yet formatted."""
    text = template("router") + (template("router_links") if spec.related else "")
    names, related = spec.names, spec.related or spec.names
    values = {
        "table": names.plural,
        "row": names.singular,
        "Row": names.row,
        "rows": names.rows,
        "noun": names.noun,
        "nouns": names.nouns,
        "Nouns": names.nouns.capitalize(),
        "a_noun": names.a_noun,
        "path": path(names),
        "other_path": path(related),
        "other": related.singular,
        "Other": related.row,
        "other_noun": related.noun,
        "a_other": related.a_noun,
        "links": f"{related.row}{names.rows}",
        "links_variable": f"{related.singular}_{names.plural}",
        "link_import": f", {spec.link}Repository" if spec.related else "",
        "id_line": _ID_LINE.format(related.row, related.noun) if spec.related else "",
        "links_line": _LINKS_LINE.format(related.row, names.rows, spec.link) if spec.related else "",
    }
    return filled(text, values)


def path(names: Names) -> str:
    """The rows' part of a path."""
    return names.plural.replace("_", "-")


_ID_LINE = '\n{0}Id = Annotated[UUID, Path(description="The {1}\'s id.")]'
_LINKS_LINE = "\n{0}{1} = Annotated[{2}Repository, owned({2}Repository)]"
