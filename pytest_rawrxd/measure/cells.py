"""What a selection of criteria needs to be measured: cells of the matrix, in how many fresh processes each."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from pytest_rawrxd.measure.decode import REFERENCE, Cell
from pytest_rawrxd.profile import Criterion, Profile

#: Metrics and outputs that compare the variants with each other, in interleaved rounds.
COMPARISONS = frozenset(
    {
        "peak_determined",
        "peak_answered",
        "champion",
        "champion_answered",
        "bottleneck_confirmed",
        "bottleneck_answered",
        "bandwidth_analysis",
    }
)
MATRIX = frozenset({"variants_measured", "performance_matrix", "statistical_analysis"})
EACH_VARIANT = frozenset({"performance_curves", "decision_matrix"})
HYBRID = frozenset({"hybrid_known", "hybrid_feasibility"})
QUALITY_OUTPUTS = frozenset({"decision_matrix", "hybrid_feasibility"})
ONE_VARIANT = frozenset({"vram_used", "fully_offloaded"})
ONE_CELL = frozenset({"decode_tps", "time_per_token", "gpu_speedup"})


def needed_cells(profile: Profile, criteria: Iterable[Criterion]) -> dict[Cell, int]:
    """Cell -> fresh processes: the matrix is the minimum, each rule adds until it has its n.

    Order is the profile's order of variants, so that every worker plans the same; CPU references come last.
    """
    found: dict[Cell, int] = {}
    for criterion in criteria:
        if not criterion.not_applicable:
            for cell, runs in _needed(profile, criterion):
                found[cell] = max(found.get(cell, 0), runs)
    order: dict[str, int] = {variant: position for position, variant in enumerate(profile.models.variants)}
    ranked = sorted(found.items(), key=lambda item: (item[0].kind == REFERENCE, order[item[0].variant], item[0].tokens))
    return dict(ranked)


def needs_bandwidth_test(criteria: Iterable[Criterion]) -> bool:
    """Whether a criterion is about the sustained bandwidth test."""
    return any(
        not criterion.not_applicable
        and (
            criterion.metric == "sustained_duration"
            or criterion.where.get("during") == "bandwidth"
            or criterion.where.get("output") == "bandwidth_analysis"
        )
        for criterion in criteria
    )


def needs_quality(criteria: Iterable[Criterion]) -> bool:
    """Whether an output shows quality beside speed."""
    return any(
        criterion.where.get("output") in QUALITY_OUTPUTS and not criterion.not_applicable for criterion in criteria
    )


def _needed(profile: Profile, criterion: Criterion) -> Iterator[tuple[Cell, int]]:
    what, where = str(criterion.where.get("output", criterion.metric)), criterion.where
    protocol = profile.protocol.phase1
    variants = profile.models.variants
    if what in MATRIX:
        for variant in variants:
            for listed in protocol.cells(variant):
                yield Cell(variant, listed.tokens), listed.runs
    elif what in COMPARISONS:
        for variant in variants:
            yield _judged(profile, variant, protocol.processes.peak)
    elif what in EACH_VARIANT:
        for variant in variants:
            yield _judged(profile, variant)
    elif what in HYBRID and "Hybrid" in variants:
        yield _judged(profile, "Hybrid")
    elif what in ONE_VARIANT and "variant" in where:
        yield _judged(profile, str(where["variant"]))
    elif what in ONE_CELL:
        yield from _of_one_cell(profile, criterion)


def _of_one_cell(profile: Profile, criterion: Criterion) -> Iterator[tuple[Cell, int]]:
    variant, tokens = str(criterion.where["variant"]), int(criterion.where["tokens"])
    on_gpu = profile.target.backend != "cpu"
    reference = Cell(variant, tokens, REFERENCE)
    if criterion.where.get("backend") == "cpu" and on_gpu:
        yield reference, _listed(profile, reference)
        return
    cell = Cell(variant, tokens)
    processes = profile.protocol.phase1.processes
    wanted = {"floor": processes.floor, "equivalence": processes.equivalence}.get(criterion.kind, 1)
    yield cell, max(_listed(profile, cell), wanted)
    if criterion.metric == "gpu_speedup" and on_gpu:
        yield reference, _listed(profile, reference)


def _judged(profile: Profile, variant: str, runs: int = 1) -> tuple[Cell, int]:
    cell = Cell(variant, profile.protocol.phase1.judged_tokens)
    return cell, max(_listed(profile, cell), runs)


def _listed(profile: Profile, cell: Cell) -> int:
    """Runs that the matrix lists for a cell, 1 for a cell it does not list."""
    listed = {entry.tokens: entry.runs for entry in profile.protocol.phase1.cells(cell.variant)}
    return listed.get(cell.tokens, 1)
