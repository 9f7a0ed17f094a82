"""A use of the profile as the nine documents print it: what it asks for, and the one variant for it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from pytest_rawrxd.measure.decode import RUN
from pytest_rawrxd.profile.operation import Use
from pytest_rawrxd.report import number
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.nine.fact import CARD, Fact, fact
from pytest_rawrxd.report.nine.tree import Candidate, Chosen, Workload, choose
from pytest_rawrxd.report.nine.variants import VariantLine

#: How a preference reads.
PREFERS: Mapping[str, str] = {
    "quality": "most top tokens kept",
    "speed": "highest rate",
    "memory": "least memory",
}


@dataclass(frozen=True)
class UseLine:
    """One use of the profile with its one answer."""

    name: str
    title: Fact
    asks: tuple[Fact, ...]  #: its bounds
    prefers: str  #: what decides between variants that hold them
    variant: str | None
    next: tuple[str, ...]  #: who else qualifies, in order
    why: Fact


def use_lines(view: RunView, candidates: Sequence[Candidate], variants: Sequence[VariantLine]) -> tuple[UseLine, ...]:
    """Return each use of the profile with the variant for it among ``candidates``."""
    whole = view.profile.whole
    known = {line.name: line for line in variants}
    lines = []
    for name, use in (whole.uses if whole else {}).items():
        found = choose(candidates, Workload.of(use))
        line = known[found.variant] if found.variant else None
        why = _why(view, name, found, line)
        title = fact(f"use/{name}/title", use.title, [CARD])
        asks = tuple(_asks(name, use))
        lines.append(UseLine(name, title, asks, PREFERS[use.prefer], found.variant, found.qualified[1:], why))
    return tuple(lines)


def _why(view: RunView, name: str, found: Chosen, line: VariantLine | None) -> Fact:
    key, ids = f"use/{name}/why", [record.id for record in view.of(RUN)]
    if line is None:
        why = "; ".join(f"{each}: {said}" for each, said in found.refused.items())
        return fact(key, None, ids, why=f"none qualifies: {why}" if why else "no variant was measured")
    kept = f"; top tokens kept {line.quality}" if line.quality.known else ""
    return fact(key, f"{line.tps}; {line.memory}{kept}", ids)


def _asks(name: str, use: Use) -> Iterator[Fact]:
    """Yield each bound of a use."""
    if use.latency is not None:
        yield _ask(name, "latency", f"at most {number.number(use.latency.to('ms'), 'ms')} a token")
    if use.quality is not None:
        yield _ask(name, "quality", f"at least {number.number(use.quality.to('ratio'), 'share')} of top tokens kept")
    if use.memory is not None:
        yield _ask(name, "memory", f"at most {number.number(use.memory.to('GB'), 'GB')}")
    if use.keeps_guarantee:
        yield _ask(name, "guarantee", "keeps the guaranteed throughput")


def _ask(name: str, what: str, text: str) -> Fact:
    return fact(f"use/{name}/asks-{what}", text, [CARD])
