"""Says which variant a file is by its per-tensor types; names and ``general.file_type`` are not asked.

``general.file_type`` of a Hybrid says Q2_K, and a file name says what somebody typed.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from pytest_rawrxd.rig.models.gguf_header import Header
from pytest_rawrxd.rig.models.recipes import RECIPES, block_of
from pytest_rawrxd.rig.models.roles import Role, role_of


@dataclass(frozen=True)
class Identity:
    """What the tensors say. ``variant`` begins with "unknown" for a mixture that no known recipe makes."""

    variant: str
    recipe: str
    fallback_tensors: int  #: matrices whose rows do not divide into the recipe's blocks


def is_tied(header: Header) -> bool:
    """Whether the embedding is also the output head."""
    return all(tensor.name != "output.weight" for tensor in header.tensors)


def identify(header: Header) -> Identity:
    """Find the recipe that admits every weight matrix between embedding and output head."""
    roles = [(tensor, role) for tensor in header.tensors if (role := role_of(tensor)) is not None]
    ends = [(tensor, role) for tensor, role in roles if role in (Role.EMBEDDING, Role.HEAD)]
    body = [(tensor, role) for tensor, role in roles if role not in (Role.EMBEDDING, Role.HEAD)]
    experts = header.count(f"{header.text('general.architecture')}.expert_count")
    for recipe in RECIPES:
        block = block_of(recipe.base)
        whole = [tensor for tensor, _ in body if tensor.shape[0] % block == 0]
        # Where every row falls back, the types are those of another recipe and prove nothing.
        if not whole or not all(recipe.admits(tensor, role, experts) for tensor, role in body):
            continue
        if recipe.told_by and not any(recipe.told_by.get(role) == tensor.type for tensor, role in body):
            continue
        standard = recipe.standard_ends(tied=is_tied(header))
        other_ends = [f"{role} {tensor.type}" for tensor, role in ends if tensor.type != standard[role]]
        fallbacks = sum(tensor.shape[0] % block != 0 for tensor, _ in roles)
        return Identity(recipe.variant, ", ".join([recipe.name, *other_ends]), fallbacks)
    return Identity(f"unknown ({_mixture(header)})", "none that is known", 0)


def _mixture(header: Header) -> str:
    weights: Counter[str] = Counter()
    for tensor in header.tensors:
        weights[tensor.type] += tensor.bytes
    total = weights.total()
    return ", ".join(f"{kind} {share / total:.1%}" for kind, share in weights.most_common()) or "no tensors"
