"""Which tests may run side by side."""

from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CONTRACT = TESTS / "contract"


# First: xdist reads the groups in a hook of the same name.
@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items):
    """With ``-n``, a file's tests share its fixtures, and real parts run one after the other, never side by side."""
    for item in items:
        real = item.path.is_relative_to(CONTRACT)
        group = "real parts" if real else item.path.relative_to(TESTS).as_posix()
        item.add_marker(pytest.mark.xdist_group(group))
