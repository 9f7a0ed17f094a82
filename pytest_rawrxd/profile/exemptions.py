"""The closed list of what a rehearsal may declare NOT APPLICABLE, each entry with its reason.

An acceptance profile declares none. Everything that is not here runs in a rehearsal too, smaller, with its own bound.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True)
class Exemption:
    """What may be left out, why, and the metrics it reaches."""

    name: str
    reason: str
    metrics: frozenset[str]
    kinds: frozenset[str] = frozenset()  #: empty: all kinds of these metrics


EXEMPTIONS: Final = MappingProxyType(
    {
        exemption.name: exemption
        for exemption in (
            Exemption(
                "absolute expectations",
                "the expected tokens per second and memory are those of one card and one model",
                frozenset({"decode_tps", "time_per_token", "vram_used", "gpu_speedup"}),
                frozenset({"equivalence", "range"}),
            ),
            Exemption(
                "GPU temperature", "there is no GPU whose temperature could be read", frozenset({"gpu_temperature"})
            ),
            Exemption("GPU utilisation", "there is no GPU that could be busy", frozenset({"gpu_utilisation"})),
            Exemption("offload proof", "there is no GPU to offload to", frozenset({"fully_offloaded"})),
            Exemption(
                "data under version control",
                "the data of a rehearsal is not published",
                frozenset({"data_under_version_control"}),
            ),
            Exemption(
                "walkthrough by a non-author",
                "nobody deploys by the guide in a rehearsal",
                frozenset({"operator_walkthrough", "planned_maintenance"}),  # it is declared at the end of the walk
            ),
            Exemption(
                "48 h horizon",
                "a rehearsal is over in minutes and claims nothing about two days",
                frozenset({"soak_duration"}),
            ),
        )
    }
)
