"""A way past pytest's capture, for what a person has to see while a test runs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest


@contextmanager
def uncaptured(config: pytest.Config) -> Iterator[None]:
    """A stretch of time in which output reaches the person, whatever pytest captures."""
    manager = config.pluginmanager.getplugin("capturemanager")
    context: AbstractContextManager[None] | None = manager.global_and_fixture_disabled() if manager else None
    if context is None:
        yield
        return
    with context:
        yield
