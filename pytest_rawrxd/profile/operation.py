"""What the operator brings: the price of energy, and the uses that a variant is chosen for."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pytest_rawrxd.profile.quantities import Data, Duration, Share
from pytest_rawrxd.profile.section import Section, Text

Preference = Literal["quality", "speed", "memory"]


class Energy(Section):
    """What a kilowatt-hour costs where the service runs."""

    price: Annotated[float, Field(gt=0)] = Field(description="Price of one kWh.")
    currency: Text = Field(description="In which currency, EUR for example.")


class Use(Section):
    """A workload that a variant is chosen for: what it must not exceed, and what it prefers then."""

    title: Text = Field(description="The use in the words of whoever has it.")
    latency: Duration | None = Field(default=None, description="Longest mean time per token of one stream.")
    quality: Share | None = Field(default=None, description="Least share of top tokens kept.")
    memory: Data | None = Field(default=None, description="Most memory that the variant may take.")
    keeps_guarantee: bool = Field(default=False, description="Only variants that keep the guaranteed throughput.")
    partial: bool = Field(default=False, description="A variant that ran partly on the CPU will do.")
    prefer: Preference = Field(default="quality", description="What decides between variants that qualify.")
