"""Where measurements go. This room does not know how they are kept."""

from __future__ import annotations

from typing import Any, Protocol

import numpy.typing as npt


class Sink(Protocol):
    """Takes one thing that happened, with the arrays that prove it; it is safe when the call returns."""

    def record(self, kind: str, data: dict[str, Any], arrays: dict[str, npt.NDArray[Any]] | None = None) -> str:
        """Keep it and return its evidence id."""
        ...


class OfCard:
    """A sink that says of each record which card it is about."""

    def __init__(self, sink: Sink, device: str) -> None:
        self._sink, self._device = sink, device

    def record(self, kind: str, data: dict[str, Any], arrays: dict[str, npt.NDArray[Any]] | None = None) -> str:
        """Keep it with the card's UUID, and return its evidence id."""
        return self._sink.record(kind, {**data, "device": self._device}, arrays)
