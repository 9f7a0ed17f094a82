"""Finds the variants in a folder of GGUF files; what a file is, its tensors say."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pytest_rawrxd.errors import ModelProblem
from pytest_rawrxd.rig.models.cache import Cache
from pytest_rawrxd.rig.models.digest import sha256_of
from pytest_rawrxd.rig.models.gguf_header import Header, read_header
from pytest_rawrxd.rig.models.manifest import Manifest, Provenance, describe
from pytest_rawrxd.rig.models.recipes import LADDER

_CLAIM = re.compile(
    r"(?<![a-z0-9])(hybrid|bf16|f16|f32|fp16|fp32|i?q[1-8]_(?:k(?:_(?:xs|xxs|[sml]))?|[01]|nl|xs|xxs|[sm]))(?![a-z0-9])",
    re.IGNORECASE,
)
#: What a name may say for a variant. A name that says anything else claims just that.
_MEANS = {
    "Q4_K": {"Q4_K"},
    "Q4_K_S": {"Q4_K"},
    "Q4_K_M": {"Q4_K"},
    "Q2_K": {"Q2_K"},
    "Q2_K_S": {"Q2_K"},
    "Q5_K": {"Q5_K_M", "Q5_K_S"},
    "HYBRID": {"Hybrid"},
    "FP16": {"F16"},
    "FP32": {"F32"},
}
_PART = re.compile(r"-\d{5}-of-\d{5}$")


@dataclass(frozen=True)
class ModelFile:
    """A model file that was identified."""

    path: Path
    manifest: Manifest


@dataclass(frozen=True)
class Found:
    """What a folder holds: one file a variant, and files that are no variant of the ladder."""

    folder: Path
    models: dict[str, ModelFile]  #: by variant: those of the ladder, and F32, F16, BF16, Q5_K_S
    others: tuple[ModelFile, ...]  #: mixtures that no known recipe makes

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(variant for variant in LADDER if variant not in self.models)


def find_models(folder: Path, cache: Cache) -> Found:
    """Identify every GGUF file of a folder, not of its subfolders.

    Raises ModelProblem for a folder that is missing, unreadable or without GGUF files, for a file that is damaged or
    one part of several, for a name and tensors that disagree, for two files of one variant and for files of different
    models.
    """
    headers = [read_header(path) for path in _gguf_files(folder)]
    for header in headers:
        _refuse_part(header)
    models: dict[str, ModelFile] = {}
    others: list[ModelFile] = []
    for header in headers:
        model = _identified(header, folder, cache)
        variant = model.manifest.variant
        if variant.startswith("unknown"):
            others.append(model)
        elif variant in models:
            raise ModelProblem(
                f"two files for the variant {variant}",
                where=str(folder),
                found=f"{models[variant].path.name} and {model.path.name}",
                possible="one file for each variant: move one of them to another folder",
            )
        else:
            models[variant] = model
    _refuse_strangers(folder, list(models.values()))
    return Found(folder, models, tuple(others))


def _gguf_files(folder: Path) -> list[Path]:
    try:
        files = sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise ModelProblem(
            "models folder cannot be read",
            where=str(folder),
            found=error.strerror or type(error).__name__,
            possible="a folder that holds .gguf files",
        ) from error
    models = [path for path in files if path.suffix.lower() == ".gguf"]
    if not models:
        shown = ", ".join(path.name for path in files[:3]) + (", ..." if len(files) > 3 else "")
        raise ModelProblem(
            "models folder has no GGUF files",
            where=str(folder),
            found=f"{len(files)} other files: {shown}" if files else "no files",
            possible="a folder that holds .gguf files, such as BigDaddyG-Q4_K.gguf",
        )
    return models


def _refuse_part(header: Header) -> None:
    parts = header.count("split.count") or 1
    if parts > 1 or _PART.search(header.path.stem):
        raise ModelProblem(
            "model is split into several files",
            where=str(header.path),
            found=f"one of {parts} parts" if parts > 1 else "a part by its name",
            possible="one file: llama-gguf-split --merge FIRST_PART MERGED.gguf",
        )


def _identified(header: Header, folder: Path, cache: Cache) -> ModelFile:
    path = header.path
    provenance = Provenance(source=f"folder {folder}", license=header.text("general.license"))
    manifest = describe(header, sha256=sha256_of(path, cache), provenance=provenance)
    claimed = claimed_by(path.stem)
    if claimed and manifest.variant not in claimed:
        known = not manifest.variant.startswith("unknown")
        if known or claimed & set(LADDER):
            raise ModelProblem(
                "a file's name and its tensors disagree",
                where=str(path),
                found=f"the name says {' or '.join(sorted(claimed))}, the tensors say {manifest.variant}"
                + (f" (recipe {manifest.recipe})" if known else ""),
                possible="rename the file after its tensors, or put the right file there",
            )
    return ModelFile(path, manifest)


def claimed_by(stem: str) -> set[str]:
    """The variants that a file name claims: every type it names, or only Hybrid where it says so."""
    words = [word.upper() for word in _CLAIM.findall(stem)]
    if "HYBRID" in words:
        words = ["HYBRID"]
    return {variant for word in words for variant in _MEANS.get(word, {word})}


def _refuse_strangers(folder: Path, models: list[ModelFile]) -> None:
    """Variants are compared with each other, so they must be one model."""

    def build(model: ModelFile) -> tuple[object, ...]:
        manifest = model.manifest
        return manifest.architecture, manifest.layers, manifest.embedding_length, manifest.vocabulary

    for model in models[1:]:
        if build(model) != build(models[0]):
            raise ModelProblem(
                "the folder holds different models",
                where=str(folder),
                found="; ".join(
                    f"{each.path.name}: {each.manifest.architecture}, {each.manifest.layers} layers, "
                    f"{each.manifest.embedding_length} wide, {each.manifest.vocabulary} tokens"
                    for each in (models[0], model)
                ),
                possible="the variants of one model in one folder",
            )
