"""What each lane of several measures, and on which card a promise is judged.

What production runs is a promise about every card. Variants beside each other are compared on one card, the first; the
other cells of phase 1 are spread over the other lanes. No rule ever compares a figure of one card with one of another.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

from pytest_rawrxd.measure.cells import COMPARISONS, EACH_VARIANT, HYBRID, MATRIX, needed_cells, needs_bandwidth_test
from pytest_rawrxd.measure.decode import REFERENCE, Cell
from pytest_rawrxd.profile import Criterion, Profile

#: Of the host or of the run, or of a server that is on no card of this machine.
NOT_OF_A_CARD = frozenset(
    {
        "data_under_version_control",
        "planned_maintenance",
        "alerts_early",
        "server_latency",
        "server_spread",
        "monitoring_alerting",
        "operator_runbook",
        "production_readiness_checklist",
        "deployment_checklist",
    }
)
DOCUMENTING = 3


class Scope(StrEnum):
    """On which card a promise has to hold."""

    EACH = "every card"
    PLACED = "the card that measured it"
    FIRST = "the first card"
    TOGETHER = "all cards, loaded at once"
    HOST = "the host, when every lane has ended"


def scope(profile: Profile, criterion: Criterion) -> Scope:
    """Where a promise has to hold in a session of several cards. What is not known to be of the host is of each."""
    what, where = str(criterion.where.get("output", criterion.metric)), criterion.where
    if what == "host_tps":
        return Scope.TOGETHER
    if what in COMPARISONS or criterion.metric == "gpu_speedup" or where.get("backend") == "cpu":
        return Scope.FIRST
    if criterion.phase == DOCUMENTING or what in MATRIX | EACH_VARIANT | HYBRID | NOT_OF_A_CARD:
        return Scope.HOST
    variant = where.get("variant", profile.protocol.phase2.variant)
    if variant != profile.protocol.phase2.variant and not needs_bandwidth_test([criterion]):
        return Scope.PLACED
    return Scope.EACH


def needs_quiet(profile: Profile, criterion: Criterion) -> bool:
    """Whether its test comes after all that other lanes do: it looks at it, or loads the processor of all."""
    of_the_cpu = criterion.metric == "gpu_speedup" or criterion.where.get("backend") == "cpu"
    return of_the_cpu or scope(profile, criterion) is Scope.HOST


def place(profile: Profile, cell: Cell, lanes: int) -> int:
    """The lane that measures a cell which no card has to have: the same in every process of a session."""
    compared = any(
        scope(profile, criterion) is Scope.FIRST and not criterion.not_applicable
        for criterion in profile.criteria.values()
    )
    if lanes == 1 or (compared and cell.tokens == profile.protocol.phase1.judged_tokens):
        return 0
    taking = range(1, lanes) if compared else range(lanes)
    order: list[str] = list(profile.models.variants)
    return taking[order.index(cell.variant) % len(taking)]


def lane_of(profile: Profile, criterion: Criterion, lanes: int) -> int:
    """The lane whose card a promise of scope PLACED is judged on."""
    cells = needed_cells(profile, [criterion])
    return place(profile, next(iter(cells)), lanes) if cells else 0


def share(profile: Profile, criteria: Iterable[Criterion], lane: int, lanes: int) -> dict[Cell, int]:
    """The cells that one lane measures, with their fresh processes; CPU references come later (`references`)."""
    wanted = list(criteria)
    if lanes == 1:
        return needed_cells(profile, wanted)
    found: dict[Cell, int] = {}
    for criterion in wanted:
        where = scope(profile, criterion)
        for cell, runs in needed_cells(profile, [criterion]).items():
            mine = where is Scope.EACH or lane == (0 if where is Scope.FIRST else place(profile, cell, lanes))
            if mine and cell.kind != REFERENCE:
                found[cell] = max(found.get(cell, 0), runs)
    return {cell: found[cell] for cell in needed_cells(profile, wanted) if cell in found}


def references(profile: Profile, criteria: Iterable[Criterion]) -> dict[Cell, int]:
    """The cells that are measured on the CPU, beside GPUs."""
    return {cell: runs for cell, runs in needed_cells(profile, criteria).items() if cell.kind == REFERENCE}
