"""What is known about one model file before anything is run with it."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Self

from pytest_rawrxd.errors import ModelProblem
from pytest_rawrxd.rig.models.gguf_header import Header
from pytest_rawrxd.rig.models.roles import Role, role_of
from pytest_rawrxd.rig.models.variant import identify, is_tied

#: What a file of this package says about itself; a file without them comes from somebody else.
SOURCE_KEY = "rawrxd.source"
QUALITY_KEY = "rawrxd.quality_judgeable"
F16_BYTES = 2  #: an element of llama.cpp's default key-value cache


@dataclass(frozen=True)
class Provenance:
    """Where a file comes from, in words, and the file it was made from."""

    source: str
    made_from: str | None = None  #: file name
    made_from_sha256: str | None = None
    license: str | None = None
    quality_judgeable: bool = True  #: False for random weights: their perplexity says nothing


@dataclass(frozen=True)
class Manifest:
    """One model file: which variant by its tensors, and the sizes that a verdict computes with.

    ``weight_bytes_per_token`` are the bytes that decoding one token of one stream reads of a dense model: every
    matrix once, the embedding only where it is also the output head, of the experts the share that is used.
    ``kv_bytes_per_token`` are the bytes that one token adds to one stream's F16 key-value cache; None with a note
    where the header does not say.
    """

    variant: str
    recipe: str
    file: str
    bytes: int
    sha256: str
    architecture: str
    parameters: int
    layers: int | None
    embedding_length: int | None
    heads: int | None
    kv_heads: int | None
    vocabulary: int | None
    context_length: int | None
    tied_embeddings: bool
    experts: int | None
    experts_used: int | None
    weight_bytes: int
    weight_bytes_per_token: int
    kv_bytes_per_token: int | None
    fallback_tensors: int
    tensor_types: dict[str, int]  #: type -> number of tensors
    tensors: dict[str, str]  #: name -> type: a Hybrid is proven tensor by tensor
    provenance: Provenance
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Plain JSON types, in the order of the fields."""
        plain = asdict(self)
        plain["notes"] = list(self.notes)
        return plain

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Self:
        """The manifest that ``to_dict`` wrote; TypeError for unknown or missing keys."""
        known = {**plain, "provenance": Provenance(**plain["provenance"]), "notes": tuple(plain["notes"])}
        unknown = known.keys() - {f.name for f in fields(cls)}
        if unknown:
            raise TypeError(f"not in a manifest: {', '.join(sorted(unknown))}")
        return cls(**known)


def describe(header: Header, *, sha256: str, provenance: Provenance) -> Manifest:
    """Build the manifest of a file from its header; raise ModelProblem where it is no language model."""
    architecture = header.text("general.architecture")
    if architecture is None or not any(role_of(tensor) is Role.EMBEDDING for tensor in header.tensors):
        raise ModelProblem(
            "GGUF file is not a language model",
            where=str(header.path),
            found=f"architecture {str(architecture)[:40]!r}, {len(header.tensors)} tensors, no token embedding",
            possible="a text model with token_embd.weight; projectors, adapters and vocabularies are not measured",
        )

    def count(key: str) -> int | None:
        return header.count(f"{architecture}.{key}")

    identity = identify(header)
    kv_bytes, kv_note = _kv_bytes_per_token(header, architecture)
    experts = count("expert_count")
    experts_used = count("expert_used_count") if experts else None
    expert_note = f"mixture of experts: {experts_used or experts} of {experts} read per token" if experts else None
    heads = count("attention.head_count")
    return Manifest(
        variant=identity.variant,
        recipe=identity.recipe,
        file=header.path.name,
        bytes=header.file_bytes,
        sha256=sha256,
        architecture=architecture,
        parameters=sum(tensor.parameters for tensor in header.tensors),
        layers=count("block_count"),
        embedding_length=count("embedding_length"),
        heads=heads,
        kv_heads=count("attention.head_count_kv") if _has_kv_heads(header, architecture) else heads,
        vocabulary=next((t.shape[1] for t in header.tensors if t.name == "token_embd.weight"), None),
        context_length=count("context_length"),
        tied_embeddings=is_tied(header),
        experts=experts,
        experts_used=experts_used,
        weight_bytes=sum(tensor.bytes for tensor in header.tensors),
        weight_bytes_per_token=_weight_bytes_per_token(header, experts, experts_used),
        kv_bytes_per_token=kv_bytes,
        fallback_tensors=identity.fallback_tensors,
        tensor_types=dict(Counter(tensor.type for tensor in header.tensors).most_common()),
        tensors={tensor.name: tensor.type for tensor in header.tensors},
        provenance=provenance,
        notes=tuple(note for note in (kv_note, expert_note) if note),
    )


def _weight_bytes_per_token(header: Header, experts: int | None, used: int | None) -> int:
    tied = is_tied(header)
    total = 0
    for tensor in header.tensors:
        if role_of(tensor) is Role.EMBEDDING and not (tied and tensor.name == "token_embd.weight"):
            total += tensor.bytes // tensor.shape[1]  # one row is looked up
        elif experts and used and "_exps." in tensor.name:
            total += tensor.bytes * used // experts
        else:
            total += tensor.bytes
    return total


def _has_kv_heads(header: Header, architecture: str) -> bool:
    return f"{architecture}.attention.head_count_kv" in header.metadata


def _kv_bytes_per_token(header: Header, architecture: str) -> tuple[int | None, str | None]:
    """Key-value heads of all layers x (key + value length) in F16, with a note; None where that does not hold."""

    def count(key: str) -> int | None:
        return header.count(f"{architecture}.{key}")

    layers, width, heads = count("block_count"), count("embedding_length"), count("attention.head_count")
    special = next((key for key in ("attention.kv_lora_rank", "ssm.state_size") if count(key)), None)
    if special or not (layers and width and heads):
        return None, f"key-value bytes not computed: {special or 'layers, width or heads are not one number'}"
    per_layer = header.metadata.get(f"{architecture}.attention.head_count_kv", heads)
    by_layer = per_layer if isinstance(per_layer, tuple) else (per_layer,) * layers
    heads_of_layers = [n for n in by_layer if isinstance(n, int) and n >= 0]
    if len(heads_of_layers) != layers:
        return None, f"key-value bytes not computed: attention.head_count_kv is {per_layer!r}"
    lengths = (count("attention.key_length") or width // heads) + (count("attention.value_length") or width // heads)
    note = "sliding window attention: key-value bytes are a full cache's" if count("attention.sliding_window") else None
    return sum(heads_of_layers) * lengths * F16_BYTES, note
