"""Phase 1 of a pilot: speed and memory of each variant, and the bounds that follow from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion, Profile
from pytest_rawrxd.profile.lint.bounds import high, low
from pytest_rawrxd.verdict.cell import cell_sample
from pytest_rawrxd.verdict.memory import used_bytes
from pytest_rawrxd.verdict.pilot.bound import Bound, Figure, band_bound, floor_bound, four_digits
from pytest_rawrxd.verdict.tolerance import outward
from pytest_rawrxd.verdict.wording import in_words, number


@dataclass(frozen=True)
class Variant:
    """One variant of the pilot: tok/s of its fresh processes, and the most memory that one of them held."""

    name: str
    tps: Figure
    memory_gb: float | None  #: None where nobody said


def variants(runs: Sequence[Evidence], base: Profile) -> tuple[tuple[Variant, ...], dict[str, str]]:
    """The variants of ``base`` that give bounds, and why the others give none."""
    found: list[Variant] = []
    unusable: dict[str, str] = {}
    for name in base.models.variants:
        try:
            found.append(_variant(runs, base, name))
        except EvidenceProblem as problem:
            unusable[name] = problem.what
    return tuple(found), unusable


def _variant(runs: Sequence[Evidence], base: Profile, name: str) -> Variant:
    tokens = base.protocol.phase1.judged_tokens
    samples = [(run.campaign.id, cell_sample(run, name, tokens)) for run in runs]
    measured = [(run, sample) for run, sample in samples if sample.sources] or samples[:1]
    for _, sample in measured:
        if sample.problem is not None:
            raise EvidenceProblem(sample.problem.reason)
    rates = Figure(
        f"{name}, {tokens} tokens",
        "tok/s",
        np.concatenate([sample.tps for _, sample in measured]),
        tuple(run for run, _ in measured),
        base.gates,
    )
    floor_bound(rates)  # a variant without a floor is none that can be promised
    sizes = [used_bytes(process.record.data) for _, sample in measured for process in sample.processes]
    held = [size for size in sizes if size is not None]
    return Variant(name, rates, max(held) / 1e9 if held else None)


def single_bound(criterion: Criterion, of: Variant, base: Profile) -> Bound:
    """The bound of one criterion of a variant; EvidenceProblem where the pilot has none."""
    if criterion.metric == "vram_used":
        return _memory(of)
    if criterion.metric == "time_per_token":
        slowest = band_bound(of.tps).ends[0]
        # Rounded down: rounded up, it would be a speed outside the band that it comes from.
        return Bound(
            "at_most",
            (outward(1000 / slowest, up=False),),
            "ms",
            of.tps.source(),
            f"1 s / the lower end of its band, {number(slowest)} tok/s",
        )
    if criterion.kind == "equivalence":
        return band_bound(of.tps)
    if criterion.kind == "floor":
        return floor_bound(of.tps)
    # What the base hopes for beyond its own band becomes the upper end of the new one, anything else the mean.
    hoped = low(criterion, "tok/s") > _upper_end(base, criterion)
    value = band_bound(of.tps).ends[1] if hoped else four_digits(of.tps.mean)
    worked = "the upper end of its band" if hoped else f"the mean of {of.tps.shown()}"
    return Bound("at_least", (value,), "tok/s", of.tps.source(), worked)


def _memory(of: Variant) -> Bound:
    if of.memory_gb is None:
        raise EvidenceProblem("the pilot does not say what memory a process held")
    ends = of.memory_gb * (1 - of.tps.margin), of.memory_gb * (1 + of.tps.margin)
    return Bound(
        "within",
        (outward(ends[0], up=False), outward(ends[1], up=True)),
        "GB",
        f"Pilot {in_words(of.tps.runs)}: memory of {of.name}, the most of {of.tps.values.size} processes",
        f"{number(of.memory_gb)} GB +- {number(100 * of.tps.margin)} %",
    )


def _upper_end(base: Profile, criterion: Criterion) -> float:
    bands = [
        high(each, "tok/s")
        for each in base.criteria.values()
        if each.metric == "decode_tps" and each.kind == "equivalence" and each.where == criterion.where
    ]
    return max(bands, default=float("inf"))
