"""A profile for another card, written from a pilot: every bound beside the rule and the figures it comes from."""

from __future__ import annotations

from collections.abc import Iterator

from pytest_rawrxd.profile import Criterion, Profile
from pytest_rawrxd.profile.lint.bounds import high, low
from pytest_rawrxd.profile.toml import Value, comment, table
from pytest_rawrxd.profile.units import number_text
from pytest_rawrxd.verdict.pilot import Pilot, VariantFigures
from pytest_rawrxd.verdict.tolerance import CONFIDENCE, COVERAGE, outward
from pytest_rawrxd.verdict.wording import number

OF_VARIANT = frozenset({"decode_tps", "time_per_token", "vram_used"})


def profile_toml(pilot: Pilot, base: Profile) -> str:
    """Return the text of a profile that extends ``base`` with the target, the hardware and the bounds of ``pilot``."""
    variants = [figures.variant for figures in pilot.figures]
    dropped = [criterion.id for criterion in base.criteria.values() if _unmeasured(criterion, base, variants)]
    card = pilot.gpu or "this machine's CPU"
    parts = [
        "#:schema ./profile.schema.json\n#",
        "\n".join(map(comment, _head(pilot, base))),
        table(
            (),
            {
                "title": f"{pilot.item} on {card}: bounds from the pilot {pilot.run}",
                "kind": "acceptance",
                "extends": base.name,
                "drop": [*(["hardware"] if _has_hardware(base) else []), *dropped],
            },
        ),
        table(("target",), {"item": pilot.item, "engine": pilot.engine, "backend": pilot.backend}),
        *_hardware(pilot),
        table(("models",), {"variants": variants}),
        *_protocol(pilot, base, variants),
        *_criteria(pilot, base, set(dropped)),
    ]
    return "\n\n".join(parts) + "\n"


def _head(pilot: Pilot, base: Profile) -> Iterator[str]:
    margin = base.gates.compare_margin
    yield f"Written by `rawrxd plan --new` from the pilot {pilot.run}. Read it before anything is signed by it."
    yield ""
    yield "Rule: tolerance limits of a normal sample, one value a fresh process (ISO 16269-6:2014; one-sided factors"
    yield "from the non-central t, two-sided ones by Howe, JASA 64, 1969): the runs of a pilot say where "
    yield f"{number(100 * COVERAGE)} % of all runs will lie, at {number(100 * CONFIDENCE)} % confidence."
    yield f"  floor        mean - k1 s, at least {margin} below the mean, / (1 + 1.645 x {base.gates.systematic_error})"
    yield f"  equivalence  mean +- k2 s, at least +- {margin} of the mean"
    yield f"  memory       the most that a process held, +- {margin}"
    yield f"{margin} is gates.compare_margin: one day of one board shows less variation than boards and days to come."
    yield ""
    yield "variant  runs  mean tok/s  s  CV  k1  k2"
    for each in pilot.figures:
        yield (
            f"{each.variant:<8} {each.runs:>4}  {number(each.mean):>10}  {number(each.deviation)}  "
            f"{number(100 * each.cv)} %  {number(each.one_sided)}  {number(each.two_sided)}"
        )
    for variant, why in pilot.unusable.items():
        yield f"{variant}: no bounds, {why}"
    yield ""
    yield f"Design effect of latencies: not measured by this pilot, kept at {base.gates.planning_design_effect}."
    yield "Peak bandwidth: no pilot measures it. Complete [hardware] from the card's datasheet, so that impossible"
    yield f"results are found. Every bound that does not stand below is {base.name}'s, as written: phases 2 and 3 were"
    yield "not measured."


def _has_hardware(base: Profile) -> bool:
    return base.hardware.model_dump(exclude_none=True) != {"gpus": 0}


def _hardware(pilot: Pilot) -> Iterator[str]:
    if pilot.gpu is not None:
        entries: dict[str, Value] = {"gpu": pilot.gpu, "gpus": pilot.gpus}
        if pilot.vram_gib is not None:
            entries["vram"] = _vram(pilot.vram_gib)
        yield table(("hardware",), entries)


def _vram(gib: float) -> str:
    return f"{number_text(round(gib, 3))} GiB"


def _protocol(pilot: Pilot, base: Profile, variants: list[str]) -> Iterator[str]:
    largest = max(pilot.figures, key=lambda figures: (figures.memory_gb or 0.0, -figures.mean)).variant
    if base.protocol.bandwidth.variant not in variants:
        yield table(("protocol", "bandwidth"), {"variant": largest}, ["the largest that was measured"])
    if base.protocol.phase2.variant not in variants:
        yield table(("protocol", "phase2"), {"variant": variants[0]})


def _unmeasured(criterion: Criterion, base: Profile, variants: list[str]) -> bool:
    """Whether the pilot leaves nothing to judge the criterion by: another variant, or the base's own other machine."""
    where = criterion.where
    if where.get("backend") == "cpu" or criterion.metric == "gpu_speedup":
        return True
    if "variant" in where:
        return where["variant"] not in variants
    alone = len(variants) < 2 and criterion.metric in {"peak_determined", "champion"}
    hybrid = criterion.metric == "hybrid_known" or where.get("output") == "hybrid_feasibility"
    return alone or ("Hybrid" in base.models.variants and "Hybrid" not in variants and hybrid)


def _criteria(pilot: Pilot, base: Profile, dropped: set[str]) -> Iterator[str]:
    figures = {each.variant: each for each in pilot.figures}
    for criterion in base.criteria.values():
        if criterion.id in dropped:
            continue
        if criterion.metric == "variants_measured":
            yield table(("criteria", criterion.id), {"at_least": len(figures)})
        elif criterion.where.get("during") == "bandwidth" and criterion.metric == "vram_used":
            if pilot.vram_gib is not None:
                yield table(("criteria", criterion.id), {"at_most": _vram(pilot.vram_gib)})
        elif criterion.metric in OF_VARIANT and criterion.where.get("variant") in figures:
            each = figures[str(criterion.where["variant"])]
            entries = _bound(criterion, each, base)
            if entries is not None:
                source = f"Pilot {pilot.run}: {number(each.mean)} tok/s over {each.runs} processes"
                yield table(("criteria", criterion.id), {"source": source, **entries})


def _bound(criterion: Criterion, figures: VariantFigures, base: Profile) -> dict[str, Value] | None:
    margin = base.gates.compare_margin.to("ratio")
    if criterion.metric == "vram_used":
        if figures.memory_gb is None:
            return None
        ends = outward(figures.memory_gb * (1 - margin), up=False), outward(figures.memory_gb * (1 + margin), up=True)
        return {"within": [f"{number_text(end)} GB" for end in ends]}
    if criterion.metric == "time_per_token":
        return {"at_most": f"{number_text(outward(1000 / figures.floor, up=True))} ms"}
    if criterion.kind == "equivalence":
        return {
            "within": [f"{number_text(end)} tok/s" for end in figures.band],
            "expected": f"{number_text(float(f'{figures.mean:.4g}'))} tok/s",
        }
    if criterion.kind == "floor":
        return {"at_least": f"{number_text(figures.floor)} tok/s"}
    # What the base hopes for beyond its own band becomes the upper end of the new one, anything else the mean.
    hoped = low(criterion, "tok/s") > _upper_end(base, criterion)
    value = figures.band[1] if hoped else float(f"{figures.mean:.4g}")
    return {"at_least": f"{number_text(value)} tok/s"}


def _upper_end(base: Profile, criterion: Criterion) -> float:
    bands = [
        high(each, "tok/s")
        for each in base.criteria.values()
        if each.metric == "decode_tps" and each.kind == "equivalence" and each.where == criterion.where
    ]
    return max(bands, default=float("inf"))
