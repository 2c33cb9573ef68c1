"""What has to be there before an operation: rows that the API makes for a user, found by the document alone."""

from collections.abc import Mapping, Sequence

from tests.conftest import UserClient
from tests.contract.operations import Operation


def made(user: UserClient, among: Sequence[Operation], operation: Operation) -> dict[str, str]:
    """The ids of the rows that the operation's path and its body name, made by their slices' own creates.

    What has no create of its own is made by the PUT of its path: a link, and what a user has one of.
    """
    ids: dict[str, str] = {}
    for name in operation.ids:
        ids[name] = _row(user, among, _of_collection(among, operation.path.partition(f"/{{{name}}}")[0]), ids)
    for name in operation.parents:
        create = _of_name(among, name)
        # The first row of a table names no other of it.
        if create is not None and create != operation and name not in ids:
            ids[name] = _row(user, among, create, {})
    for put in (one for one in among if one.method == "put" and one.path == operation.path):
        if operation.method in ("get", "patch", "delete") and _makes(put):
            response = user.request(**put.request(user.user_id, **ids))
            assert response.is_success, response.text
    return ids


def _makes(put: Operation) -> bool:
    """Whether a PUT needs no row: what its path ends with is no id, or is one of two that it links."""
    return not put.content or not put.path.endswith("}")


def _row(user: UserClient, among: Sequence[Operation], create: Operation, ids: Mapping[str, str]) -> str:
    given = {**made(user, among, create), **ids} if create.parents else ids
    response = user.request(**create.request(user.user_id, **given))
    assert response.status_code == 201, response.text
    return str(response.json()["id"])


def _of_collection(among: Sequence[Operation], collection: str) -> Operation:
    """What makes a row of a collection; of one below a row, where that makes none, what makes one of that name."""
    own = "/api/v1/users/{user_id}/" + collection.rpartition("/")[2]
    found = {one.path: one for one in among if one.method == "post"}
    assert collection in found or own in found, f"nothing makes a row of {collection}"
    return found.get(collection) or found[own]


def _of_name(among: Sequence[Operation], name: str) -> Operation | None:
    """What makes a row that `board_id` can name: POST …/boards. None for an id of something else."""
    stem = name.removesuffix("_id")[:-1]  # a category is one of the categories
    creates = [one for one in among if one.method == "post" and not one.path.endswith("}")]
    return next((one for one in creates if one.path.rpartition("/")[2].replace("-", "_").startswith(stem)), None)
