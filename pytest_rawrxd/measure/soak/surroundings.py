"""What a soak takes from the world: clocks, signals, a journal, and whoever wants to hear of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.soak.journal import Journal
from pytest_rawrxd.measure.soak.observer import Look
from pytest_rawrxd.measure.soak.signals import Signals

TICK_S = 0.5


@dataclass(frozen=True)
class Surroundings:
    """What a soak takes from the world."""

    journal: Journal
    clock: Clock
    asleep_ns: Callable[[], int]
    signals: Signals
    boot: str
    about: dict[str, Any]  #: who runs it: process id, its start, the engine's words
    unseen: Mapping[str, str] = field(default_factory=dict)  #: what of this engine nobody here sees or does, and why
    stop_asked: Callable[[], bool] = lambda: False
    look: Look = lambda _samples: None
    on_checkpoint: Callable[[str], None] = lambda _line: None
    on_review: Callable[[int], None] = lambda _day: None
    threaded: bool = True  #: False where time moves only when somebody sleeps
    virtual: bool = False  #: whether nothing of it is a measurement
    tick_s: float = TICK_S
