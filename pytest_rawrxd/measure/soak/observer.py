"""What is written while a soak runs: samples, time blocks, checkpoints, reviews, interruptions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pytest_rawrxd.measure.soak.checkpoint import checkpoint_line
from pytest_rawrxd.measure.soak.journal import BLOCK, CHECKPOINT, GAP, LOOK, REVIEW, SAMPLE, Journal
from pytest_rawrxd.measure.soak.latencies import Answers, Blocks, gaps_of, packed
from pytest_rawrxd.measure.soak.plan import SoakTerms
from pytest_rawrxd.measure.soak.signals import LOADED, STARTING, Reading, Watch
from pytest_rawrxd.measure.soak.timeline import STOPPED, Interruption, Timeline

STALL_BEATS, STALL_S = 5, 10.0  #: beats that came later than both: the suite itself did not run

#: Looks at the settled samples so far (hours, MB, life): why the soak has failed already, None while it has not.
Look = Callable[[list[tuple[float, float, int]]], str | None]


@dataclass
class _Mean:
    """Sum, largest and number of the values of one signal in one block."""

    total: float = 0.0
    most: float = float("-inf")
    count: int = 0

    def add(self, value: float) -> None:
        self.total, self.most, self.count = self.total + value, max(self.most, value), self.count + 1

    def plain(self) -> list[float]:
        return [self.total / self.count, self.most, self.count]


class Observer:
    """Turns readings and bursts into records, each at its own instant of the axis."""

    def __init__(
        self,
        terms: SoakTerms,
        journal: Journal,
        timeline: Timeline,
        watch: Watch,
        *,
        look: Look,
        on_checkpoint: Callable[[str], None],
        on_review: Callable[[int], None],
    ) -> None:
        self.failure: str | None = None  #: what the newest look said
        self._terms, self._journal, self._timeline, self._watch = terms, journal, timeline, watch
        self._look, self._on_checkpoint, self._on_review = look, on_checkpoint, on_review
        now = timeline.now_s()
        self._next_sample = _after(now, terms.sample_every_s)
        self._next_checkpoint = _after(now, terms.checkpoint_every_s)
        self._next_review = _after(now, terms.review_every_s)
        self._block = int(now // terms.block_s)  #: the first block that is not written
        self._blocks = Blocks(terms.bounds_ns)
        self._means: dict[int, dict[str, _Mean]] = {}
        self._window: list[float] = [0.0, 0.0]  #: ns and number of the gaps since the last sample
        self._settled: list[tuple[float, float, int]] = []
        self._last_ns: int | None = None
        self.life_began_s = now
        self.burst_began_s: float | None = None

    def note(self, interruption: Interruption) -> None:
        """Keep an interruption."""
        self._journal.write(
            GAP,
            self._timeline.now_s(),
            cause=interruption.cause,
            seconds=interruption.seconds,
            said=interruption.said,
        )

    def tick(self) -> None:
        """Write what is due. Cheap: it is called several times a second."""
        for reading in self._watch.drain():
            self._stalled(reading)
            self._read(reading)
        for interruption in self._timeline.interruptions():
            self.note(interruption)
        now = self._timeline.now_s()
        self._close_blocks(now if self.burst_began_s is None else self.burst_began_s)
        while now >= self._next_checkpoint:
            number = round(self._next_checkpoint / self._terms.checkpoint_every_s)
            self._next_checkpoint = (number + 1) * self._terms.checkpoint_every_s
            self._checkpoint(now, number)
        while now >= self._next_review:
            day = round(self._next_review / self._terms.review_every_s)
            self._next_review = (day + 1) * self._terms.review_every_s
            self._journal.write(REVIEW, now, day=day, line=self._journal.tally.line)
            self._on_review(day)

    def _checkpoint(self, now: float, number: int) -> None:
        """One line for a person, and a look at the drift so far."""
        memory = next(iter(self._watch.signals.memory), None)
        line = checkpoint_line(self._journal.tally, now, duration_s=self._terms.duration_s, memory=memory)
        self._journal.write(CHECKPOINT, now, number=number, line=line)
        self._on_checkpoint(line)
        if self.failure is None and (failed := self._look(self._settled)) is not None:
            self.failure = failed
            self._journal.write(LOOK, now, failed=failed)

    def answered(self, answers: Answers, began_s: float, ended_s: float) -> int:
        """Count the gaps of a burst into their blocks and return the longest in ns, 0 without one.

        A gap lies as long after the begin of its burst as its instant after the first submission: an engine's clock may
        be another one than ours.
        """
        gaps, instants = gaps_of(answers, streams=self._terms.streams)
        if not gaps.size:
            return 0
        at_s = np.clip(began_s + (instants - answers.submitted_ns.min()) / 1e9, began_s, ended_s)
        self._blocks.add(gaps, (at_s / self._terms.block_s).astype(np.int64))
        self._window = [self._window[0] + float(gaps.sum()), self._window[1] + gaps.size]
        return int(gaps.max())

    def finish(self) -> None:
        """Write every block that holds something."""
        self.tick()
        self._close_blocks(self._timeline.now_s() + self._terms.block_s)

    def _stalled(self, reading: Reading) -> None:
        last, self._last_ns = self._last_ns, reading.at_ns
        if last is None:
            return
        late = (reading.at_ns - last) / 1e9 - self._terms.thermal_every_s
        if self._watch.threaded and late > max(STALL_S, STALL_BEATS * self._terms.thermal_every_s):
            self._timeline.exclude(late)
            self.note(Interruption(STOPPED, late, f"nothing of the suite ran for {late:.0f} s"))

    def _read(self, reading: Reading) -> None:
        at_s = self._timeline.at_s(reading.at_ns)
        if reading.activity == LOADED:
            means = self._means.setdefault(max(self._block, int(at_s // self._terms.block_s)), {})
            for name, value in reading.values.items():
                means.setdefault(name, _Mean()).add(value)
        if at_s >= self._next_sample:
            self._next_sample = _after(at_s, self._terms.sample_every_s)
            self._sample(at_s, reading)

    def _sample(self, at_s: float, reading: Reading) -> None:
        total, count = self._window
        self._window = [0.0, 0.0]
        tally, memory = self._journal.tally, next(iter(self._watch.signals.memory), None)
        settled = at_s - self.life_began_s >= self._terms.settle_s and reading.activity != STARTING
        self._journal.write(
            SAMPLE,
            at_s,
            life=tally.life,
            activity=reading.activity,
            settled=settled,
            since_start_s=round(at_s - self.life_began_s, 3),
            mean_ms=total / count / 1e6 if count else None,
            cost_us=round(reading.cost_ns / 1e3),
            signals={name: round(value, 4) for name, value in reading.values.items()},
            problem=self._watch.signals.problem,
        )
        if settled and memory is not None and memory in reading.values:
            self._settled.append((at_s / 3600, reading.values[memory] / 1e6, tally.life))

    def _close_blocks(self, until_s: float) -> None:
        while (self._block + 1) * self._terms.block_s <= until_s:
            number, self._block = self._block, self._block + 1
            histogram, means = self._blocks.take(number), self._means.pop(number, {})
            if histogram is None and not means:
                continue
            data: dict[str, Any] = {"block": number, "life": self._journal.tally.life}
            if histogram is not None:
                data["latency"] = packed(histogram)
            data["loaded"] = {name: [round(part, 4) for part in mean.plain()] for name, mean in means.items()}
            self._journal.write(BLOCK, min((number + 1) * self._terms.block_s, self._timeline.now_s()), **data)


def _after(now: float, every: float) -> float:
    """The first multiple of ``every`` after ``now``."""
    return (int(now // every) + 1) * every
