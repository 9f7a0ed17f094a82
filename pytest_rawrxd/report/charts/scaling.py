"""Scaling: aggregate throughput and its efficiency over the number of streams."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_rawrxd.report.charts.canvas import BOUND, SOFT, Chart, draw, look
from pytest_rawrxd.report.charts.latency import LARGE, SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class ScalingPoint:
    """``streams`` at once: aggregate rate in tok/s with its bounds, efficiency X(N) / (N X(1)) with its bounds.

    None where too few runs were interleaved with one stream.
    """

    streams: int
    tps: float
    lower: float
    upper: float
    efficiency: float | None
    efficiency_lower: float | None
    efficiency_upper: float | None


def scaling(points: Sequence[ScalingPoint], *, least_efficiency: float | None = None, small: bool = False) -> Chart:
    """Return aggregate tok/s by streams with its bounds, ideal scaling dotted, efficiency on the right axis."""
    ordered = sorted(points, key=lambda point: point.streams)

    def paint(axes: Axes) -> None:
        streams = [point.streams for point in ordered]
        blue, grey = look("Q4_K")[0], look("Q8_0")[0]
        below = [point.tps - point.lower for point in ordered]
        above = [point.upper - point.tps for point in ordered]
        axes.errorbar(
            streams, [p.tps for p in ordered], yerr=[below, above], color=blue, marker="o", capsize=3, label="tok/s"
        )
        alone = next((point.tps for point in ordered if point.streams == 1), None)
        if alone is not None:
            axes.plot(streams, [alone * n for n in streams], color=SOFT, linestyle=":", label="ideal")
        axes.set_ylim(bottom=0)
        axes.set_xticks(streams)
        axes.set_xlabel("streams")
        axes.set_ylabel("aggregate tok/s")
        right = axes.twinx()
        right.spines["right"].set_visible(True)
        right.grid(visible=False)
        _paint_efficiency(right, ordered, grey)
        if least_efficiency is not None:
            right.axhline(100 * least_efficiency, color=BOUND, linestyle="-.", linewidth=1, label="efficiency bound")
        right.set_ylim(0, 115)
        right.set_ylabel("efficiency, %")
        handles = [*axes.get_legend_handles_labels()[0], *right.get_legend_handles_labels()[0]]
        if small:
            axes.legend(handles=handles, loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, fontsize=5.5)
            axes.tick_params(axis="x", labelsize=6)
        else:
            axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 1.12), ncols=4)

    return draw(
        "scaling" + ("-small" if small else ""),
        "Aggregate throughput and scaling efficiency by streams, 95 % bounds",
        "Aggregate throughput by number of streams with intervals, ideal scaling and efficiency",
        paint,
        inches=SMALL if small else LARGE,
    )


def _paint_efficiency(axes: Axes, points: Sequence[ScalingPoint], colour: str) -> None:
    shown = [
        (point.streams, 100 * point.efficiency, 100 * point.efficiency_lower, 100 * point.efficiency_upper)
        for point in points
        if point.efficiency is not None and point.efficiency_lower is not None and point.efficiency_upper is not None
    ]
    axes.errorbar(
        [streams for streams, *_ in shown],
        [share for _, share, _, _ in shown],
        yerr=[[share - low for _, share, low, _ in shown], [high - share for _, share, _, high in shown]],
        color=colour,
        marker="s",
        linestyle="--",
        capsize=3,
        label="efficiency",
    )
