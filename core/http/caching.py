"""What caches may keep: nothing; or, if HTTP_CACHE says so, what has an ETag, in the browser, to be asked about."""

from starlette.types import Message, Scope

from core.http import context
from core.http.headers import with_vary

NO_STORE = (b"cache-control", b"no-store")
# RFC 9111, section 5.2.2: a browser may keep it, a proxy may not, and nobody shows it without asking here.
_PRIVATE = (b"cache-control", b"private, no-cache")
# Where somebody keeps it all the same, nobody else's request finds it.
_VARY = (b"Authorization", b"Origin", b"Accept-Encoding")


def allow(scope: Scope, start: Message) -> None:
    """Makes the no-store of a response `private` where a GET of a private operation gave something with an ETag."""
    headers = start["headers"]
    tagged = start["status"] in (200, 304) and any(name == b"etag" for name, _ in headers)
    if tagged and scope["method"] in ("GET", "HEAD") and context.in_scope(scope).principal is not None:
        start["headers"] = with_vary([_PRIVATE if one is NO_STORE else one for one in headers], *_VARY)
