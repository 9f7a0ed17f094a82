"""The curves of a soak: memory with its fitted slope, latency and temperature, all latencies, what took time away."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.report.charts.canvas import BOUND, INK, RISING, SOFT, Chart, draw, look
from pytest_rawrxd.report.charts.latency import LARGE, SMALL

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = npt.NDArray[np.float64]
DAY_H = 3.0  #: a soak from this length on is drawn over hours, a shorter one over minutes


@dataclass(frozen=True)
class Life:
    """The memory of one process: samples over hours, from where on they are settled, and the fitted slope.

    ``slope`` and its bounds are MB per hour, common to all lives; None where nothing could be fitted.
    """

    hours: Floats
    mb: Floats
    settled_h: float
    slope: tuple[float, float, float] | None


@dataclass(frozen=True)
class Stretch:
    """A piece of time on the wall clock's axis, in hours."""

    begin_h: float
    end_h: float
    what: str  #: "life", "idle" or the cause of an interruption


def memory(lives: Sequence[Life], what: str, *, small: bool = False) -> Chart:
    """Return memory over time by process life, with the common slope and the band of its bounds."""
    scale, unit = _time(max((float(life.hours.max(initial=0)) for life in lives), default=0.0))

    def paint(axes: Axes) -> None:
        for number, life in enumerate(lives):
            colour = RISING[2] if number % 2 == 0 else RISING[5]
            first = "memory" if number == 0 else None
            axes.plot(life.hours * scale, life.mb, color=colour, linewidth=0.8, label=first)
            kept = life.hours >= life.settled_h
            if number:
                axes.axvline(life.hours[0] * scale, color=SOFT, linestyle=":", linewidth=0.8)
            if life.slope is None or kept.sum() < 2:
                continue
            time, level = life.hours[kept], float(life.mb[kept].mean())
            middle = float(time.mean())
            estimate, lower, upper = (level + slope * (time - middle) for slope in life.slope)
            fitted = "common slope, 95 % band" if number == 0 else None
            axes.plot(time * scale, estimate, color=INK, linestyle="--", linewidth=1.2, label=fitted)
            axes.fill_between(time * scale, lower, upper, color=INK, alpha=0.15, linewidth=0)
        axes.set_xlabel(f"observed time, {unit}")
        axes.set_ylabel("MB")
        axes.ticklabel_format(axis="y", useOffset=False)
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=2)

    return draw(
        "soak-memory" + ("-small" if small else ""),
        f"Soak: {what}, by process life, with the slope common to all lives; dotted lines are starts of an engine",
        "Memory of each engine process over time with fitted common slope and its band",
        paint,
        inches=SMALL if small else LARGE,
    )


def latency_and_temperature(
    hours: Floats, mean_ms: Floats, warm_h: Floats, degrees: Floats, *, most: float | None = None, small: bool = False
) -> Chart:
    """Return the mean gap of each hour, and the mean temperature of each loaded block on the right axis."""
    scale, unit = _time(float(max(hours.max(initial=0), warm_h.max(initial=0))))

    def paint(axes: Axes) -> None:
        axes.plot(hours * scale, mean_ms, color=look("Q4_K")[0], marker="o", markersize=3, label="mean ms/token")
        axes.set_ylim(bottom=0)
        axes.set_xlabel(f"observed time, {unit}")
        axes.set_ylabel("mean ms/token")
        handles = list(axes.get_legend_handles_labels()[0])
        if warm_h.size:
            right = axes.twinx()
            right.spines["right"].set_visible(True)
            right.grid(visible=False)
            right.plot(warm_h * scale, degrees, color=RISING[5], linewidth=0.7, label="GPU, °C, loaded")
            if most is not None:
                right.axhline(most, color=BOUND, linestyle="-.", linewidth=1, label="temperature bound")
            right.set_ylabel("°C")
            handles += right.get_legend_handles_labels()[0]
        axes.legend(handles=handles, loc="upper center", bbox_to_anchor=(0.5, 1.14), ncols=3)

    return draw(
        "soak-latency" + ("-small" if small else ""),
        "Soak: mean gap between tokens"
        + (" and temperature under load" if warm_h.size else "; temperature was not read"),
        "Mean latency over the soak, with the temperature of the GPU where it was read",
        paint,
        inches=SMALL if small else LARGE,
    )


def latencies(middles_ms: Floats, counts: Floats, bounds: Sequence[tuple[str, float]], *, small: bool = False) -> Chart:
    """Return the histogram of all gaps, both axes logarithmic, with the promised bounds."""

    def paint(axes: Axes) -> None:
        used = counts > 0
        axes.step(middles_ms[used], counts[used], where="mid", color=look("Q4_K")[0], label="gaps between tokens")
        for position, (name, at) in enumerate(bounds):
            dash = (":", "-.", "--")[position % 3]
            axes.axvline(at, color=BOUND, linestyle=dash, linewidth=1, label=name)
        axes.set_xscale("log")
        axes.set_yscale("log")
        axes.set_xlabel("ms")
        axes.set_ylabel("gaps in a bin of 1 %")
        axes.legend(loc="upper right")

    return draw(
        "soak-histogram" + ("-small" if small else ""),
        "Soak: every gap between two tokens while all streams ran",
        "Histogram of inter-token gaps over the whole soak with the promised bounds",
        paint,
        inches=SMALL if small else LARGE,
    )


def ribbon(stretches: Sequence[Stretch]) -> Chart:
    """Return what happened when: process lives, idle phases, and every interruption."""
    ends = max((stretch.end_h for stretch in stretches), default=0.0)
    scale, unit = _time(ends)

    def paint(axes: Axes) -> None:
        named: set[str] = set()
        lives = 0
        for stretch in stretches:
            down = stretch.what not in {"life", "idle"}
            lives += stretch.what == "life"
            shade = RISING[1] if lives % 2 else RISING[0]
            colour = BOUND if down else SOFT if stretch.what == "idle" else shade
            name = stretch.what if down else {"life": "engine held", "idle": "idle phase"}[stretch.what]
            width = max(stretch.end_h - stretch.begin_h, 0.002 * ends if down else 0.0) * scale
            first = None if name in named else name
            named.add(name)
            hatch = "////" if down else None
            axes.barh(0, width, left=stretch.begin_h * scale, height=0.8, color=colour, hatch=hatch, label=first)
        axes.set_yticks([])
        axes.set_ylim(-0.5, 0.5)
        axes.grid(visible=False)
        axes.set_xlim(0, max(ends * scale, 1e-9))
        axes.set_xlabel(f"time since the start with interruptions, {unit}")
        axes.legend(loc="upper center", bbox_to_anchor=(0.5, 1.6), ncols=4)

    return draw(
        "soak-ribbon",
        "Soak: process lives in turn light and dark, idle phases grey, interruptions hatched; a gap is never filled in",
        "A ribbon of time that shows engine lives, idle phases and interruptions",
        paint,
        inches=(LARGE[0], 1.2),
    )


def _time(hours: float) -> tuple[float, str]:
    return (1.0, "h") if hours >= DAY_H else (60.0, "min") if hours > 0.1 else (3600.0, "s")
