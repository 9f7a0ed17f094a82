"""The soak itself: hold an engine, send bursts, let it idle, restart it, and go on through everything that happens."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Any

from pytest_rawrxd.errors import LoadFailed, RigTrouble
from pytest_rawrxd.measure.canary.song import Stage, canaries, measure_canaries
from pytest_rawrxd.measure.decode import describe_trouble
from pytest_rawrxd.measure.soak.held import Held, OpenHeld
from pytest_rawrxd.measure.soak.journal import (
    BEGIN,
    BURST_DONE,
    END,
    FAILED,
    FINISHED,
    IDLE_DONE,
    LIFE,
    LOG,
    SKIPPED,
    SOAK,
    STOPPED,
    TROUBLE,
)
from pytest_rawrxd.measure.soak.observer import Observer
from pytest_rawrxd.measure.soak.plan import BURST, IDLE, RESTART, SoakTerms, Step, steps
from pytest_rawrxd.measure.soak.resume import Earlier
from pytest_rawrxd.measure.soak.signals import LOADED, QUIESCED, STARTING, WAITING, Activity, Watch
from pytest_rawrxd.measure.soak.surroundings import TICK_S, Surroundings
from pytest_rawrxd.measure.soak.timeline import Timeline
from pytest_rawrxd.rig.engine.log import fresh_lines, on_device, remarkable

AT_THE_END: tuple[Stage, ...] = ("solo", "together")
MOST_FAILED_STARTS = 3  #: in a row: an engine that cannot be started has no further 47 hours
LEAST_S = 1e-6  #: a shorter wait is none, and no clock would notice it
PAUSE_S = 5.0  #: before another try to start an engine
MOST_TIMES = 2.0  #: a soak takes at most so many times its duration: an engine may be too slow for its bursts
LOG_LINES = 40  #: of one record


class _OverError(Exception):
    """The soak ends here: why, and what a person is told."""

    def __init__(self, why: str, said: str) -> None:
        super().__init__(said)
        self.why, self.said = why, said


def run_soak(terms: SoakTerms, open_held: OpenHeld, world: Surroundings, earlier: Earlier | None = None) -> str:
    """Run a soak to its end, or take up the ``earlier`` one; returns "finished", "stopped" or "failed".

    Trouble of the engine is recorded and the engine started again. Raises LoadFailed when the very first start fails.
    """
    return _Soak(terms, open_held, world, earlier).run()


class _Soak:
    def __init__(self, terms: SoakTerms, open_held: OpenHeld, world: Surroundings, earlier: Earlier | None) -> None:
        self.terms, self.open_held, self.world = terms, open_held, world
        self.journal, self.tally = world.journal, world.journal.tally
        self.earlier = earlier
        self.timeline = Timeline(world.clock, world.asleep_ns, observed_s=self.tally.at_s)
        self.watch = Watch(world.signals, world.clock, beat_s=terms.thermal_every_s, threaded=world.threaded)
        self.held: Held | None = None
        self.stack = ExitStack()
        self.seen_log: tuple[str, ...] = ()
        self.observer: Observer | None = None
        self.steps_done = False

    def run(self) -> str:
        self._begin()
        why, said = FINISHED, ""
        with self.watch, self._finally_closed():
            try:
                self._start("first" if self.earlier is None else "resume", step=-1)
                for step in steps(self.terms):
                    if step.number >= self.tally.next_step:
                        self._do(step)
                self.steps_done = True
                self._sing_at_the_end()
            except _OverError as over:
                why, said = over.why, over.said
            self._leave_engine()
            self.see.finish()
            now = self.timeline.now_s()
            self.journal.write(END, now, why=why, said=said, pace=self.watch.pace)
            self.journal.close(now)
        return why

    @property
    def see(self) -> Observer:
        """The observer, once the axis has its zero."""
        if self.observer is None:
            world = self.world
            self.observer = Observer(
                self.terms,
                self.journal,
                self.timeline,
                self.watch,
                look=world.look,
                on_checkpoint=world.on_checkpoint,
                on_review=world.on_review,
            )
        return self.observer

    @contextmanager
    def _finally_closed(self) -> Iterator[None]:
        try:
            yield
        finally:
            self.stack.close()

    def _begin(self) -> None:
        world = self.world
        gap = self.earlier.gap(world.clock, world.asleep_ns, world.boot) if self.earlier else None
        self.journal.write(
            BEGIN,
            self.tally.at_s,
            terms=self.terms.to_dict(),
            boot=world.boot,
            asleep_ns=world.asleep_ns(),
            monotonic_ns=world.clock.monotonic_ns(),
            virtual=world.virtual,
            signals={
                "sources": dict(world.signals.sources),
                "absent": dict(world.signals.absent),
                "memory": list(world.signals.memory),
            },
            resumed=self.earlier is not None,
            unseen=dict(world.unseen),
            **world.about,
        )
        if gap is not None:
            self.see.note(gap)

    # -- engines ------------------------------------------------------------------------------------------------

    def _start(self, why: str, *, step: int) -> None:
        """Have an engine ready; ``why`` is "first", "resume", "restart" or "crash"."""
        began_ns = self.world.clock.monotonic_ns()
        empty = self.world.signals.read(())
        for attempt in range(1, MOST_FAILED_STARTS + 1):
            self.watch.activity = STARTING
            try:
                opened: AbstractContextManager[Held] = self.open_held(self._tick)
                self.held = self.stack.enter_context(opened)
                ready_s = (self.world.clock.monotonic_ns() - began_ns) / 1e9
                if why == "first":
                    self._sing("reference", "before the soak")
                break
            except RigTrouble as trouble:
                self._trouble(trouble, "starting the engine")
                self._leave_engine()
                if attempt == MOST_FAILED_STARTS or (why == "first" and isinstance(trouble, LoadFailed)):
                    raise _OverError(FAILED, f"the engine cannot be started: {trouble.what}") from trouble
                self._wait(self.timeline.now_s() + PAUSE_S, STARTING)
        if why == "first":
            self.timeline.restart()
        held = self.held
        assert held is not None  # noqa: S101 - the loop above ends with one or raises
        self.watch.pids, self.watch.activity = held.pids, WAITING
        self.seen_log = ()
        load = dict(held.load)
        # After a restart the driver may still hold what the process before had: only a first load shows a counter move.
        fresh = why in {"first", "resume"}
        still = self.world.signals.distrust(empty, held.pids, on_device(load.get("buffers") or ())) if fresh else {}
        self.journal.write(
            LIFE,
            self.timeline.now_s(),
            life=self.tally.life + 1,
            why=why,
            step=step,
            ready_s=round(ready_s, 3),
            pid=held.pids[0] if held.pids else None,
            distrusted=still,
            load={key: load.get(key) for key in ("load_s", "warm_up_s", "layers_offloaded", "layers_total", "buffers")},
        )
        self.see.life_began_s = self.timeline.now_s()

    def _sing(self, stage: Stage, when: str) -> None:
        """Ask for the canaries. What memory does meanwhile is no part of the drift: no engine counts as held."""
        assert self.held is not None  # noqa: S101 - asked of a ready engine only
        birds = canaries(self.terms.streams, self.terms.seed)
        about = {"variant": self.terms.variant, "life": self.tally.life}
        self.watch.activity = STARTING
        measure_canaries(self.held.choir(), birds, during=SOAK, stage=stage, when=when, sink=self.journal, about=about)

    def _sing_at_the_end(self) -> None:
        """Ask once more; an engine that dies of it has crashed in the soak."""
        try:
            for stage in AT_THE_END:
                self._sing(stage, "at the end of the soak")
        except RigTrouble as trouble:
            self._trouble(trouble, "canaries at the end of the soak")
            self._leave_engine()

    def _leave_engine(self) -> None:
        if self.held is not None:
            self._read_log()
        self.held, self.watch.pids, self.watch.activity = None, (), STARTING
        self.stack.close()
        self.stack = ExitStack()

    def _read_log(self) -> None:
        if self.held is None:
            return
        fresh, self.seen_log = fresh_lines(self.held.log, self.seen_log)
        lines = remarkable(fresh)
        if lines:
            self.journal.write(
                LOG,
                self.timeline.now_s(),
                life=self.tally.life,
                lines=lines[:LOG_LINES],
                more=max(0, len(lines) - LOG_LINES),
            )

    def _trouble(self, trouble: RigTrouble, doing: str) -> None:
        now = self.timeline.now_s()
        self.journal.write(TROUBLE, now, during=SOAK, doing=doing, life=self.tally.life, **describe_trouble(trouble))

    def _do(self, step: Step) -> None:
        self._wait(step.due_s, WAITING)
        if step.kind == BURST:
            self._burst(step)
        elif step.kind == IDLE:
            began = self.timeline.now_s()
            self._wait(began + step.size, QUIESCED)
            self.journal.write(IDLE_DONE, self.timeline.now_s(), step=step.number, began_s=began, seconds=step.size)
        elif (why_not := self.world.unseen.get(RESTART)) is not None:
            self.journal.write(SKIPPED, self.timeline.now_s(), step=step.number, what=step.kind, why=why_not)
        else:
            self._leave_engine()
            self._start("restart", step=step.number)
        self._read_log()

    def _burst(self, step: Step) -> None:
        assert self.held is not None  # noqa: S101 - every step begins with an engine
        asked, began = int(step.size), self.timeline.now_s()
        waited = began - step.due_s
        late = round(waited, 3) if waited > TICK_S else 0.0  # what a wait overshoots is none
        self.see.burst_began_s, self.watch.activity = began, LOADED
        about: dict[str, Any] = {"step": step.number, "due_s": step.due_s, "began_s": round(began, 3)}
        try:
            answers = self.held.burst(asked, step.number)
        except RigTrouble as trouble:
            self.see.burst_began_s = None
            self._trouble(trouble, f"burst {step.number}")
            failed = {"requests": asked, "completed": 0, "tokens": 0, "longest_ns": 0, "coalesced": 0, "reasons": {}}
            self.journal.write(BURST_DONE, self.timeline.now_s(), **about, late_s=late, **failed)
            self._leave_engine()
            if self.terms.stop_on_fail:
                raise _OverError(
                    FAILED, f"stopped at the first crash, as the profile says: {trouble.what}"
                ) from trouble
            self._start("crash", step=step.number)
            return
        ended = self.timeline.now_s()
        longest = self.see.answered(answers, began, ended)
        self.see.burst_began_s, self.watch.activity = None, WAITING
        self.journal.write(
            BURST_DONE,
            ended,
            **about,
            late_s=late,
            requests=asked,
            completed=int(answers.completed.sum()),
            tokens=int(answers.stamps_ns.size),
            longest_ns=longest,
            coalesced=answers.coalesced,
            reasons=dict(answers.reasons),
        )
        self._tick()

    def _wait(self, until_s: float, activity: Activity) -> None:
        self.watch.activity = activity
        while True:
            self._tick()
            left = until_s - self.timeline.now_s()
            if left < LEAST_S:
                return
            self.world.clock.sleep(min(left, self.world.tick_s))

    def _tick(self) -> None:
        if self.held is None and self.tally.life == 0:
            return  # the axis has no zero before the first engine is ready
        self.see.tick()
        if self.steps_done:
            return  # nothing is left that could be stopped or take too long
        if self.world.stop_asked():
            raise _OverError(STOPPED, "somebody asked it to stop")
        if self.see.failure is not None and self.terms.stop_on_fail:
            raise _OverError(FAILED, f"stopped early, as the profile says: {self.see.failure}")
        if self.timeline.now_s() > MOST_TIMES * self.terms.duration_s:
            raise _OverError(
                FAILED,
                f"{MOST_TIMES:g} times its duration are over: the engine is too slow for its bursts",
            )
