"""The families of figures: their names, OpenTelemetry's where there is one, their kinds, labels and what they say."""

from typing import NamedTuple

from core.problems import Problem

# Upper bounds of the buckets of a duration, in seconds.
BOUNDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "CONNECT", "TRACE"})
# Told as 0 before they happen, or the first would be missed.
CODES = tuple(problem.code for problem in Problem)

DURATIONS = "http_server_request_duration_seconds"
ACTIVE = "http_server_active_requests"
PROBLEMS = "todo_api_problems_total"
OPERATIONS = "db_client_operation_duration_seconds"
CONNECTIONS = "db_client_connection_count"
CONNECTIONS_MOST = "db_client_connection_max"
CONNECTIONS_PENDING = "db_client_connection_pending_requests"
CONNECTION_WAITS = "db_client_connection_wait_time_seconds"
KEY_FETCHES = "todo_api_key_fetches_total"
KEY_AGE = "todo_api_keys_age_seconds"
LOG_DROPPED = "todo_api_log_lines_dropped_total"


class Family(NamedTuple):
    """`kind` is one of Prometheus' types. Of several workers the numbers are added, or the largest is taken."""

    kind: str
    help: str
    labels: tuple[str, ...] = ()
    largest: bool = False


FAMILIES: dict[str, Family] = {
    DURATIONS: Family(
        "histogram",
        "Requests by their duration, as the access line has it.",
        ("http_request_method", "http_route", "http_response_status_code"),
    ),
    ACTIVE: Family("gauge", "Requests that have one of the places of MAX_CONCURRENT_REQUESTS."),
    PROBLEMS: Family("counter", "Rejected requests by the code of their problem (docs/problems.md).", ("code",)),
    OPERATIONS: Family("summary", "Statements that requests sent to the database, and how long they took."),
    CONNECTIONS: Family("gauge", "Connections to the database.", ("db_client_connection_state",)),
    CONNECTIONS_MOST: Family("gauge", "Connections that there may be: DATABASE_POOL_SIZE of each worker."),
    CONNECTIONS_PENDING: Family("gauge", "Requests that wait for a connection now."),
    CONNECTION_WAITS: Family("summary", "Requests that had to wait for a connection, or had one opened, and how long."),
    KEY_FETCHES: Family("counter", "Fetches of the sign-in server's keys.", ("result",)),
    KEY_AGE: Family("gauge", "How old the keys are that are in use, in the worker whose are the oldest.", largest=True),
    LOG_DROPPED: Family("counter", "Lines that the log could not take."),
}
