"""Finds the variants in a folder of GGUF files; what a file is, its tensors say."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_rawrxd.errors import ModelProblem
from pytest_rawrxd.rig.models.cache import Cache, Progress
from pytest_rawrxd.rig.models.digest import sha256_of
from pytest_rawrxd.rig.models.gguf_header import Header, read_header
from pytest_rawrxd.rig.models.manifest import QUALITY_KEY, SOURCE_KEY, Manifest, Provenance, describe
from pytest_rawrxd.rig.models.recipes import LADDER
from pytest_rawrxd.rig.models.variant import is_unknown

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
    others: dict[str, str]  #: name of a file whose mixture no known recipe makes -> what it holds

    @property
    def missing(self) -> tuple[str, ...]:
        return tuple(variant for variant in LADDER if variant not in self.models)


def find_models(folder: Path, cache: Cache, progress: Progress) -> Found:
    """Identify every GGUF file of a folder, not of its subfolders, and compute its digest. Raises as ``survey``."""
    found = survey(folder)
    models = {variant: _digested(model, cache, progress) for variant, model in found.models.items()}
    return replace(found, models=models)


def survey(folder: Path) -> Found:
    """Identify every GGUF file of a folder by its header; digests are left empty.

    Reading tens of gigabytes takes minutes, and every refusal needs the headers only. Raises ModelProblem for a folder
    that is missing, unreadable or without GGUF files, for a file that is damaged or one part of several, for a name and
    tensors that disagree, for two files of one variant and for files of different models.
    """
    models: dict[str, ModelFile] = {}
    others: dict[str, str] = {}
    for path in _gguf_files(folder):
        header = read_header(path)
        _refuse_part(header)
        model = ModelFile(path, describe(header, sha256="", provenance=_provenance(header)))
        _refuse_false_name(model)
        variant = model.manifest.variant
        if is_unknown(variant):
            others[path.name] = variant
        elif variant in models:
            raise ModelProblem(
                f"two files for the variant {variant}",
                where=str(folder),
                found=f"{models[variant].path.name} and {path.name}",
                possible="one file for each variant: move one of them to another folder",
            )
        else:
            models[variant] = model
    _refuse_strangers(folder, list(models.values()))
    return Found(folder, models, others)


def _provenance(header: Header) -> Provenance:
    return Provenance(
        source=header.text(SOURCE_KEY) or f"folder {header.path.parent.name}",
        license=header.text("general.license"),
        quality_judgeable=header.metadata.get(QUALITY_KEY) is not False,
    )


def _digested(model: ModelFile, cache: Cache, progress: Progress) -> ModelFile:
    progress(
        f"{model.path.name}: {model.manifest.variant} by its tensors, sha256 of {model.manifest.bytes / 1e9:.1f} GB"
    )
    return replace(model, manifest=replace(model.manifest, sha256=sha256_of(model.path, cache)))


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


def _refuse_false_name(model: ModelFile) -> None:
    manifest, claimed = model.manifest, claimed_by(model.path.stem)
    if not claimed or manifest.variant in claimed:
        return
    # An unknown mixture may be what its name says, as long as the name claims no variant that is known.
    if not is_unknown(manifest.variant) or claimed & set(LADDER):
        raise ModelProblem(
            "a file's name and its tensors disagree",
            where=str(model.path),
            found=f"the name says {' or '.join(sorted(claimed))}, "
            f"the tensors say {manifest.variant} (recipe {manifest.recipe})",
            possible="rename the file after its tensors, or put the right file there",
        )


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
