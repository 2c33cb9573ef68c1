"""What a slice writes in the declarations of its operations: the problems they have, and how they are named."""

from collections.abc import Sequence
from typing import Any

from fastapi.routing import APIRoute

from core.problems import PROBLEM_JSON, Problem

REF = "#/components/schemas/"


def problems(*found: Problem) -> dict[int | str, dict[str, Any]]:
    """`responses` of an operation: the problems that it has besides those of every operation."""
    statuses = sorted({problem.status for problem in found})
    return {status: _response([one for one in found if one.status == status]) for status in statuses}


def with_problems(response: dict[str, Any] | None, *found: Problem) -> dict[str, Any]:
    """A response that has these problems too, all of one status."""
    declared = _schema(response).get("oneOf", [_schema(response)]) if response else []
    names = [str(one.get("$ref", "")).removeprefix(REF) for one in declared]
    known = [one for one in Problem if schema_of(one) in names]
    given, made = response or {}, _response([*known, *(one for one in found if one not in known)])
    return {**given, **made, "content": {**given.get("content", {}), **made["content"]}}


def schema_of(problem: Problem) -> str:
    """The name of its schema: `NotFoundProblem`."""
    return "".join(part.capitalize() for part in problem.code.split("_")) + "Problem"


def _schema(response: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = response.get("content", {}).get(PROBLEM_JSON, {}).get("schema", {})
    return found


def _response(found: Sequence[Problem]) -> dict[str, Any]:
    """One schema, or the one that `code` says."""
    references = {one.code: f"{REF}{schema_of(one)}" for one in found}
    schema: dict[str, Any] = {"$ref": next(iter(references.values()))}
    if len(references) > 1:
        discriminator = {"propertyName": "code", "mapping": references}
        schema = {"oneOf": [{"$ref": one} for one in references.values()], "discriminator": discriminator}
    return {"description": "; ".join(one.title for one in found), "content": {PROBLEM_JSON: {"schema": schema}}}


def operation_id(route: APIRoute) -> str:
    """`create_task` becomes `createTask`."""
    head, *tail = route.name.split("_")
    return head + "".join(part.capitalize() for part in tail)
