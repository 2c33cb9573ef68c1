"""What was bound by structlog's own context variables is in the lines of its request, and in no other's."""

import json
import tempfile

from tests.core.logging.test_writer import SETUP, run

PROGRAM = (
    f"{SETUP}from core.logging import access, request_fields\n"
    "def request(name, **bound):\n"
    "    request_fields.begin({'request_id': name})\n"
    "    structlog.contextvars.bind_contextvars(**bound)\n"
    "    request_fields.bind({'own': name})\n"
    "    access.write('info', {'shown': 1})\n"
    "    structlog.get_logger().info('line')\n"
    "request('none'); request('one', shop='north'); request('two', place='south'); request('last')\n"
)


def test_they_are_in_the_lines_of_the_request() -> None:
    with tempfile.TemporaryFile() as output:
        run(PROGRAM, output)
        output.seek(0)
        lines = [json.loads(line) for line in output]
    found = [{name: line[name] for name in ("request_id", "own", "shop", "place") if name in line} for line in lines]
    expected: list[dict[str, str]] = [{}, {"shop": "north"}, {"place": "south"}, {}]
    names = ("none", "one", "two", "last")
    each = [{"request_id": name, "own": name, **bound} for name, bound in zip(names, expected, strict=True)]
    assert found == [one for one in each for _ in ("request", "line")]
