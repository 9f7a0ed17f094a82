"""Says what a tensor does in the model, by the names that llama.cpp gives it."""

from __future__ import annotations

from enum import StrEnum

from pytest_rawrxd.rig.models.gguf_header import Tensor

FLOATS = frozenset({"F32", "F16", "BF16", "F64"})


class Role(StrEnum):
    """The groups in which llama.cpp's quantiser treats weight matrices."""

    EMBEDDING = "embedding"
    HEAD = "output head"
    Q = "attention q"
    K = "attention k"
    V = "attention v"
    ATTENTION_OUTPUT = "attention output"
    GATE = "feed-forward gate"
    UP = "feed-forward up"
    DOWN = "feed-forward down"
    OTHER = "other"


_LOOKUPS = frozenset({"token_embd.weight", "per_layer_token_embd.weight"})
# Fused q, k, v and the latent key-value projection get what attention v gets.
_MARKS = (
    ("attn_qkv.weight", Role.V),
    ("attn_kv_b.weight", Role.V),
    ("attn_v.weight", Role.V),
    ("attn_k.weight", Role.K),
    ("attn_q.weight", Role.Q),
    ("attn_output.weight", Role.ATTENTION_OUTPUT),
    ("ffn_up", Role.UP),
    ("ffn_gate", Role.GATE),
    ("ffn_down", Role.DOWN),
)
_KEPT_AS_THEY_ARE = ("_norm.weight", "ffn_gate_inp.weight")


def role_of(tensor: Tensor) -> Role | None:
    """The role of a weight matrix; None for norms, biases, routers and vectors, which no recipe quantises."""
    name = tensor.name
    if max(tensor.shape[1:], default=1) == 1 or not name.endswith("weight"):
        return None
    if name == "output.weight":
        return Role.HEAD
    if name in _LOOKUPS:
        return Role.EMBEDDING
    if any(mark in name for mark in _KEPT_AS_THEY_ARE):
        return None
    role = next((role for mark, role in _MARKS if mark in name), Role.OTHER)
    # Convolutions, positions and the like: the quantiser keeps them, and no variant is told by them.
    return None if role is Role.OTHER and tensor.type in FLOATS else role
