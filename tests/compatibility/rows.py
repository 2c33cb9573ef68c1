"""The rows of docs/compatibility.md: who, what was tried, and the tests that tried it."""

from typing import NamedTuple


class Row(NamedTuple):
    """`tests` are what pytest takes; the result of a row is theirs."""

    who: str
    tried: str
    tests: tuple[str, ...]


_CLIENTS = "tests/compatibility/test_clients.py"
_PROXIES = "tests/compatibility/test_proxies.py"
_WALK = "20 creates, a GET, a PATCH with If-Match, the same with an old tag, a chunked create, a DELETE"

ROWS = (
    Row(
        "OpenJDK's `HttpClient`, as it is (it offers HTTP/2)",
        f"{_WALK}; one line in the log for each",
        (f"{_CLIENTS}::test_the_jdks_http_client",),
    ),
    Row("curl", "the same, with HTTP/1.1 and with `--http2`", (f"{_CLIENTS}::test_curl",)),
    Row("Node's `fetch`, undici, axios", "the same", (f"{_CLIENTS}::test_node",)),
    Row(
        "Chromium, `AUTH_COOKIES` at `http://localhost`",
        "two tabs refresh at once, and again five hours long; a page of another origin",
        ("tests/compatibility/test_browsers.py",),
    ),
    Row(
        "Chromium, the page `/docs`",
        "signing up and in there, a token from elsewhere, examples tried out; below a prefix with TLS too",
        ("tests/compatibility/test_docs_page.py",),
    ),
    Row(
        "nginx with kept connections, its defaults, 20 ms away",
        "POSTs that come about 5 s after the last",
        (f"{_PROXIES}::test_nginx_with_kept_connections",),
    ),
    Row(
        "nginx that compresses, and so weakens entity tags",
        "If-None-Match, If-Match: 304, a 412 that names the cause, a write with the tag as it was",
        (f"{_PROXIES}::test_a_tag_that_nginx_weakens",),
    ),
    Row(
        "nginx that compresses, before what comes compressed (above 1 KiB)",
        "passed on as it is, with its strong tag: If-None-Match, If-Match",
        (f"{_PROXIES}::test_what_came_compressed_passes_nginx_as_it_is",),
    ),
    Row(
        "nginx with `proxy_cache`, `HTTP_CACHE=private`",
        "two people, each with two tokens, in two tabs of two browsers, which write in between: all see their own, "
        "also where `proxy_ignore_headers` keeps what has an ETag; public or without Vary, the same test sees others'",
        ("tests/compatibility/test_caching_proxy.py",),
    ),
    Row(
        "Chromium's own cache, `HTTP_CACHE=private`",
        "two people in each of two browsers, behind nginx with `proxy_cache` and without: their own, nothing old, 304",
        ("tests/compatibility/test_browser_cache.py",),
    ),
    Row(
        "HAProxy, its defaults",
        "the client's address in the log, with `HOST=127.0.0.1` and `HOST=::`",
        (f"{_PROXIES}::test_haproxy_names_its_clients",),
    ),
    Row(
        "IPv4 and IPv6 clients, `HOST=::`",
        "served, and told apart, with one worker and with two; sign-in throttled for each alone",
        (f"{_PROXIES}::test_both_families_of_addresses", f"{_PROXIES}::test_one_client_does_not_throttle_another"),
    ),
    Row(
        "PgBouncer, transaction mode",
        "creates with keys, changes, lists, deletions, readiness",
        (f"{_PROXIES}::test_pgbouncer_takes_every_statement", "tests/compatibility/test_pooled_statements.py"),
    ),
    Row(
        "a request that offers another protocol, any client",
        "every case of the framing tests with seven offers and with none: responses and lines = requests",
        ("tests/core/server/test_offers.py", "tests/core/server/test_framing.py"),
    ),
    Row(
        "idle connections",
        "the end is announced, comes a second later, and is no reset",
        ("tests/core/server/test_keep_alive.py",),
    ),
    Row(
        "a device that syncs by `updated_since`",
        "beside six writers, with a session at the user's row: nothing missed",
        ("tests/modules/tasks/test_sync.py",),
    ),
    Row(
        "several database hosts in one URL",
        "the first silent, rejecting, read-only, a standby; every `target_session_attrs`",
        ("tests/core/database/test_several_hosts.py", "tests/core/database/test_server_roles.py"),
    ),
    Row(
        "a reader of the log that stalls, goes away, or has a full disk",
        "responses go on, what is dropped is counted; lines of two workers are whole",
        ("tests/core/logging/test_unread_log.py",),
    ),
    Row(
        "Better Auth, the jwt plugin",
        "each algorithm, each token, each way to set it up, by configuration alone",
        ("tests/better_auth/test_token_kinds.py", "tests/better_auth/test_settings.py"),
    ),
    Row(
        "Better Auth's profile",
        "a changed name arrives with the next token",
        ("tests/better_auth/test_profile.py", "tests/modules/users/test_claims.py"),
    ),
    Row(
        "Better Auth in the same database, singular and plural tables; Drizzle",
        "ours first and theirs first, both migrators twice, `drizzle-kit push`",
        ("tests/better_auth/test_one_database.py",),
    ),
    Row(
        "Neon Auth (Better Auth with its base path and keys' path)",
        "`NEON_AUTH_BASE_URL` alone, without a secret",
        ("tests/end_to_end/test_neon_auth.py", "tests/core/tokens/test_published_keys_places.py"),
    ),
    Row(
        "tokens as others write them",
        "`typ: jwt`, `Ed25519`, thousands of published keys, several issuers, an audience that is not configured",
        (
            "tests/core/tokens/test_verifier_claims.py",
            "tests/core/tokens/test_verifier.py",
            "tests/core/tokens/test_key_set.py",
        ),
    ),
    Row(
        "OpenTelemetry, `opentelemetry-instrument python main.py`",
        "one server span a request, named by method and route, in the client's trace; both paths, two workers",
        ("tests/compatibility/test_opentelemetry.py",),
    ),
    Row(
        "OpenTelemetry, Better Auth (in Next.js, with Chromium; on a server of its own), the API",
        "one trace from the `traceparent` that is sent through Better Auth to each statement, by configuration alone; "
        "no token, address or title in it",
        (
            "tests/web/test_nextjs.py::test_one_trace_from_the_browser_to_the_statement",
            "tests/web/test_separate_auth_trace.py",
        ),
    ),
    Row("published secrets", "rejected at the start", ("tests/core/test_secret_strength.py",)),
    Row("common passwords", "rejected at sign-up", ("tests/modules/auth/test_guessable.py",)),
    Row(
        "two people at one address, `/users/me`",
        "one's ETag with the other's token is no 304",
        ("tests/core/http/test_entity_tags.py",),
    ),
)
