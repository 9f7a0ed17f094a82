"""Which tests may run side by side."""

from pathlib import Path

import pytest

CONTRACT = Path(__file__).parent / "contract"


def pytest_collection_modifyitems(items):
    """With ``-n``, real parts run one after the other: two engines on the same cores would measure each other."""
    for item in items:
        if item.path.is_relative_to(CONTRACT):
            item.add_marker(pytest.mark.xdist_group("real parts"))
