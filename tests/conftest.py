"""Which tests may run side by side, and what becomes of a session in which a worker dies."""

import signal

import pytest

CONTRACT = "tests/contract/"


def pytest_configure():
    """A job in a shell's background ignores the signal by which a body is interrupted."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """With ``-n``, a file's tests share its fixtures, and real parts run one after the other, never side by side.

    The groups of xdist 3.8 (``loadgroup``) are names that pytest 9.2 no longer reads.
    """
    from xdist.scheduler import LoadScopeScheduling  # noqa: PLC0415 - installed where this hook is asked

    class OneWorkerForRealParts(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return CONTRACT if nodeid.startswith(CONTRACT) else nodeid.split("::", 1)[0]

        def remove_node(self, node):
            """What a dead worker has done is not handed out again: whoever got a file of that would wait for ever."""
            assigned = self.assigned_work[node]
            left = [(file, test) for file, tests in assigned.items() for test, done in tests.items() if not done]
            assigned.clear()
            for file, test in left[1:]:
                assigned.setdefault(file, {})[test] = False
            super().remove_node(node)
            return left[0][1] if left else None

    return OneWorkerForRealParts(config, log)
