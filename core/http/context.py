"""What one request carries through the code, typed: the services of the process, and what is known of the request."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol, TypeVar
from urllib.parse import quote

from fastapi import Depends, Request
from starlette.types import Scope

from core.config import Settings
from core.database.compatibility import SchemaCheck
from core.database.database import Database
from core.database.executor import Executor
from core.database.usage import Usage
from core.http.admission import Gate
from core.http.responses import Header
from core.problems import ProblemError
from core.resources.preconditions import Tags
from core.resources.repository import Accounts
from core.tokens.verifier import Principal, TokenVerifier

T = TypeVar("T")

_KEY = "todo_api"
# Of the state that every request finds as `request.state`: set while the process drains before it ends.
DRAINING = "draining"
NO_TAGS = Tags(None)
# Of what `quote` would change nothing.
_PLAIN = re.compile(r"[A-Za-z0-9_.~/-]*").fullmatch


class Observe(Protocol):
    """Told of each request as it ends: its scope, its status, how many seconds it took, what was known of it. Where the
    protocol rejected it that is nothing but the code of its problem."""

    def __call__(
        self, scope: Scope, status: int, seconds: float, found: "RequestContext | None", code: str | None = None
    ) -> None: ...


@dataclass(frozen=True, slots=True)
class Services:
    """What the composition root makes once. `slices` holds what a slice needs besides, each by its type."""

    settings: Settings
    database: Database
    verifier: TokenVerifier
    accounts: Accounts
    schema: SchemaCheck
    gate: Gate
    slices: Mapping[type, Any] = field(default_factory=dict)
    # None where nothing is counted.
    observe: Observe | None = None


class RequestContext(Usage):
    """What is known of one request, filled in on its way. The access line is written from it."""

    __slots__ = (
        "executor",
        "headers",
        "lines",
        "makes",
        "principal",
        "problem_code",
        "rejection",
        "request_id",
        "result",
        "route",
        "services",
        "tags",
        "token_seconds",
    )

    def __init__(
        self, services: Services, request_id: str, lines: Sequence[Header], headers: Mapping[bytes, bytes]
    ) -> None:
        # As Usage makes them, without a call more.
        self.deadline = self.statements_seconds = self.waiting_seconds = self.token_seconds = 0.0
        self.statements = 0
        self.services = services
        self.request_id = request_id
        # The lines of its head; and by their names in lower case, of one that came several times the last.
        self.lines, self.headers = lines, headers
        # The template of the operation's path, once the operation is found.
        self.route: str | None = None
        # Who asks; private operations alone have one.
        self.principal: Principal | None = None
        # What repositories send their statements through: the database, or the transaction of a write with a key.
        self.executor: Executor = services.database
        # Whether the request makes a row under an id of the client's own.
        self.makes = False
        # What the endpoint gave, and how its entity tags are made.
        self.result: Any = None
        self.tags: Tags = NO_TAGS
        self.problem_code: str | None = None
        # Why the middleware itself rejects it, before anybody looks for its operation.
        self.rejection: ProblemError | None = None

    @property
    def user(self) -> Principal:
        """The current user of a private operation."""
        assert self.principal is not None, "a public operation has no current user"
        return self.principal

    @property
    def owner(self) -> str | None:
        """The current user's id, None in a public operation."""
        return self.principal.user_id if self.principal else None


# The same object as in the scope, for what is called without the request: the database, an endpoint in a thread.
_current: ContextVar[RequestContext] = ContextVar("request_context")


def begin(scope: Scope, services: Services, request_id: str, headers: Mapping[bytes, bytes]) -> RequestContext:
    """Makes the context of a request and puts it where `of` and `current` find it."""
    made = scope[_KEY] = RequestContext(services, request_id, scope["headers"], headers)
    _current.set(made)
    return made


def of(request: Request) -> RequestContext:
    """The context of this request."""
    found: RequestContext = request.scope[_KEY]
    return found


def quoted_path(scope: Scope) -> str:
    """The request's path as clients know it, behind ROOT_PATH, which the proxy takes away; as it stands in a URL."""
    path = in_scope(scope).services.settings.root_path + str(scope["path"])
    return path if _PLAIN(path) else quote(path)


def in_scope(scope: Scope) -> RequestContext:
    """The context of the request with this scope."""
    found: RequestContext = scope[_KEY]
    return found


# The context of the request that this task works for, if it works for one. The database asks at every statement: no
# function, which would be a frame more.
current: Callable[[], RequestContext | None] = partial(_current.get, None)


def service(kind: type[T]) -> Any:
    """A dependency that gives the service of a slice: `Annotated[LocalAccounts, service(LocalAccounts)]`."""

    async def find(request: Request) -> T:
        found: T = of(request).services.slices[kind]
        return found

    return Depends(find)
