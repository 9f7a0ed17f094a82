"""Puts the variants of one model in reach: from the rehearsal's package, from random numbers or from a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_rawrxd.errors import ModelProblem
from pytest_rawrxd.rig.models.cache import Cache, Entry
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

Progress = Callable[[str], None]


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
    """Find or make every variant that ``spec`` wants; ``progress`` gets one sentence before each longer step.

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
        progress("SmolLM2-135M: padding to F16")
        return _cached(*padded_smollm2(cache), cache)
    if name != SYNTHETIC or isinstance(source, Path):
        return None
    if (shape or DEFAULT_SHAPE) not in SHAPES:
        raise ModelProblem(
            "no such synthetic model", where=f"models source {source}", found=shape, possible=", ".join(SHAPES)
        )
    progress(f"synthetic model {shape or DEFAULT_SHAPE}: writing F16")
    return _cached(*synthetic(cache, SHAPES[shape or DEFAULT_SHAPE]), cache)


def _from_folder(folder: Path, variants: Sequence[str], cache: Cache, progress: Progress) -> Ladder:
    progress(f"{folder}: identifying GGUF files by their tensors")
    found = find_models(folder, cache)
    models = {variant: found.models[variant] for variant in variants if variant in found.models}
    missing = {variant: f"no file of this variant in {folder}" for variant in variants if variant not in models}
    reference = _most_precise(found)
    if "Hybrid" in missing:
        if reference is None:
            missing["Hybrid"] += ", and none more precise than Q2_K to make it from"
        else:
            del missing["Hybrid"]
            models["Hybrid"] = _made(reference, "Hybrid", cache, progress)
    return Ladder({variant: models[variant] for variant in variants if variant in models}, missing, reference)


def _most_precise(found: Found) -> ModelFile | None:
    return next((found.models[variant] for variant in PRECISION if variant in found.models), None)


def _made(base: ModelFile, variant: str, cache: Cache, progress: Progress) -> ModelFile:
    progress(f"{variant}: quantising {base.path.name}")
    entry = quantised(read_header(base.path), base.manifest.sha256, variant, cache)
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
    if digest != entry.record["sha256"]:
        raise ModelProblem(
            "a cached model is not what was built",
            where=str(entry.path),
            found=f"sha256 {digest[:16]}..., {entry.record['sha256'][:16]}... when it was made",
            possible="delete its folder; it is built again",
        )
    return ModelFile(entry.path, describe(read_header(entry.path), sha256=digest, provenance=provenance))
