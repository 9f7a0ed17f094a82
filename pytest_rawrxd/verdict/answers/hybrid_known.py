"""``hybrid_known``: the hybrid is built, proven tensor by tensor from its manifest, and measured."""

from __future__ import annotations

import re
from collections.abc import Mapping

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.rig.models.recipes import FALLBACKS
from pytest_rawrxd.verdict.answers.answered import as_fact
from pytest_rawrxd.verdict.cell import cell_sample
from pytest_rawrxd.verdict.hybrid import hybrid
from pytest_rawrxd.verdict.outcome import Answer

HYBRID = "Hybrid"
#: Tensor -> the types that the roadmap's hybrid may have there: attention as Q5_K_M has it, feed-forward as Q2_K.
RECIPE: Mapping[str, frozenset[str]] = {
    r"attn_(q|k|output)\.weight": frozenset({"Q5_K"}),
    r"attn_(v|qkv|kv_b)\.weight": frozenset({"Q5_K", "Q6_K"}),
    r"ffn_(gate|up|gate_exps|up_exps)\.weight": frozenset({"Q2_K"}),
    r"ffn_(down|down_exps)\.weight": frozenset({"Q2_K", "Q3_K"}),
}


def hybrid_known(evidence: Evidence, criterion: Criterion) -> Answer:  # noqa: ARG001 - every rule takes both
    """Judge the manifest of the hybrid and the runs of its judged cell."""
    manifests, missing = evidence.of("model", variant=HYBRID), evidence.of("model.missing", variant=HYBRID)
    if not manifests:
        return hybrid(
            built=False,
            tensors=0,
            wrong_tensors=(),
            measured_runs=0,
            why_not=missing[-1].data["why"] if missing else None,
        ), tuple(record.id for record in missing)
    sample = cell_sample(evidence, HYBRID, evidence.campaign.profile.protocol.phase1.judged_tokens)
    manifest = manifests[-1]
    sources = (manifest.id, *sample.sources)
    if sample.problem is not None and sample.sources:
        return sample.problem, sources
    proven, wrong = proof(manifest.data["tensors"], fallbacks=manifest.data["fallback_tensors"] > 0)
    found = hybrid(built=True, tensors=proven, wrong_tensors=wrong, measured_runs=len(sample.processes))
    return as_fact(found), sources


def proof(tensors: Mapping[str, str], *, fallbacks: bool) -> tuple[int, list[str]]:
    """How many of ``tensors`` (name -> type) the recipe speaks of, and which of those have another type."""
    checked, wrong = 0, []
    for name, kind in tensors.items():
        for pattern, allowed in RECIPE.items():
            if re.search(rf"\.{pattern}$", name):
                checked += 1
                also = {FALLBACKS[base] for base in allowed} if fallbacks else set()
                if kind not in allowed | also:
                    wrong.append(f"{name} {kind}")
    return checked, wrong
