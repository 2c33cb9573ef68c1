"""A write that is repeated has its effect once: the IETF draft's `Idempotency-Key`, for every private write of rows."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Iterable
from uuid import UUID

from fastapi import Request

from core.database.transaction import Transaction
from core.http import context, headers
from core.http.idempotency_keys import IdempotencyKey, Keys
from core.http.responses import AnyResponse, Header, WholeResponse
from core.problems import FieldCode, FieldError, FieldParams, Problem, ProblemError
from core.resources.preconditions import ExistsError
from core.resources.repository import UnknownOwnerError

Write = Callable[[], Awaitable[AnyResponse]]
# Gives, by the id of the row if it has one, the content as it is now, None if it is gone, and the headers about it.
Repeated = Callable[[UUID | None], Awaitable[tuple[bytes | None, Iterable[Header]]]]

REPLAYED = "Idempotent-Replayed"

# A structured-field string (RFC 8941, section 3.3.3), or the same text bare.
_KEY = re.compile(r'"([\x20\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x5b\x5d-\x7e]{1,255})')
PATTERN = f"^(?:{_KEY.pattern})$"


async def once(request: Request, body: bytes, write: Write, repeated: Repeated) -> AnyResponse:
    """`write()`, or what it gave before under the same Idempotency-Key: status, Location and the row as it is now.

    The row, the key and what is stored of the response are one transaction: a lost response is found again, a failure
    leaves nothing, but for the 412 of what exists. Nothing of a row is stored but its id: what was deleted is gone.
    `repeated` gives the response to a repeat. Raises ProblemError 400, 409 while the first runs, 422 for another one.
    """
    key, fingerprint = _parse(headers.values(request.scope, b"idempotency-key")), _fingerprint(request, body)
    found = context.of(request)
    while True:
        try:
            return await _in_transaction(request, key, fingerprint, write, repeated)
        except UnknownOwnerError:
            # Raises for an account that was deleted meanwhile, so this ends.
            await found.services.accounts.provision(found.user)


async def _in_transaction(
    request: Request, key: str, fingerprint: bytes, write: Write, repeated: Repeated
) -> AnyResponse:
    found = context.of(request)

    async def work(transaction: Transaction) -> AnyResponse | ExistsError:
        keys = Keys(transaction, found.user, found.services.accounts)
        stored = await keys.claim(key, fingerprint)
        found.executor = transaction
        if stored is None:
            if b"if-none-match" in found.headers:
                transaction.keep()
            try:
                response = await write()
            except ExistsError as error:
                transaction.undo()
                transaction.at_end(keys.rejected(key, error.row_id))
                return error
            transaction.at_end(keys.filled(key, response, found.result))
            return response
        if stored.fingerprint != fingerprint:
            raise ProblemError(Problem.IDEMPOTENCY_KEY_REUSED, "This key was used for another request. Make a new one.")
        return await _replay(stored, repeated)

    done = await found.services.database.transact(work)
    if isinstance(done, ExistsError):
        raise done
    return done


async def _replay(stored: IdempotencyKey, repeated: Repeated) -> WholeResponse:
    kept = ((b"location", stored.location), (b"etag", stored.etag))
    found = {name: value.encode("latin-1") for name, value in kept if value is not None}
    body = stored.body
    if stored.status is not None and body is None:
        body, now = await repeated(stored.row_id)
        found.update(now)
    if stored.status == Problem.PRECONDITION_FAILED.status:
        detail, tag = "There was one under this id when the request came first.", found.get(b"etag")
        raise ProblemError(Problem.PRECONDITION_FAILED, detail, headers={"ETag": tag.decode()} if tag else None)
    return WholeResponse(stored.status or 201, [(REPLAYED.lower().encode(), b"true"), *found.items()], body or None)


def _parse(lines: list[str]) -> str:
    match = _KEY.fullmatch(lines[0].strip()) if len(lines) == 1 else None
    if match is None:
        told = "Must be 1 to 255 ASCII characters without spaces, quotes and backslashes, such as a UUID"
        params = FieldParams(expected="idempotency-key")
        error = FieldError(pointer="/header/idempotency-key", message=told, code=FieldCode.MALFORMED, params=params)
        raise ProblemError(Problem.VALIDATION_FAILED, "The Idempotency-Key is malformed.", errors=[error])
    return str(match[1] or match[2])


def _fingerprint(request: Request, body: bytes) -> bytes:
    """What the key stands for: the operation, what it is done to, and the body, byte for byte. Not the user's id, which
    can be `me`, and not If-Match: who tries again has a new tag."""
    within = sorted(item for item in request.path_params.items() if item[0] != "user_id")
    makes = headers.values(request.scope, b"if-none-match")  # to make and to replace are two things
    operation = (request.method, context.of(request).route, within, request.scope["query_string"], *makes)
    return hashlib.sha256(f"{operation}\n".encode() + body).digest()
