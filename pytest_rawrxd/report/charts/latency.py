"""Inter-token latency: the distribution function with its bounds, and the distributions side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.report.charts.canvas import BOUND, INK, Chart, Look, draw, look
from pytest_rawrxd.report.matrix import QUANTILES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Gaps = Mapping[str, npt.NDArray[np.float64]]
MOST_POINTS = 400
MOST_BINS = 60
MOST_SMALL_NAMES = 6  #: more names than variants need a smaller legend
TAIL = 0.9995
SMALL, LARGE = (2.45, 1.6), (6.4, 3.4)


@dataclass(frozen=True)
class QuantileBound:
    """``share`` of the gaps may not exceed ``limit_ms``, under the criterion ``id``."""

    id: str
    share: float
    limit_ms: float


def latency_cdf(
    gaps: Gaps,
    bounds: Sequence[QuantileBound],
    *,
    looks: Mapping[str, Look] | None = None,
    name: str = "latency-cdf",
    small: bool = False,
) -> Chart:
    """Return the share of inter-token gaps (ms) at or below each latency, one curve a name, with the bounds.

    ``looks`` are those of names that are no variants.
    """

    def paint(axes: Axes) -> None:
        for each, values in gaps.items():
            if not values.size:
                continue
            shares = np.linspace(0, 1, min(MOST_POINTS, max(values.size, 2)))
            colour, _, dash = _look(each, looks)
            axes.plot(np.quantile(values, shares), shares, color=colour, linestyle=dash, label=each)
        for position, bound in enumerate(bounds):
            axes.plot(bound.limit_ms, bound.share, marker="v", color=BOUND, linestyle="none", zorder=4)
            if not small:
                axes.annotate(
                    bound.id,
                    (bound.limit_ms, bound.share),
                    (5, -9 - 8 * (position % 2)),  # neighbours that share a height do not share a line
                    textcoords="offset points",
                    color=BOUND,
                    fontsize=7,
                )
        axes.set_xscale("log")
        _plain_ticks(axes, every_decade=small)
        axes.set_xlabel("inter-token latency, ms")
        axes.set_ylabel("share of gaps")
        axes.set_ylim(0, 1.03)
        axes.legend(loc="lower right", fontsize=5.5 if small and len(gaps) > MOST_SMALL_NAMES else None)

    names = ", ".join(gaps)
    return draw(
        name + ("-small" if small else ""),
        "Inter-token latency, cumulative" + (" (▼ bounds)" if bounds else ""),
        f"Cumulative distribution of inter-token latency for {names}, with {len(bounds)} bounds marked",
        paint,
        inches=SMALL if small else LARGE,
    )


def latency_histograms(
    gaps: Gaps, bounds: Sequence[QuantileBound], *, looks: Mapping[str, Look], small: bool = False
) -> Chart:
    """Return the histogram of inter-token gaps (ms) of each name over common log-spaced bins, with the bounds."""

    def paint(axes: Axes) -> None:
        drawn = {each: values[values > 0] for each, values in gaps.items() if (values > 0).any()}
        if drawn:
            low, high = min(v.min() for v in drawn.values()), max(v.max() for v in drawn.values())
            edges = np.geomspace(low * 0.98, high * 1.02, (MOST_BINS // 2 if small else MOST_BINS) + 1)
            for each, values in drawn.items():
                colour, _, dash = looks[each]
                counts = np.histogram(values, edges)[0]
                axes.stairs(100 * counts / values.size, edges, color=colour, linestyle=dash, label=each)
        for bound in bounds:
            axes.axvline(bound.limit_ms, color=BOUND, linestyle="-.", linewidth=1)
            if not small:
                top = axes.get_xaxis_transform()
                axes.annotate(
                    bound.id, (bound.limit_ms, 1), xycoords=top, color=BOUND, fontsize=7, rotation=90, va="top"
                )
        axes.set_xscale("log")
        _plain_ticks(axes, every_decade=small)
        axes.set_xlabel("inter-token latency, ms")
        axes.set_ylabel("share of gaps, %")
        axes.set_ylim(bottom=0)
        if not small:  # the cumulative curve beside it names the same looks
            axes.legend(loc="center left", bbox_to_anchor=(1.01, 0.5))

    return draw(
        "latency-histograms" + ("-small" if small else ""),
        "Inter-token latency, histogram per level" + (" (red: bounds)" if bounds else ""),
        f"Histograms of inter-token latency for {', '.join(gaps)}, with {len(bounds)} bounds marked",
        paint,
        inches=SMALL if small else LARGE,
    )


def latency_distributions(
    gaps: Gaps,
    intervals: Mapping[str, tuple[float | None, float | None]],
    *,
    looks: Mapping[str, Look] | None = None,
    name: str = "latency-distributions",
    of: str = "variant",
) -> Chart:
    """Return one row a name: the middle half as a box, P50, P95 and P99 marked, the interval of the mean below."""

    def paint(axes: Axes) -> None:
        for row, (variant, values) in enumerate(gaps.items()):
            if not values.size:
                continue
            colour, marker, _ = _look(variant, looks)
            quarter, three = np.quantile(values, (0.25, 0.75))
            low, high = np.quantile(values, (0.001, TAIL))
            axes.plot((low, high), (row, row), color=colour, linewidth=1)
            axes.plot((quarter, three), (row, row), color=colour, linewidth=9, alpha=0.35, solid_capstyle="butt")
            for q, sign in zip(QUANTILES, ("|", ">", "D"), strict=True):
                axes.plot(np.quantile(values, q), row, marker=sign, color=INK, linestyle="none", markersize=6)
            lower, upper = intervals[variant]
            axes.plot(float(values.mean()), row + 0.28, color=colour, marker=marker, markersize=3.5)
            if lower is not None and upper is not None:
                # Drawn by its ends: it is of the means of the runs, and the mean of all gaps may lie outside.
                axes.plot((lower, upper), (row + 0.28, row + 0.28), color=colour, marker="|", markersize=5)
        for sign, quantile in (("|", "P50"), (">", "P95"), ("D", "P99")):
            axes.plot([], [], marker=sign, color=INK, linestyle="none", label=quantile)
        axes.plot([], [], marker="s", color=INK, markersize=3.5, label="mean, 95 % bounds")
        axes.set_yticks(range(len(gaps)), list(gaps))
        axes.set_ylim(len(gaps) - 0.4, -0.6)
        axes.set_xscale("log")
        _plain_ticks(axes)
        axes.set_xlabel("inter-token latency, ms (box: middle half; line: 0.1 % to 99.95 %)")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.12), ncols=4)

    return draw(
        name,
        f"Inter-token latency per {of}",
        f"Box per {of} of the inter-token latency with P50, P95, P99 and the interval of the mean",
        paint,
        inches=LARGE,
    )


def _look(name: str, looks: Mapping[str, Look] | None) -> Look:
    return look(name) if looks is None else looks[name]


def _plain_ticks(axes: Axes, *, every_decade: bool = False) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter  # noqa: PLC0415 - heavy, only for charts

    axes.xaxis.set_major_locator(LogLocator(subs=(1,) if every_decade else (1, 2, 5)))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
