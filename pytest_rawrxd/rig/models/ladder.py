"""Puts the variants of one model in reach: from the rehearsal's package, from random numbers or from a folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_rawrxd.errors import ModelProblem, QuantiserFailed
from pytest_rawrxd.rig.models.cache import Cache, Entry, Progress
from pytest_rawrxd.rig.models.digest import sha256_of
from pytest_rawrxd.rig.models.folder import Found, ModelFile, find_models
from pytest_rawrxd.rig.models.gguf_header import read_header
from pytest_rawrxd.rig.models.manifest import Provenance, describe
from pytest_rawrxd.rig.models.quantise import quantised
from pytest_rawrxd.rig.models.recipes import LADDER, MADE_BY
from pytest_rawrxd.rig.models.smollm2 import padded_smollm2
from pytest_rawrxd.rig.models.synthetic import SHAPES, synthetic

SMOLLM2 = "smollm2"
SYNTHETIC = "synthetic"
DEFAULT_SHAPE = "768x8"
#: Most precise first.
PRECISION = ("F32", "BF16", "F16", "Q8_0", "Q6_K", "Q5_K_M", "Q5_K_S", "Q4_K")


@dataclass(frozen=True)
class ModelsSpec:
    """Which models are wanted. ``source`` is "smollm2", "synthetic", "synthetic:SHAPE" or a folder."""

    source: str | Path
    variants: tuple[str, ...] = LADDER


@dataclass(frozen=True)
class Ladder:
    """The variants that are in reach, why others are not, and the most precise file for comparing quality with."""

    models: dict[str, ModelFile]
    missing: dict[str, str]  #: variant -> reason
    reference: ModelFile | None


def prepare_models(spec: ModelsSpec, *, cache: Cache, progress: Progress) -> Ladder:
    """Find or make every variant that ``spec`` wants.

    A folder's variants are taken as they are and only a missing Hybrid is made; the other sources make all of them
    from one F16 file. Raises ModelProblem for anything that cannot be what it claims.
    """
    unknown = [variant for variant in spec.variants if variant not in MADE_BY]
    if unknown:
        raise ModelProblem(f"no such variant: {', '.join(unknown)}", where="models", possible=", ".join(LADDER))
    base = _base(spec.source, cache, progress)
    if base is None:
        return _from_folder(Path(spec.source), spec.variants, cache, progress)
    models = {variant: _made(base, variant, cache, progress) for variant in spec.variants}
    return Ladder(models, {}, base)


def _base(source: str | Path, cache: Cache, progress: Progress) -> ModelFile | None:
    """The F16 file that the variants of a named source are made from; None for a folder."""
    name, _, shape = str(source).partition(":")
    if source == SMOLLM2:
        return _cached(*padded_smollm2(cache, progress), cache)
    if name != SYNTHETIC or isinstance(source, Path):
        return None
    if (shape or DEFAULT_SHAPE) not in SHAPES:
        raise ModelProblem(
            "no such synthetic model", where=f"models source {source}", found=shape, possible=", ".join(SHAPES)
        )
    return _cached(*synthetic(cache, SHAPES[shape or DEFAULT_SHAPE], progress), cache)


def _from_folder(folder: Path, variants: Sequence[str], cache: Cache, progress: Progress) -> Ladder:
    found = find_models(folder, cache, progress)
    models = {variant: found.models[variant] for variant in variants if variant in found.models}
    missing = {variant: f"no file of this variant in {folder.name}" for variant in variants if variant not in models}
    reference = _most_precise(found)
    if "Hybrid" in missing:
        if reference is None:
            missing["Hybrid"] += ", and none more precise than Q2_K to make it from"
        else:
            try:
                models["Hybrid"] = _made(reference, "Hybrid", cache, progress)
                del missing["Hybrid"]
            except QuantiserFailed as failure:  # that it cannot be made is an answer; the other variants have theirs
                missing["Hybrid"] += f"; {failure.what} from {reference.path.name}: {failure.found}"
    return Ladder({variant: models[variant] for variant in variants if variant in models}, missing, reference)


def _most_precise(found: Found) -> ModelFile | None:
    return next((found.models[variant] for variant in PRECISION if variant in found.models), None)


def _made(base: ModelFile, variant: str, cache: Cache, progress: Progress) -> ModelFile:
    entry = quantised(read_header(base.path), base.manifest.sha256, variant, cache, progress)
    origin = base.manifest.provenance
    provenance = replace(
        origin,
        source=f"{origin.source}; {MADE_BY[variant]} made from {base.manifest.variant} by llama.cpp's quantiser",
        made_from=base.path.name,
        made_from_sha256=base.manifest.sha256,
    )
    return _cached(entry, provenance, cache)


def _cached(entry: Entry, provenance: Provenance, cache: Cache) -> ModelFile:
    digest = sha256_of(entry.path, cache)
    if digest != entry.sha256:
        raise ModelProblem(
            "a cached model is not what was built",
            where=str(entry.path),
            found=f"sha256 {digest[:16]}..., {entry.sha256[:16]}... when it was made",
            possible="delete its folder; it is built again",
        )
    return ModelFile(entry.path, describe(read_header(entry.path), sha256=digest, provenance=provenance))
