"""What is known about each variant: speed, memory, bytes read per token, quality. One row of every comparison."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.matrix import Cell, cells
from pytest_rawrxd.report.runs import RecordLike
from pytest_rawrxd.rig.models.quality import Quality
from pytest_rawrxd.verdict.cell import measured_bandwidth
from pytest_rawrxd.verdict.quality import quality_of

MODEL, QUALITY, UNSCORED = "model", "quality", "quality.missing"


@dataclass(frozen=True)
class Variant:
    """A measured variant in its judged cell; None where the evidence has no value."""

    name: str
    cell: Cell
    bytes_per_token: int | None = None
    sha256: str | None = None
    recipe: str | None = None
    tensors: Mapping[str, str] = field(default_factory=dict)  #: name: type
    file_record: tuple[str, ...] = ()  #: the evidence of the file: the id of its manifest's record
    quality_record: tuple[str, ...] = ()  #: and of its quality
    quality: Quality | None = None  #: computed from the scores of every position
    reference: str | None = None  #: the variant that quality is compared with
    why_no_quality: str | None = None  #: or why it could not be compared

    @property
    def same_top(self) -> float | None:
        """Share of positions whose most likely next token is that of the reference."""
        share = None if self.quality is None else self.quality.same_top_share
        return None if share is None else share.value

    @property
    def bandwidth(self) -> float | None:
        """Bytes read per second while decoding one stream."""
        if self.bytes_per_token is None or self.cell.tps is None:
            return None
        return self.bytes_per_token * self.cell.tps

    @property
    def memory_gb(self) -> float | None:
        """GB (1e9 B) of the measured memory, else of the weights read per token; None where neither is known."""
        if self.cell.vram_gb is not None:
            return self.cell.vram_gb
        return None if self.bytes_per_token is None else self.bytes_per_token / 1e9


def title(variant: Variant) -> str:
    """Return the name as a curve shows it; a variant that did not fit says so."""
    return f"{variant.name} (partial)" if variant.cell.partial_offload else variant.name


def variants(view: RunView) -> tuple[Variant, ...]:
    """Return every measured variant in the cell its criteria name, else in its shortest one."""
    models = {str(record.data["variant"]): record for record in view.of(MODEL)}
    scored = {str(record.data["variant"]): record for record in view.of(QUALITY)}
    unscored = {str(record.data["variant"]): str(record.data["why"]) for record in view.of(UNSCORED)}
    measured = cells(view.runs, view.variants)
    found = []
    for name in view.variants:
        own = [cell for cell in measured if cell.variant == name]
        judged = _judged_tokens(view, name)
        cell = next((cell for cell in own if cell.tokens == judged), own[0])
        variant = replace(_variant(name, cell, models.get(name)), why_no_quality=unscored.get(name))
        found.append(_with_quality(variant, scored[name], view) if name in scored else variant)
    return tuple(found)


def available_bandwidth(view: RunView) -> float | None:
    """Return the measured read bandwidth in B/s of the memory that the engine decodes from, None where unmeasured."""
    backend = view.verdicts["run"]["identity"]["engine"]["backend"]
    return measured_bandwidth(view.of, on_cpu=backend == "cpu")


def _judged_tokens(view: RunView, name: str) -> int | None:
    for criterion in view.profile.criteria.values():
        if criterion.where.get("variant") == name and "tokens" in criterion.where:
            return int(criterion.where["tokens"])
    return None


def _with_quality(variant: Variant, record: RecordLike, view: RunView) -> Variant:
    return replace(
        variant,
        quality_record=(record.id,),
        quality=quality_of(view.load_raw(record.data["raw"]), where=record.id),
        reference=record.data["reference"],
        why_no_quality=record.data["why_no_reference"],
    )


def _variant(name: str, cell: Cell, model: RecordLike | None) -> Variant:
    manifest: Mapping[str, Any] = {} if model is None else model.data
    return Variant(
        file_record=() if model is None else (model.id,),
        name=name,
        cell=cell,
        bytes_per_token=manifest.get("weight_bytes_per_token"),
        sha256=manifest.get("sha256"),
        tensors=manifest.get("tensors") or {},
        recipe=manifest.get("recipe"),
    )
