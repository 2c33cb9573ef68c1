"""What each problem means, and what a client does: for docs/problems.md and the pages below /problems."""

from typing import NamedTuple

from core.problems import FieldCode, Problem


class Advice(NamedTuple):
    """Sentences, with code in backticks."""

    meaning: str
    action: str


# In the order of the document.
ADVICE = {
    Problem.VALIDATION_FAILED: Advice(
        "A field or a query parameter is missing, unknown or out of its bounds, or a value cannot be stored. `errors` "
        "says which.",
        "Show the errors at their fields; send again when they are mended.",
    ),
    Problem.MALFORMED_JSON: Advice(
        "The body is not UTF-8 JSON, repeats a member, is nested too deeply, holds NaN, NUL or half a character, "
        "or has more members or items than anybody means.",
        "Mend the serialisation.",
    ),
    Problem.BAD_REQUEST: Advice(
        "The HTTP itself is wrong: framing, or not exactly one `Host`; or a preflight asks for what no page may send.",
        "Mend the client or the proxy between.",
    ),
    Problem.KEY_REQUIRED: Advice(
        "A PUT with `If-None-Match: *` names an id under which something was deleted here. Without a key it could be "
        "a late repeat of the request that made it.",
        "Send it with an `Idempotency-Key` to put it back; drop it if it is a repeat.",
    ),
    Problem.MISSING_TOKEN: Advice(
        "There is no `Authorization: Bearer` header, or not exactly one.",
        "Sign in, and send the access token.",
    ),
    Problem.INVALID_TOKEN: Advice(
        "The token is expired, malformed, or not signed for this API.",
        "Refresh once; if that fails too, sign in again.",
    ),
    Problem.ACCOUNT_DELETED: Advice(
        "The token is good, but its account was deleted here, and the id does not come back.",
        "End the session where the token is from, and say so. Do not refresh, and do not sign in again with this "
        "account: its next token gets its response the same.",
    ),
    Problem.INVALID_CREDENTIALS: Advice(
        "Sign-in with a wrong pair, or a wrong current password. Which of the two is not said.",
        "Ask again.",
    ),
    Problem.INVALID_REFRESH_TOKEN: Advice(
        "It is expired, unknown, or was used more than 30 s ago for the first time; the last ends its whole session. "
        "With `AUTH_COOKIES` also: there is no cookie.",
        "Forget both tokens, sign in again.",
    ),
    Problem.FORBIDDEN: Advice(
        "The user in the path is not the user of the token. Says nothing about what exists there.",
        "Use the own id, or `me`.",
    ),
    Problem.ORIGIN_NOT_ALLOWED: Advice(
        "A preflight of a page whose origin is not in `CORS_ORIGINS`; or, with `AUTH_COOKIES`, an operation that "
        "works with the cookie was called without exactly one `Origin` that is in `CORS_ORIGINS` or the API's own. "
        "Nothing was done.",
        "Call it from a page of such an origin; the operator adds the origin, or the proxy to `TRUSTED_PROXIES`.",
    ),
    Problem.NOT_FOUND: Advice(
        "No such path, or the current user has no such row (any more).",
        "Drop it from the view.",
    ),
    Problem.METHOD_NOT_ALLOWED: Advice(
        "The path exists; `Allow` lists its methods.",
        "Mend the client.",
    ),
    Problem.BODY_TIMEOUT: Advice(
        "The request was sent too slowly; the connection is closed.",
        "Send it again on a new connection.",
    ),
    Problem.CURSOR_EXPIRED: Advice(
        "The changes since this cursor are not known any more: it is older than deletions are kept, another user's, "
        "or from before the database was restored.",
        "Start again without a cursor, and keep only what comes.",
    ),
    Problem.PRECONDITION_FAILED: Advice(
        "None of the tags in `If-Match` is that of the current version, or `If-None-Match: *` met something that is "
        "there; the response carries the current `ETag`. Nothing was written.",
        "Read it again, merge, and write with the new `ETag`.",
    ),
    Problem.ENTITY_TAG_ALTERED: Advice(
        'A tag in `If-Match` is weak (`W/"…"`) or has something added to it, and none is that of the current version, '
        "which the response carries as `ETag`. This API gives strong tags: a proxy that compresses has altered it. "
        "Nothing was written.",
        "Do not try again with what was read: it comes altered each time. Switch off the proxy's compression for this "
        "API, or send the tag without `W/` and without the addition.",
    ),
    Problem.REQUEST_IN_PROGRESS: Advice(
        "Another request with the same `Idempotency-Key` has no response yet.",
        "Wait for `Retry-After` seconds, then send the same again.",
    ),
    Problem.IDEMPOTENCY_KEY_REUSED: Advice(
        "The `Idempotency-Key` was used with another body or another operation. Nothing was done.",
        "Make a new key for each new request.",
    ),
    Problem.CONFLICT: Advice(
        "Something with this key exists, or something it refers to does not.",
        "Read the current state, then decide.",
    ),
    Problem.TOO_MANY_ROWS: Advice(
        "A change or a deletion of many chose more than 1,000. Nothing was done.",
        "Choose fewer: by another filter, or by `id`.",
    ),
    Problem.EMAIL_TAKEN: Advice(
        "Sign-up with an address that has an account here, in whatever case.",
        "Offer to sign in.",
    ),
    Problem.BODY_TOO_LARGE: Advice(
        "More bytes than the server takes; the connection is closed.",
        "Send less.",
    ),
    Problem.UNSUPPORTED_MEDIA_TYPE: Advice(
        "Another or no `Content-Type`, another charset than UTF-8, or a `Content-Encoding`.",
        "Send plain `application/json`.",
    ),
    Problem.TOO_MANY_ATTEMPTS: Advice(
        "The tries to sign in for this account, or to sign in or up from this address, are used up.",
        "Wait for `Retry-After` seconds.",
    ),
    Problem.INTERNAL_ERROR: Advice(
        "A bug. Its cause is in the server's log under `request_id` and nowhere else.",
        "Report it. Do not repeat a write that has no `Idempotency-Key` blindly.",
    ),
    Problem.DATABASE_UNAVAILABLE: Advice(
        "It is away, or too slow; or the request's time was over before all was done. Whether a write was done is "
        "unknown.",
        "Wait for `Retry-After` seconds, then send it again: a write with the same `Idempotency-Key`. Without a key, "
        "read before a write is repeated.",
    ),
    Problem.KEYS_UNAVAILABLE: Advice(
        "The server that signs the tokens does not give its public keys now. Nothing was done.",
        "Keep the token; wait for `Retry-After` seconds, then send it again.",
    ),
    Problem.SCHEMA_TOO_OLD: Advice(
        "Said by `/health/ready` alone: the database was not migrated to what this release needs, or never.",
        "The operator migrates it: `alembic upgrade head`.",
    ),
    Problem.SCHEMA_TOO_NEW: Advice(
        "Said by `/health/ready` alone: a migration took away what this release needs.",
        "The operator deploys a newer release.",
    ),
    Problem.OVERLOADED: Advice(
        "Too many requests, or sign-ins, are under way at once. Nothing was done.",
        "Wait for `Retry-After` seconds, then send it again.",
    ),
    Problem.SHUTTING_DOWN: Advice(
        "Said by `/health/ready` to whoever sends requests here: this process still serves for a moment, and drains. "
        "Also where a body has not come to its end by then.",
        "Send requests, this one again, to another process.",
    ),
}


# What each code of `errors` means. The parameters that it may have come first.
FIELD_ADVICE = {
    FieldCode.MISSING: ("", "It is required, and is not there."),
    FieldCode.UNKNOWN_FIELD: ("", "There is no field or parameter of this name."),
    FieldCode.WRONG_TYPE: ("`expected`", "The JSON value is of another type."),
    FieldCode.MALFORMED: (
        "`expected` or `pattern`",
        "The value has not this form: `date-time`, `uuid`, `email`, `integer` and others, or a regular expression.",
    ),
    FieldCode.NOT_ALLOWED: ("`allowed`", "The value is none of these."),
    FieldCode.TOO_SHORT: (
        "`min`",
        "A text has fewer characters, or a list fewer items. Space around a text may not count.",
    ),
    FieldCode.TOO_LONG: ("`max`", "A text has more characters, or a list more items."),
    FieldCode.TOO_SMALL: ("`min` or `above`", "The number, or the time, must be at least `min`, or more than `above`."),
    FieldCode.TOO_LARGE: ("`max` or `below`", "The number, or the time, must be at most `max`, or less than `below`."),
    FieldCode.NOT_A_MULTIPLE: ("`of`", "The number must be a multiple of this."),
    FieldCode.NUL_CHARACTER: ("", "The text holds a NUL character, which cannot be stored."),
    FieldCode.OTHER_ID: ("", "The id in the body of a PUT is not the one in its path."),
    FieldCode.INVALID_CURSOR: ("", "It is no `next_cursor` of a list with the same `sort`. Begin with the first page."),
    FieldCode.GUESSABLE_PASSWORD: ("", "The password is a common one, the address, or what stands before its `@`."),
    FieldCode.NOTHING_CHOSEN: ("", "A change or a deletion of many needs `id` or a filter, and not both."),
    FieldCode.CHOSEN_TWICE: (
        "",
        "`etags` in the body choose the rows, and so does the query, or they name one twice.",
    ),
    FieldCode.NOT_OF_ONE: ("", "If-Match is for one row; a change of many has `etags` in its body."),
    FieldCode.STALE: ("", "The row has changed since its tag was read. With `precondition_failed` alone."),
    FieldCode.INVALID: ("", "The value is not valid in another way: see `message`."),
}
