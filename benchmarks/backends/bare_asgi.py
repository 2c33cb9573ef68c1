"""A limit: uvicorn with an application that sends a constant body of a task's size, and does nothing else."""

from starlette.types import ASGIApp, Receive, Scope, Send

BODY = b"x" * 380
HEADERS = [(b"content-type", b"application/json"), (b"content-length", str(len(BODY)).encode())]


async def response(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] == "lifespan":
        for kind in ("startup", "shutdown"):
            await receive()
            await send({"type": f"lifespan.{kind}.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    await send({"type": "http.response.body", "body": BODY})


def create() -> ASGIApp:
    return response
