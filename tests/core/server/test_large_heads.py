"""A head may have 64 KiB, however its bytes and those of the message before it come."""

from collections.abc import Iterator

import pytest

from tests.conftest import TestDatabase
from tests.core.api_process import ApiProcess
from tests.core.raw_http import RawConnection, connect
from tests.core.server.test_framing import LIVE, MALFORMED, TOO_LARGE, assert_too_large

LARGE = sorted(TOO_LARGE & MALFORMED.keys())


@pytest.fixture(scope="module")
def process(database: TestDatabase) -> Iterator[ApiProcess]:
    with ApiProcess(database.url) as running:
        yield running


@pytest.fixture
def connection(process: ApiProcess) -> Iterator[RawConnection]:
    with connect(process.port) as made:
        yield made


@pytest.mark.parametrize("first", [1, 30_000, 69_000])
@pytest.mark.parametrize("name", LARGE)
def test_a_head_that_begins_behind_another_message_is_too_large_all_the_same(
    connection: RawConnection, name: str, first: int
) -> None:
    head = MALFORMED[name]
    connection.send(LIVE + b"\r\n" + head[:first])
    before = connection.response()
    assert before is not None
    assert before.status == 200
    connection.send(head[first:])
    (rejected,) = connection.responses()
    assert_too_large(rejected)


def test_a_head_of_63_kb_behind_others_is_served(connection: RawConnection) -> None:
    fits = LIVE + b"X-A: " + b"a" * 63_000 + b"\r\n"
    for _ in range(3):
        connection.send(LIVE + b"\r\n" + fits[:40_000])
        first = connection.response()
        connection.send(fits[40_000:] + b"\r\n")
        second = connection.response()
        assert [one and one.status for one in (first, second)] == [200, 200]
