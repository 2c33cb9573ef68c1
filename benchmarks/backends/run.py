"""`make bench`: this API and others on the same table, their speed, their cost, and what twice too much load does."""

import argparse
import subprocess
import sys
from pathlib import Path

import cells
import overload
import plots
import report
from contestants import BARE, EVERYBODY, NODE, NODE_NAMED, PRODUCT, install_fastify
from postgres import Postgres
from server import Server
from wrk import tokens, wrk


def main() -> None:
    """Writes docs/performance.md, unless only some are measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3, help="of each run")
    parser.add_argument("--connections", type=int, default=16)
    parser.add_argument("--overload", type=int, default=60, help="seconds of the load that is twice too much")
    parser.add_argument("--only", nargs="*", default=[], help="parts of names: prints ratios, seconds in turn")
    options = parser.parse_args()
    parts = options.only or [""]
    chosen = [one for one in EVERYBODY if one is PRODUCT or any(part in one.name for part in parts)]
    if {NODE.name, NODE_NAMED.name} & {one.name for one in chosen} and not install_fastify():
        print("Without Node 20 and npm, Fastify is left out.", flush=True)
        chosen = [one for one in chosen if one not in (NODE, NODE_NAMED)]
    with Postgres() as postgres, tokens() as token_file:
        if options.only:
            found = cells.measure_in_turn(chosen, postgres, token_file, options.rounds, options.connections)
            print(report.goals(chosen, found))
            return
        found = cells.measure(chosen, postgres, token_file, options.rounds, options.seconds, options.connections)
        program = [sys.executable, Path(__file__).with_name("statements.py"), postgres.dsn]
        statements = subprocess.run(program, stdout=subprocess.PIPE, text=True, check=True).stdout.strip()
        limits = cells.pgbench(postgres, options.seconds)
        with Server(PRODUCT, postgres.url) as server:
            too_much = overload.measure(server, token_file, options.overload, options.connections)
        with Server(BARE, postgres.url) as server:
            bare = _bare(server, token_file, options.seconds, options.connections)
    report.write("machine", report.machine(options.rounds, options.seconds, options.connections))
    report.write("goals", report.goals(chosen, found))
    report.write("speed", f"{bare}\n\n{report.speed(chosen, found, limits)}")
    report.write("statements", statements)
    report.write("overload", report.overload(too_much))
    plots.draw(chosen, found)


def _bare(server: Server, token_file: str, seconds: int, connections: int) -> str:
    """What no application on this server can be below."""
    wrk(server, "GET", token_file, 1, connections)
    before = server.cpu_seconds()
    result = wrk(server, "GET", token_file, seconds, connections)
    cost = (server.cpu_seconds() - before) * 1000 / result["requests"]
    rate = result["requests"] / result["seconds"]
    return (
        f"The limit of the server: uvicorn with an application that sends a constant body, {cost:.3f} CPU s a 1,000 "
        f"requests, {rate:,.0f} req/s."
    )


if __name__ == "__main__":
    main()
