"""What llama.cpp's quantiser puts where: the tensor types of each recipe, by the tensor's role.

Read from ``llama-quant.cpp`` of the llama.cpp that llama-cpp-python 0.3.36 carries. A set holds every type that the
recipe gives to a role in any architecture: by layer (``more_bits_layers``), by heads per key-value head, in the 70B
model, in Falcon. The embedding and the output head are not in the table, because publishers choose them freely.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from gguf.constants import GGML_QUANT_SIZES, GGMLQuantizationType

from pytest_rawrxd.rig.models.gguf_header import Tensor, tensor_bytes
from pytest_rawrxd.rig.models.roles import Role

#: Rows that do not divide into the type's blocks get this type instead.
FALLBACKS = {"Q2_K": "Q4_0", "Q3_K": "Q4_0", "Q4_K": "Q5_0", "Q5_K": "Q5_1", "Q6_K": "Q8_0"}
UNQUANTISED = ("F32", "F16", "BF16")
_ATTENTION_OF_Q5_K_M = {"Q": "Q5_K", "K": "Q5_K", "V": "Q5_K Q6_K", "ATTENTION_OUTPUT": "Q5_K"}
_EIGHT_EXPERTS = {Role.K: {"Q8_0"}, Role.V: {"Q8_0"}, Role.ATTENTION_OUTPUT: {"Q5_K"}}


@dataclass(frozen=True)
class Recipe:
    """One way to quantise a model. ``types`` are the roles that may differ from ``base``."""

    name: str
    variant: str
    base: str
    types: Mapping[Role, frozenset[str]] = field(default_factory=dict)
    told_by: Mapping[Role, str] = field(default_factory=dict)  #: one of these must occur, or it is a sibling recipe

    def admits(self, tensor: Tensor, role: Role, experts: int | None) -> bool:
        """Whether this recipe can have given the tensor its type."""
        allowed = set(self.types.get(role, {self.base}))
        if experts == 8:
            allowed |= _EIGHT_EXPERTS.get(role, set())
        if tensor.type in allowed:
            return True
        return any(tensor.type == _fallback(kind, tensor.shape[0]) for kind in allowed)

    def standard_ends(self, *, tied: bool) -> dict[Role, str]:
        """The types that the quantiser gives to the embedding and the output head when nobody overrides them."""
        head = self.base if self.base in {*UNQUANTISED, "Q8_0"} else "Q6_K"
        return {Role.EMBEDDING: head if tied else self.base, Role.HEAD: head}

    def most_bytes(self, tensor: Tensor, role: Role | None, *, tied: bool) -> int:
        """An upper bound of the tensor's bytes after this recipe."""
        if role is None:
            return tensor.bytes
        ends = self.standard_ends(tied=tied)
        kinds = {ends[role]} if role in ends else self.types.get(role, {self.base})
        fitting = [_fallback(kind, tensor.shape[0]) for kind in kinds]
        return max(tensor_bytes(tensor.shape, kind) for kind in fitting)


def _fallback(kind: str, row: int) -> str:
    if row % block_of(kind) == 0:
        return kind
    second = FALLBACKS.get(kind, "F16")
    return second if row % block_of(second) == 0 else "F16"


def block_of(kind: str) -> int:
    return GGML_QUANT_SIZES[GGMLQuantizationType[kind]][0]


def more_bits_layers(layers: int) -> tuple[int, ...]:
    """The layers in which the _M recipes spend more bits: the first and last eighth, and each third between."""
    eighth, last = layers // 8, 7 * layers // 8
    return tuple(i for i in range(layers) if i < eighth or i >= last or (i - eighth) % 3 == 2)


def _mix(**kinds: str) -> dict[Role, frozenset[str]]:
    return {Role[role]: frozenset(names.split()) for role, names in kinds.items()}


_SIX_BITS_IN_V_OR_DOWN = {Role.V: "Q6_K", Role.DOWN: "Q6_K"}

#: In the order in which they are tried: the first that admits every matrix is the one.
RECIPES = (
    *(Recipe(name, name, name) for name in UNQUANTISED),
    Recipe("Q8_0", "Q8_0", "Q8_0"),
    Recipe("Q6_K", "Q6_K", "Q6_K"),
    Recipe("Q5_K_M", "Q5_K_M", "Q5_K", _mix(V="Q5_K Q6_K", DOWN="Q5_K Q6_K"), _SIX_BITS_IN_V_OR_DOWN),
    Recipe("Q5_K_S", "Q5_K_S", "Q5_K"),
    Recipe("Q4_K_M", "Q4_K", "Q4_K", _mix(V="Q4_K Q5_K Q6_K", DOWN="Q4_K Q5_K Q6_K"), _SIX_BITS_IN_V_OR_DOWN),
    Recipe("Q4_K pure", "Q4_K", "Q4_K"),
    Recipe("Q4_K_S", "Q4_K", "Q4_K", _mix(V="Q4_K Q5_K", DOWN="Q4_K Q5_K")),
    Recipe("Hybrid", "Hybrid", "Q2_K", _mix(**_ATTENTION_OF_Q5_K_M, DOWN="Q3_K")),
    Recipe("Hybrid pure", "Hybrid", "Q2_K", _mix(**_ATTENTION_OF_Q5_K_M)),
    Recipe("Q2_K", "Q2_K", "Q2_K", _mix(V="Q3_K Q4_K Q5_K", ATTENTION_OUTPUT="Q3_K", DOWN="Q3_K")),
    Recipe("Q2_K pure", "Q2_K", "Q2_K"),
    Recipe("Q2_K_S", "Q2_K", "Q2_K", _mix(V="Q2_K Q4_K Q5_K", DOWN="Q2_K Q4_K")),
)

#: The six variants of the roadmap, by the recipe with which this package makes them.
MADE_BY = {"Q2_K": "Q2_K", "Q4_K": "Q4_K_M", "Q5_K_M": "Q5_K_M", "Q6_K": "Q6_K", "Q8_0": "Q8_0", "Hybrid": "Hybrid"}
LADDER = tuple(MADE_BY)


def recipe(name: str) -> Recipe:
    return next(known for known in RECIPES if known.name == name)
