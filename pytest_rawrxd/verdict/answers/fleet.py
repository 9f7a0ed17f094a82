"""``server_latency``, ``server_spread``, ``fleet_loss``: the single servers of a fleet while all are loaded, or one is
hurt.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.profile.units import convert
from pytest_rawrxd.verdict.answers.faults import lost_requests
from pytest_rawrxd.verdict.decide import at_most, invalid
from pytest_rawrxd.verdict.exceedance import share_bounds
from pytest_rawrxd.verdict.fault_window import injections
from pytest_rawrxd.verdict.gaps import Gaps
from pytest_rawrxd.verdict.level import LevelSample, level_sample, with_size
from pytest_rawrxd.verdict.load_run import LoadRun
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.quantile import NANOSECONDS, quantile
from pytest_rawrxd.verdict.wording import bounds, number

WORST_FIRST = (Verdict.FAIL, Verdict.INVALID, Verdict.INCONCLUSIVE, Verdict.PASS)
REPEAT = "repeat the run with every server of the fleet"
FLEETS = "--sla-engine llama-server#servers=N, openai:URL,URL or openai:URL#servers=N&server_header=NAME"


def server_latency(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the share of gaps above the bound of each server alone: the fleet keeps it where every server does."""
    sample = level_sample(evidence, int(criterion.where["streams"]))
    if (problem := sample.gap_problem or _unknown(sample)) is not None:
        return problem, sample.sources
    found = {name: _of_one(evidence, criterion, sample, code) for code, name in servers(sample).items()}
    verdicts = {name: finding.verdict for name, finding in found.items()}
    worst = next(name for verdict in WORST_FIRST for name in found if verdicts[name] is verdict)
    each = ", ".join(f"{name} {verdict}" for name, verdict in verdicts.items())
    return replace(found[worst], reason=f"{worst}: {found[worst].reason}; each server: {each}"), sample.sources


def server_spread(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge how far the share of completed requests of any server is from an equal share.

    Shares lie between Clopper-Pearson bounds at a confidence that holds for all servers together.
    """
    sample = level_sample(evidence, int(criterion.where["streams"]))
    if (problem := sample.problem or _unknown(sample)) is not None:
        return problem, sample.sources
    codes = np.concatenate([run.server[run.whole] for run in sample.runs if run.server is not None])
    names = servers(sample)
    equal, confidence = len(names), 1 - (1 - criterion.confidence) / len(names)
    shares = {name: int(np.count_nonzero(codes == code)) / codes.size for code, name in names.items()}
    between = [share_bounds(share, codes.size, confidence=confidence) for share in shares.values()]
    # An equal share is 1 of them; what counts is the distance from it.
    estimate: float = max(abs(share * equal - 1) for share in shares.values())
    upper = max(max(high * equal - 1, 1 - low * equal) for low, high in between)
    lower = max(0.0, *(max(low * equal - 1, 1 - high * equal) for low, high in between))
    estimate, lower, upper = (convert(value, "ratio", criterion.unit) for value in (estimate, lower, upper))
    assert isinstance(criterion.limit, float)  # noqa: S101 - a share has one bound
    told = ", ".join(f"{name} {number(100 * share)} %" for name, share in shares.items())
    verdict = at_most(lower, upper, limit=criterion.limit)
    finding = Finding(
        verdict,
        f"shares of {codes.size} requests: {told}; "
        f"the farthest is {bounds(estimate, lower, upper, criterion.unit)} from an equal share",
        estimate,
        lower,
        upper,
        criterion.limit,
        int(codes.size),
        method="Clopper-Pearson, all servers together",
        next="more requests: the interval reaches over the limit" if verdict is Verdict.INCONCLUSIVE else None,
    )
    return with_size(finding, sample), sample.sources


def fleet_loss(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge ``lost_requests`` where the load went to a fleet, one server of which was hurt.

    A server that stands alone and comes back before the retry loses nothing either: it says nothing of a fleet.
    """
    found = injections(evidence)
    alone = [each for each in found if int(each.data.get("servers", 1)) < 2]
    if alone:
        kinds = ", ".join(sorted({str(each.data["kind"]) for each in alone}))
        why = f"{len(alone)} of {len(found)} injections ({kinds}) hurt a server that stands alone, no fleet"
        return Finding(Verdict.NOT_MEASURED, why, next=FLEETS), tuple(each.record.id for each in found)
    finding, sources = lost_requests(evidence, criterion)
    if not found or finding.verdict is Verdict.INVALID:
        return finding, sources
    sizes = sorted({int(each.data["servers"]) for each in found})
    of = f"{' and '.join(map(str, sizes))} servers, one of them hurt"
    return replace(finding, reason=f"{finding.reason}; {of}"), sources


def servers(sample: LevelSample) -> Mapping[int, str]:
    """Code -> name of every server of the fleet, by name."""
    names = {int(code): str(name) for run in sample.runs for code, name in _fleet(run)["names"].items()}
    return dict(sorted(names.items(), key=lambda item: item[1]))


def _fleet(run: LoadRun) -> Mapping[str, Any]:
    found: Mapping[str, Any] = run.data["http"]["fleet"]
    return found


def _unknown(sample: LevelSample) -> Finding | None:
    """Why the servers cannot be told apart."""
    if any("fleet" not in run.data.get("http", {}) or run.server is None for run in sample.runs):
        return Finding(
            Verdict.NOT_MEASURED,
            "one engine was measured, no fleet",
            next=FLEETS,
        )
    silent = sum(int(np.count_nonzero(run.server[run.whole] < 0)) for run in sample.runs if run.server is not None)
    if silent:
        return invalid(f"{silent} completed requests do not say which server answered", next_step=REPEAT)
    for session in sorted({run.record.session for run in sample.runs}):  # of a pool, each host has a fleet of its own
        fleets = [_fleet(run) for run in sample.runs if run.record.session == session]
        declared, known = (
            {int(fleet["servers"]) for fleet in fleets},
            {code for fleet in fleets for code in fleet["names"]},
        )
        if declared != {len(known)}:
            found = f"{len(known)} servers answered, the fleet has {', '.join(map(str, sorted(declared)))}"
            return invalid(found, next_step=REPEAT)
    if not any(run.whole.any() for run in sample.runs):
        return invalid("empty sample: no request was completed", next_step=REPEAT)
    return None


def _of_one(evidence: Evidence, criterion: Criterion, sample: LevelSample, code: int) -> Finding:
    def gaps(run: LoadRun) -> Gaps:
        found = run.gaps
        assert run.server is not None  # noqa: S101 - a sample whose servers are unknown was answered before
        mine = run.server[found.request] == code
        return Gaps(found.gap_ns[mine], found.end_ns[mine], found.request[mine], found.coalesced)

    assert isinstance(criterion.limit, float)  # noqa: S101 - a quantile has one bound
    assert criterion.quantile is not None  # noqa: S101 - the profile gives each one of this kind its quantile
    profile = evidence.campaign.profile
    histogram = sample.histogram(
        bound_ns=round(criterion.limit * NANOSECONDS[criterion.unit]),
        block_s=profile.protocol.phase2.block.to("s"),
        of=gaps,
    )
    if not histogram.total:
        return invalid("empty sample: it answered nothing", next_step=REPEAT)
    return quantile(
        histogram,
        quantile=criterion.quantile,
        bound=criterion.limit,
        steps=max(1, round(sample.steps * histogram.total / max(1, sum(len(run.gaps) for run in sample.runs)))),
        unit=criterion.unit,
        minutes=sample.minutes,
        confidence=criterion.confidence,
        guard=profile.gates.quantile_guard.to("ratio"),
        planning_effect=profile.gates.planning_design_effect.to("ratio"),
        min_blocks=profile.gates.min_blocks,
    )
