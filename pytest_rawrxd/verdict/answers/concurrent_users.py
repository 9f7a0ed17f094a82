"""``concurrent_users``: the largest number of streams up to which every bound of every level holds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.answers.aggregate_tps import aggregate_tps
from pytest_rawrxd.verdict.answers.inter_token_latency import inter_token_latency, time_weighted_latency
from pytest_rawrxd.verdict.answers.requests import requests_completed
from pytest_rawrxd.verdict.answers.scaling_efficiency import scaling_efficiency
from pytest_rawrxd.verdict.answers.stalls import longest_gap, stalled_share
from pytest_rawrxd.verdict.counts import count_of
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict

OF_A_LEVEL: Mapping[str, Callable[[Evidence, Criterion], Answer]] = MappingProxyType(
    {
        rule.__name__: rule
        for rule in (
            inter_token_latency,
            time_weighted_latency,
            longest_gap,
            stalled_share,
            aggregate_tps,
            scaling_efficiency,
            requests_completed,
        )
    }
)
MORE = "more runs of that level"


def concurrent_users(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the largest level up to which every deciding criterion of each level passes."""
    levels: dict[int, list[Finding]] = {}
    sources: dict[str, None] = {}
    for other in evidence.campaign.profile.criteria.values():
        rule = OF_A_LEVEL.get(other.metric)
        if rule is not None and not other.informative and not other.not_applicable:
            found, used = rule(evidence, other)
            levels.setdefault(int(other.where["streams"]), []).append(found)
            sources |= dict.fromkeys(used)
    assert isinstance(criterion.limit, float)  # noqa: S101 - a count has one bound
    needed, most = int(criterion.limit), 0
    for streams, findings in sorted(levels.items()):
        broken = [found for found in findings if found.verdict is not Verdict.PASS]
        if not broken:
            most = streams
            continue
        # A level above one that does not hold proves nothing: who has more users also has as few.
        failed = any(found.verdict is Verdict.FAIL for found in broken)
        if most < needed and not failed:
            said = f"{streams} streams are not decided: {broken[0].reason}"
            return Finding(broken[0].verdict, said, method="count", next=broken[0].next or MORE), tuple(sources)
        break
    return count_of(most, needed=needed, of="concurrent users with every bound kept"), tuple(sources)
