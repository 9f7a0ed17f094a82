"""What a person wants to know about a running soak: how far, how well, what went wrong."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import psutil

from pytest_rawrxd.evidence.believed import believed
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.cards import cards_of, of_card
from pytest_rawrxd.measure.soak.journal import FAILED, FINISHED
from pytest_rawrxd.verdict.rulebook import RULES
from pytest_rawrxd.verdict.soak import SoakRun, soak_run
from pytest_rawrxd.verdict.wording import duration, number

Alive = Callable[[int, float], bool]


def is_alive(pid: int, started: float) -> bool:
    """Whether the process that began at ``started`` still runs; another one of the same number is not it."""
    try:
        process = psutil.Process(pid)
        return abs(process.create_time() - started) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def state_of(run: SoakRun, alive: Alive = is_alive) -> str:
    """ "finished", "failed", "stopped", "running" or "interrupted"."""
    if run.tally.ended is not None:
        return run.tally.ended
    return "running" if alive(int(run.begin["pid"]), float(run.begin["process_started"])) else "interrupted"


def status_lines(evidence: Evidence, now: datetime, alive: Alive = is_alive) -> list[str]:
    """The status of a campaign's soak, a few short lines; of several cards for each.

    Raises EvidenceProblem where a record is of another shape than a session writes.
    """
    with believed(evidence.campaign.path, "shown"):
        return _status_lines(evidence, now, alive)


def _status_lines(evidence: Evidence, now: datetime, alive: Alive) -> list[str]:
    cards = {card.device: card for card in cards_of(evidence)}
    if evidence.card is None and len(cards) > 1:
        return [
            line
            for card in cards.values()
            for line in (f"{card}:", *_status_lines(of_card(evidence, card.device), now, alive))
        ]
    run = soak_run(evidence)
    profile = evidence.campaign.profile
    if run is None:
        return [f"no soak was begun in {evidence.campaign.path}", f"start one: rawrxd soak start {profile.label}"]
    state, tally, whole = state_of(run, alive), run.tally, run.schedule.duration_s
    lines = [
        f"soak of {profile.name} in {evidence.campaign.path}: {state.upper()}",
        f"progress: {_share(tally.at_s, whole)}{_eta(state, tally.at_s, whole, now)}",
        *([f"last checkpoint: {tally.line}"] if tally.line else []),
        *_drift(evidence),
        f"crashes: {tally.crashes}; lost requests: {tally.lost:,} of {tally.requests:,}; planned restarts: "
        f"{tally.restarts}; late bursts: {tally.overruns}; worst gap: {tally.worst_gap_ns / 1e6:.0f} ms",
        _interruptions(run),
    ]
    if tally.lost_records:
        lines.append(f"records lost while the disk was full: {tally.lost_records}")
    return [*lines, f"next: {_next(state, evidence)}"]


def _share(at_s: float, whole_s: float) -> str:
    return f"{number(100 * min(1.0, at_s / whole_s))} % of {duration(whole_s / 3600)}, {duration(at_s / 3600)} observed"


def _eta(state: str, at_s: float, whole_s: float, now: datetime) -> str:
    if state != "running":
        return ""
    ends = now + timedelta(seconds=max(0.0, whole_s - at_s))
    return f", ends about {ends:%Y-%m-%d %H:%M} UTC"


def _drift(evidence: Evidence) -> list[str]:
    for criterion in evidence.campaign.profile.criteria.values():
        if criterion.metric == "vram_drift" and not criterion.informative:
            found, _ = RULES[criterion.metric](evidence, criterion)
            return [f"drift so far: {found.verdict}: {found.reason}"]
    return []


def _interruptions(run: SoakRun) -> str:
    counted = [gap for gap in run.gaps if gap["seconds"] != 0]
    if not run.gaps:
        return "interruptions: none"
    said = "; ".join(str(gap["said"]) for gap in run.gaps[-3:])
    return f"interruptions: {len(counted)}, {duration(run.tally.down_s / 3600)} of down time; {said}"


def _next(state: str, evidence: Evidence) -> str:
    path = evidence.campaign.path
    lines: dict[str, Any] = {
        "running": f"rawrxd soak stop {path}, or wait",
        FINISHED: f"rawrxd soak collect {path}",
        FAILED: f"rawrxd soak collect {path}",
    }
    return str(lines.get(state, f"rawrxd soak start {path} (it goes on)"))
