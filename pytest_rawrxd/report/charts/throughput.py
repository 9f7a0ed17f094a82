"""Throughput: each fresh process against its bound, speed against memory, and the frontier of both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pytest_rawrxd.report.charts.canvas import BOUND, SOFT, Chart, draw, look
from pytest_rawrxd.report.charts.latency import LARGE, SMALL
from pytest_rawrxd.report.runs import DecodeRun
from pytest_rawrxd.report.variant import Variant, title

if TYPE_CHECKING:
    from matplotlib.axes import Axes


@dataclass(frozen=True)
class RateBound:
    """The rate in tok/s a variant must keep: a floor, or a band of two edges."""

    id: str
    edges: tuple[float, ...]


def throughput_runs(
    variants: Sequence[Variant],
    runs: Sequence[DecodeRun],
    bounds: Mapping[str, Sequence[RateBound]],
    *,
    small: bool = False,
) -> Chart:
    """Return a dot a fresh process, the mean with its 95 % bounds, and the bounds of each variant."""

    def paint(axes: Axes) -> None:
        for column, variant in enumerate(variants):
            colour, marker, _ = look(variant.name)
            own = [run.tps for run in runs if (run.variant, run.tokens) == (variant.name, variant.cell.tokens)]
            rates = [rate for rate in own if rate is not None]
            spread = [column - 0.28 + 0.2 * at / max(len(rates) - 1, 1) for at in range(len(rates))]
            axes.plot(spread, rates, "o", color=colour, markersize=2.6, alpha=0.75, markeredgewidth=0)
            _mean(axes, column + 0.12, variant, colour, marker)
            for bound in bounds.get(variant.name, ()):
                for edge in bound.edges:
                    axes.plot((column - 0.42, column + 0.42), (edge, edge), color=BOUND, linewidth=1.1, linestyle="--")
                if len(bound.edges) == 2:
                    axes.fill_between(
                        (column - 0.42, column + 0.42), *bound.edges, color=BOUND, alpha=0.08, linewidth=0
                    )
        axes.set_xticks(range(len(variants)), [variant.name for variant in variants], rotation=30 if small else 0)
        axes.set_xlim(-0.6, len(variants) - 0.4)
        axes.set_ylim(bottom=0)
        axes.set_ylabel("tok/s, one stream")
        axes.grid(visible=False, axis="x")

    return draw(
        "throughput-runs" + ("-small" if small else ""),
        "Throughput per fresh process, bounds dashed",
        "A dot for each fresh process and the mean with its interval, for each variant, against its bounds",
        paint,
        inches=SMALL if small else LARGE,
    )


def speed_against_memory(variants: Sequence[Variant], *, small: bool = False) -> Chart:
    """Return tok/s against VRAM in GB, or against GB read per token where no VRAM is in use, with 95 % bounds."""
    placed = [
        (variant, memory)
        for variant in sorted(variants, key=lambda variant: -(variant.cell.tps or 0.0))
        if (memory := variant.memory_gb) is not None
    ]

    def paint(axes: Axes) -> None:
        for row, (variant, memory) in enumerate(placed):
            colour, marker, _ = look(variant.name)
            _mean(axes, memory, variant, colour, marker)
            # Neighbours in rate take different sides, or their names would cover each other.
            side, aligned = ((7, "left"), (-7, "right"))[row % 2]
            if variant.cell.tps is not None:
                place = (memory, variant.cell.tps)
                axes.annotate(
                    title(variant), place, (side, 0), ha=aligned, va="center", textcoords="offset points", fontsize=7
                )
        axes.margins(x=0.45 if small else 0.25, y=0.15)
        axes.set_ylim(bottom=0)
        axes.set_xlabel(memory_label(variants))
        axes.set_ylabel("tok/s, one stream")

    return draw(
        "tps-vs-memory" + ("-small" if small else ""),
        f"Throughput against {memory_label(variants)}",
        "Throughput of each variant against its memory, with intervals",
        paint,
        inches=SMALL if small else LARGE,
    )


def efficiency_frontier(variants: Sequence[Variant]) -> Chart:
    """Return tok/s per GB, best first, with 95 % bounds; a filled marker is on the frontier, an open one dominated."""
    placed = [
        (variant, memory) for variant in variants if (memory := variant.memory_gb) and variant.cell.tps is not None
    ]
    placed.sort(key=lambda pair: -(pair[0].cell.tps or 0.0) / pair[1])

    def paint(axes: Axes) -> None:
        for row, (variant, memory) in enumerate(placed):
            colour, marker, _ = look(variant.name)
            cell = variant.cell
            value = (cell.tps or 0.0) / memory
            error = (
                [[value - cell.lower / memory], [cell.upper / memory - value]]
                if cell.lower is not None and cell.upper is not None
                else None
            )
            axes.plot((0, value), (row, row), color=colour, linewidth=1, alpha=0.5)
            face = colour if _on_frontier(variant, variants) else "white"
            axes.errorbar(value, row, xerr=error, color=colour, marker=marker, markerfacecolor=face, capsize=3, ms=6)
            axes.annotate(f"{value:.3g}", (value, row), (8, 4), textcoords="offset points", color=SOFT, fontsize=7)
        axes.set_yticks(range(len(placed)), [title(variant) for variant, _ in placed])
        axes.set_ylim(len(placed) - 0.4, -0.6)
        axes.set_xlim(left=0)
        axes.margins(x=0.12)
        axes.grid(visible=False, axis="y")
        axes.set_xlabel(f"tok/s per GB of {memory_label(variants).removesuffix(', GB')}")

    return draw(
        "efficiency-frontier",
        "Efficiency frontier (filled: no other variant is both faster and truer)",
        "Throughput per GB of each variant, best first, with intervals",
        paint,
        inches=LARGE,
    )


def memory_label(variants: Sequence[Variant]) -> str:
    """Return what the memory axis shows: the memory that was measured where any variant has it."""
    known = next((variant.cell.memory for variant in variants if variant.cell.vram_gb is not None), None)
    return f"{known or 'weights read per token'}, GB"


def _mean(axes: Axes, at: float, variant: Variant, colour: str, marker: str) -> None:
    cell = variant.cell
    if cell.tps is None:
        return
    error = None
    if cell.lower is not None and cell.upper is not None:
        error = [[cell.tps - cell.lower], [cell.upper - cell.tps]]
    axes.errorbar(
        at, cell.tps, yerr=error, color=colour, marker=marker, markersize=4, capsize=4, linestyle="none", zorder=3
    )


def _on_frontier(variant: Variant, variants: Sequence[Variant]) -> bool:
    """No other variant is at least as fast and at least as true, and better in one; memory decides without quality."""

    def worth(item: Variant) -> tuple[float, float]:
        truth = item.same_top if item.same_top is not None else -(item.memory_gb or 0.0)
        return item.cell.tps or 0.0, truth

    mine = worth(variant)
    return not any(theirs != mine and theirs[0] >= mine[0] and theirs[1] >= mine[1] for theirs in map(worth, variants))
