"""Which variant for which workload: one answer or none, from measured figures alone.

A bound is held by the unfavourable end of what was measured: the longest time per token of the interval, the most
memory of any run. Among variants that qualify the preference decides, then speed, quality, memory and the name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from pytest_rawrxd.profile.operation import Preference, Use
from pytest_rawrxd.report.variant import Variant

SCHEMA = "pytest-rawrxd/decision-tree/1"
TIES = ("speed", "quality", "memory", "name")


@dataclass(frozen=True)
class Candidate:
    """A variant as the choice sees it; None where it was not measured, and then it holds no bound that asks for it."""

    name: str
    latency_ms: float | None  #: the upper end of the mean time per token
    quality: float | None  #: share of top tokens kept
    vram_gb: float | None  #: the most of any run
    partial: bool
    keeps_guarantee: bool


@dataclass(frozen=True)
class Workload:
    """What is asked for; None is not asked."""

    latency_ms: float | None = None
    quality: float | None = None
    vram_gb: float | None = None
    keeps_guarantee: bool = False
    partial: bool = False
    prefer: Preference = "quality"

    @classmethod
    def of(cls, use: Use) -> Workload:
        """The workload that a profile's use describes."""
        return cls(
            latency_ms=None if use.latency is None else use.latency.to("ms"),
            quality=None if use.quality is None else use.quality.to("ratio"),
            vram_gb=None if use.memory is None else use.memory.to("GB"),
            keeps_guarantee=use.keeps_guarantee,
            partial=use.partial,
            prefer=use.prefer,
        )


@dataclass(frozen=True)
class Chosen:
    """The one variant, or None; ``refused`` says for every other one why it does not serve."""

    variant: str | None
    qualified: tuple[str, ...]  #: in the order of preference
    refused: Mapping[str, str]


def candidate(variant: Variant, *, guarantee: float | None) -> Candidate:
    """Return a measured variant as a candidate; ``guarantee`` is the promised tok/s of one stream."""
    lower = variant.cell.lower
    return Candidate(
        variant.name,
        1000 / lower if lower else None,
        variant.same_top,
        variant.cell.vram_gb,
        variant.cell.partial_offload,
        guarantee is not None and lower is not None and lower >= guarantee,
    )


def choose(candidates: Sequence[Candidate], asked: Workload) -> Chosen:
    """Return exactly one variant for ``asked``, or none; the order of ``candidates`` plays no part."""
    refused = {each.name: why for each in candidates if (why := _why_not(each, asked)) is not None}
    # Without the figure that is preferred nothing says that a variant is the best: it does not take part.
    needed = FIGURES[asked.prefer]
    for each in candidates:
        if each.name not in refused and needed(each) is None:
            refused[each.name] = f"its {asked.prefer} was not measured"
    able = sorted((each for each in candidates if each.name not in refused), key=lambda each: _rank(each, asked))
    names = tuple(each.name for each in able)
    return Chosen(names[0] if names else None, names, refused)


def decision_tree(candidates: Sequence[Candidate], uses: Mapping[str, Use]) -> dict[str, Any]:
    """Return ``decision_tree.json``: the candidates, the rules, and each use with its answer."""
    return {
        "schema": SCHEMA,
        "candidates": [asdict(each) for each in candidates],
        "ties": list(TIES),
        "uses": {
            name: {"title": use.title, "asks": asdict(Workload.of(use)), **_answer(candidates, Workload.of(use))}
            for name, use in uses.items()
        },
    }


def _answer(candidates: Sequence[Candidate], asked: Workload) -> dict[str, Any]:
    found = choose(candidates, asked)
    return {"variant": found.variant, "qualified": list(found.qualified), "refused": dict(found.refused)}


FIGURES: Mapping[str, Callable[[Candidate], float | None]] = {
    "speed": lambda each: each.latency_ms,
    "quality": lambda each: None if each.quality is None else -each.quality,
    "memory": lambda each: each.vram_gb,
}


def _rank(each: Candidate, asked: Workload) -> tuple[Any, ...]:
    order = dict.fromkeys((asked.prefer, *TIES[:-1]))
    figures = [FIGURES[name](each) for name in order]
    return (*((value is None, value or 0.0) for value in figures), each.name)


def _why_not(each: Candidate, asked: Workload) -> str | None:
    """The first reason for which a variant does not serve; None where it does."""
    return next(_reasons(each, asked), None)


def _reasons(each: Candidate, asked: Workload) -> Iterator[str]:
    if each.partial and not asked.partial:
        yield "it ran partly on the CPU"
    if asked.keeps_guarantee and not each.keeps_guarantee:
        yield "it does not keep the guaranteed throughput"
    for what, value, limit, unit in (
        ("time per token", each.latency_ms, asked.latency_ms, "ms"),
        ("memory", each.vram_gb, asked.vram_gb, "GB"),
    ):
        if limit is not None and value is None:
            yield f"its {what} was not measured"
        elif limit is not None and value is not None and value > limit:
            yield f"its {what} of {value:.6g} {unit} is above {limit:.6g} {unit}"
    if asked.quality is not None and each.quality is None:
        yield "its quality was not measured"
    elif asked.quality is not None and each.quality is not None and each.quality < asked.quality:
        yield f"its quality of {each.quality:.6g} is below {asked.quality:.6g}"
