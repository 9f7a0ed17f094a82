"""What every table of a profile shares: strict types, no unknown keys, immutable; whole numbers and texts."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Count = Annotated[int, Field(gt=0, le=1_000_000_000)]
Text = Annotated[str, StringConstraints(min_length=1)]


class Section(BaseModel):
    """A table of a profile."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)
