"""The line that a person reads on a phone."""

from __future__ import annotations

from pytest_rawrxd.measure.soak.journal import Tally


def checkpoint_line(tally: Tally, at_s: float, *, duration_s: float, memory: str | None) -> str:
    """What the soak is like now, in at most 120 characters: "12.0 of 48 h, 13.21 GB (+3.1 MB in this life), ..."."""
    unit, scale = _unit(duration_s)
    parts = [f"{at_s / scale:.1f} of {duration_s / scale:g} {unit}"]
    values, first = tally.sample.get("signals", {}), tally.first_sample.get("signals", {})
    if memory is not None and memory in values:
        grown = f" ({(values[memory] - first[memory]) / 1e6:+.1f} MB)" if memory in first else ""
        parts.append(f"{values[memory] / 1e9:.2f} GB{grown}")
    if (mean := tally.sample.get("mean_ms")) is not None:
        parts.append(f"{mean:.1f} ms/token")
    parts.append(f"worst {tally.worst_gap_ns / 1e6:.0f} ms")
    parts.append(f"{tally.crashes} crash{'es' if tally.crashes != 1 else ''}")
    parts.append(f"{tally.lost} lost")
    if (degrees := values.get("temperature_c")) is not None:
        parts.append(f"{degrees:.0f} C")
    if tally.interruptions:
        parts.append(f"{tally.interruptions} interruptions, {tally.down_s:.0f} s")
    return ", ".join(parts)


def _unit(duration_s: float) -> tuple[str, float]:
    return ("h", 3600.0) if duration_s >= 7200 else ("min", 60.0) if duration_s >= 120 else ("s", 1.0)
