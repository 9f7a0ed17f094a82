"""A number of streams as the nine documents print it: rate, efficiency and gaps of the engine under test."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.levels import Figure
from pytest_rawrxd.report.nine.fact import Fact, fact, value

TOO_FEW = "too few runs, or none with every stream busy"


@dataclass(frozen=True)
class LevelLine:
    """One number of streams on the engine under test."""

    streams: Fact
    tps: Fact
    tps_mean: float | None
    p50: Fact
    p95: Fact
    p99: Fact
    longest: Fact
    efficiency: Fact
    completed: Fact


def level_lines(view: RunView) -> tuple[LevelLine, ...]:
    """Return every number of streams of the engine under test, rising."""
    lines = []
    for row in sorted((each for each in view.levels if not each.beside), key=lambda each: each.streams):
        sources = [run.record.id for run in row.runs]
        key = f"level/{row.streams}"

        def figure(what: str, found: Figure | None, unit: str, key: str = key, ids: list[str] = sources) -> Fact:
            bounds = (found.lower, found.upper) if found else (None, None)
            return value(f"{key}/{what}", found.value if found else None, ids, unit=unit, bounds=bounds, why=TOO_FEW)

        lines.append(
            LevelLine(
                fact(f"{key}/streams", str(row.streams), sources, why=f"{row.streams} streams"),
                figure("tps", row.tps, "tok/s"),
                row.tps.value if row.tps else None,
                figure("p50", row.quantiles[0], "ms"),
                figure("p95", row.quantiles[1], "ms"),
                figure("p99", row.quantiles[2], "ms"),
                value(f"{key}/longest", row.longest_ms, sources, unit="ms"),
                figure("efficiency", row.efficiency, "%"),
                fact(f"{key}/completed", f"{row.completed} of {row.requests}", sources),
            )
        )
    return tuple(lines)
