"""Writes docs/performance.md: what stands between its marks, and nothing else."""

import os
import platform
import re
import statistics
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from cells import OPERATIONS, Cells, median
from contestants import ASYNC_ORM, DJANGO, LITESTAR, LITESTAR_SILENT, NODE, NODE_NAMED, PRODUCT, TEMPLATE
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
        f"by server, database and wrk; Python {platform.python_version()} ({_build()}), PostgreSQL 18, "
        f"Node {node or '-'}; {versions}. Medians of {rounds} rounds of {seconds} s, {connections} connections, one "
        "worker."
    )


def _build() -> str:
    """How the interpreter was built, which decides on a fifth of what everything in Python costs."""
    flags = str(sysconfig.get_config_var("CONFIG_ARGS"))
    said = [flag for flag in ("--enable-optimizations", "--with-lto") if flag in flags]
    if sys.base_prefix == "/usr":
        return "the distribution's, built with profile-guided optimisation"
    return " ".join(said) or "built without profile-guided optimisation"


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


# Of whom, what is compared, and what was aimed at: in the order of OPERATIONS, None where nothing was.
_APP, _DATABASE, _BOTH = "app CPU", "PostgreSQL's CPU", "both together"
_GOALS = (
    (NODE, _APP, (0.80, 1.15, 1.10, 1.10, 0.95)),
    (NODE_NAMED, _APP, (None,) * 5),
    (NODE_NAMED, _DATABASE, (1.60, None, None, None, None)),
    (LITESTAR_SILENT, _APP, (0.40, 0.70, 0.65, 0.65, 0.58)),
    (LITESTAR_SILENT, _DATABASE, (1.00, 1.00, 1.30, 1.40, 1.10)),
    (LITESTAR_SILENT, _BOTH, (0.52, 0.78, 0.88, 0.92, 0.72)),
    (LITESTAR, _APP, (0.75, None, None, None, 0.75)),
    (ASYNC_ORM, _APP, (0.25, None, None, None, 0.25)),
    (TEMPLATE, _APP, (0.125, None, None, None, 0.125)),
    (DJANGO, _APP, (0.75, None, None, None, 0.75)),
)


def goals(contestants: Sequence[Contestant], cells: Cells) -> str:
    """What the product costs of what the others cost, and what was aimed at."""
    lines = ["| this API, to | of | GET | list of 20 | create | update | mix |", "|---|---|---|---|---|---|---|"]
    for one, what, aims in _GOALS:
        if one in contestants:
            ratios = [_ratio(cells, one, operation, what) for operation in OPERATIONS]
            figures = [
                f"{ratio:.2f}" + (f" (≤ {aim:.3g})" if aim else "") for ratio, aim in zip(ratios, aims, strict=True)
            ]
            lines.append(f"| {one.name} | {what} | {' | '.join(figures)} |")
    return "\n".join(lines)


def _ratio(cells: Cells, other: Contestant, operation: str, what: str) -> float:
    """The median of the rounds': two runs of one round are nearer to each other than to those of another."""
    figures = {_APP: ("app_ms",), _DATABASE: ("database_ms",), _BOTH: ("app_ms", "database_ms")}[what]
    ours, theirs = (
        [sum(getattr(sample, name) for name in figures) for sample in cells[one.name, operation]]
        for one in (PRODUCT, other)
    )
    return statistics.median(our / their for our, their in zip(ours, theirs, strict=True))


def overload(found: Overload) -> str:
    """One row."""
    return (
        "| seconds | sustained, req/s | offered | served (200) | p50, p99 ms | rejected (503) | p99 ms "
        "| other responses | longest `/health/live` |\n|---|---|---|---|---|---|---|---|---|\n"
        f"| {found.seconds} | {found.sustained:,.0f} | {found.offered:,.0f} | {found.served:,.0f} | "
        f"{found.served_p50:.0f}, {found.served_p99:.0f} | {found.rejected:,.0f} | {found.rejected_p99:.0f} | "
        f"{found.others} | {found.live:.0f} ms |"
    )
