"""Every resource of a user keeps what clients rely on; a new slice is held the moment it is in the document."""

import pytest

from tests.conftest import TestDatabase, UserClient
from tests.contract.operations import Operation, document, operations
from tests.contract.resource_walls import Calls, Wall, cases

OWNED = [operation for operation in operations(document()) if operation.owned]


@pytest.mark.parametrize(
    ("wall", "operation"),
    [pytest.param(wall, one, id=f"{wall.__name__}-{one.id}") for wall, one in cases(OWNED)],
)
def test_the_resource_keeps_it(wall: Wall, operation: Operation, alice: UserClient, database: TestDatabase) -> None:
    assert list(wall(Calls(alice, database, OWNED), operation)) == []
