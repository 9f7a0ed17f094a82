"""One injection read back: what was lost, when it was noticed, when the service was back within its promise."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.ledger import Record
from pytest_rawrxd.measure.faults.window import DRILL, WINDOW
from pytest_rawrxd.profile import Criterion, Profile
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.load_run import Recorded
from pytest_rawrxd.verdict.outcome import Finding

GRACE_S = 1.0  #: a client that hangs up at its deadline is back within that
DOWN = ("ended", "silent", "refused")
ARRAYS = ("number", "intended_ns", "sent_ns", "ended_ns", "failure", "offsets", "stamps_ns")


@dataclass(frozen=True)
class Promise:
    """What "within the SLA" means for one request: bounds on its gaps, in ms; None where the profile has none."""

    p95_ms: float | None
    longest_ms: float | None


NO_PROMISE = Promise(None, None)


def promise_of(profile: Profile) -> Promise:
    """The bounds on gaps at the streams of the load test's main run."""

    def bound(metric: str, quantile: Callable[[Criterion], bool]) -> float | None:
        found = [
            convert(criterion.limit, criterion.unit, "ms")
            for criterion in profile.criteria.values()
            if criterion.metric == metric and not criterion.informative and not criterion.not_applicable
            if criterion.where.get("streams", profile.protocol.phase2.streams) == profile.protocol.phase2.streams
            if isinstance(criterion.limit, float) and quantile(criterion)
        ]
        return min(found, default=None)

    return Promise(
        bound("inter_token_latency", lambda criterion: criterion.quantile == 0.95),
        bound("longest_gap", lambda _criterion: True),
    )


@dataclass(frozen=True, eq=False)
class Injection:
    """A fault under load. n attempts in the order of sending, several of one request where it was retried."""

    record: Recorded
    promise: Promise
    arrays: Mapping[str, npt.NDArray[Any]]

    @property
    def data(self) -> Mapping[str, Any]:
        return self.record.data

    @property
    def proven(self) -> bool:
        """Whether the fault showed that it took effect."""
        return bool(self.data["proof"]["held"])

    @cached_property
    def last(self) -> npt.NDArray[np.int64]:
        """The row of the last attempt of each request."""
        rows = {int(number): row for row, number in enumerate(self.arrays["number"].tolist())}
        return np.array(sorted(rows.values()), np.int64)

    @cached_property
    def first(self) -> npt.NDArray[np.int64]:
        """The row of the first attempt of each request."""
        return np.unique(self.arrays["number"], return_index=True)[1]

    @property
    def requests(self) -> int:
        """Requests of the window."""
        return int(self.first.size)

    @property
    def lost(self) -> int:
        """Requests that were not completed after the allowed retries."""
        return int(np.count_nonzero(self.failed[self.last]))

    @property
    def raw_lost(self) -> int:
        """Requests whose first attempt was not completed."""
        return int(np.count_nonzero(self.failed[self.first]))

    @property
    def failed(self) -> npt.NDArray[np.bool_]:
        """Which attempts were not completed within the request's deadline (n,)."""
        allowed = self.arrays["intended_ns"] + round(float(self.data["deadline_s"]) * 1e9)
        return np.asarray((self.arrays["failure"] != 0) | (self.arrays["ended_ns"] > allowed), np.bool_)

    @property
    def exposed(self) -> int:
        """Requests that were open at a moment between the injection and the recovery."""
        begin, end = self.injected_ns, self.recovered_ns or int(self.arrays["ended_ns"].max(initial=0))
        first, last = self.first, self.last
        order = np.argsort(self.arrays["number"][last])
        open_then = (self.arrays["intended_ns"][first] <= end) & (self.arrays["ended_ns"][last][order] >= begin)
        return int(np.count_nonzero(open_then))

    @property
    def injected_ns(self) -> int:
        return int(self.data["injected_ns"])

    @cached_property
    def conforming(self) -> npt.NDArray[np.bool_]:
        """Which attempts were answered with gaps inside the promise (n,)."""
        good = ~self.failed
        offsets, stamps = self.arrays["offsets"], self.arrays["stamps_ns"]
        for row in np.flatnonzero(good).tolist():
            gaps = np.diff(stamps[offsets[row] : offsets[row + 1]]) / 1e6
            if gaps.size and (
                (self.promise.p95_ms is not None and np.percentile(gaps, 95) > self.promise.p95_ms)
                or (self.promise.longest_ms is not None and gaps.max() > self.promise.longest_ms)
            ):
                good[row] = False
        return good

    @cached_property
    def recovered_ns(self) -> int | None:
        """When the first good answer ended that was asked for after everything bad; None: not seen.

        Never the injection itself, even of a fault that no request felt: a good answer has to show it.
        Where the window shows none, the canaries that were all answered after it do.
        """
        after = self.arrays["ended_ns"] >= self.injected_ns
        bad = after & ~self.conforming
        ready = [int(event["at_ns"]) for event in self.data["events"] if event["kind"] == "ready"]
        since = max([self.injected_ns, *ready[-1:], *self.arrays["sent_ns"][bad].tolist()])
        good = self.conforming & (self.arrays["sent_ns"] >= since) & after
        if good.any():
            return int(self.arrays["ended_ns"][good].min())
        settled = self.data["settled_ns"]
        return None if settled is None else int(settled)

    def seconds(self, instant_ns: int | None) -> float | None:
        """The time from the injection to an instant."""
        return None if instant_ns is None else max(0.0, (instant_ns - self.injected_ns) / 1e9)

    @property
    def recovery_s(self) -> float:
        """To being back within the promise; of a service that never was, the time that it was waited for."""
        found = self.seconds(self.recovered_ns)
        return found if found is not None else (int(self.data["ended_ns"]) - self.injected_ns) / 1e9

    @property
    def detected_s(self) -> float | None:
        """To the supervisor's first sign of it; None where only clients could see it."""
        return self.seconds(next(iter(self._down()), None))

    @property
    def up_s(self) -> float | None:
        """To the process being ready again; None where it was never gone."""
        down = self._down()
        ready = [int(event["at_ns"]) for event in self.data["events"] if event["kind"] == "ready"]
        return self.seconds(next((at for at in reversed(ready) if down and at > down[0]), None))

    @property
    def first_token_s(self) -> float | None:
        """To the first token of a request that was asked for after the injection."""
        offsets, stamps = self.arrays["offsets"], self.arrays["stamps_ns"]
        rows = np.flatnonzero((self.arrays["sent_ns"] >= self.injected_ns) & (np.diff(offsets) > 0))
        return self.seconds(min((int(stamps[offsets[row]]) for row in rows.tolist()), default=None))

    @property
    def hung(self) -> int:
        """Attempts that were open longer than their request's deadline allows, and exchanges of the fault itself."""
        over = self.arrays["ended_ns"] - self.arrays["intended_ns"] > (float(self.data["deadline_s"]) + GRACE_S) * 1e9
        return int(np.count_nonzero(over)) + hung_talks(self.data)

    def _down(self) -> list[int]:
        return [int(event["at_ns"]) for event in self.data["events"] if event["kind"] in DOWN]


def injections(evidence: Evidence) -> tuple[Injection, ...]:
    """Every injection of the campaign."""
    promise = promise_of(evidence.campaign.profile)
    records = evidence.of(WINDOW)
    return evidence.once(
        WINDOW, lambda: tuple(read_injection(record, evidence.raw(record.data["raw"]), promise) for record in records)
    )


def read_injection(record: Recorded, raw: Mapping[str, npt.NDArray[Any]], promise: Promise) -> Injection:
    """One record with its arrays. EvidenceProblem where they do not fit each other."""
    try:
        arrays = {name: np.asarray(raw[name], np.int64) for name in ARRAYS}
    except KeyError as error:
        raise EvidenceProblem("the arrays of a fault window lack one", where=record.id, found=str(error)) from error
    rows = arrays["number"].size
    if any(arrays[name].size != rows for name in ARRAYS[:5]) or arrays["offsets"].size != rows + 1:
        raise EvidenceProblem("the arrays of a fault window do not fit each other", where=record.id)
    return Injection(record, promise, arrays)


def another_engine(evidence: Evidence, records: Sequence[Recorded]) -> Finding | None:
    """INVALID where faults hit another engine than the one that is signed: that rehearses, and decides nothing else."""
    profile, engine = evidence.campaign.profile, evidence.campaign.identity.engine
    signed = (engine["name"], engine["version"])
    others = {(record.data["engine"]["name"], record.data["engine"]["version"]) for record in records} - {signed}
    if profile.kind == "rehearsal" or not others:
        return None
    return invalid(
        f"faults were injected into {', '.join(' '.join(other) for other in sorted(others))}, "
        f"not into the engine under test, {' '.join(signed)}",
        next_step="--sla-engine llama-server, or a [protocol.supervision] for the engine under test",
    )


def drills(evidence: Evidence) -> list[Record]:
    """Every drill of the campaign."""
    return evidence.of(DRILL)


def hung_talks(data: Mapping[str, Any]) -> int:
    """Exchanges of the fault itself that were still open at a deadline that they should have kept."""
    return sum(bool(talk["hung"]) for talk in data["talks"])


def unplanned(data: Mapping[str, Any]) -> list[str]:
    """Ends of the process that this fault did not cause: it takes no process away, or service was back already."""
    found, caused = [], bool(data["proof"]["held"]) and not _gentle(data)
    for event in data["events"]:
        if event["kind"] in ("ended", "silent") and not caused:
            found.append(f"{event['kind']} in the time of {data['name']}: {event['said']}")
        if event["kind"] == "ready" and int(event["at_ns"]) > int(data["undone_ns"]):
            caused = False
    return found


#: Faults that take no process away: an end during one of them is a crash.
GENTLE = frozenset({"timeout", "connection", "malformed", "cancellation", "journal_full"})


def _gentle(data: Mapping[str, Any]) -> bool:
    return data["kind"] in GENTLE or data["name"] == "context exhaustion"
