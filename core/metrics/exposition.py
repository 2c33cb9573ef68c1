"""The figures of all workers as Prometheus reads them: its text format, version 0.0.4."""

from collections.abc import Callable, Iterator, Sequence

from core.config import NAME, VERSION
from core.metrics.cells import NUMBERS, Cells
from core.metrics.families import BOUNDS, FAMILIES, Family

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def exposition(cells: Cells, started: float) -> str:
    """The whole text; `started` is of time.time()."""
    lines = [
        "# HELP process_start_time_seconds When the first process was started, in seconds since 1970.",
        "# TYPE process_start_time_seconds gauge",
        f"process_start_time_seconds {started:.3f}",
        "# HELP target_info What responds.",
        "# TYPE target_info gauge",
        f'target_info{{service_name="{NAME}",service_version="{VERSION}"}} 1',
    ]
    found = _together(cells)
    for name, family in FAMILIES.items():
        lines += [f"# HELP {name} {family.help}", f"# TYPE {name} {family.kind}"]
        for labels, numbers in sorted(found.get(name, {}).items()):
            lines += _samples(name, family, labels, numbers)
    return "\n".join(lines) + "\n"


def _together(cells: Cells) -> dict[str, dict[tuple[str, ...], list[float]]]:
    """What the workers have, added or compared: by families, and by the values of their labels."""
    found: dict[str, dict[tuple[str, ...], list[float]]] = {name: {} for name in FAMILIES}
    for (name, *labels), numbers in cells.read():
        before = found[name].setdefault(tuple(labels), [0.0] * NUMBERS)
        join: Callable[[tuple[float, float]], float] = max if FAMILIES[name].largest else sum
        found[name][tuple(labels)] = [join(pair) for pair in zip(before, numbers, strict=True)]
    return found


def _samples(name: str, family: Family, values: Sequence[str], numbers: Sequence[float]) -> Iterator[str]:
    labels = [f'{label}="{_escaped(value)}"' for label, value in zip(family.labels, values, strict=True)]
    if family.kind == "histogram":
        count = 0.0
        for bound, more in zip((*map(str, BOUNDS), "+Inf"), numbers[: len(BOUNDS) + 1], strict=True):
            count += more
            yield _sample(f"{name}_bucket", [*labels, f'le="{bound}"'], count)
        yield _sample(f"{name}_count", labels, count)
        yield _sample(f"{name}_sum", labels, numbers[len(BOUNDS) + 1])
    elif family.kind == "summary":
        yield _sample(f"{name}_count", labels, numbers[0])
        yield _sample(f"{name}_sum", labels, numbers[1])
    else:
        yield _sample(name, labels, numbers[0])


def _sample(name: str, labels: Sequence[str], value: float) -> str:
    return f"{name}{{{','.join(labels)}}} {value!r}" if labels else f"{name} {value!r}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
