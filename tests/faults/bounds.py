"""How long anything may take before a test fails: the product's own seconds, and slack for a machine that is busy."""

from core import health
from core.config import Settings

# How long a request waits for the database.
DEADLINE_SECONDS = float(Settings.model_fields["request_timeout"].default)
# By so much all may be late on a machine whose cores are all at work: less than a deadline, and than anything else
# that somebody would wait for in vain. So no bound below is reached by noise, and each is passed by a wait too many.
SLACK_SECONDS = 3.0
# Every response. Passed by who waits for a second deadline (10 s), or without one.
RESPONSE_SECONDS = DEADLINE_SECONDS + SLACK_SECONDS
# /health/ready. Passed by one that looks twice (8 s), or without a bound.
READY_SECONDS = health.READY_SECONDS + SLACK_SECONDS
# /health/live, which waits for nothing. Passed where a silent database blocks the event loop (4 s and more).
LIVE_SECONDS = SLACK_SECONDS
# The first success once the database is back. Passed where somebody waits for a deadline first, or pauses.
RECOVERED_SECONDS = SLACK_SECONDS
# What only has to come to pass: a start, a recovery, an event that a test waits for. Passed where it never does.
EVENT_SECONDS = 60
