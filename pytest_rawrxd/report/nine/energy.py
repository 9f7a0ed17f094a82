"""What a token costs: power that the GPU reported while decoding, times the time a token took."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pytest_rawrxd.measure.decode import RUN
from pytest_rawrxd.measure.gpu import SAMPLES, instants_of
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.verdict.means import mean_interval

POWER = "power_mw"
TOKENS = 1_000_000
J_PER_KWH = 3.6e6
FEWEST = 2  #: below, there is no interval


@dataclass(frozen=True)
class Energy:
    """kWh for a million tokens of one stream, over processes; ``why`` says why there is no figure.

    ``applies`` is False where nothing could have reported a power.
    """

    kwh: float | None
    lower: float | None
    upper: float | None
    sources: tuple[str, ...]
    why: str = ""
    applies: bool = True

    @property
    def joules(self) -> tuple[float | None, float | None, float | None]:
        """The same as J a token: value, lower and upper bound."""
        value, lower, upper = (
            None if kwh is None else kwh * J_PER_KWH / TOKENS for kwh in (self.kwh, self.lower, self.upper)
        )
        return value, lower, upper


def energy_of(view: RunView, variant: str, tokens: int) -> Energy:
    """Return the energy of decoding with ``variant`` in its cell, from the readings inside each process's stamps."""
    if view.verdicts["run"]["identity"]["engine"]["backend"] == "cpu":
        return Energy(None, None, None, (), "it decodes on the CPU, whose power nothing reports", applies=False)
    found: list[float] = []
    sources: list[str] = []
    absent, reported = "the GPU was not sampled while this variant decoded", True
    for record in view.of(RUN):
        about = tuple(record.data.get(name) for name in ("variant", "tokens", "process"))
        if about[:2] != (variant, tokens):
            continue
        for sampled in view.of(SAMPLES):
            same = tuple(sampled.data.get(name) for name in ("variant", "tokens", "process")) == about
            if not same or sampled.data.get("during") != RUN or sampled.session != record.session:
                continue
            arrays, stamps = view.load_raw(sampled.data["raw"]), view.load_raw(record.data["raw"])["stamps_ns"]
            if POWER not in arrays:
                absent = str(sampled.data["absent"].get(POWER) or "the GPU does not report its power")
                reported = False
                continue
            at = arrays.get(instants_of(POWER), arrays["at_ns"]).astype(np.int64)
            loaded = arrays[POWER][(at >= stamps[0]) & (at <= stamps[-1])].astype(np.float64)
            if loaded.size:
                watts = float(loaded.mean()) / 1e3
                seconds = float(stamps[-1] - stamps[0]) / 1e9 / max(stamps.size - 1, 1)
                found.append(watts * seconds * TOKENS / J_PER_KWH)
                sources += [record.id, sampled.id]
    if len(found) < FEWEST:
        why = absent if not found else "one process has no interval"
        return Energy(None, None, None, tuple(sources), why, applies=reported or bool(found))
    bounds = mean_interval(np.array(found))
    return Energy(bounds.estimate, bounds.lower, bounds.upper, tuple(sources))
