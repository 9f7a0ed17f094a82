"""The bottleneck: time per token against the bytes that a token reads."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from pytest_rawrxd.report.charts.canvas import SOFT, Chart, draw, look
from pytest_rawrxd.report.charts.latency import LARGE
from pytest_rawrxd.report.variant import Variant, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def time_per_token(variants: Sequence[Variant], *, available: float | None) -> Chart:
    """Return ms per token against GB read per token with 95 % bounds; dotted: what ``available`` B/s would allow."""
    placed = [
        (variant, variant.bytes_per_token / 1e9, 1000 / variant.cell.tps)
        for variant in variants
        if variant.bytes_per_token is not None and variant.cell.tps
    ]

    def paint(axes: Axes) -> None:
        for variant, read, time in placed:
            colour, marker, _ = look(variant.name)
            lower, upper = variant.cell.lower, variant.cell.upper
            error = [[time - 1000 / upper], [1000 / lower - time]] if lower and upper and lower > 0 else None
            axes.errorbar(read, time, yerr=error, color=colour, marker=marker, markersize=4, capsize=4)
            top = time + (error[1][0] if error else 0)
            axes.annotate(title(variant), (read, top), (0, 4), textcoords="offset points", fontsize=7, ha="center")
        if available and placed:
            most = max(read for _, read, _ in placed) * 1.1
            axes.plot((0, most), (0, most * 1e12 / available), color=SOFT, linestyle=":", label="at read bandwidth")
            axes.legend(loc="upper left")
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.set_xlabel("weights read per token, GB")
        axes.set_ylabel("ms per token, one stream")

    return draw(
        "time-per-token",
        "Time per token against weights read per token",
        "Time per token of each variant by the bytes it reads, with intervals and the limit of the read bandwidth",
        paint,
        inches=LARGE,
    )
