"""Prints which files of the product one request enters, in that order: `python -m tests.contract.request_trace URL`.

A PATCH of a task over HTTP, with If-Match, to the shipped application on the database at URL; the same on every run,
because only the first call into each file counts. JSON, the last line of the output.
"""

import json
import subprocess
import sys
import threading
from types import FrameType
from typing import Any

from core import logging
from tests.conftest import RunningServer, UserClient, make_settings, project_root

ROOT = f"{project_root()}/"


# Where a request arrives: what is entered before is the end of the one before, its line in the log.
_FIRST = "core/server/framing.py"
# The next request of the connection is for it: then all of this one is done, its line in the log too.
_NEXT = "core/health.py"


class TraceError(Exception):
    """The request could not be traced."""


class Trace:
    """While it records, the files that the server's thread enters."""

    def __init__(self) -> None:
        self.recording = False
        self.files: dict[str, None] = {}

    def look(self, frame: FrameType, event: str, _: Any) -> None:
        """Profile function of every thread."""
        if event == "call" and self.recording and threading.current_thread().name == "api":
            path = frame.f_code.co_filename.removeprefix(ROOT)
            if path == _NEXT:
                self.recording = False
            elif path.startswith(("core/", "modules/")) and (self.files or path == _FIRST):
                self.files[path] = None


def entered(database_url: str) -> list[str]:
    """The files, as a process of its own finds them. Raises TraceError with what it says where it fails."""
    command = [sys.executable, "-m", "tests.contract.request_trace", database_url]
    done = subprocess.run(command, cwd=project_root(), capture_output=True, text=True, timeout=60, check=False)
    if done.returncode:
        raise TraceError(f"the application did not serve the request that is traced:\n{done.stdout}{done.stderr}")
    found: list[str] = json.loads(done.stdout.splitlines()[-1])
    return found


def _trace(database_url: str) -> list[str]:
    trace = Trace()
    threading.setprofile(trace.look)
    logging.configure("INFO", "production")
    # On a busy machine a statement could be slow, and be told of.
    server = RunningServer(make_settings(slow_statement=60), database_url)
    # The second token differs from the first, so that it is always one that was not seen before.
    with UserClient(server.url) as first, UserClient(server.url, first.user_id, jti="another") as second:
        path = f"{first.tasks}/{first.create_task()['id']}"
        first.patch(path, json={"title": "So that nothing happens for the first time"}).raise_for_status()
        # What was said outside of the loop is written by a thread, which takes what comes soon after as well.
        logging.flush()
        trace.recording = True
        second.patch(path, json={"status": "completed"}, headers={"If-Match": '"2"'}).raise_for_status()
        # The same again, which enters no other file: by its end the line of the first is written.
        second.patch(path, json={"status": "pending"}, headers={"If-Match": '"3"'}).raise_for_status()
        second.get("/health/live").raise_for_status()
    server.stop()
    logging.flush()
    return [*trace.files]


if __name__ == "__main__":
    print(json.dumps(_trace(sys.argv[1])))  # noqa: T201
