"""The runs of a pilot, reduced to what a profile takes from them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from pytest_rawrxd.errors import EvidenceProblem, UsageProblem
from pytest_rawrxd.evidence.believed import believed
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion, Profile
from pytest_rawrxd.verdict.answers.bottleneck import bottleneck_confirmed
from pytest_rawrxd.verdict.answers.fastest_variant import champion
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.pilot import device, load
from pytest_rawrxd.verdict.pilot.bound import LEAST, Bound, Figure
from pytest_rawrxd.verdict.pilot.item import boards, measured_otherwise, refuse_others
from pytest_rawrxd.verdict.pilot.planning import Measured, planning
from pytest_rawrxd.verdict.pilot.single import Variant, single_bound, variants
from pytest_rawrxd.verdict.wording import in_words

OF_VARIANT = frozenset({"decode_tps", "time_per_token", "vram_used"})
#: A belief about the bus or about the fastest variant, which another card may refute.
BELIEFS = {"champion": champion, "bottleneck_confirmed": bottleneck_confirmed}
#: Lengths and deadlines that the protocol asks for, on any card.
OF_THE_PROTOCOL = frozenset({"sustained_duration", "request_duration", "soak_duration"})
#: Kinds whose bound says nothing about how fast or how large a card is.
OF_NO_CARD = frozenset({"fact", "count", "zero", "declaration"})


@dataclass(frozen=True)
class Pilot:
    """What a profile takes from the runs of one engine on one kind of machine."""

    runs: tuple[str, ...]
    item: str
    engine: str
    backend: str
    gpu: str | None
    gpus: int
    boards: int
    vram_gib: float | None
    variants: tuple[Variant, ...]
    unusable: dict[str, str]  #: variant -> why it gives no bounds
    bounds: dict[str, Bound]  #: criterion -> what replaces the base's bound
    refuted: dict[str, str]  #: criterion -> what the pilot says against it
    kept: dict[str, str]  #: criterion -> why the base's bound stays
    measured: dict[str, Measured]  #: planning values, by the gate that holds them
    unmeasured: dict[str, str]  #: the same gates -> why the base's value stays
    otherwise: tuple[str, ...]  #: lengths of its protocol that are not the base's


def pilot(runs: Sequence[Evidence], base: Profile) -> Pilot:
    """Read what ``base`` judges from one or more pilots; UsageProblem where they are none, or no variant gives a bound.

    Runs of one engine on one kind of machine add up: one may have phase 1, another the load test. Raises
    EvidenceProblem where a record is of another shape than a session writes.
    """
    with believed(runs[0].campaign.path, "planned with"):
        return _pilot(_told_apart(runs), base)


def _told_apart(runs: Sequence[Evidence]) -> Sequence[Evidence]:
    """The runs by the names of their folders, where two were given one name when they were begun."""
    ids = [run.campaign.id for run in runs]
    if len(set(ids)) == len(ids):
        return runs
    return [replace(run, campaign=replace(run.campaign, id=run.campaign.path.name), _known={}) for run in runs]


def _pilot(runs: Sequence[Evidence], base: Profile) -> Pilot:
    refuse_others(runs)
    found, unusable = variants(runs, base)
    names = in_words([run.campaign.id for run in runs])
    if not found:
        raise UsageProblem(
            "the pilot measured nothing that gives a bound",
            where=names,
            found="; ".join(f"{variant}: {why}" for variant, why in unusable.items()),
            possible=f"pytest acceptance/ -m phase1 --sla-profile {base.name} on the other card, with at least "
            f"{LEAST} processes of {base.protocol.phase1.judged_tokens} tokens a variant",
        )
    bounds, kept = _bounds(runs, base, {variant.name: variant for variant in found})
    measured, unmeasured = planning(runs, base, _rates(runs, base, found))
    identity = runs[0].campaign.identity
    engine = identity.engine
    card = _card(runs)
    through = f", through {engine['binding']}" if engine.get("binding") else ""
    return Pilot(
        runs=tuple(run.campaign.id for run in runs),
        item=f"{engine['name']} {engine['version']}, {engine['backend']}{through}",
        engine=engine["name"],
        backend=engine["backend"],
        gpu=card.name,
        gpus=card.count,
        boards=boards(runs),
        vram_gib=card.vram_gib,
        variants=found,
        unusable=unusable,
        bounds=bounds,
        refuted=dict(_refuted(runs, base)),
        kept=kept,
        measured=measured,
        unmeasured=unmeasured,
        otherwise=tuple(measured_otherwise(runs, base)),
    )


@dataclass(frozen=True)
class _Card:
    name: str | None
    count: int
    vram_gib: float | None


def _card(runs: Sequence[Evidence]) -> _Card:
    described = [record for run in runs for record in run.of("machine")]
    gpus = described[-1].data["gpus"] if described else runs[0].campaign.identity.machine.get("gpus", [])
    first = gpus[0] if gpus else {}
    memory = first.get("vram_bytes")
    return _Card(first.get("name"), len(gpus), round(memory / 2**30, 3) if memory else None)


def _inside(card: _Card) -> Bound:
    """The bandwidth test stays inside the card, whatever its size."""
    if card.vram_gib is None:
        raise EvidenceProblem("the machine does not say how much memory its card has")
    return Bound("at_most", (card.vram_gib,), "GiB", f"Memory of the {card.name}", "the memory of the card")


def _bounds(
    runs: Sequence[Evidence], base: Profile, found: dict[str, Variant]
) -> tuple[dict[str, Bound], dict[str, str]]:
    bounds: dict[str, Bound] = {}
    kept: dict[str, str] = {}
    for criterion in base.criteria.values():
        if criterion.kind in OF_NO_CARD or _borrowed(criterion, base):
            continue
        try:
            bounds[criterion.id] = _bound(runs, criterion, base, found)
        except EvidenceProblem as problem:
            kept[criterion.id] = f"{problem.what}: {problem.found}" if problem.found else problem.what
    return bounds, kept


def _bound(runs: Sequence[Evidence], criterion: Criterion, base: Profile, found: dict[str, Variant]) -> Bound:
    variant = criterion.where.get("variant")
    if criterion.metric in OF_VARIANT and variant is not None:
        if variant not in found or criterion.where.get("backend") == "cpu":
            raise EvidenceProblem("no usable processes of it")
        return single_bound(criterion, found[str(variant)], base)
    if criterion.metric in load.BOUNDS:
        return load.BOUNDS[criterion.metric](runs, criterion, base)
    if criterion.metric == "vram_used" and criterion.where.get("during") == "bandwidth":
        return _inside(_card(runs))
    if criterion.metric in device.BOUNDS and criterion.where.get("during") == "load":
        return device.BOUNDS[criterion.metric](runs, criterion, base)
    if criterion.metric in OF_THE_PROTOCOL:
        raise EvidenceProblem("a length or a deadline of the protocol")
    raise EvidenceProblem("not measured by a pilot")


def _borrowed(criterion: Criterion, base: Profile) -> bool:
    """Whether it follows another criterion that promises the same thing of the same runs, or of longer ones."""
    if criterion.bound_of is None:
        return False
    owner = base.criteria[criterion.bound_of]
    same = owner.metric == criterion.metric and owner.where == criterion.where
    longer = criterion.where.get("during") in {"bandwidth", "soak"} or criterion.metric == "soak_latency"
    return same or longer


def _rates(runs: Sequence[Evidence], base: Profile, found: Sequence[Variant]) -> Iterator[Figure]:
    yield from (variant.tps for variant in found)
    for streams in base.protocol.phase2.levels:
        try:
            yield load.rates(runs, streams, base)
        except EvidenceProblem:
            continue  # the criteria of this level say what cannot be used


def _refuted(runs: Sequence[Evidence], base: Profile) -> Iterator[tuple[str, str]]:
    for criterion in base.criteria.values():
        if criterion.metric not in BELIEFS:
            continue
        for run in runs:
            finding, sources = BELIEFS[criterion.metric](run, criterion)
            if sources and finding.verdict is Verdict.FAIL:
                yield criterion.id, f"Pilot {run.campaign.id}: {finding.reason}"
