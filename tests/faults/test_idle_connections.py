"""A proxy that keeps connections no longer than the API tells loses no request on them; one that keeps longer does."""

import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import httpx
import pytest

from tests.conftest import make_token
from tests.faults.bench import Bench
from tests.faults.between import Nginx
from tests.faults.conftest import Say

# Seconds: what the API tells, and what it waits for beyond that.
KEEP_ALIVE, GRACE = 2, 1
CLIENTS = 50
# A request crosses the end of its connection within tenths of a second, which a busy machine may miss, or hit where it
# should not. So there are several rounds: without the grace each of them loses, as all come after KEEP_ALIVE.
ROUNDS = 5


# Seconds that each piece of data waits between the API and nginx: a part of the grace, and most of it.
@pytest.mark.parametrize(("idle", "delay", "loses"), [(f"{KEEP_ALIVE}s", 0.2, False), ("60s", 0.8, True)])
def test_a_request_on_an_idle_connection(bench: Bench, say: Say, idle: str, delay: float, loses: bool) -> None:
    """nginx, which never sends a POST again, with each client's second one just before the API closes."""
    with ExitStack() as ends:
        replica = bench.replica(f"idle-{idle}", bench.direct.url, KEEP_ALIVE_TIMEOUT=str(KEEP_ALIVE))
        replica.launch()
        ends.callback(replica.stop)
        between = bench.proxy_to(replica.port)
        between.weather.delay = delay
        nginx = Nginx(bench.folder, [between.port], idle)
        nginx.launch()
        ends.callback(nginx.stop)
        pauses = KEEP_ALIVE - 0.1, KEEP_ALIVE + GRACE - delay
        for _ in range(ROUNDS):
            seen = [_post_twice(nginx.kept_port, pause) for pause in pauses]
            say(f"nginx keeps {idle}, the API {KEEP_ALIVE} s: {[dict(one) for one in seen]}")
            if any(set(one) != {201} for one in seen) == loses:
                return
    pytest.fail("every round lost a request" if not loses else "no round lost a request")


def _post_twice(port: int, pause: float) -> Counter[int]:
    """The statuses of two POSTs by each of the clients, so long apart."""
    headers = {"Authorization": f"Bearer {make_token('idle')}", "Connection": "close"}
    url = f"http://127.0.0.1:{port}/api/v1/users/me/tasks"

    def post_twice(_: int) -> list[int]:
        with httpx.Client(headers=headers, timeout=20, verify=False) as client:
            first = client.post(url, json={"title": "x"}).status_code
            time.sleep(pause)
            return [first, client.post(url, json={"title": "x"}).status_code]

    with ThreadPoolExecutor(CLIENTS) as threads:
        return Counter(status for statuses in threads.map(post_twice, range(CLIENTS)) for status in statuses)
