"""A llama-architecture model small enough to write for every session."""

from pathlib import Path

import gguf
import numpy as np
import pytest

WIDTH, LAYERS, HEADS, HEAD_SIZE, HIDDEN, CONTEXT = 64, 2, 4, 16, 192, 2048
BYTES_END = 3 + 256  # control tokens and bytes come first


def write_tiny_model(
    path: Path,
    *,
    poisoned: bool = False,
    damaged: bool = False,
    printable: bool = False,
    head_size: int = HEAD_SIZE,
) -> Path:
    """Two layers of seeded random weights and a vocabulary of bytes and printable characters, 0.6 MB of F32.

    ``poisoned`` fills one weight matrix with 0xFF bytes, which are NaN: what a damaged file looks like inside;
    ``damaged`` turns the same matrix round, which leaves numbers. ``printable`` keeps it from tokens of single
    bytes: a server ends a stream that is no text. A large ``head_size`` makes a context large without many cells.
    """
    random = np.random.default_rng(7)
    pieces = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256)), "▁", *map(chr, range(33, 127))]
    pieces += [f"{first}{second}" for first in "aeiou" for second in "bcdfgh"]  # 384: see batch.ALIGNED_VOCABULARY
    kind = gguf.TokenType
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(WIDTH)
    writer.add_block_count(LAYERS)
    writer.add_feed_forward_length(HIDDEN)
    writer.add_head_count(HEADS)
    writer.add_head_count_kv(HEADS)
    writer.add_key_length(head_size)
    writer.add_value_length(head_size)
    writer.add_rope_dimension_count(head_size)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_file_type(gguf.LlamaFileType.ALL_F32)
    writer.add_vocab_size(len(pieces))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(pieces)
    writer.add_token_scores([0.0] * 3 + [-1000.0] * 256 + [-float(rank) for rank in range(125)])
    writer.add_token_types([kind.UNKNOWN, kind.CONTROL, kind.CONTROL] + [kind.BYTE] * 256 + [kind.NORMAL] * 125)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_add_bos_token(True)

    def add(name: str, rows: int, columns: int, scale: float = 1.0) -> None:
        weights = (random.standard_normal((rows, columns)) * scale).astype(np.float32)
        if poisoned and name == "blk.1.ffn_up.weight":
            weights.view(np.uint8)[:] = 0xFF
        if damaged and name == "blk.1.ffn_up.weight":
            weights = weights[::-1].copy()
        if printable and name == "output.weight":
            weights[:BYTES_END] = 0
        writer.add_tensor(name, weights)

    add("token_embd.weight", len(pieces), WIDTH)
    add("output.weight", len(pieces), WIDTH)
    writer.add_tensor("output_norm.weight", np.ones(WIDTH, np.float32))
    shapes = dict.fromkeys(("attn_q", "attn_k", "attn_v"), (HEADS * head_size, WIDTH))
    shapes |= {
        "attn_output": (WIDTH, HEADS * head_size),
        "ffn_gate": (HIDDEN, WIDTH),
        "ffn_up": (HIDDEN, WIDTH),
        "ffn_down": (WIDTH, HIDDEN),
    }
    for layer in range(LAYERS):
        for norm in ("attn_norm", "ffn_norm"):
            writer.add_tensor(f"blk.{layer}.{norm}.weight", np.ones(WIDTH, np.float32))
        for name, (rows, columns) in shapes.items():
            add(f"blk.{layer}.{name}.weight", rows, columns, columns**-0.5)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


@pytest.fixture(scope="session")
def printable_model(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "printable.gguf", printable=True)


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny.gguf")


@pytest.fixture(scope="session")
def poisoned_model(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "poisoned.gguf", poisoned=True)


@pytest.fixture(scope="session")
def damaged_model(tmp_path_factory) -> Path:
    return write_tiny_model(tmp_path_factory.mktemp("models") / "damaged.gguf", damaged=True)


@pytest.fixture(scope="session")
def wide_model(tmp_path_factory) -> Path:
    """A KV cell of 128 KiB: eight million cells are a terabyte, and cost the engine little before it notices."""
    return write_tiny_model(tmp_path_factory.mktemp("models") / "wide.gguf", head_size=4096)
