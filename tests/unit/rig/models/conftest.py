from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from gguf.constants import GGMLQuantizationType

from pytest_rawrxd.rig.models.cache import Cache
from pytest_rawrxd.rig.models.gguf_header import Header, Tensor, tensor_bytes

Shapes = Mapping[str, tuple[tuple[int, ...], str]]
ALIGNMENT = 32


def text(value: str | bytes) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return struct.pack("<Q", len(raw)) + raw


def value(of: object) -> bytes:
    match of:
        case bool():
            return struct.pack("<I?", 7, of)
        case int():
            return struct.pack("<II", 4, of)
        case float():
            return struct.pack("<If", 6, of)
        case str():
            return struct.pack("<I", 8) + text(of)
        case list() if of and isinstance(of[0], str):
            return struct.pack("<IIQ", 9, 8, len(of)) + b"".join(text(each) for each in of)
        case list():
            return struct.pack("<IIQ", 9, 4, len(of)) + b"".join(struct.pack("<I", each) for each in of)
    raise TypeError(of)


def encode(metadata: Mapping[str, object], tensors: Shapes) -> bytes:
    """A whole GGUF file with weights of zero."""
    head = b"GGUF" + struct.pack("<IQQ", 3, len(tensors), len(metadata))
    head += b"".join(text(key) + value(of) for key, of in metadata.items())
    offset = 0
    for name, (shape, kind) in tensors.items():
        sizes = struct.pack(f"<I{len(shape)}Q", len(shape), *shape)
        head += text(name) + sizes + struct.pack("<IQ", GGMLQuantizationType[kind].value, offset)
        offset += -(-tensor_bytes(shape, kind) // ALIGNMENT) * ALIGNMENT
    return head + bytes(-len(head) % ALIGNMENT) + bytes(offset)


@pytest.fixture
def gguf_file(tmp_path: Path) -> Callable[..., Path]:
    """Writes a GGUF file with given metadata and tensors into a folder."""

    def write(name: str, tensors: Shapes, metadata: Mapping[str, object] | None = None) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encode({"general.architecture": "llama"} if metadata is None else metadata, tensors))
        return path

    return write


@pytest.fixture
def header_of() -> Callable[..., Header]:
    """Builds a header of any size without a file."""

    def build(tensors: Shapes, metadata: Mapping[str, object] | None = None) -> Header:
        rows, offset = [], 4096
        for name, (shape, kind) in tensors.items():
            rows.append(Tensor(name, shape, kind, offset, tensor_bytes(shape, kind)))
            offset += rows[-1].bytes
        return Header(Path("model.gguf"), 3, offset, dict(metadata or {"general.architecture": "llama"}), tuple(rows))

    return build


@pytest.fixture
def llama() -> Callable[..., dict[str, tuple[tuple[int, ...], str]]]:
    """The tensors of a llama model, with the type that ``kind_of(short name, layer)`` gives to each matrix."""

    def build(
        kind_of: Callable[[str, int], str],
        *,
        layers: int = 2,
        width: int = 256,
        kv_width: int = 256,
        feed_forward: int = 512,
        vocabulary: int = 512,
        tied: bool = False,
    ) -> dict[str, tuple[tuple[int, ...], str]]:
        tensors = {
            "token_embd.weight": ((width, vocabulary), kind_of("token_embd", -1)),
            "output_norm.weight": ((width,), "F32"),
        }
        if not tied:
            tensors["output.weight"] = ((width, vocabulary), kind_of("output", -1))
        for layer in range(layers):
            for name, shape in {
                "attn_q": (width, width),
                "attn_k": (width, kv_width),
                "attn_v": (width, kv_width),
                "attn_output": (width, width),
                "ffn_gate": (width, feed_forward),
                "ffn_up": (width, feed_forward),
                "ffn_down": (feed_forward, width),
            }.items():
                tensors[f"blk.{layer}.{name}.weight"] = (shape, kind_of(name, layer))
            for name in ("attn_norm", "ffn_norm"):
                tensors[f"blk.{layer}.{name}.weight"] = ((width,), "F32")
        return tensors

    return build


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    return Cache(tmp_path / "cache")
