"""The pages of Phase 1 beside the sign-off: performance matrix, bandwidth analysis, hybrid feasibility."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from pytest_rawrxd.report.bridge import bridge
from pytest_rawrxd.report.charts.canvas import Chart
from pytest_rawrxd.report.charts.throughput import memory_label
from pytest_rawrxd.report.decision import decision_matrix
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.explain import explain
from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.report.matrix import cells
from pytest_rawrxd.report.nine.energy import energy_of
from pytest_rawrxd.report.page import render
from pytest_rawrxd.report.variant import Variant, available_bandwidth, variants

HYBRID = "Hybrid"
BOTTLENECK = frozenset({"bottleneck_confirmed", "bottleneck_answered", "sustained_duration"})
PLAUSIBILITY = frozenset({"fully_offloaded"})


def render_matrix(view: RunView, charts: Sequence[Chart]) -> str:
    """Return ``performance_matrix.html``: statistics of each cell, quality, decision matrix, curves, bridge."""
    known = variants(view)
    return render_document(
        view,
        "matrix",
        "Performance matrix",
        cells=cells(view.runs, view.variants),
        memory=memory_label(known).removesuffix(", GB"),
        variants=known,
        references=sorted({variant.reference for variant in known if variant.reference is not None}),
        choices=decision_matrix(known, guarantee=guarantee(view)),
        bridge=bridge(view),
        charts=charts,
    )


def render_bandwidth(view: RunView, charts: Sequence[Chart]) -> str:
    """Return ``bandwidth_analysis.html``: what each variant reads per second, against what the machine can read."""
    found = [judged for judged in view.criteria if view.metric(judged.id) in BOTTLENECK | PLAUSIBILITY]
    known = variants(view)
    return render_document(
        view,
        "bandwidth",
        "Bandwidth analysis",
        variants=known,
        energy={variant.name: energy_of(view, variant.name, variant.cell.tokens) for variant in known},
        available=available_bandwidth(view),
        machine=tuple(record.id for record in view.of("machine")[:1]),
        peak=view.profile.peak_bandwidth,
        sustained=[
            (run, next((variant.bytes_per_token for variant in known if variant.name == run.variant), None))
            for run in view.sustained
        ],
        explained=explained(found),
        charts=charts,
    )


def render_hybrid(view: RunView) -> str:
    """Return ``hybrid_feasibility.html``: is the hybrid built, proven tensor by tensor, and measured?"""
    known = variants(view)
    hybrid = next((variant for variant in known if variant.name == HYBRID), None)
    found = [
        judged
        for judged in view.criteria
        if view.metric(judged.id) == "hybrid_known" or view.where(judged.id).get("variant") == HYBRID
    ]
    return render_document(
        view,
        "hybrid",
        "Hybrid feasibility",
        hybrid=hybrid,
        others=[variant for variant in known if variant.name != HYBRID],
        memory=memory_label(known),
        tensors=tensor_groups(hybrid) if hybrid else (),
        explained=explained(found),
    )


def guarantee(view: RunView) -> float | None:
    """Return the highest floor in tok/s that a deciding criterion promises for one stream, None without one."""
    floors = [
        float(judged.limit)
        for judged in view.criteria
        if judged.kind == "floor" and judged.unit == "tok/s" and "streams" not in view.where(judged.id)
        if isinstance(judged.limit, int | float) and not judged.informative
    ]
    return max(floors, default=None)


def tensor_groups(variant: Variant) -> tuple[tuple[str, str], ...]:
    """Return the tensors of the same place in every block with the types they have: ("blk.*.attn_v", "30 Q6_K")."""
    groups: dict[str, Counter[str]] = {}
    for name, kind in variant.tensors.items():
        groups.setdefault(re.sub(r"^blk\.\d+\.", "blk.*.", name), Counter())[kind] += 1
    return tuple(
        (name, ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items())))
        for name, kinds in sorted(groups.items())
    )


def explained(found: Sequence[Judged]) -> list[tuple[Judged, list[str]]]:
    """Return each criterion with the lines that explain its verdict."""
    return [(judged, explain(judged)) for judged in found]


def render_document(view: RunView, name: str, title: str, **context: object) -> str:
    """Return the page of the template ``name`` as a document of this run."""
    document = f"{view.verdicts['run']['id']} / {name}"
    return render(f"{name}.html.j2", view, title=title, document=document, rehearsal=view.rehearsal, **context)
