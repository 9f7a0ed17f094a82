"""``host_tps``: what the cards of one host deliver together, while every stream of every card is busy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.cards import Card, cards_of, of_card
from pytest_rawrxd.measure.levels import FLEET
from pytest_rawrxd.measure.together import MISSING
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.answers.aggregate_tps import judged_rates
from pytest_rawrxd.verdict.decide import invalid
from pytest_rawrxd.verdict.level import level_sample
from pytest_rawrxd.verdict.load_run import LoadRun
from pytest_rawrxd.verdict.outcome import Answer, Finding, Verdict
from pytest_rawrxd.verdict.wording import number

LEAST_TOGETHER = 0.8  #: of the longest window: less is a card that worked while another one rested
AGAIN = "repeat it with every lane: the cards begin together and are loaded for one length of time"


def host_tps(evidence: Evidence, criterion: Criterion) -> Answer:
    """Judge the tokens of all cards in the time in which all of them were fully loaded, a value a run."""
    cards, streams = cards_of(evidence), int(criterion.where["streams"])
    if not cards:
        return Finding(
            Verdict.NOT_MEASURED, "one device was measured", next="hardware.gpus, and as many lanes (-n)"
        ), ()
    samples = {card: level_sample(of_card(evidence, card.device), streams, (FLEET,)) for card in cards}
    sources = tuple(source for sample in samples.values() for source in sample.sources)
    if missed := evidence.of(MISSING, streams=streams):
        told = f"run {missed[0].data['run']}: {missed[0].data['why']}"
        return invalid(told, next_step=AGAIN), (*sources, *(record.id for record in missed))
    for card, sample in samples.items():
        if sample.problem is not None:
            return replace(sample.problem, reason=f"{card}: {sample.problem.reason}"), sources
    runs = {card: _by_number(sample.runs) for card, sample in samples.items()}
    if (broken := _not_together(runs)) is not None:
        return broken, sources
    first = next(iter(runs.values()))
    spans = [_common([found[key] for found in runs.values()]) for key in first]
    rates = [_rate([found[key] for found in runs.values()]) for key in first]
    found = judged_rates(evidence, criterion, np.array(rates), np.array([end - begin for begin, end in spans]))
    each = ", ".join(f"gpu{card.lane} {number(float(np.mean(sample.tps)))}" for card, sample in samples.items())
    return replace(found, reason=f"{found.reason}; {len(cards)} cards at once: {each} tok/s"), sources


Runs = Mapping[tuple[str, int], LoadRun]


def _by_number(runs: Sequence[LoadRun]) -> dict[tuple[str, int], LoadRun]:
    """The runs by session and number; of two that share one, from a lane whose worker died, the newer."""
    return {(run.record.session, int(run.data["run"])): run for run in runs}


def _not_together(runs: Mapping[Card, Runs]) -> Finding | None:
    """INVALID where a run lacks a card, or was not the same time on all of them."""
    wanted = set().union(*(found.keys() for found in runs.values()))
    for session, run in sorted(wanted):
        name = f"run {run} of session {session}"
        if lacking := [str(card) for card, found in runs.items() if (session, run) not in found]:
            return invalid(f"{name} is missing on {', '.join(lacking)}", next_step=AGAIN, n=len(wanted))
        at_once = [found[session, run] for found in runs.values()]
        begin, end = _common(at_once)
        longest = max(window.end_ns - window.begin_ns for each in at_once if (window := each.window) is not None)
        share = max(0, end - begin) / longest
        if share < LEAST_TOGETHER:
            said = f"{name}: all cards were loaded at once in {number(100 * share)} % of the time"
            return invalid(f"{said}, at least {number(100 * LEAST_TOGETHER)} %", next_step=AGAIN, n=len(wanted))
    return None


def _common(runs: Sequence[LoadRun]) -> tuple[int, int]:
    """From when to when all were fully loaded, in ns. All lanes read one clock: that of the host."""
    windows = [run.window for run in runs if run.window is not None]
    return max(window.begin_ns for window in windows), min(window.end_ns for window in windows)


def _rate(runs: Sequence[LoadRun]) -> float:
    begin, end = _common(runs)
    received = sum(int(np.count_nonzero((run.stamps_ns > begin) & (run.stamps_ns <= end))) for run in runs)
    return received / ((end - begin) / 1e9)
