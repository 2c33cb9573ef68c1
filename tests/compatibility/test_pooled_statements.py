"""Prepared statements and a transaction pooler, which gives one session to many: left out, or if told to, got right."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import psycopg2

from tests.conftest import TestDatabase, UserClient
from tests.core.api_process import ApiProcess

CLIENTS, TURNS = 12, 10


def _work(api: ApiProcess, number: int) -> Counter[int]:
    """Makes, changes and lists tasks; each client sees its own, and nothing fails."""
    statuses: Counter[int] = Counter()
    with UserClient(api.url) as client:
        for turn in range(TURNS):
            title = f"{number}-{turn}"
            made = client.post(client.tasks, json={"title": title}, headers={"Idempotency-Key": title})
            path = f"{client.tasks}/{made.json()['id']}"
            changed = client.patch(path, json={"status": "completed"})
            seen: list[httpx.Response] = [made, changed, client.get(path), client.get(client.tasks)]
            statuses.update(one.status_code for one in seen)
            assert [one["title"] for one in seen[-1].json()["items"]] == [f"{number}-{n}" for n in range(turn, -1, -1)][
                :50
            ]
            assert seen[2].json()["title"] == title
    return statuses


def _serve(url: str, meanwhile: Callable[[], None] = lambda: None, **settings: Any) -> set[Any]:
    """The codes for which statements were repeated; `meanwhile` is done when half of all is done."""
    with ApiProcess(url, DATABASE_POOL_SIZE="8", **settings) as api, ThreadPoolExecutor(CLIENTS) as pool:
        for between in (meanwhile, lambda: None):
            statuses = sum(pool.map(lambda number: _work(api, number), range(CLIENTS)), Counter[int]())
            assert statuses == {201: CLIENTS * TURNS, 200: 3 * CLIENTS * TURNS}
            between()
    return {line["db.response.status_code"] for line in api.lines if line["message"] == "statement repeated"}


def test_nothing_is_prepared_behind_a_pooler(database: TestDatabase, start_pooled: Callable[[], str]) -> None:
    """That it is one, the process of the session tells."""
    url = start_pooled()
    database.proxy.clear()
    assert _serve(url).isdisjoint({"26000", "42P05"})
    assert len(database.proxy.messages) > 4 * CLIENTS * TURNS
    assert [sent for sent in database.proxy.messages if "PREPARE " in sent or "EXECUTE " in sent] == []


def test_told_to_it_prepares_and_nobody_sees_whose_session_it_is(
    database: TestDatabase, start_pooled: Callable[[], str]
) -> None:
    """Eight connections share five sessions: each meets what others have prepared, or have not."""
    url = start_pooled()
    database.proxy.clear()
    repeated = _serve(url, lambda: _throw_away(url), PREPARED_STATEMENTS="true")
    assert repeated >= {"26000", "42P05"}
    sent = database.proxy.messages
    assert sum("EXECUTE " in one for one in sent) > 4 * CLIENTS * TURNS
    # The mode of planning would be everybody's.
    assert [one for one in sent if "plan_cache_mode" in one] == []


def _throw_away(url: str) -> None:
    """What is prepared in all sessions of the pooler."""
    sessions = [psycopg2.connect(url) for _ in range(5)]
    for one in sessions:
        one.cursor().execute("DEALLOCATE ALL")
    for one in sessions:
        one.close()
