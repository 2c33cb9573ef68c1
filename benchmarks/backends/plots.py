"""Bars of what an operation costs, as SVG that is the same for the same figures."""

from collections.abc import Sequence

import matplotlib as mpl
from cells import OPERATIONS, Cells, median
from report import DOCUMENT, TITLES
from server import Contestant

mpl.use("svg")
mpl.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "todo-api", "font.size": 9})

FIGURES = (("app_ms", "app CPU, ms a request"), ("p99_ms", "p99, ms"))


def draw(contestants: Sequence[Contestant], cells: Cells) -> None:
    """One picture for each operation, beside docs/performance.md."""
    from matplotlib import pyplot  # noqa: PLC0415 (the backend is chosen first)

    folder = DOCUMENT.parent / "performance"
    folder.mkdir(exist_ok=True)
    names = [one.name for one in contestants]
    for operation in OPERATIONS:
        figure, axes = pyplot.subplots(1, len(FIGURES), figsize=(9, 0.6 + 0.32 * len(names)), sharey=True)
        for axis, (name, label) in zip(axes, FIGURES, strict=True):
            values = [median(cells, one, operation, name) for one in contestants]
            bars = axis.barh(names, values, color=["#d1495b"] + ["#8d99ae"] * (len(names) - 1))
            axis.bar_label(bars, fmt="%.3g", padding=2)
            axis.set_xlabel(label)
            axis.margins(x=0.15)
            axis.spines[["top", "right"]].set_visible(False)
        axes[0].invert_yaxis()
        figure.suptitle(TITLES[operation].split(":")[0])
        figure.tight_layout()
        figure.savefig(folder / f"{operation.lower()}.svg", metadata={"Date": None, "Creator": None})
        pyplot.close(figure)
