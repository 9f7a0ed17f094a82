"""Bucket edges on the bounds of the SLA and on its early warnings, so that a share above one is exact."""

from __future__ import annotations

import math

from pytest_rawrxd.profile import Profile
from pytest_rawrxd.profile.units import convert

#: Metric of the profile -> what its histogram has beside the bounds, in s: the shape of the rest.
SHAPE = {
    "inter_token_latency": (0.005, 0.01, 0.02, 0.03, 0.1, 1.0),
    "longest_gap": (),
    "request_duration": (1.0, 10.0, 60.0),
    "time_to_first_token": (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
}
GAPS = ("inter_token_latency", "longest_gap")
REQUESTS = ("request_duration",)
FIRST_TOKENS = ("time_to_first_token",)


def edge(seconds: float) -> str:
    """An edge as a label ``le`` has it: the shortest digits of at most ten, always with a point."""
    return repr(float(f"{seconds:.10g}"))


def edges(profile: Profile, metrics: tuple[str, ...]) -> tuple[float, ...]:
    """Ascending edges in s of one histogram that is held against the criteria of ``metrics``."""
    told = profile.protocol.monitoring
    found = {second for metric in metrics for second in SHAPE[metric]}
    for criterion in profile.criteria.values():
        if criterion.metric in metrics and isinstance(criterion.limit, float | int):
            bound = convert(float(criterion.limit), criterion.unit, "s")
            early = told.early_of.get(criterion.id, told.early).to("ratio") if told else 1.0
            found |= {float(edge(bound)), float(edge(bound * early))}
    return tuple(sorted(second for second in found if math.isfinite(second)))
