"""What became of the soak: its length, its steps, its restarts, its log, its records."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.soak.journal import CHECKPOINT, CRASHES, FAILED, IDLE_DONE, LINES, REVIEW
from pytest_rawrxd.measure.soak.plan import BURST, IDLE, RESTART, steps
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.rig.engine.log import classify
from pytest_rawrxd.verdict.counts import fact, value_range, zero
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.soak import ENDED, SoakRun, capped, unfinished, usable_soak, with_soak
from pytest_rawrxd.verdict.wording import duration, number

PRESSURE = ("shared_used_bytes", "memory_available_bytes")
NO_FRAGMENTATION = "fragmentation: not available because no driver that is read tells its largest allocatable block"
SHOWN = 3


def soak_duration(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the time from the first burst to the end of the last, without interruptions."""

    def judge(run: SoakRun) -> Finding:
        value = convert(run.observed_s, "s", criterion.unit)
        assert not isinstance(criterion.limit, bool)  # noqa: S101 - a time is never promised as yes or no
        found = value_range(value, direction=criterion.direction, limit=criterion.limit, unit=criterion.unit)
        resume = unfinished(run, evidence)
        if resume is None or found.verdict is Verdict.PASS or run.tally.ended == FAILED:
            return found
        return replace(found, verdict=Verdict.INCONCLUSIVE, next=resume)

    return _judged(evidence, judge)


def soak_completed(evidence: Evidence, criterion: Criterion) -> Answer:  # noqa: ARG001 - as every rule is called
    """Judge that every burst, idle phase and restart of the plan took place."""

    def judge(run: SoakRun) -> Finding:
        done = {"burst": len({burst["step"] for burst in run.bursts}), "idle": len(run.records[IDLE_DONE])}
        done[RESTART] = sum(life["why"] == "restart" for life in run.lives)
        planned = dict.fromkeys(done, 0)
        for step in steps(run.schedule):
            planned[step.kind] += 1
        late = [burst["late_s"] for burst in run.bursts if burst["late_s"]]
        said = (
            f"{done[BURST]} of {planned[BURST]} bursts, {done[IDLE]} of {planned[IDLE]} idle phases, "
            f"{done[RESTART]} of {planned[RESTART]} restarts; {run.tally.completed} of {run.tally.requests} "
            f"requests complete; {len(late)} bursts began late, by up to {number(max(late, default=0.0))} s"
        )
        impossible = run.unseen(RESTART)
        if impossible is not None and run.finished and not run.tally.lost:
            return replace(impossible, reason=f"{said}; {impossible.reason}")
        if impossible is not None:
            planned[RESTART] = done[RESTART]
        if done == planned and run.finished:
            return fact(run.tally.lost == 0, sentence=said)
        if run.tally.ended == FAILED:
            return fact(False, sentence=f"{said}; the soak ended early")
        return Finding(Verdict.INCONCLUSIVE, said, n=1, method="fact", next=unfinished(run, evidence))

    return _judged(evidence, judge)


def soak_crashes(evidence: Evidence, criterion: Criterion) -> Answer:
    """Count engine processes that ended, or hung and were ended."""

    def judge(run: SoakRun) -> Finding:
        crashes = sum(found.data["type"] in ENDED for found in run.troubles)
        if not crashes and (unseen := run.unseen(CRASHES)) is not None:
            return unseen
        return zero(crashes, hours=run.observed_h, confidence=criterion.confidence)

    return _judged(evidence, judge, whole=True)


def error_log_lines(evidence: Evidence, criterion: Criterion) -> Answer:
    """Count lines of class error in the log of every process life; lines of no known class are shown."""

    def judge(run: SoakRun) -> Finding:
        lines = [*run.error_lines, *(line for found in run.troubles for line in found.data["log_tail"])]
        errors = [line for line in lines if classify(line) == "error"]
        if not errors and (unseen := run.unseen(LINES)) is not None:
            return unseen
        others = [line for line in lines if classify(line) == "unknown"]
        found = zero(len(errors), hours=run.observed_h, of="error lines", confidence=criterion.confidence)
        shown = [f"first: {errors[0]}"] if errors else []
        if others:
            shown.append(f"{len(others)} lines of no known class, such as: {'; '.join(others[:SHOWN])}")
        return replace(found, reason="; ".join([found.reason, *shown]))

    return _judged(evidence, judge, whole=True)


def failed_restarts(evidence: Evidence, criterion: Criterion) -> Answer:  # noqa: ARG001 - as every rule is called
    """Count planned restarts that took longer than recovery may take, or lost a request of the next burst."""

    def judge(run: SoakRun) -> Finding:
        planned = [life for life in run.lives if life["why"] == RESTART]
        if (impossible := run.unseen(RESTART)) is not None:
            return impossible
        if not planned:
            return capped(invalid("no planned restart took place", next_step="a longer soak"), run, evidence)
        bound = _recovery_s(evidence)
        slow = [life for life in planned if life["ready_s"] > bound]
        lossy = [life for life in planned if _loses(run, life)]
        worst = max(life["ready_s"] for life in planned)
        said = (
            f"{len(planned)} planned restarts, ready again after at most {number(worst)} s, allowed {number(bound)} s; "
            f"{len(lossy)} lost a request"
        )
        failed = len({life["life"] for life in (*slow, *lossy)})
        return Finding(
            Verdict.FAIL if failed else Verdict.PASS,
            said,
            float(failed),
            float(failed),
            float(failed),
            0.0,
            len(planned),
            method="count",
        )

    return _judged(evidence, judge, whole=True)


def soak_record(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge that a record of the soak is complete, or says why it cannot be had."""
    name = str(criterion.where["record"])

    def judge(run: SoakRun) -> Finding:
        if name == "memory_pressure":
            known = [signal for signal in PRESSURE if signal in run.begin["signals"]["sources"]]
            why = "; ".join(f"{signal}: {run.why_absent(signal)}" for signal in PRESSURE if signal not in known)
            said = [f"recorded: {', '.join(known)}"] if known else []
            return fact(True, sentence="; ".join([*said, *([why] if why else []), NO_FRAGMENTATION]))
        kind, every = (
            (CHECKPOINT, run.schedule.checkpoint_every_s)
            if name == "checkpoints"
            else (REVIEW, run.schedule.review_every_s)
        )
        key = "number" if kind == CHECKPOINT else "day"
        there = {record.data[key] for record in run.records[kind]}
        needed = set(range(1, math.floor(run.schedule.duration_s / every + 1e-9) + 1))
        said_all = f"{len(there & needed)} of {len(needed)}, one every {duration(every / 3600)}"
        if needed <= there:
            return fact(True, sentence=said_all)
        if run.finished or run.tally.ended == FAILED:
            return fact(False, sentence=f"{said_all}; missing {', '.join(map(str, sorted(needed - there)[:SHOWN]))}")
        return Finding(Verdict.INCONCLUSIVE, said_all, n=1, method="fact", next=unfinished(run, evidence))

    return _judged(evidence, judge)


def soak_report_lacks(evidence: Evidence) -> Iterator[str]:
    """What the report of the soak cannot show."""
    run, problem = usable_soak(evidence)
    if problem is not None or run is None:
        yield problem.reason if problem else "no soak"
        return
    if run.histogram is None:
        yield "no latency was recorded"
    if not run.samples:
        yield "no sample was recorded"
    if not run.finished:
        yield f"the soak is not over: {run.tally.ended or 'interrupted or running'}"


def _judged(evidence: Evidence, judge: Callable[[SoakRun], Finding], *, whole: bool = False) -> Answer:
    """What ``judge`` finds in a soak that can be used; with ``whole`` a PASS needs one that is over."""
    run, problem = usable_soak(evidence)
    if run is None or problem is not None:
        assert problem is not None  # noqa: S101 - without a soak there is a finding that says so
        return problem, run.sources if run else ()
    found = with_soak(judge(run), run)
    return capped(found, run, evidence) if whole else found, run.sources


def _recovery_s(evidence: Evidence) -> float:
    """How long a recovery may take, by the profile's own promise, else until a load is given up."""
    profile = evidence.campaign.profile
    promised = [
        convert(criterion.limit, criterion.unit, "s")
        for criterion in profile.criteria.values()
        if criterion.metric == "recovery_time" and isinstance(criterion.limit, float)
    ]
    return min(promised, default=profile.protocol.load_deadline.to("s"))


def _loses(run: SoakRun, life: dict[str, object]) -> bool:
    """Whether the first burst of a life, which a restart must not touch, is incomplete."""
    step = life["step"]
    following = [burst for burst in run.bursts if burst["step"] > step]
    return bool(following) and following[0]["completed"] < following[0]["requests"]
