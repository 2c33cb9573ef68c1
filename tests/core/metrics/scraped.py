"""The figures of a running API, read by Prometheus' own parser."""

from collections import Counter
from collections.abc import Mapping

import httpx
from prometheus_client.parser import text_string_to_metric_families

from tests.core.api_process import ApiProcess

Series = tuple[str, tuple[tuple[str, str], ...]]
# Those of Prometheus' kinds whose numbers never get smaller.
GROWING = {"counter", "histogram", "summary"}


class Scraped:
    """One reading. Fails for what the parser does not take."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.kinds: dict[str, str] = {}
        self.values: dict[Series, float] = {}
        for family in text_string_to_metric_families(text):
            self.kinds[family.name] = family.type
            for sample in family.samples:
                series = sample.name, tuple(sorted(sample.labels.items()))
                assert series not in self.values, f"{series} comes twice"
                self.values[series] = sample.value
        self._growing = {
            series
            for family in text_string_to_metric_families(text)
            if family.type in GROWING
            for series in ((sample.name, tuple(sorted(sample.labels.items()))) for sample in family.samples)
        }

    def of(self, name: str, **labels: str) -> float:
        """The value of a series, 0 where there is none."""
        return self.values.get((name, tuple(sorted(labels.items()))), 0.0)

    def fell(self, later: "Scraped") -> list[Series]:
        """What grows, and is smaller in a later reading, or is gone from it."""
        return [one for one in self._growing if later.values.get(one, -1.0) < self.values[one]]

    def requests(self) -> Counter[tuple[str, str, int]]:
        """How many of each method, route and status; the route is empty where there is none."""
        found: Counter[tuple[str, str, int]] = Counter()
        for (name, labels), value in self.values.items():
            if name == "http_server_request_duration_seconds_count":
                said = dict(labels)
                status = int(said["http_response_status_code"])
                found[said["http_request_method"], said["http_route"], status] += int(value)
        return found


def scrape(port: int) -> Scraped:
    """Asks as Prometheus does."""
    response = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10, trust_env=False)
    assert response.status_code == 200
    assert response.headers["Content-Type"].startswith("text/plain; version=0.0.4")
    return Scraped(response.text)


def access_lines(process: ApiProcess) -> Counter[tuple[str, str, int]]:
    """The same, of the lines of the log."""
    lines: list[Mapping[str, object]] = [line for line in process.lines if line["message"] == "request"]
    return Counter(
        (str(line["http.request.method"]), str(line.get("http.route", "")), int(str(line["http.response.status_code"])))
        for line in lines
    )
