"""Who is signed, on which machine, and who signs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from pytest_rawrxd.profile.quantities import Bandwidth, Data, Share, ascending
from pytest_rawrxd.profile.section import Section, Text

Backend = Literal["cpu", "vulkan", "cuda", "rocm", "metal", "scripted"]


class Target(Section):
    """The item that a signature names. Anything else that is measured is a rehearsal."""

    item: Text = Field(description="The item as the sign-off page names it.")
    engine: Text = Field(description="Name of the engine as it reports itself, for example llama.cpp.")
    backend: Backend = Field(description="Backend that the item computes on.")
    version: str | None = Field(default=None, description="Version of the engine; absent: any.")


class Hardware(Section):
    """The machine that is promised; a CPU rehearsal leaves all of it out."""

    gpu: str | None = Field(default=None, description="Name of the GPU, as its driver reports it.")
    gpus: int = Field(default=0, ge=0, le=64, description="GPUs under test. The suite runs max(1, gpus) lanes.")
    vram: Data | None = Field(default=None, description="Memory of one GPU; 16 GiB is what a 16 GB card has.")
    vram_usable: Data | None = Field(default=None, description="Memory of one GPU that an engine can get.")
    headroom: Data | None = Field(default=None, description="Memory that a fitting model leaves free.")
    peak_bandwidth: Bandwidth | None = Field(default=None, description="Memory bandwidth by the datasheet.")
    vulkan: Annotated[str, StringConstraints(pattern=r"^[0-9]+\.[0-9]+$")] | None = Field(
        default=None, description="Least version of Vulkan that the device must offer, for example 1.4."
    )
    reachable_bandwidth: Annotated[tuple[Share, Share], AfterValidator(ascending)] | None = Field(
        default=None, description="Share of the peak that an engine usually reaches, and the best it reaches."
    )


class Roles(Section):
    """Who approves."""

    sign_off: tuple[Text, ...] = Field(min_length=1, description="Roles that approve each phase.")
