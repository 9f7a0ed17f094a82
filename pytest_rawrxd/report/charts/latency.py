"""Inter-token latency: the distribution function with its bounds, and the distributions side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.report.charts.canvas import BOUND, INK, Chart, draw, look
from pytest_rawrxd.report.matrix import QUANTILES

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Gaps = Mapping[str, npt.NDArray[np.float64]]
MOST_POINTS = 400
TAIL = 0.9995
SMALL, LARGE = (2.45, 1.6), (6.4, 3.4)


@dataclass(frozen=True)
class QuantileBound:
    """``share`` of the gaps may not exceed ``limit_ms``, under the criterion ``id``."""

    id: str
    share: float
    limit_ms: float


def latency_cdf(gaps: Gaps, bounds: Sequence[QuantileBound], *, small: bool = False) -> Chart:
    """Return the share of inter-token gaps (ms) at or below each latency, one curve a variant, with the bounds."""

    def paint(axes: Axes) -> None:
        for variant, values in gaps.items():
            if not values.size:
                continue
            shares = np.linspace(0, 1, min(MOST_POINTS, max(values.size, 2)))
            colour, _, dash = look(variant)
            axes.plot(np.quantile(values, shares), shares, color=colour, linestyle=dash, label=variant)
        for bound in bounds:
            axes.plot(bound.limit_ms, bound.share, marker="v", color=BOUND, linestyle="none", zorder=4)
            if not small:
                axes.annotate(
                    bound.id,
                    (bound.limit_ms, bound.share),
                    (5, -9),
                    textcoords="offset points",
                    color=BOUND,
                    fontsize=7,
                )
        axes.set_xscale("log")
        _plain_ticks(axes)
        axes.set_xlabel("inter-token latency, ms")
        axes.set_ylabel("share of gaps")
        axes.set_ylim(0, 1.03)
        axes.legend(loc="lower right")

    names = ", ".join(gaps)
    return draw(
        "latency-cdf" + ("-small" if small else ""),
        "Inter-token latency, cumulative" + (" (▼ bounds)" if bounds else ""),
        f"Cumulative distribution of inter-token latency for {names}, with {len(bounds)} bounds marked",
        paint,
        inches=SMALL if small else LARGE,
    )


def latency_distributions(gaps: Gaps, intervals: Mapping[str, tuple[float | None, float | None]]) -> Chart:
    """Return one row a variant: the middle half as a box, P50, P95 and P99 marked, the interval of the mean below."""

    def paint(axes: Axes) -> None:
        for row, (variant, values) in enumerate(gaps.items()):
            if not values.size:
                continue
            colour, marker, _ = look(variant)
            quarter, three = np.quantile(values, (0.25, 0.75))
            low, high = np.quantile(values, (0.001, TAIL))
            axes.plot((low, high), (row, row), color=colour, linewidth=1)
            axes.plot((quarter, three), (row, row), color=colour, linewidth=9, alpha=0.35, solid_capstyle="butt")
            for q, sign in zip(QUANTILES, ("|", ">", "D"), strict=True):
                axes.plot(np.quantile(values, q), row, marker=sign, color=INK, linestyle="none", markersize=6)
            lower, upper = intervals[variant]
            mean = float(values.mean())
            error = [[mean - lower], [upper - mean]] if lower is not None and upper is not None else None
            axes.errorbar(mean, row + 0.28, xerr=error, color=colour, marker=marker, markersize=3.5, capsize=2.5)
        for sign, name in (("|", "P50"), (">", "P95"), ("D", "P99")):
            axes.plot([], [], marker=sign, color=INK, linestyle="none", label=name)
        axes.plot([], [], marker="s", color=INK, markersize=3.5, label="mean, 95 % bounds")
        axes.set_yticks(range(len(gaps)), list(gaps))
        axes.set_ylim(len(gaps) - 0.4, -0.6)
        axes.set_xscale("log")
        _plain_ticks(axes)
        axes.set_xlabel("inter-token latency, ms (box: middle half; line: 0.1 % to 99.95 %)")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.12), ncols=4)

    return draw(
        "latency-distributions",
        "Inter-token latency per variant",
        "Box per variant of the inter-token latency with P50, P95, P99 and the interval of the mean",
        paint,
        inches=LARGE,
    )


def _plain_ticks(axes: Axes) -> None:
    from matplotlib.ticker import LogLocator, NullFormatter, ScalarFormatter  # noqa: PLC0415 - heavy, only for charts

    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(ScalarFormatter())
    axes.xaxis.set_minor_formatter(NullFormatter())
