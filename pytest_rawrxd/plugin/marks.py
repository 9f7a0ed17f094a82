"""Which criteria a test claims."""

from __future__ import annotations

import pytest


def marked(item: pytest.Item) -> list[str]:
    """The criteria that a test's sla marks name, in order, each once."""
    return list(dict.fromkeys(identifier for mark in item.iter_markers("sla") for identifier in mark.args))
