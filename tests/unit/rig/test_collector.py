"""The garbage collector, and the window that it is kept out of."""

import gc

from pytest_rawrxd.rig.collector import no_garbage_collection


def test_the_collector_rests_in_the_window_and_works_again_afterwards() -> None:
    with no_garbage_collection():
        assert not gc.isenabled()
        assert gc.get_freeze_count() > 0

    assert gc.isenabled()
    assert gc.get_freeze_count() == 0
