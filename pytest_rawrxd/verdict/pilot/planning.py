"""What plans assume and a pilot measures: design effect, run-to-run variation, sawtooth of the allocator."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.verdict.level import level_sample
from pytest_rawrxd.verdict.pilot.bound import LEAST, Figure
from pytest_rawrxd.verdict.pilot.device import sawtooth
from pytest_rawrxd.verdict.quantile import design_effect
from pytest_rawrxd.verdict.sample_size import values_without_exceedance
from pytest_rawrxd.verdict.tolerance import outward
from pytest_rawrxd.verdict.wording import number

MEBIBYTE = 2**20 / 1e6


@dataclass(frozen=True)
class Measured:
    """A planning value as the profile writes it, and where it comes from."""

    value: str
    source: str


def planning(
    runs: Sequence[Evidence], base: Profile, figures: Iterable[Figure]
) -> tuple[dict[str, Measured], dict[str, str]]:
    """The gates that the pilot measured by name, and why the others stay the base's."""
    found = {
        "planning_design_effect": _design_effect(runs, base),
        "planning_variation": _variation(figures),
        "memory_page": _sawtooth(runs, base),
    }
    measured = {name: value for name, value in found.items() if isinstance(value, Measured)}
    return measured, {name: why for name, why in found.items() if isinstance(why, str)}


def _design_effect(runs: Sequence[Evidence], base: Profile) -> Measured | str:
    """Tokens for each independent one, at the quantile that needs the most tokens: what is enough for it is for all."""
    streams = base.protocol.phase2.streams
    quantiles = sorted(
        {
            criterion.quantile
            for criterion in base.criteria.values()
            if criterion.metric == "inter_token_latency" and criterion.quantile is not None
        }
    )
    seen: list[tuple[float, float, str, int]] = []
    for run in runs:
        sample = level_sample(run, streams)
        if sample.gap_problem is not None:
            continue
        block_s = run.campaign.profile.protocol.phase2.block.to("s")
        histogram = sample.histogram(bound_ns=0, block_s=block_s)
        if histogram.blocks.size >= base.gates.min_blocks:
            blocks = int(histogram.blocks.size)
            seen += [(design_effect(histogram, at), at, run.campaign.id, blocks) for at in quantiles]
    if not seen:
        return f"no run of {streams} streams with {base.gates.min_blocks} usable blocks"
    guard = base.gates.quantile_guard.to("ratio")

    def needed(found: tuple[float, float, str, int]) -> float:
        effect, at, *_ = found
        return effect * values_without_exceedance(guard * (1 - at), confidence=base.gates.confidence)

    effect, at, name, blocks = max(seen, key=needed)
    of_each = ", ".join(f"P{number(100 * q)} {number(each)}" for each, q, which, _ in seen if which == name)
    return Measured(
        f"{math.ceil(max(effect, streams))} x",
        f"Pilot {name}: tokens for each independent one at {streams} streams over {blocks} blocks: {of_each}; "
        f"P{number(100 * at)} needs the most tokens",
    )


def _variation(figures: Iterable[Figure]) -> Measured | str:
    usable = [figure for figure in figures if figure.values.size >= LEAST]
    if not usable:
        return "no rate of enough processes"
    noisiest = max(usable, key=lambda figure: figure.cv)
    return Measured(
        f"{outward(100 * noisiest.cv, up=True, digits=3):g} %",
        f"{noisiest.source()}, the most that any rate varies: {noisiest.shown()}",
    )


def _sawtooth(runs: Sequence[Evidence], base: Profile) -> Measured | str:
    moved = sawtooth(runs, base)
    if moved is None:
        return "no reading of device memory under load"
    most, page = float(moved.values.max()), base.gates.memory_page.to("MB")
    if most <= page:
        return f"no process moved by more than {base.gates.memory_page}"
    return Measured(f"{outward(most / MEBIBYTE, up=True):g} MiB", f"{moved.source()}: {moved.shown()}")
