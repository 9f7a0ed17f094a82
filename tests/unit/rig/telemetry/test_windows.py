"""On Windows a GPU of any vendor is read by performance counters, through pdh.dll."""

import pytest
from fakes.pdh import LUID, OTHER, PdhLibrary, ScriptedQuery

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.telemetry.pdh import PdhQuery
from pytest_rawrxd.rig.telemetry.windows import COUNTERS, DEDICATED, ENGINE, PROCESS, SHARED, WindowsProbe

TOLD = {
    DEDICATED: {f"{LUID}_phys_0": 9e9, f"{OTHER}_phys_0": 3e8},
    SHARED: {f"{LUID}_phys_0": 5e7, f"{OTHER}_phys_0": 7e8},
    PROCESS: {f"pid_7_{LUID}_phys_0": 8e9, f"pid_7_{OTHER}_phys_0": 1e6, f"pid_70_{LUID}_phys_0": 1e9},
    ENGINE: {
        f"pid_7_{LUID}_phys_0_eng_0_engtype_3D": 1.5,
        f"pid_7_{LUID}_phys_0_eng_5_engtype_Compute 1": 90.0,
        f"pid_70_{LUID}_phys_0_eng_5_engtype_Compute 1": 5.25,
        f"pid_70_{OTHER}_phys_0_eng_0_engtype_3D": 99.0,
    },
}


def probe(*told, **changes):
    return WindowsProbe(lambda: ScriptedQuery(*(told or (TOLD,)), **changes))


def test_the_adapter_is_the_one_on_which_the_engine_holds_most():
    assert probe().read((7,)) == {
        "memory_used_bytes": 9_000_000_000,
        "shared_used_bytes": 50_000_000,
        "process_memory_bytes": 8_000_000_000,
        "utilisation_percent": 95.25,
    }


def test_engines_run_beside_each_other_and_are_not_added():
    busy = {**TOLD, ENGINE: {f"pid_7_{LUID}_phys_0_eng_{engine}_engtype_3D": 80.0 for engine in range(3)}}

    assert probe(busy).read((7,))["utilisation_percent"] == 80


def test_one_engine_is_never_busier_than_all_the_time():
    busy = {**TOLD, ENGINE: {f"pid_{pid}_{LUID}_phys_0_eng_0_engtype_3D": 60.0 for pid in (7, 8)}}

    assert probe(busy).read((7,))["utilisation_percent"] == 100


def test_without_an_engine_the_only_adapter_in_use_is_meant_and_of_two_none():
    one = {**TOLD, DEDICATED: {f"{LUID}_phys_0": 9e9, f"{OTHER}_phys_0": 0.0}}

    assert probe(one).read(())["memory_used_bytes"] == 9_000_000_000
    assert probe(one).read(())["process_memory_bytes"] is None
    assert set(probe().read(()).values()) == {None}


def test_the_adapter_stays_known_when_the_engine_is_restarted():
    windows = probe(TOLD, {**TOLD, PROCESS: {}})
    windows.read((7,))

    values = windows.read((71,))

    assert values["memory_used_bytes"] == 9_000_000_000
    assert values["process_memory_bytes"] is None


def test_a_counter_that_this_windows_lacks_is_absent_with_the_reason():
    windows = probe(
        {DEDICATED: TOLD[DEDICATED], PROCESS: TOLD[PROCESS]}, refused={SHARED: "error 1", ENGINE: "error 2"}
    )

    assert windows.absent == {"shared_used_bytes": f"{SHARED}: error 1", "utilisation_percent": f"{ENGINE}: error 2"}
    assert set(windows.read((7,))) == {"memory_used_bytes", "process_memory_bytes"}


def test_elsewhere_than_on_windows_there_is_no_such_source():
    def missing():
        raise AttributeError("module 'ctypes' has no attribute 'WinDLL'")

    with pytest.raises(RigTrouble, match="cannot be read"):
        WindowsProbe(missing)


def test_the_library_is_asked_for_every_instance_and_invalid_ones_are_left_out():
    library = PdhLibrary({DEDICATED: [("a", 0, 1.5), ("b", 1, 2.5), ("c", 0xC0000BBA, 9.0), ("a", 0, 0.5)], ENGINE: []})
    query = PdhQuery(COUNTERS, library)

    assert query.collect() == {DEDICATED: {"a": 2.0, "b": 2.5}, ENGINE: {}}
    assert query.refused == {SHARED: "error 0xc0000bb8", PROCESS: "error 0xc0000bb8"}
    query.close()
    assert library.closed


def test_a_query_that_fails_is_trouble():
    query = PdhQuery(COUNTERS, PdhLibrary({DEDICATED: []}, collect=-1073738819))

    with pytest.raises(RigTrouble, match="no longer answer") as trouble:
        query.collect()

    assert trouble.value.found == "error 0xc0000bbd"
