"""Writes docs/performance.md: what stands between its marks, and nothing else."""

import os
import platform
import re
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from cells import OPERATIONS, Cells, median
from contestants import ASYNC_ORM, BARE, DJANGO, LITESTAR, NODE, PRODUCT, TEMPLATE
from overload import Overload
from server import ROOT, Contestant

DOCUMENT = ROOT / "docs" / "performance.md"
TITLES = {
    "GET": "One task",
    "LIST": "The newest 20",
    "CREATE": "Create",
    "UPDATE": "Update (PATCH)",
    "MIX": "Mix: 70 of one task, 20 lists, 5 creates, 5 updates in a hundred",
}


def write(block: str, text: str, by: str = "make bench") -> None:
    """Replaces one block."""
    begin, end = f"<!-- {block}: written by {by} -->", f"<!-- {block}: end -->"
    document = DOCUMENT.read_text()
    found = re.compile(re.escape(begin) + ".*?" + re.escape(end), re.DOTALL)
    if not found.search(document):
        raise RuntimeError(f"{DOCUMENT.name} has no block {block}")
    DOCUMENT.write_text(found.sub(lambda _: f"{begin}\n{text}\n{end}", document))


def machine(rounds: int, seconds: int, connections: int) -> str:
    """Where and with what it was measured."""
    info = Path("/proc/cpuinfo").read_text()
    model = re.search(r"model name\s*: (.*)", info)
    packages = ("fastapi", "uvicorn", "psycopg2-binary", "sqlmodel", "sqlalchemy", "pydantic", "asyncpg", "litestar")
    packages += ("django", "django-ninja", "gunicorn")
    node = subprocess.run(["node", "--version"], capture_output=True, text=True, check=False).stdout.strip()
    versions = ", ".join(f"{name} {version(name)}" for name in packages)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}; {os.cpu_count()} cores ({model[1] if model else platform.machine()}), shared "
        f"by server, database and wrk; Python {platform.python_version()}, PostgreSQL 18, Node {node or '-'}; "
        f"{versions}. Medians of {rounds} rounds of {seconds} s, {connections} connections, one worker."
    )


def speed(contestants: Sequence[Contestant], cells: Cells, limits: dict[str, float]) -> str:
    """A table for each operation."""
    parts = []
    for operation in OPERATIONS:
        lines = [
            f"### {TITLES[operation]}\n",
            "| | app CPU s / 1,000 requests | database CPU s / 1,000 | req/s | p50 ms | p99 ms | memory MiB |",
            "|---|---|---|---|---|---|---|",
        ]
        for one in contestants:
            row = [
                median(cells, one, operation, name) for name in ("app_ms", "database_ms", "rate", "p50_ms", "p99_ms")
            ]
            memory = median(cells, one, operation, "memory") / 2**20
            lines.append(f"| {one.name} | {_figures(row)} | {memory:.0f} |")
        if operation in limits:
            lines.append(f"| limit: pgbench, 4 clients | - | - | {limits[operation]:,.0f} | - | - | - |")
        parts.append("\n".join(lines) + f"\n\n![{TITLES[operation]}](performance/{operation.lower()}.svg)")
    return "\n\n".join(parts)


def _figures(row: Sequence[float]) -> str:
    app, database, rate, p50, p99 = row
    return f"{app:.3f} | {database:.3f} | {rate:,.0f} | {p50:.1f} | {p99:.1f}"


def goals(contestants: Sequence[Contestant], cells: Cells) -> str:
    """What the product costs of what the others cost, and what was aimed at."""
    aims = {one.name: "≤ 0.75" for one in contestants if one not in (PRODUCT, NODE, BARE)}
    aims |= {TEMPLATE.name: "≤ 0.125", ASYNC_ORM.name: "≤ 0.25", NODE.name: "parity: ≤ 1"}
    lines = ["| app CPU of this API, to | GET | mix | aim |", "|---|---|---|---|"]
    for one in contestants:
        if one.name in aims:
            ratios = [_ratio(cells, one, operation, "app_ms") for operation in ("GET", "MIX")]
            lines.append(f"| {one.name} | {ratios[0]:.2f} | {ratios[1]:.2f} | {aims[one.name]} |")
    if TEMPLATE in contestants:
        p99 = [_ratio(cells, TEMPLATE, operation, "p99_ms") for operation in ("GET", "MIX")]
        lines.append(f"| {TEMPLATE.name}: p99 | {p99[0]:.2f} | {p99[1]:.2f} | ≤ 0.125 |")
    return "\n".join(lines)


def _ratio(cells: Cells, other: Contestant, operation: str, figure: str) -> float:
    return median(cells, PRODUCT, operation, figure) / median(cells, other, operation, figure)


def overload(found: Overload) -> str:
    """One row."""
    return (
        "| seconds | sustained, req/s | offered | served (200) | p50, p99 ms | rejected (503) | p99 ms "
        "| other responses | longest `/health/live` |\n|---|---|---|---|---|---|---|---|---|\n"
        f"| {found.seconds} | {found.sustained:,.0f} | {found.offered:,.0f} | {found.served:,.0f} | "
        f"{found.served_p50:.0f}, {found.served_p99:.0f} | {found.rejected:,.0f} | {found.rejected_p99:.0f} | "
        f"{found.others} | {found.live:.0f} ms |"
    )


__all__ = ["DJANGO", "LITESTAR", "goals", "machine", "overload", "speed", "write"]
