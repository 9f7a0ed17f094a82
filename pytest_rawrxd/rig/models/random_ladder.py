"""A ladder of any size in seconds: every tensor has the type that its recipe gives it, and random blocks in it.

Speed and memory do not depend on the values of weights. What does, quality and correctness, is never judged on such
files: they say so themselves.
"""

from __future__ import annotations

import math
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

from pytest_rawrxd.errors import ModelProblem
from pytest_rawrxd.rig.models.blocks import random_blocks
from pytest_rawrxd.rig.models.cache import SPARE_BYTES, Cache, Progress
from pytest_rawrxd.rig.models.digest import sha256_of
from pytest_rawrxd.rig.models.gguf_header import Header, Tensor, Value, read_header, tensor_bytes
from pytest_rawrxd.rig.models.manifest import QUALITY_KEY, SOURCE_KEY
from pytest_rawrxd.rig.models.quantise import overrides
from pytest_rawrxd.rig.models.recipes import MADE_BY, more_bits_layers, recipe
from pytest_rawrxd.rig.models.roles import Role, role_of
from pytest_rawrxd.rig.models.synthetic import CONTROL_TOKENS, SEED, Shape, add_metadata
from pytest_rawrxd.rig.models.variant import identify
from pytest_rawrxd.rig.models.writer import Row, stream_model

VERSION = 1  #: of the bytes; raise it when they change
NEVER_SAID = len(CONTROL_TOKENS) + 256  #: control and byte tokens come first in the vocabulary
HEADER_BYTES = 16 << 20  #: more than any vocabulary takes


def write_random_ladder(
    folder: Path, shape: Shape, variants: Sequence[str], *, cache: Cache, progress: Progress, workers: int
) -> dict[str, Path]:
    """Write the variants of one random model to ``folder``, ``workers`` at a time, and remember their digests.

    A file that is there already is kept. Raises ModelProblem for a disk that is too small.
    """
    folder.mkdir(parents=True, exist_ok=True)
    targets = {variant: folder / f"synthetic-{shape.name}-{MADE_BY[variant]}.gguf" for variant in variants}
    wanted = {variant: target for variant, target in targets.items() if not _is_there(target, shape, variant)}
    _require_space(folder, sum(_bytes(shape, variant) for variant in wanted))

    def make(variant: str) -> None:
        target = targets[variant]
        if variant in wanted:
            progress(f"{target.name}: writing {_bytes(shape, variant) / 1e6:,.0f} MB")
            _write_whole(target, shape, variant)
        sha256_of(target, cache)

    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(make, variants))
    return targets


def write_random(target: Path, shape: Shape, variant: str, *, seed: int = SEED) -> None:
    """Write one variant; the same shape and seed give the same bytes on every machine."""
    writer = gguf.GGUFWriter(target, "llama")
    add_metadata(writer, shape, gguf.LlamaFileType[f"MOSTLY_{_base_recipe(variant)}"])
    writer.add_string("general.license", "CC0-1.0")
    writer.add_string(SOURCE_KEY, source(shape))
    writer.add_bool(QUALITY_KEY, val=False)
    table = [*assigned_types(shape, variant)]
    stream_model(writer, table, (_weights(*row, seed) for row in table))


def source(shape: Shape) -> str:
    """Where such a file comes from, in the words of its manifest."""
    return f"synthetic: random blocks of shape {shape.name}, seed {SEED}, version {VERSION}"


def assigned_types(shape: Shape, variant: str) -> Iterator[Row]:
    """Name, shape and type of every tensor, as llama.cpp's quantiser assigns them in a llama model of this shape."""
    bare = _unquantised(shape)
    forced = overrides(bare, variant)
    chosen = recipe(_base_recipe(variant))
    ends = chosen.standard_ends(tied=False)
    more_bits = more_bits_layers(shape.layers)
    for tensor, (name, size) in zip(bare.tensors, shape.tensors(), strict=True):
        role = role_of(tensor)
        if role is None:
            yield name, size, "F32"
        elif role in ends:
            yield name, size, ends[role]
        else:
            override = next((kind for pattern, kind in forced if re.search(pattern, name)), None)
            layer = int(name.split(".")[1])
            yield name, size, override or _by_recipe(chosen.name, chosen.base, role, shape, more=layer in more_bits)


def _by_recipe(name: str, base: str, role: Role, shape: Shape, *, more: bool) -> str:
    if name == "Q2_K":
        value = "Q4_K" if shape.heads >= 4 * shape.kv_heads else "Q3_K"
        return {Role.V: value, Role.ATTENTION_OUTPUT: "Q3_K", Role.DOWN: "Q3_K"}.get(role, base)
    if name.endswith("_M") and more and role in {Role.V, Role.DOWN}:
        return "Q6_K"
    return base


def _base_recipe(variant: str) -> str:
    """The recipe that the quantiser is called with; a Hybrid is one with overrides."""
    return "Q2_K" if variant == "Hybrid" else MADE_BY[variant]


def _unquantised(shape: Shape) -> Header:
    tensors = [
        Tensor(name, tuple(reversed(size)), "F32" if len(size) == 1 else "F16", 0, 0) for name, size in shape.tensors()
    ]
    about: dict[str, Value] = {"general.architecture": "llama", "llama.block_count": shape.layers}
    return Header(Path(shape.name), 3, 0, about, tuple(tensors))


def _weights(name: str, size: tuple[int, ...], kind: str, seed: int) -> npt.NDArray[np.void] | npt.NDArray[np.float32]:
    if len(size) == 1:
        return np.ones(size, np.float32)
    rows, row = size
    # Variance 1 / row length, so that activations keep their size; the embedding has variance 1.
    amplitude = math.sqrt(3 if name == "token_embd.weight" else 3 / row)
    blocks = random_blocks(kind, (rows, row), name, amplitude=amplitude, seed=seed)
    if name == "output.weight":
        # A logit of exactly 0 never wins against thousands of random ones: every token that is said is printable.
        blocks[: NEVER_SAID * blocks.size // rows] = np.zeros((), blocks.dtype)
    return blocks


def _bytes(shape: Shape, variant: str) -> int:
    return sum(tensor_bytes(size, kind) for _, size, kind in assigned_types(shape, variant))


def _is_there(target: Path, shape: Shape, variant: str) -> bool:
    """A file has its name when it is whole."""
    if not target.is_file():
        return False
    header = read_header(target)
    return header.text(SOURCE_KEY) == source(shape) and identify(header).variant == variant


def _write_whole(target: Path, shape: Shape, variant: str) -> None:
    temporary = target.with_name(f".{target.stem}.{os.getpid()}.tmp")
    try:
        write_random(temporary, shape, variant)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def _require_space(folder: Path, size: int) -> None:
    need = size + HEADER_BYTES + SPARE_BYTES
    free = shutil.disk_usage(folder).free
    if size and free < need:
        raise ModelProblem(
            "not enough disk space for the models",
            where=str(folder),
            found=f"{free / 1e9:.1f} GB free, {need / 1e9:.1f} GB needed",
            possible="a folder on another disk, or fewer variants",
        )
