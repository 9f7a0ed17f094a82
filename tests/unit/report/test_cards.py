"""The table of cards: what each held, how hot it became, how often it throttled; what nobody read is absent."""

from types import SimpleNamespace

import numpy as np
import pytest

from pytest_rawrxd.report.cards import card_rows

THERMAL, IDLE = 0x40, 0x1


def record(kind, device=None, **data):
    return SimpleNamespace(kind=kind, data={**data, **({"device": device} if device else {})})


def run(device, gigabytes):
    buffers = [{"device": "Vulkan0", "kind": "model", "bytes": gigabytes * 10**9}]
    return record(
        "load.run",
        device,
        engine={"backend": "vulkan"},
        load={"buffers": buffers},
        memory={"resident_bytes": None},
    )


@pytest.fixture
def view():
    cards = [{"lane": lane, "device": device, "name": "a card"} for lane, device in enumerate(("GPU-a", "GPU-b"))]
    raw = {
        "cool": {"temperature_c": np.array([60, 61]), "clock_reasons": np.array([IDLE, 0])},
        "hot": {"temperature_c": np.array([70]), "memory_used_bytes": np.array([5, 9]), "clock_reasons": np.array([0])},
        "hotter": {"temperature_c": np.array([91]), "clock_reasons": np.array([THERMAL, THERMAL, THERMAL])},
        "nothing": {"temperature_c": np.array([])},
    }
    records = [
        record("session.start"),
        record("session.start", cards=cards),
        run("GPU-a", 9),
        run("GPU-a", 10),
        record("gpu.samples", "GPU-a", raw="cool"),
        run("GPU-b", 14),
        *(record("gpu.samples", "GPU-b", raw=name) for name in ("hot", "hotter", "nothing")),
    ]
    return SimpleNamespace(
        records=records, of=lambda kind: [each for each in records if each.kind == kind], load_raw=raw.__getitem__
    )


def test_each_card_has_its_own_memory_temperature_and_throttling(view):
    first, second = card_rows(view)

    assert (first.title, first.device, first.runs, first.engine_bytes) == ("gpu0", "GPU-a", 2, 10 * 10**9)
    assert (first.hottest_c, first.throttled_share, first.used_bytes) == (61.0, 0.0, None)
    assert (second.title, second.engine_bytes, second.used_bytes) == ("gpu1", 14 * 10**9, 9)
    assert (second.hottest_c, second.throttled_share) == (91.0, 0.75)


def test_a_run_of_one_device_has_no_table(view):
    del view.records[1]

    assert card_rows(view) == ()
