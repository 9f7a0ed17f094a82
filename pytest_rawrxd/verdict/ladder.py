"""The judged cells of all variants beside each other: what every comparison of variants is made of."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.verdict.cell import CellSample, cell_sample
from pytest_rawrxd.verdict.outcome import Finding, Verdict
from pytest_rawrxd.verdict.repeats import same_durations
from pytest_rawrxd.verdict.sample import Floats


@dataclass(frozen=True, eq=False)
class Ladder:
    """The judged cell of each variant of the profile, in its order."""

    samples: dict[str, CellSample]

    @property
    def usable(self) -> tuple[str, ...]:
        """The variants whose cell can be judged."""
        return tuple(variant for variant, sample in self.samples.items() if sample.problem is None)

    @property
    def whole(self) -> tuple[str, ...]:
        """The usable variants that are wholly on the device."""
        return tuple(variant for variant in self.usable if not self.samples[variant].note)

    @property
    def sources(self) -> tuple[str, ...]:
        return tuple(source for sample in self.samples.values() for source in sample.sources)

    @property
    def problem(self) -> Finding | None:
        """Why the variants cannot be compared with each other: one of them, or a copied duration; None when they can.

        INVALID evidence is named before missing evidence.
        """
        found = {variant: sample.problem for variant, sample in self.samples.items() if sample.problem is not None}
        for verdict in (Verdict.INVALID, Verdict.INCONCLUSIVE, Verdict.NOT_MEASURED):
            named = [variant for variant, problem in found.items() if problem.verdict is verdict]
            if named:
                first = found[named[0]]
                said = f"{', '.join(named)} cannot be compared: {first.reason}"
                return Finding(verdict, said, method="comparison of all variants", next=first.next)
        return same_durations({variant: sample.durations_ns for variant, sample in self.samples.items()})

    def rounds(self, variants: Iterable[str]) -> dict[str, Floats]:
        """Tokens per second of ``variants`` in the rounds that hold all of them, one value a round."""
        rates = {
            variant: {
                (process.record.session, process.record.data["process"]): process.tps
                for process in self.samples[variant].processes
            }
            for variant in variants
        }
        shared = sorted(set.intersection(*(set(found) for found in rates.values()))) if rates else []
        return {variant: np.array([found[turn] for turn in shared]) for variant, found in rates.items()}


def judged_ladder(evidence: Evidence) -> Ladder:
    """The ladder of the campaign's profile."""
    profile = evidence.campaign.profile
    tokens = profile.protocol.phase1.judged_tokens
    return Ladder({variant: cell_sample(evidence, variant, tokens) for variant in profile.models.variants})
