"""Two campaigns, or a campaign and another tool's file, side by side. Secondary: a comparison decides no criterion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.identity import Identity
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.means import ratio_interval
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.pairs import compare, interleaved
from pytest_rawrxd.verdict.sides import Sample, Side, campaign_side
from pytest_rawrxd.verdict.tool import is_tool, tool_side
from pytest_rawrxd.verdict.wording import bounds, number

LOWER_IS_BETTER = frozenset({"ms"})
#: What two builds may differ in, because it is what is compared; their backend and device must agree.
SUBJECT = ("engine.name:", "engine.version:", "engine.binding:", "engine.library_sha256:", "engine.details.")
UNKNOWN = ("identity: the file names no driver, no machine and no digest of model or engine",)
SEQUENTIAL = "the runs of the two sides were not interleaved, which gives 18 to 26 % false alarms"
NOTHING = Side("nothing", "no --sla-baseline", None, ())
AGAIN = "run both builds alternately on one machine, the order drawn for each of 10 pairs: ci/pairs.sh"


@dataclass(frozen=True)
class Row:
    """One metric of both sides; ``finding`` is in % of the baseline, None where a side lacks the metric."""

    metric: str
    unit: str
    where: Mapping[str, str | int]
    baseline: tuple[float, ...]
    candidate: tuple[float, ...]
    finding: Finding | None
    mismatches: tuple[str, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """All rows, what the two builds differ in, and every other difference: one of those caps at INCONCLUSIVE."""

    baseline: str
    candidate: str
    subject: tuple[str, ...]
    differences: tuple[str, ...]
    rows: tuple[Row, ...]


def compare_sides(baseline: Side, candidate: Side, profile: Profile | None = None) -> Comparison:
    """Compare every metric that both sides have under the same conditions, and list what only one of them has.

    Margin and confidence are ``profile``'s gates, else 3 % and 95 %.
    """
    margin = profile.gates.compare_margin.to("ratio") if profile else 0.03
    confidence = profile.gates.confidence if profile else 0.95
    subject, differences = _differences(baseline, candidate)
    same_source = baseline.source == candidate.source
    rows: list[Row] = []
    used: set[int] = set()
    for old in baseline.samples:
        matches = [new for new in candidate.samples if _alike(old, new, same_source=same_source)]
        used.update(map(id, matches))
        rows += [_row(old, new, differences, margin, confidence) for new in matches] or [_alone(old, in_baseline=True)]
    rows += [_alone(new, in_baseline=False) for new in candidate.samples if id(new) not in used]
    return Comparison(
        f"{baseline.name} ({baseline.source})",
        f"{candidate.name} ({candidate.source})",
        subject,
        differences,
        tuple(rows),
    )


def comparisons(evidence: Evidence) -> list[dict[str, Any]]:
    """The list ``comparisons`` of verdicts.json: the campaign against each baseline that a session recorded.

    What an external tool printed stands here too, against nothing where there is no baseline.
    """
    recorded = {str(record.data): record for record in evidence.of("baseline")}
    told = tool_side(evidence) if is_tool(evidence) else None
    if not recorded and told is None:
        return []
    mine = told or campaign_side(evidence)
    earlier = [Side.from_dict(record.data) for record in recorded.values()] or [NOTHING]
    return [to_dict(compare_sides(side, mine, evidence.campaign.profile)) for side in earlier]


def to_dict(comparison: Comparison) -> dict[str, Any]:
    """A comparison as verdicts.json holds it."""
    return {
        "baseline": comparison.baseline,
        "candidate": comparison.candidate,
        "subject": list(comparison.subject),
        "differences": list(comparison.differences),
        "rows": [_row_dict(row) for row in comparison.rows],
    }


def _row_dict(row: Row) -> dict[str, Any]:
    found = row.finding
    return {
        "metric": row.metric,
        "unit": row.unit,
        "where": dict(row.where),
        "baseline": _summary(row.baseline),
        "candidate": _summary(row.candidate),
        "estimate": found.estimate if found else None,
        "lower": found.lower if found else None,
        "upper": found.upper if found else None,
        "verdict": str(found.verdict if found else Verdict.NOT_MEASURED),
        "reason": found.reason if found else "only one side has it",
        "next": found.next if found else None,
        "mismatches": list(row.mismatches),
    }


def _summary(values: Sequence[float]) -> dict[str, Any] | None:
    return {"n": len(values), "mean": float(np.mean(values))} if values else None


def _differences(baseline: Side, candidate: Side) -> tuple[tuple[str, ...], tuple[str, ...]]:
    if baseline.identity is None or candidate.identity is None:
        return (), UNKNOWN
    try:
        before, after = (Identity.from_dict(dict(side.identity or {})) for side in (baseline, candidate))
    except KeyError as error:
        raise EvidenceProblem("an identity lacks a field", where=baseline.name, found=str(error)) from error
    found = before.differences(after)
    return (
        tuple(each for each in found if each.startswith(SUBJECT)),
        tuple(each for each in found if not each.startswith(SUBJECT)),
    )


def _alike(old: Sample, new: Sample, *, same_source: bool) -> bool:
    """Whether both are of one metric under one condition.

    Two sources state different conditions: those that both state must agree, one of them must name what was measured,
    and only the tokens of a generation may differ, which is said.
    """
    if (old.metric, old.unit) != (new.metric, new.unit):
        return False
    if same_source:
        return dict(old.where) == dict(new.where)
    shared = old.where.keys() & new.where.keys()
    named = shared & {"variant", "model", "statistic"}
    return bool(named) and all(old.where[key] == new.where[key] for key in shared - {"tokens"})


def _row(old: Sample, new: Sample, differences: tuple[str, ...], margin: float, confidence: float) -> Row:
    mismatches = tuple(dict.fromkeys((*old.mismatches, *new.mismatches, *_other_conditions(old, new))))
    finding = _finding(old, new, differences, margin, confidence)
    if mismatches:
        finding = replace(finding, reason=f"{finding.reason}; defined otherwise than ours in {len(mismatches)} ways")
    return Row(old.metric, old.unit, {**new.where, **old.where}, old.values, new.values, finding, mismatches)


def _alone(sample: Sample, *, in_baseline: bool) -> Row:
    old, new = (sample.values, ()) if in_baseline else ((), sample.values)
    return Row(sample.metric, sample.unit, sample.where, old, new, None, sample.mismatches)


def _other_conditions(old: Sample, new: Sample) -> Iterator[str]:
    if not (old.mismatches or new.mismatches):
        return
    for key in sorted(old.where.keys() | new.where.keys()):
        before, after = old.where.get(key, "not stated"), new.where.get(key, "not stated")
        if before != after and key not in {"model", "variant"}:
            yield f"{key}: {before} against {after}"


def _finding(old: Sample, new: Sample, differences: tuple[str, ...], margin: float, confidence: float) -> Finding:
    if problem := old.problem or new.problem:
        side = "baseline" if old.problem else "candidate"
        return invalid(f"the {side} cannot be used: {problem}", next_step=f"measure the {side} again")
    higher = old.unit not in LOWER_IS_BETTER
    one, other = _whole_pairs(old, new)
    order = _order(one, other)
    if order is not None and len(one.values) == len(other.values) and interleaved(order):
        return compare(
            one.values,
            other.values,
            higher_is_better=higher,
            margin=margin,
            order=order,
            same_identity=not differences,
            confidence=confidence,
        )
    return _sequential(old, new, differences, margin, confidence, higher=higher)


def _whole_pairs(old: Sample, new: Sample) -> tuple[Sample, Sample]:
    """Both sides without the last process of one whose partner never came: somebody ended the pairs in the midst."""
    longer, shorter = (old, new) if len(old.values) > len(new.values) else (new, old)
    if len(longer.values) != len(shorter.values) + 1 or not shorter.at or len(longer.at) != len(longer.values):
        return old, new
    if longer.at[-1] <= max(shorter.at):
        return old, new
    whole = replace(longer, values=longer.values[:-1], at=longer.at[:-1])
    return (whole, new) if longer is old else (old, whole)


def _order(old: Sample, new: Sample) -> list[str] | None:
    """In which order the processes of both sides were recorded; None where a side does not say."""
    if len(old.at) != len(old.values) or len(new.at) != len(new.values) or not old.at or not new.at:
        return None
    return [side for _, side in sorted([*((at, "A") for at in old.at), *((at, "B") for at in new.at)])]


def _sequential(
    old: Sample, new: Sample, differences: tuple[str, ...], margin: float, confidence: float, *, higher: bool
) -> Finding:
    """What can be said of runs that did not alternate: the ratio and its interval, and no verdict."""
    estimate = 100 * float(np.exp(np.mean(np.log(new.values)) - np.mean(np.log(old.values))))
    lower = upper = None
    if min(len(old.values), len(new.values)) > 1:
        ratio = ratio_interval(new.values, old.values, confidence=confidence)
        lower, upper = (None if end is None else 100 * end for end in (ratio.lower, ratio.upper))
    worst, best = (lower, upper) if higher else (upper, lower)
    hint = _hint(worst, best, margin, higher=higher)
    capped = "" if not differences else "; the sides differ in identity"
    return Finding(
        Verdict.INCONCLUSIVE,
        f"candidate at {bounds(estimate, lower, upper, '%')} of the baseline, allowed {number(100 * margin)} % worse: "
        f"{hint}; {SEQUENTIAL}{capped}, so nothing is decided",
        estimate,
        lower,
        upper,
        n=min(len(old.values), len(new.values)),
        method="Welch t on log ratio" if lower is not None else "ratio of means",
        next=AGAIN,
    )


def _hint(worst: float | None, best: float | None, margin: float, *, higher: bool) -> str:
    """Where the interval lies, in words that are no verdict."""
    if worst is None or best is None:
        return "too few runs for an interval"
    limit = 100 * (1 - margin if higher else 1 / (1 - margin))
    inside, outside = (worst >= limit, best < limit) if higher else (worst <= limit, best > limit)
    return "it looks no worse" if inside else "it looks worse" if outside else "it may be worse"
