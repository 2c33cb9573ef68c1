"""What OpenTelemetry's span of a request may tell: nothing of the query, where search words and titles are."""

from starlette.types import ASGIApp, Receive, Scope, Send

# Of its instrumentation's older names and of the stable ones: the first two may end in the query.
_NAMES = ("http.url", "http.target", "url.query")


def without_query(app: ASGIApp) -> ASGIApp:
    """`app` below a layer of OpenTelemetry's, whose span has the whole URL by now."""
    from opentelemetry import trace  # noqa: PLC0415 (where nobody traces, it may not be installed)

    async def traced(scope: Scope, receive: Receive, send: Send) -> None:
        span = trace.get_current_span()
        known = getattr(span, "attributes", None) or {}  # of one that is not recorded there are none
        for name in _NAMES:
            if name in known:
                span.set_attribute(name, "" if name == "url.query" else known[name].partition("?")[0])
        await app(scope, receive, send)

    return traced
