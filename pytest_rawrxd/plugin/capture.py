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


def fresh_line(config: pytest.Config) -> None:
    """End the line of dots that pytest is in, so that a line of ours stands alone in a log; workers have none."""
    reporter = config.pluginmanager.getplugin("terminalreporter")
    if reporter is not None:
        reporter.ensure_newline()
        reporter.flush()
