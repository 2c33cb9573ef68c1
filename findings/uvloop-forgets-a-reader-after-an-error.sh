#!/usr/bin/env bash
# A peer sends something and goes; what we then send is answered by a reset. The socket has now an error and bytes to
# read at once (Linux: EPOLLIN, EPOLLERR and EPOLLHUP together), and those bytes can be read. asyncio's own event loop
# calls a reader that takes a part of them again and again, until it has seen the end. uvloop 0.23.0 calls it once: libuv
# stops a uv_poll handle that has an error, and nobody says so. A library that reads one message for each call (libpq,
# when the server was ended: first its last words, then the end) waits for ever.
# A reader that is added anew is called again. Needs Linux, and Python 3.11 with venv.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check uvloop==0.23.0
cat >look.py <<'PY'
import asyncio
import socket

import uvloop


async def pieces(anew: bool) -> list[bytes]:
    """What a reader that takes four bytes for each call gets of ten, and whether it sees the end."""
    listener = socket.create_server(("127.0.0.1", 0))
    ours = socket.create_connection(listener.getsockname())
    theirs, _ = listener.accept()
    ours.setblocking(False)
    theirs.sendall(b"last words")
    theirs.close()
    ours.send(b"a question")  # answered by a reset
    await asyncio.sleep(0.1)
    loop, read = asyncio.get_running_loop(), []

    def ready() -> None:
        read.append(ours.recv(4))
        loop.remove_reader(ours) if anew or not read[-1] else None
        loop.add_reader(ours, ready) if anew and read[-1] else None

    loop.add_reader(ours, ready)
    await asyncio.sleep(0.3)
    loop.remove_reader(ours)
    ours.close()
    listener.close()
    return read


whole = [b"last", b" wor", b"ds", b""]
for name, factory, anew, expected in (
    ("asyncio", asyncio.new_event_loop, False, whole),
    ("uvloop", uvloop.new_event_loop, False, whole[:1]),
    ("uvloop, added anew", uvloop.new_event_loop, True, whole),
):
    with asyncio.Runner(loop_factory=factory) as runner:
        found = runner.run(pieces(anew))
    print(f"{name:20} {found}")
    assert found == expected, found
PY
venv/bin/python look.py
