"""A profile for another card, written from a pilot: every bound beside the rule and the figures it comes from."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from pytest_rawrxd.profile import Criterion, Profile
from pytest_rawrxd.profile.toml import Value, comment, table
from pytest_rawrxd.profile.units import number_text
from pytest_rawrxd.verdict.pilot import Pilot
from pytest_rawrxd.verdict.pilot.bound import Bound
from pytest_rawrxd.verdict.tolerance import CONFIDENCE, COVERAGE, one_sided_factor, two_sided_factor
from pytest_rawrxd.verdict.wording import in_words, number

WIDTH = 116  #: of a comment


def profile_toml(pilot: Pilot, base: Profile) -> str:
    """Return the text of a profile that extends ``base`` with the target, the hardware and the bounds of ``pilot``."""
    names = [variant.name for variant in pilot.variants]
    dropped = [criterion.id for criterion in base.criteria.values() if _unmeasured(criterion, base, names)]
    card = pilot.gpu or "this machine's CPU"
    replaced = _has_hardware(base) and base.hardware.gpu != pilot.gpu
    parts = [
        "\n".join(
            ["#:schema ./profile.schema.json", "#", *map(comment, _head(pilot, base, set(dropped), replaced=replaced))]
        ),
        table(
            (),
            {
                "title": f"{pilot.item} on {card}: bounds from {_pilots(pilot)}",
                "kind": "acceptance",
                "extends": base.name,
                "drop": [*(["hardware"] if replaced else []), *dropped],
            },
        ),
        table(("target",), {"item": pilot.item, "engine": pilot.engine, "backend": pilot.backend}),
        *(_hardware(pilot) if base.hardware.gpu != pilot.gpu else ()),
        *([table(("models",), {"variants": names})] if tuple(names) != base.models.variants else []),
        *_protocol(pilot, base, names),
        *_gates(pilot),
        *_criteria(pilot, base, set(dropped)),
    ]
    return "\n\n".join(parts) + "\n"


def _pilots(pilot: Pilot) -> str:
    return f"the pilot{'s' if len(pilot.runs) > 1 else ''} {in_words(pilot.runs)}"


def _head(pilot: Pilot, base: Profile, dropped: set[str], *, replaced: bool) -> Iterator[str]:
    margin = base.gates.compare_margin
    yield from _wrapped(f"Written by `rawrxd plan --new` from {_pilots(pilot)}. Read it as a contract.", indent="")
    if pilot.boards > 1:
        yield f"They were measured on {pilot.boards} boards of the same name."
    if pilot.otherwise:
        yield f"A pilot was not measured as {base.name} measures:"
        for length in pilot.otherwise:
            yield from _wrapped(f"  {length}")
    yield ""
    yield "Rule: tolerance limits of a normal sample, one value a fresh process (ISO 16269-6:2014; one-sided factors"
    yield "from the non-central t, two-sided ones by Howe, JASA 64, 1969): the runs of a pilot say where "
    yield f"{number(100 * COVERAGE)} % of all runs will lie, at {number(100 * CONFIDENCE)} % confidence."
    yield f"  floor        mean - k1 s, at least {margin} below the mean, / (1 + 1.645 x {base.gates.systematic_error})"
    yield "  efficiency   the same of each interleaved round, utilisation likewise; without the guard of the clock"
    yield f"  equivalence  mean +- k2 s, at least +- {margin} of the mean; what is expected of waits and rates likewise"
    yield f"  quantile     mean + k1 s, at least {margin} above the mean, of the wait that half of the allowed share"
    yield "               exceeds: sign-off wants it surely below the whole, so P95 is promised at the pilot's P97.5"
    yield "  longest gap  the same of the logarithms, so that all processes of one acceptance run stay below"
    yield f"  memory       the most that a process held, + {margin}, of a variant +- {margin}"
    yield f"  movement of memory   mean + k1 s, at least {margin} above the largest"
    yield f"{margin} is gates.compare_margin: one day of one board shows less variation than boards and days to come."
    yield ""
    yield "variant  runs  mean tok/s  s  CV  k1  k2"
    for each in pilot.variants:
        runs = each.tps.values.size
        yield (
            f"{each.name:<8} {runs:>4}  {number(each.tps.mean):>10}  {number(each.tps.deviation)}  "
            f"{number(100 * each.tps.cv)} %  {number(one_sided_factor(runs))}  {number(two_sided_factor(runs))}"
        )
    for variant, why in pilot.unusable.items():
        yield f"{variant}: no bounds, {why}"
    yield ""
    for gate, why in pilot.unmeasured.items():
        yield from _wrapped(f"gates.{gate} stays {base.name}'s: {why}.")
    if replaced:
        yield "Peak bandwidth: no pilot measures it. Complete [hardware] from the card's datasheet, so that impossible"
        yield "results are found."
    if replaced or pilot.unmeasured:
        yield ""
    yield from _kept(pilot, base, dropped)


def _kept(pilot: Pilot, base: Profile, dropped: set[str]) -> Iterator[str]:
    """The criteria that keep the base's bound, by the reason."""
    reasons: dict[str, list[str]] = {}
    for criterion, why in pilot.kept.items():
        if criterion not in dropped:
            reasons.setdefault(why, []).append(criterion)
    if reasons:
        yield f"Bounds that stay as {base.name} has them, and why the pilot supports no other:"
    for why, criteria in reasons.items():
        yield from _wrapped(f"  {why}: {', '.join(criteria)}")
    yield "Facts, counts and what may never happen are asked as they are there; they say nothing about a card."


def _wrapped(text: str, indent: str = "    ") -> list[str]:
    return textwrap.wrap(text, WIDTH, subsequent_indent=indent, break_on_hyphens=False)


def _has_hardware(base: Profile) -> bool:
    return base.hardware.model_dump(exclude_none=True) != {"gpus": 0}


def _hardware(pilot: Pilot) -> Iterator[str]:
    if pilot.gpu is not None:
        entries: dict[str, Value] = {"gpu": pilot.gpu, "gpus": pilot.gpus}
        if pilot.vram_gib is not None:
            entries["vram"] = f"{number_text(pilot.vram_gib)} GiB"
        yield table(("hardware",), entries)


def _protocol(pilot: Pilot, base: Profile, variants: list[str]) -> Iterator[str]:
    largest = max(pilot.variants, key=lambda each: (each.memory_gb or 0.0, -each.tps.mean)).name
    if base.protocol.bandwidth.variant not in variants:
        yield table(("protocol", "bandwidth"), {"variant": largest}, ["the largest that was measured"])
    if base.protocol.phase2.variant not in variants:
        yield table(("protocol", "phase2"), {"variant": variants[0]})


def _gates(pilot: Pilot) -> Iterator[str]:
    if pilot.measured:
        told = [line for name, each in pilot.measured.items() for line in _wrapped(f"{name}: {each.source}")]
        yield table(("gates",), {name: each.value for name, each in pilot.measured.items()}, told)


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
    for criterion in base.criteria.values():
        if criterion.id in dropped:
            continue
        path = ("criteria", criterion.id)
        if criterion.metric == "variants_measured":
            yield table(path, {"at_least": len(pilot.variants)})
        elif criterion.id in pilot.refuted:
            told = "Shown, and decides nothing: the pilot refutes it."
            yield table(path, {"source": pilot.refuted[criterion.id], "informative": True}, [told])
        elif criterion.id in pilot.bounds:
            bound = pilot.bounds[criterion.id]
            yield table(path, {"source": bound.source, **_entries(bound)}, _wrapped(bound.worked))


def _entries(bound: Bound) -> dict[str, Value]:
    ends = [f"{number_text(end)} {bound.unit}" for end in bound.ends]
    entries: dict[str, Value] = {bound.key: ends if bound.key == "within" else ends[0]}
    if bound.expected is not None:
        entries["expected"] = f"{number_text(bound.expected)} {bound.unit}"
    return entries
