"""How many instructions a request takes in the whole server: what a change brings, to a few in a thousand, on a machine
whose speed changes by half within minutes. Instructions are no time: what waits for memory is not in them.

PYTHONPATH=benchmarks/shared .venv/bin/python benchmarks/backends/instructions.py [--of NAME] [GET …] (after `make
bench`, for its PostgreSQL and tokens; with Debian's valgrind). NAME is another backend's, as the tables of
docs/performance.md name it. Then `callgrind_annotate --inclusive=yes FILE` says in which functions.
"""

import argparse
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile, mkdtemp

from contestants import BARE, EVERYBODY, PRODUCT
from postgres import Postgres
from server import Contestant, Server
from wrk import tokens, wrk

OPERATIONS = ("GET", "LIST", "CREATE", "UPDATE", "MIX")
# So few that all tokens are known, and code is specialised, before it is counted.
USERS, CONNECTIONS = 20, 16
WARM_UP_SECONDS, SECONDS = 15, 15
# valgrind takes some fifty times as long.
SECONDS_TO_START = 180


def counted(server: Server, operation: str, token_file: str, dumps: Path) -> tuple[float, Path]:
    """The instructions of a request, and the file in the folder `dumps` that says where they are."""
    wrk(server, operation, token_file, WARM_UP_SECONDS, CONNECTIONS)
    _control(server, "--instr=on")
    wrk(server, operation, token_file, 1, CONNECTIONS)
    _control(server, "--zero")
    requests = wrk(server, operation, token_file, SECONDS, CONNECTIONS)["requests"]
    _control(server, "--dump")
    (where,) = dumps.glob("*.1")
    total = re.search(r"^(?:totals|summary): (\d+)", where.read_text(), re.MULTILINE)
    assert total is not None, where
    return int(total[1]) / requests, where


def _control(server: Server, command: str) -> None:
    subprocess.run(["callgrind_control", command, str(server.process.pid)], check=True, capture_output=True)


def main() -> None:
    """Prints a line for each operation."""
    backends = {one.name: one for one in (*EVERYBODY, BARE)}
    parser = argparse.ArgumentParser()
    parser.add_argument("operations", nargs="*", default=OPERATIONS, metavar="|".join(OPERATIONS))
    parser.add_argument("--of", choices=backends, default=PRODUCT.name, metavar="NAME", help=", or ".join(backends))
    options = parser.parse_args()
    if shutil.which("valgrind") is None:
        sys.exit("valgrind is missing: apt-get install valgrind")
    with Postgres() as postgres, tokens() as all_tokens, NamedTemporaryFile("w", suffix=".tokens") as few:
        few.writelines(line + "\n" for line in Path(all_tokens).read_text().splitlines()[:USERS])
        few.flush()
        for operation in options.operations:
            dumps = Path(mkdtemp())
            with Server(_under_valgrind(backends[options.of], dumps), postgres.url) as server:
                instructions, where = counted(server, operation, few.name, dumps)
                print(f"{operation}: {instructions:,.0f} instructions ({where})", flush=True)


def _under_valgrind(plain: Contestant, dumps: Path) -> Contestant:
    options = ("--tool=callgrind", "--instr-atstart=no", f"--callgrind-out-file={dumps / 'callgrind'}")
    return replace(plain, command=("valgrind", *options, *plain.command), seconds_to_start=SECONDS_TO_START)


if __name__ == "__main__":
    main()
