"""What a pilot run says about another card: one set of bounds per measured variant."""

from __future__ import annotations

from dataclasses import dataclass

from pytest_rawrxd.errors import EvidenceProblem, UsageProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.verdict.audit import session_breaches
from pytest_rawrxd.verdict.cell import cell_sample
from pytest_rawrxd.verdict.memory import used_bytes
from pytest_rawrxd.verdict.tolerance import one_sided_factor, outward, tolerance_band, tolerance_floor, two_sided_factor


@dataclass(frozen=True)
class VariantFigures:
    """One variant of the pilot: tok/s of its fresh processes, and the bounds that follow from them."""

    variant: str
    runs: int
    mean: float
    deviation: float
    floor: float  #: rounded down
    band: tuple[float, float]  #: rounded outward
    one_sided: float  #: the tolerance factor of the floor
    two_sided: float  #: the tolerance factor of the band
    memory_gb: float | None  #: the most that a process held; None where nobody said

    @property
    def cv(self) -> float:
        """Run-to-run coefficient of variation."""
        return self.deviation / self.mean


@dataclass(frozen=True)
class Pilot:
    """A pilot run, reduced to what a profile takes from it."""

    run: str
    item: str
    engine: str
    backend: str
    gpu: str | None
    gpus: int
    vram_gib: float | None
    tokens: int
    figures: tuple[VariantFigures, ...]
    unusable: dict[str, str]  #: variant -> why it gives no bounds


def pilot(evidence: Evidence, base: Profile) -> Pilot:
    """Read the cells that ``base`` judges from a pilot; UsageProblem when no variant gives a bound.

    Each variant needs as many usable fresh processes as a floor does. A session that failed its self-check is no pilot.
    """
    for breach in session_breaches(evidence):
        raise UsageProblem("the pilot proves nothing", where=evidence.campaign.id, found=breach.violation.sentence())
    tokens = base.protocol.phase1.judged_tokens
    figures: list[VariantFigures] = []
    unusable: dict[str, str] = {}
    for variant in base.models.variants:
        found = _figures(evidence, base, variant, tokens)
        if isinstance(found, VariantFigures):
            figures.append(found)
        else:
            unusable[variant] = found
    if not figures:
        raise UsageProblem(
            "the pilot measured nothing that gives a bound",
            where=evidence.campaign.id,
            found="; ".join(f"{variant}: {why}" for variant, why in unusable.items()),
            possible=f"pytest acceptance/ -m phase1 --sla-profile {base.name} on the other card, with at least "
            f"{base.gates.min_runs.floor} processes of {tokens} tokens a variant",
        )
    engine, machine = evidence.campaign.identity.engine, evidence.campaign.identity.machine
    described = evidence.of("machine")
    gpus = described[-1].data["gpus"] if described else machine.get("gpus", [])
    through = f", through {engine['binding']}" if engine.get("binding") else ""
    first = gpus[0] if gpus else {}
    memory = first.get("vram_bytes")
    return Pilot(
        run=evidence.campaign.id,
        item=f"{engine['name']} {engine['version']}, {engine['backend']}{through}",
        engine=engine["name"],
        backend=engine["backend"],
        gpu=first.get("name"),
        gpus=len(gpus),
        vram_gib=memory / 2**30 if memory else None,
        tokens=tokens,
        figures=tuple(figures),
        unusable=unusable,
    )


def _figures(evidence: Evidence, base: Profile, variant: str, tokens: int) -> VariantFigures | str:
    sample = cell_sample(evidence, variant, tokens)
    if sample.problem is not None:
        return sample.problem.reason
    runs, least = sample.tps.size, base.gates.min_runs.floor
    if runs < least:
        return f"{runs} processes, at least {least}"
    margin, systematic = base.gates.compare_margin.to("ratio"), base.gates.systematic_error.to("ratio")
    try:
        floor = tolerance_floor(sample.tps, margin=margin, systematic=systematic)
        low, high = tolerance_band(sample.tps, margin=margin)
    except EvidenceProblem as problem:
        return problem.what
    held = [size for process in sample.processes if (size := used_bytes(process.record.data)) is not None]
    return VariantFigures(
        variant=variant,
        runs=runs,
        mean=float(sample.tps.mean()),
        deviation=float(sample.tps.std(ddof=1)),
        floor=outward(floor, up=False),
        band=(outward(low, up=False), outward(high, up=True)),
        one_sided=one_sided_factor(runs),
        two_sided=two_sided_factor(runs),
        memory_gb=max(held) / 1e9 if held else None,
    )
