"""The cards of a run that put several to the test: what each held, how hot it became, and what was measured on it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.evidence.cards import CARDS, DEVICE
from pytest_rawrxd.measure.concurrency import RUN as LOAD
from pytest_rawrxd.measure.decode import RUN, SUSTAINED
from pytest_rawrxd.measure.gpu import SAMPLES
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.runs import RecordLike
from pytest_rawrxd.rig.telemetry.clocks import THROTTLED
from pytest_rawrxd.verdict.memory import used_bytes

MEASURED = (RUN, SUSTAINED, LOAD)


@dataclass(frozen=True)
class CardRow:
    """One card. Readings are the most that any sample of it shows; None where nothing was read."""

    lane: int
    device: str
    name: str
    runs: int  #: fresh processes that measured on it
    engine_bytes: int | None  #: the most that a process held, by the engine's own account
    used_bytes: int | None  #: of the whole card, by telemetry
    hottest_c: float | None
    throttled_share: float | None  #: of all samples, thermal and hardware reasons

    @property
    def title(self) -> str:
        return f"gpu{self.lane}"


def card_rows(view: RunView) -> tuple[CardRow, ...]:
    """Return a row for each card that the newest session put to the test; none where one device was."""
    named: list[Mapping[str, Any]] = []
    for record in view.of("session.start"):
        named = record.data.get(CARDS) or named
    return tuple(_row(view, card) for card in named)


def _row(view: RunView, card: Mapping[str, Any]) -> CardRow:
    mine = [record for record in view.records if record.data.get(DEVICE) == card["device"]]
    runs = [record for record in mine if record.kind in MEASURED]
    sampled = [view.load_raw(record.data["raw"]) for record in mine if record.kind == SAMPLES]
    reasons = _all(sampled, "clock_reasons")
    return CardRow(
        lane=int(card["lane"]),
        device=str(card["device"]),
        name=str(card["name"]),
        runs=len(runs),
        engine_bytes=_held(runs),
        used_bytes=_most(sampled, "memory_used_bytes", int),
        hottest_c=_most(sampled, "temperature_c", float),
        throttled_share=float(((reasons & THROTTLED) != 0).mean()) if reasons.size else None,
    )


def _held(runs: Iterable[RecordLike]) -> int | None:
    return max((size for run in runs if (size := used_bytes(run.data)) is not None), default=None)


def _all(sampled: Sequence[Mapping[str, npt.NDArray[Any]]], name: str) -> npt.NDArray[np.int64]:
    found = [arrays[name].astype(np.int64) for arrays in sampled if name in arrays]
    return np.concatenate(found) if found else np.empty(0, np.int64)


def _most(sampled: Sequence[Mapping[str, npt.NDArray[Any]]], name: str, kind: type) -> Any:
    values = [arrays[name].max() for arrays in sampled if name in arrays and arrays[name].size]
    return kind(max(values)) if values else None
