"""Which tests may run side by side."""

import pytest

CONTRACT = "tests/contract/"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With ``-n``, a file's tests share its fixtures, and real parts run one after the other, never side by side.

    The groups of xdist 3.8 (``loadgroup``) are names that pytest 9.2 no longer reads.
    """
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - installed where this hook is asked

    class OneWorkerForRealParts(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return CONTRACT if nodeid.startswith(CONTRACT) else nodeid.split("::", 1)[0]

    return OneWorkerForRealParts(config, log)
