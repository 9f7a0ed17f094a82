"""A language model made of random numbers: the real architecture and sizes, no meaning, the same bytes every time.

Numbers are the raw output of numpy's Philox, not of its distributions, which may change between releases. Every token
that can be generated is printable: byte and control tokens are in the vocabulary so that any text can be read, but the
output head gives them a logit that never wins. For that, the first element of the hidden state is held at a positive
constant (no layer writes to it) and their rows of the head are negative there and zero elsewhere.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import gguf
import numpy as np
import numpy.typing as npt

from pytest_rawrxd.rig.models.cache import Cache, Entry, Progress
from pytest_rawrxd.rig.models.manifest import Provenance
from pytest_rawrxd.rig.models.writer import stream_model

VERSION = 1  #: of the bytes; raise it when they change
SEED = 20251204
CONTROL_TOKENS = ("<unk>", "<s>", "</s>")
HELD = 1.0  #: the constant first element of the hidden state
NEVER = -16.0  #: what tokens that must not be generated have there in the output head


@dataclass(frozen=True)
class Shape:
    """Sizes of a llama model."""

    name: str
    layers: int
    width: int
    heads: int
    kv_heads: int
    feed_forward: int
    vocabulary: int
    context: int

    @property
    def head_length(self) -> int:
        return self.width // self.heads

    def tensors(self) -> Iterator[tuple[str, tuple[int, ...]]]:
        """Name and shape, rows first, in the order of the file."""
        kv_width = self.kv_heads * self.head_length
        yield "token_embd.weight", (self.vocabulary, self.width)
        yield "output_norm.weight", (self.width,)
        yield "output.weight", (self.vocabulary, self.width)
        for layer in range(self.layers):
            for name, shape in (
                ("attn_norm", (self.width,)),
                ("attn_q", (self.width, self.width)),
                ("attn_k", (kv_width, self.width)),
                ("attn_v", (kv_width, self.width)),
                ("attn_output", (self.width, self.width)),
                ("ffn_norm", (self.width,)),
                ("ffn_gate", (self.feed_forward, self.width)),
                ("ffn_up", (self.feed_forward, self.width)),
                ("ffn_down", (self.width, self.feed_forward)),
            ):
                yield f"blk.{layer}.{name}.weight", shape


#: Rows divide into the 256 elements of a K-quant block in each of them.
SHAPES = {
    shape.name: shape
    for shape in (
        Shape("tiny", 2, 256, heads=4, kv_heads=2, feed_forward=256, vocabulary=512, context=2048),
        Shape("768x8", 8, 768, heads=12, kv_heads=4, feed_forward=2048, vocabulary=512, context=8192),
        Shape("8b", 32, 4096, heads=32, kv_heads=8, feed_forward=14336, vocabulary=128256, context=8192),  # Llama 3
    )
}


def synthetic(cache: Cache, shape: Shape, progress: Progress) -> tuple[Entry, Provenance]:
    """The F16 model of this shape, from the cache or made (102 MB in about a second for 768x8)."""

    def make(target: Path) -> None:
        progress(f"synthetic model {shape.name}: writing F16")
        write_synthetic(target, shape)

    numbers = sum(math.prod(size) for _, size in shape.tensors())
    entry = cache.build(
        f"synthetic-{shape.name}-F16.gguf",
        {"shape": repr(shape), "seed": SEED, "version": VERSION},
        need_bytes=2 * numbers,
        make=make,
    )
    source = f"synthetic: random weights of shape {shape.name}, seed {SEED}"
    return entry, Provenance(source=source, license="CC0-1.0", quality_judgeable=False)


def write_synthetic(target: Path, shape: Shape, *, seed: int = SEED) -> None:
    """Write the F16 model; the same shape and seed give the same bytes on every machine."""
    writer = gguf.GGUFWriter(target, "llama")
    add_metadata(writer, shape, gguf.LlamaFileType.MOSTLY_F16)
    table = list(shape.tensors())
    stream_model(
        writer,
        [(name, size, "F32" if len(size) == 1 else "F16") for name, size in table],
        (_weights(name, size, seed) for name, size in table),
    )


def add_metadata(writer: gguf.GGUFWriter, shape: Shape, file_type: gguf.LlamaFileType) -> None:
    """Sizes, vocabulary and the type that the file says it has."""
    writer.add_name(f"synthetic {shape.name}")
    writer.add_file_type(file_type)
    writer.add_block_count(shape.layers)
    writer.add_context_length(shape.context)
    writer.add_embedding_length(shape.width)
    writer.add_feed_forward_length(shape.feed_forward)
    writer.add_head_count(shape.heads)
    writer.add_head_count_kv(shape.kv_heads)
    writer.add_rope_dimension_count(shape.head_length)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(shape.vocabulary)
    tokens, kinds = vocabulary(shape.vocabulary)
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    writer.add_token_scores([-float(index) for index in range(len(tokens))])
    writer.add_unk_token_id(0)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)


def vocabulary(size: int) -> tuple[list[str], list[int]]:
    """Control tokens, the 256 bytes, the printable ASCII characters, then syllables with and without a space."""
    never = [*CONTROL_TOKENS, *(f"<0x{byte:02X}>" for byte in range(256))]
    characters = ["\u2581", *(chr(code) for code in range(0x21, 0x7F))]
    syllables = [consonant + vowel for consonant in "bcdfghjklmnpqrstvwxyz" for vowel in "aeiou"]
    words = itertools.chain.from_iterable(
        map("".join, itertools.product(("", "\u2581"), *[syllables] * length)) for length in itertools.count(1)
    )
    spoken = [*characters, *itertools.islice(words, size - len(never) - len(characters))]
    kind = gguf.TokenType
    kinds = [kind.UNKNOWN, kind.CONTROL, kind.CONTROL, *[kind.BYTE] * 256, *[kind.NORMAL] * len(spoken)]
    return [*never, *spoken], [int(each) for each in kinds]


def _weights(name: str, shape: tuple[int, ...], seed: int) -> npt.NDArray[np.floating]:
    if len(shape) == 1:
        return np.ones(shape, np.float32)
    # Variance 1 / row length, so that activations keep their size; the embedding has variance 1.
    amplitude = math.sqrt(3 if name == "token_embd.weight" else 3 / shape[1])
    weights = _uniform(name, shape, seed, amplitude)
    if name == "token_embd.weight":
        weights[:, 0] = HELD
    elif name == "output.weight":
        never = len(CONTROL_TOKENS) + 256
        weights[:never] = 0
        weights[:never, 0] = NEVER
    elif name.endswith(("attn_output.weight", "ffn_down.weight")):
        weights[0] = 0
    return weights


def _uniform(name: str, shape: tuple[int, ...], seed: int, amplitude: float) -> npt.NDArray[np.float16]:
    """Uniform in [-amplitude, amplitude), from 16 bits each; each tensor has its own stream."""
    count = math.prod(shape)
    bits = np.random.Philox(key=[seed, zlib.crc32(name.encode())]).random_raw(-(-count // 4))
    words = bits.astype("<u8", copy=False).view("<i2")[:count]
    return (words.astype(np.float32) * np.float32(amplitude / 32768)).astype(np.float16).reshape(shape)
