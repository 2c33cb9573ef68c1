"""What a slice writes in the declarations of its operations: the problems they have, and how they are named."""

from typing import Any

from fastapi.routing import APIRoute

from core.problems import Problem

REF = "#/components/schemas/"


def problems(*found: Problem) -> dict[int | str, dict[str, Any]]:
    """`responses` of an operation: the problems that it has besides those of every operation."""
    statuses = sorted({problem.status for problem in found})
    return {
        status: {
            "description": "; ".join(problem.title for problem in found if problem.status == status),
            "content": {"application/problem+json": {"schema": {"$ref": f"{REF}ProblemDetails"}}},
        }
        for status in statuses
    }


def operation_id(route: APIRoute) -> str:
    """`create_task` becomes `createTask`."""
    head, *tail = route.name.split("_")
    return head + "".join(part.capitalize() for part in tail)
