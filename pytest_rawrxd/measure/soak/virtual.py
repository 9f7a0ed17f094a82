"""A soak of a scripted engine: two days of virtual time in seconds. Nothing of it is a measurement, and it says so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar

from pytest_rawrxd.measure.canary.song import Canary, Choir, Sung
from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.soak.held import Held, InProcess
from pytest_rawrxd.measure.soak.latencies import Answers
from pytest_rawrxd.measure.soak.plan import SoakTerms
from pytest_rawrxd.rig.engine.scripted import ScriptedEngine
from pytest_rawrxd.rig.telemetry import Value

SOURCE = "the scripted engine"
Done = TypeVar("Done")


class VirtualTime:
    """A clock that moves when somebody sleeps or a scripted engine works."""

    def __init__(self, wall: datetime) -> None:
        self.now_ns = 0
        self.engine: ScriptedEngine | None = None
        self.clock = Clock(lambda: self.now_ns, lambda: wall + timedelta(microseconds=self.now_ns / 1e3), self._sleep)

    @property
    def sources(self) -> Mapping[str, str]:
        return dict.fromkeys(("process_memory_bytes", "core_clock_mhz"), SOURCE)

    absent: Mapping[str, str] = {"temperature_c": "a scripted engine has no temperature"}
    memory = ("process_memory_bytes",)
    problem: str | None = None

    def read(self, _pids: tuple[int, ...]) -> dict[str, Value | None]:
        """What a probe would read at this virtual instant."""
        if self.engine is None:
            return {}
        sample = self.engine.sample(self.engine.now_ns)
        return {"process_memory_bytes": sample.memory_used, "core_clock_mhz": sample.clock_mhz}

    def distrust(
        self, _empty: Mapping[str, Value | None], _pids: tuple[int, ...], _loaded_bytes: int
    ) -> dict[str, str]:
        """A scripted engine tells its memory itself."""
        return {}

    def worked(self, work: Callable[[], Done]) -> Done:
        """Do ``work`` on the engine and let as much time pass as it took."""
        assert self.engine is not None  # noqa: S101 - an engine is held while it works
        before = self.engine.now_ns
        try:
            return work()
        finally:
            self.now_ns += self.engine.now_ns - before

    @contextmanager
    def held(self, start: Callable[[], ScriptedEngine], terms: SoakTerms, _tick: Callable[[], None]) -> Iterator[Held]:
        """A scripted engine that ages with this clock."""
        with start() as engine:
            loaded = asdict(engine.load(Path(terms.variant), terms.options, deadline_s=terms.load_deadline_s))
            self.engine = engine
            self.now_ns += engine.now_ns
            texts = [engine.tokenize(text) for text in terms.texts]
            try:
                yield _Aging(InProcess(engine, terms, loaded, texts), self)
            finally:
                self.engine = None

    def _sleep(self, seconds: float) -> None:
        self.now_ns += round(seconds * 1e9)
        if self.engine is not None:
            self.engine.advance(seconds)


@dataclass
class _Aging:
    inner: InProcess
    time: VirtualTime

    @property
    def pids(self) -> tuple[int, ...]:
        return ()

    @property
    def load(self) -> Mapping[str, Any]:
        return self.inner.load

    @property
    def log(self) -> tuple[str, ...]:
        return self.inner.log

    def burst(self, requests: int, number: int) -> Answers:
        return self.time.worked(lambda: self.inner.burst(requests, number))

    def choir(self) -> Choir:
        return self

    def sing(self, birds: Sequence[Canary], *, together: bool) -> list[Sung]:
        return self.time.worked(lambda: self.inner.choir().sing(birds, together=together))
