"""One level of the load test as a sample: its runs, what each stream received, and why they cannot be used."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.ledger import Record
from pytest_rawrxd.measure.concurrency import RUN
from pytest_rawrxd.measure.histogram import Histogram, record
from pytest_rawrxd.measure.levels import LEVEL, MAIN, OPEN, Part
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.rig.engine.decode import LENGTH
from pytest_rawrxd.verdict import checks
from pytest_rawrxd.verdict.cell import SCRIPTED, identity_of, partial_offload, roofline, spilled
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.gaps import Gaps, Window, block_of, full_window, inside, token_gaps
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.sample import Floats, Integers
from pytest_rawrxd.verdict.validity import Severity, Violation

BLOCKS_OF_A_RUN = 1_000_000  #: block numbers of two runs never meet
ARRAYS = ("offsets", "stamps_ns", "submitted_ns", "ended_ns", "prompt_tokens")
GAP_METRICS = frozenset({"inter_token_latency", "time_weighted_latency", "longest_gap"})
EVERY_PART: tuple[Part, ...] = (MAIN, LEVEL)


@dataclass(frozen=True, eq=False)
class LoadRun:
    """One process under load. k requests in the order in which they were submitted; instants in ns."""

    record: Record
    offsets: Integers  #: (k + 1,) into stamps_ns
    stamps_ns: Integers  #: (tokens,)
    submitted_ns: Integers  #: (k,)
    ended_ns: Integers  #: (k,)
    prompt_tokens: Integers  #: (k,)
    reasons: tuple[str, ...]  #: (k,) why each request ended
    intended_ns: Integers | None = None  #: (k,) when each was due; None in process

    @property
    def data(self) -> Mapping[str, Any]:
        return self.record.data

    @property
    def streams(self) -> int:
        return int(self.data["streams"])

    @cached_property
    def window(self) -> Window | None:
        """From the first to the last instant with every stream busy; None if there is none."""
        return full_window(self.submitted_ns, self.ended_ns, streams=self.streams) if self.reasons else None

    @cached_property
    def gaps(self) -> Gaps:
        """The gaps between tokens inside the window."""
        found = token_gaps(self.offsets, self.stamps_ns)
        nothing = np.empty(0, np.int64)
        return Gaps(nothing, nothing, nothing) if self.window is None else inside(found, self.window)

    @property
    def completed(self) -> int:
        """Requests with every token asked for, ended by their length."""
        whole = np.diff(self.offsets) == int(self.data["tokens"])
        return int(np.count_nonzero(whole & (np.array(self.reasons) == LENGTH))) if self.reasons else 0

    @property
    def untold(self) -> Mapping[str, str]:
        """What this kind of server cannot show, of "ttft", "itl" and "tokens", with the reason."""
        found: Mapping[str, str] = self.data.get("not_measurable") or {}
        return found

    @property
    def due_ns(self) -> Integers:
        """When each request was due (k,): in process, when a slot was free for it."""
        return self.submitted_ns if self.intended_ns is None else self.intended_ns

    @property
    def tps(self) -> float:
        """Tokens of all streams per second of the window; EvidenceProblem without a window.

        Of a server that tells no tokens, its own counter over the time from the first request to the last end.
        """
        if "tokens" in self.untold:
            return self._counted_tps()
        window = self.window
        if window is None:
            raise EvidenceProblem("A run without a window has no throughput", where=self.record.id)
        received = np.count_nonzero((self.stamps_ns > window.begin_ns) & (self.stamps_ns <= window.end_ns))
        return float(received / ((window.end_ns - window.begin_ns) / 1e9))

    def _counted_tps(self) -> float:
        counted = self.data["http"]["tokens_generated"]
        if counted is None:
            raise EvidenceProblem("The server's token counter was not read", where=self.record.id)
        return float(counted / ((self.ended_ns.max() - self.submitted_ns.min()) / 1e9))


@dataclass(frozen=True, eq=False)
class LevelSample:
    """``problem`` is the finding that stands instead of any other; ``sources`` are the records behind it all."""

    runs: tuple[LoadRun, ...]
    sources: tuple[str, ...]
    problem: Finding | None

    @property
    def gap_problem(self) -> Finding | None:
        """``problem``, or that tokens came together: then nobody knows the gaps between them."""
        if self.problem is not None:
            return self.problem
        if (why := self.untold("itl")) is not None:
            return Finding(Verdict.NOT_MEASURED, why, next="a server that streams its tokens")
        for run in self.runs:
            if (found := checks.coalesced(run.gaps.coalesced, run.stamps_ns.size)) is not None:
                return _unusable_run(run, found, len(self.runs))
        return None

    def untold(self, what: str) -> str | None:
        """Why ``what`` ("ttft", "itl", "tokens") cannot be seen of this server; None where it can."""
        return next((run.untold[what] for run in self.runs if what in run.untold), None)

    @property
    def tps(self) -> Floats:
        """Aggregate tokens per second, one value a run."""
        return np.array([run.tps for run in self.runs])

    @property
    def windows(self) -> list[Window]:
        """The window of each run that has one."""
        return [run.window for run in self.runs if run.window is not None]

    @property
    def minutes(self) -> float:
        """Length of all windows together."""
        return sum(window.minutes for window in self.windows)

    @property
    def steps(self) -> int:
        """Decode steps, about: streams of one batch share them, so that their tokens are no independent values."""
        return max(1, sum(len(run.gaps) // run.streams for run in self.runs))

    @property
    def note(self) -> str:
        """What has to be said with every figure: "" unless the variant was only partly on the device."""
        return next((said for run in self.runs if (said := partial_offload(run.data))), "")

    def histogram(self, *, bound_ns: int, block_s: float) -> Histogram:
        """Every gap, in the time blocks of its run, with an exact counter at ``bound_ns``."""
        blocks = [
            block_of(run.gaps, run.window, length_s=block_s, first=position * BLOCKS_OF_A_RUN)
            for position, run in enumerate(self.runs)
            if run.window is not None
        ]
        gaps = [run.gaps.gap_ns for run in self.runs if run.window is not None]
        return record(np.concatenate(gaps), block=np.concatenate(blocks), bounds_ns=[bound_ns])


def level_sample(
    evidence: Evidence, streams: int, parts: Sequence[Part] = EVERY_PART, *, beside: str | None = None
) -> LevelSample:
    """The runs of one level with the first reason for which they cannot be judged.

    ``beside`` names an engine that did the same load beside the one under test: nothing of it may decide.
    """

    def wanted(data: Mapping[str, Any]) -> bool:
        return data["streams"] == streams and data["part"] in parts

    return _sample(evidence, wanted, f"{streams} streams", beside)


def load_sample(evidence: Evidence) -> LevelSample:
    """Every run of the load test, as `level_sample` has them."""
    return _sample(evidence, lambda _data: True, "load")


def load_troubles(evidence: Evidence, beside: str | None = None) -> list[Record]:
    """What went wrong with one engine during the load test; None is the one under test."""
    return evidence.of("trouble", during=RUN, beside=beside)


def load_records(evidence: Evidence, beside: str | None = None) -> list[Record]:
    """The runs of one engine; None is the one under test."""
    return evidence.of(RUN, beside=beside)


def read_run(evidence: Evidence, found: Record) -> LoadRun:
    """One record with its arrays. Raises EvidenceProblem where they contradict each other."""
    raw = evidence.raw(found.data["raw"])
    try:
        reasons = tuple(found.data["finish_reasons"][index] for index in raw["finish"].tolist())
        arrays = {name: np.asarray(raw[name], np.int64) for name in ARRAYS}
    except (KeyError, IndexError) as error:
        raise EvidenceProblem("raw evidence lacks an array or a reason", where=found.id, found=str(error)) from error
    sizes = {arrays[name].size for name in ("submitted_ns", "ended_ns", "prompt_tokens")}
    if sizes != {len(reasons)} or arrays["offsets"].size != len(reasons) + 1:
        raise EvidenceProblem("the arrays of a load run do not fit each other", where=found.id)
    intended = np.asarray(raw["intended_ns"], np.int64) if "intended_ns" in raw else None
    return LoadRun(found, **arrays, reasons=reasons, intended_ns=intended)


def with_size(found: Finding, sample: LevelSample, blocks: int | None = None) -> Finding:
    """``found`` with the number of runs and time blocks it rests on, and what has to be said with every figure."""
    sizes = {"runs": len(sample.runs)} | ({"blocks": blocks} if blocks is not None else {})
    reason = f"{found.reason}; {sample.note}" if sample.note else found.reason
    return replace(found, reason=reason, deciding={**found.deciding, **sizes})


def in_unit(found: Finding, unit: str, to: str) -> Finding:
    """``found``, whose values are in ``unit``, with its values in ``to``."""

    def converted(value: float | None) -> float | None:
        return None if value is None else convert(value, unit, to)

    return replace(
        found,
        estimate=converted(found.estimate),
        lower=converted(found.lower),
        upper=converted(found.upper),
        acceptance_limit=converted(found.acceptance_limit),
    )


def _sample(
    evidence: Evidence, wanted: Callable[[Mapping[str, Any]], bool], of: str, beside: str | None = None
) -> LevelSample:
    records = [found for found in load_records(evidence, beside) if wanted(found.data)]
    sources = tuple(found.id for found in records)
    if troubles := [found for found in load_troubles(evidence, beside) if wanted(found.data)]:
        return LevelSample((), (*sources, *(found.id for found in troubles)), _troubled(troubles))
    if not records:
        return LevelSample((), (), _missing(evidence, of))
    runs = tuple(read_run(evidence, found) for found in records)
    return LevelSample(runs, sources, _unusable(evidence, runs))


def _troubled(troubles: Sequence[Record]) -> Finding:
    first, more = troubles[0].data, f" (and {len(troubles) - 1} more)" if len(troubles) > 1 else ""
    return invalid(
        f"{first['streams']} streams, process {first['run']}: {first['what']}{more}: {first['found'] or first['type']}",
        next_step="read the log lines of the recorded trouble, mend the cause, measure again in a new run directory",
    )


def _missing(evidence: Evidence, of: str) -> Finding:
    campaign = evidence.campaign
    absent = evidence.of("model.missing", variant=campaign.profile.protocol.phase2.variant)
    why = f": {absent[-1].data['why']}" if absent else ""
    return Finding(
        Verdict.NOT_MEASURED,
        f"no run of {of} in this campaign{why}",
        next=f"pytest acceptance/ -m phase2 --sla-profile {campaign.profile.name} --sla-run-dir reports/{campaign.id}",
    )


def _unusable(evidence: Evidence, runs: tuple[LoadRun, ...]) -> Finding | None:
    for run in runs:
        for found in violations(evidence, run):
            if found.rule.severity is Severity.ERROR:
                return _unusable_run(run, found, len(runs))
        if (told := _impossible(evidence, run)) is not None:
            return told
    return None


def _unusable_run(run: LoadRun, found: Violation, runs: int) -> Finding:
    name = f"{run.streams} streams, process {run.data['run']} of session {run.record.session}"
    return invalid(f"{name}: {found.sentence()}", next_step=found.rule.fix, n=runs)


def _impossible(evidence: Evidence, run: LoadRun) -> Finding | None:
    """The finding of a throughput above what memory allows: each step reads the weights once and every stream's KV."""
    manifests = evidence.of("model", variant=run.data["variant"])
    if not manifests or run.data["part"] == OPEN:  # an open loop has no stretch with every stream busy
        return None
    per_token = manifests[-1].data["kv_bytes_per_token"] or 0
    context = float(np.mean(run.prompt_tokens)) + int(run.data["tokens"]) / 2
    judged = roofline(evidence, run.data, run.tps, streams=run.streams, kv_bytes=per_token * context)
    return None if judged is None else judged.finding()


def violations(evidence: Evidence, run: LoadRun) -> Iterator[Violation]:
    """Every validity rule that a run breaks, whatever is judged of it."""
    data, identity, gates = run.data, evidence.campaign.identity, evidence.campaign.profile.gates
    expected = identity.models.get(data["variant"])
    found = (
        checks.empty_sample(len(run.reasons), "requests"),
        checks.backend({"backend": identity.engine["backend"]}, {"backend": data["engine"]["backend"]}),
        checks.one_identity(
            [identity_of(identity.digest, expected), identity_of(run.record.identity, data["model_sha256"])]
        ),
        *_answers(run),
        spilled(evidence, data, gates.spill_max.to("ratio")),
    )
    yield from (violation for violation in found if violation is not None)
    # A scripted engine lives in virtual time: what the host does meanwhile disturbs nothing.
    if data["engine"]["backend"] != SCRIPTED:
        foreign = 100 * data["host"]["foreign_share"]
        if (violation := checks.foreign_cpu(foreign, gate_percent=gates.contamination_max.to("%"))) is not None:
            yield violation
    if "http" in data:
        yield from (violation for violation in _client(evidence, data["http"]) if violation is not None)


def _answers(run: LoadRun) -> Iterator[Violation | None]:
    """Did every request receive what it asked for, with every stream busy?"""
    if "tokens" in run.untold:  # it takes no token limit, and any reply that ends is a whole one
        yield checks.early_end([reason for reason in run.reasons if reason.startswith("error")])
    else:
        yield checks.early_end(run.reasons)
        yield checks.received_tokens([int(run.data["tokens"])] * len(run.reasons), np.diff(run.offsets))
    if run.data["part"] != OPEN:
        window = run.window
        yield checks.full_window(None if window is None else window.full_share, streams=run.streams)


def _client(evidence: Evidence, http: Mapping[str, Any]) -> Iterator[Violation | None]:
    """Was the load client calm enough for the tightest bound?"""
    gates = evidence.campaign.profile.gates
    late_ms = gates.send_lag_p99_max.to("ms")
    tightest = tightest_bound_ms(evidence.campaign.profile)
    if tightest is not None:
        floor_ms = max(calibration["p99_us"] for calibration in http["calibration"]) / 1e3
        yield checks.noise_floor(floor_ms, tightest_bound_ms=tightest, gate=gates.noise_floor_max.to("ratio"))
    if http["send_lag_p99_ms"] is not None:
        yield checks.send_lag(http["send_lag_p99_ms"], gate_ms=late_ms)
    if http["loop_lag_p99_ms"] is not None:
        yield checks.loop_lag(http["loop_lag_p99_ms"], gate_ms=late_ms)


def tightest_bound_ms(profile: Profile) -> float | None:
    """The smallest bound on a gap between tokens that decides; None where none does."""
    bounds = [
        convert(criterion.limit, criterion.unit, "ms")
        for criterion in profile.criteria.values()
        if criterion.metric in GAP_METRICS and not criterion.informative and not criterion.not_applicable
        if isinstance(criterion.limit, float)
    ]
    return min(bounds, default=None)
