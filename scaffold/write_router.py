"""Writes router.py of a slice, as that of tasks is."""

from scaffold.names import Names
from scaffold.spec import Spec


def router(spec: Spec) -> str:
    """The text of the file, not yet formatted."""
    text = _ROUTER + (_LINKS if spec.related else "")
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
        "other_noun": related.noun,
        "a_other": related.a_noun,
        "links": f"{related.row}{names.rows}",
        "links_variable": f"{related.singular}_{names.plural}",
        "link_import": f", {spec.link}Repository" if spec.related else "",
        "links_line": _LINKS_LINE.format(related.row, names.rows, spec.link) if spec.related else "",
    }
    for name, value in values.items():
        text = text.replace(f"<{name}>", value)
    return text


def path(names: Names) -> str:
    """The rows' part of a path."""
    return names.plural.replace("_", "-")


_LINKS_LINE = "\n{0}{1} = Annotated[{2}Repository, owned({2}Repository)]"
_ROUTER = '''\
"""<Nouns> over HTTP."""

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response

from core.http import found, located, owned, private_router, problems
from core.problems import Problem
from core.resources import Changes, ChangesQuery, Page
from modules.<table>.models import <Row>
from modules.<table>.repository import <Row>Repository<link_import>
from modules.<table>.schemas import (
    <Row>Changes,
    <Row>Create,
    <Row>ListQuery,
    <Row>Page,
    <Row>Read,
    <Row>Replace,
    <Row>Update,
)

router = private_router("<table>", "/users/{user_id}/<path>")

<rows> = Annotated[<Row>Repository, owned(<Row>Repository)]<links_line>
_MISSING = problems(Problem.NOT_FOUND)


@router.get("", response_model=<Row>Page, response_model_exclude_unset=True)
async def list_<table>(<table>: <rows>, query: Annotated[<Row>ListQuery, Query()]) -> Page[<Row>]:
    """A page of the current user's <nouns>, the newest first unless `sort` says otherwise."""
    return await <table>.list(query)


@router.post("", response_model=<Row>Read, status_code=201)
async def create_<row>(<table>: <rows>, new: <Row>Create, request: Request, response: Response) -> <Row>:
    """Stores a new <noun>; `Location` says where it is."""
    return located(request, response, await <table>.create(new))


@router.get("/changes", response_model=<Row>Changes, responses=problems(Problem.CURSOR_EXPIRED))
async def list_<row>_changes(<table>: <rows>, query: Annotated[ChangesQuery, Query()]) -> Changes[<Row>]:
    """What was created, changed and deleted since a cursor, in that order; without one all, and no deletions."""
    return await <table>.changes(query)


@router.get("/{<row>_id}", response_model=<Row>Read, responses=_MISSING)
async def get_<row>(<table>: <rows>, <row>_id: UUID) -> <Row>:
    """One <noun> of the current user."""
    return found(await <table>.get(<row>_id), "<noun>")


@router.put("/{<row>_id}", response_model=<Row>Read, responses=_MISSING)
async def replace_<row>(<table>: <rows>, <row>_id: UUID, new: <Row>Replace) -> <Row>:
    """Replaces all that a client may write. With `If-None-Match: *` alone it makes one where there is none."""
    return found(await <table>.replace(<row>_id, new), "<noun>")


@router.patch("/{<row>_id}", response_model=<Row>Read, responses=_MISSING)
async def update_<row>(<table>: <rows>, <row>_id: UUID, changes: <Row>Update) -> <Row>:
    """Merges `changes` into the <noun> (RFC 7396)."""
    return found(await <table>.change(<row>_id, changes), "<noun>")


@router.delete("/{<row>_id}", status_code=204, responses=_MISSING)
async def delete_<row>(<table>: <rows>, <row>_id: UUID) -> None:
    """Deletes the <noun>."""
    found(await <table>.delete(<row>_id), "<noun>")
'''
_LINKS = '''

@router.put("/{<row>_id}/<other_path>/{<other>_id}", status_code=204, responses=_MISSING)
async def attach_<row>(<links_variable>: <links>, <row>_id: UUID, <other>_id: UUID) -> None:
    """Attaches the <noun> to <a_other>, if it is not."""
    found(await <links_variable>.attach(<other>_id, <row>_id), "<noun> or <other_noun>")


@router.delete("/{<row>_id}/<other_path>/{<other>_id}", status_code=204, responses=_MISSING)
async def detach_<row>(<links_variable>: <links>, <row>_id: UUID, <other>_id: UUID) -> None:
    """Detaches the <noun> from <a_other>, and deletes neither. 404 where it is not attached."""
    found(await <links_variable>.detach(<other>_id, <row>_id), "<noun> on the <other_noun>")
'''
