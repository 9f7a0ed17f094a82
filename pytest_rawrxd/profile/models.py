"""Which models are measured, and what is declared about them."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from pytest_rawrxd.profile.quantities import Data
from pytest_rawrxd.profile.section import Section

Variant = Literal["Q2_K", "Q4_K", "Q5_K_M", "Q6_K", "Q8_0", "Hybrid"]


class Declaration(Section):
    """What the file of a variant cannot tell about how it is decoded."""

    weights_per_token: Data | None = Field(default=None, description="Weights read for one token of one stream.")
    exception: Literal["mixture of experts", "speculative decoding", "partial offload"] | None = Field(
        default=None, description="Why the bandwidth arithmetic does not hold for this variant."
    )
    reason: str | None = Field(default=None, description="The exception in the words of the one who declares it.")


class Models(Section):
    """The models under test."""

    source: Literal["folder", "smollm2", "synthetic"] = Field(
        description="folder: GGUF files given on the command line; smollm2, synthetic: made by the suite."
    )
    family: str | None = Field(default=None, description="Beginning of the file names, for example BigDaddyG.")
    variants: tuple[Variant, ...] = Field(min_length=1, description="Variants in the order of the report.")
    declared: dict[Variant, Declaration] = Field(default={}, description="Declarations per variant.")

    def declaration(self, variant: str) -> Declaration:
        """What is declared about ``variant``; nothing where nothing is."""
        return next((declared for name, declared in self.declared.items() if name == variant), Declaration())
