"""What the readings of a GPU say about a run: too hot, not busy, throttled, and what a token cost."""

import numpy as np
import pytest

from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.wording import number

BANDWIDTH = {"kind": "bandwidth.run", "variant": "Q8_0"}
WATCHED = {"during": "bandwidth.run", "variant": "Q8_0"}
TPS = 256 * 3 / 303  # one run of three requests over somewhat more than five minutes


@pytest.fixture
def heated(book):
    """``heated(column=values)``: a bandwidth test of five minutes with readings each second."""
    book.machine()
    book.run(tps=TPS, **BANDWIDTH)

    def read(**columns):
        book.samples(seconds=300, **WATCHED, **{name: np.repeat(values, 60) for name, values in columns.items()})
        return book

    return read


@pytest.mark.parametrize(
    ("minutes", "verdict", "value"),
    [
        ([60, 70, 80, 84, 84], Verdict.PASS, 84),
        ([60, 70, 80, 86, 84], Verdict.FAIL, 86),
        ([85, 85, 85, 85, 85], Verdict.INCONCLUSIVE, 85),
    ],
    ids=["below", "one minute above", "at the limit"],
)
def test_the_hottest_minute_decides(heated, minutes, verdict, value):
    found = heated(temperature_c=minutes).answer("P1-BW-TEMP")

    assert (found.verdict, found.estimate) == (verdict, value)


def test_a_peak_shorter_than_a_minute_is_not_sustained(heated):
    book = heated(power_mw=[1, 1, 1, 1, 1])
    degrees = np.repeat([60, 60, 60, 60, 60], 60)
    degrees[100] = 99
    book.samples(seconds=300, temperature_c=degrees, **WATCHED)

    assert book.answer("P1-BW-TEMP").estimate == pytest.approx(60.65)


def test_a_run_shorter_than_a_minute_is_one_mean(book):
    book.machine()
    book.run(tps=80, **BANDWIDTH)
    book.samples(seconds=9, temperature_c=[60, 62, 64], **WATCHED)

    assert book.answer("P1-BW-TEMP").estimate == 62


def test_readings_outside_the_loaded_time_do_not_count(book):
    book.machine()
    book.run(tps=80, **BANDWIDTH)  # 9.6 s
    book.samples(seconds=12, temperature_c=[60, 60, 60, 60, 90, 90], **WATCHED)  # the last two at 8 s and 10 s

    assert book.answer("P1-BW-TEMP").estimate == pytest.approx((4 * 60 + 90) / 5)


def test_utilisation_needs_its_minutes(heated):
    found = heated(utilisation_percent=[95, 95, 96, 95, 94]).answer("P1-BW-UTIL")

    assert found.verdict is Verdict.INVALID
    assert "5 means of loaded time, at least 10 are needed" in found.reason


def test_utilisation_is_judged_over_its_minutes(book):
    book.machine()
    book.run(tps=256 * 3 / 725, **BANDWIDTH)
    book.samples(seconds=720, utilisation_percent=np.repeat([95, 94, 96] * 4, 60), **WATCHED)

    found = book.answer("P1-BW-UTIL")

    assert (found.verdict, found.estimate) == (Verdict.PASS, pytest.approx(95))


def test_a_reading_that_the_gpu_lacks_is_not_measured_with_the_reason(heated):
    book = heated(power_mw=[1])
    book.samples(seconds=300, power_mw=[1], absent={"temperature_c": "Not Supported"}, **WATCHED)

    found = book.answer("P1-BW-TEMP")

    assert found.verdict is Verdict.NOT_MEASURED
    assert found.reason.endswith("was not read during bandwidth: Not Supported")


def test_without_a_probe_the_machine_says_why(book):
    telemetry = [{"name": "temperature_c", "source": None, "why_not": "no GPU"}]
    book.record("machine", llc_bytes=1, read_bandwidth={"bytes_per_s": 1e9}, gpus=[], telemetry=telemetry)
    book.run(tps=TPS, **BANDWIDTH)

    found = book.answer("P1-BW-TEMP")

    assert found.verdict is Verdict.NOT_MEASURED
    assert found.reason.endswith(": no GPU")


@pytest.mark.parametrize(
    ("reasons", "verdict"),
    [
        ([0] * 98 + [0x40, 0x40], Verdict.INVALID),
        ([0] * 99 + [0x40], Verdict.PASS),
        ([0x4] * 100, Verdict.PASS),
        ([0x80] * 100, Verdict.INVALID),
    ],
    ids=["heat in 2 %", "heat in 1 %", "a power cap is a setting", "power brake"],
)
def test_a_throttled_run_is_invalid(book, reasons, verdict):
    for process in range(1, 8):
        book.run(tps=81, process=process)
        book.samples(process=process, seconds=9, clock_reasons=reasons)

    found = book.answer("SLA-TPS-GUARANTEE")

    assert found.verdict is verdict
    assert ("throttled" in found.reason) is (verdict is Verdict.INVALID)


def test_readings_of_another_process_say_nothing_about_this_one(book):
    for process in range(1, 8):
        book.run(tps=81, process=process)
    book.samples(process=99, seconds=9, clock_reasons=[0x40] * 50)

    assert book.answer("SLA-TPS-GUARANTEE").verdict is Verdict.PASS


def test_the_energy_counter_gives_joules_per_token(book):
    for process in range(1, 8):
        book.run(tps=81, process=process)
        # 300 W over all readings
        book.samples(process=process, seconds=9, energy_mj=np.arange(90) * 30_000)

    found = book.answer("SLA-TPS-GUARANTEE")

    assert found.verdict is Verdict.PASS
    said = found.reason.rsplit("; ", 1)[1]
    assert said.endswith(" J per token")
    assert float(said.split()[0]) == pytest.approx(300 / 81, rel=0.02)
    assert said.split()[0] == number(float(said.split()[0]))


def test_one_reading_of_energy_is_no_power(book):
    for process in range(1, 8):
        book.run(tps=81, process=process)
        book.samples(process=process, seconds=9, energy_mj=[5])

    assert "J per token" not in book.answer("SLA-TPS-GUARANTEE").reason


def read_under_load(book, used, *, target="in process"):
    """A run of twelve streams whose card is read ten times, and what is promised of its memory's movement."""
    held = {
        "layers_offloaded": 33,
        "layers_total": 33,
        "buffers": [{"device": "Vulkan0", "kind": "model", "bytes": 10**9}],
    }
    book.load(12, load=held, target=target)
    named = {"variant": "Q4_K", "streams": 12, "part": "main", "run": 1, "beside": None, "during": "load.run"}
    at = np.array([-1, *np.linspace(2e9, 4e9, used.size - 1)], np.int64)
    book.record("gpu.samples", absent={}, problem=None, arrays={"at_ns": at, "memory_used_bytes": used}, **named)
    return book.answer("P2-VRAM-LOAD")


def test_memory_that_moves_under_load_is_what_the_card_shows(book):
    found = read_under_load(book, np.array([1, *[2 * 10**9] * 8, 2 * 10**9 + 40_000_000]))

    assert (found.verdict, found.estimate) == (Verdict.PASS, 40)


def test_a_counter_that_did_not_move_at_load_proves_nothing(book):
    found = read_under_load(book, np.full(10, 5 * 10**9))

    assert found.verdict is Verdict.NOT_MEASURED


def test_around_a_server_reading_began_after_the_load(book):
    assert read_under_load(book, np.full(10, 5 * 10**9), target="http").verdict is Verdict.PASS


@pytest.mark.parametrize(("until", "verdict"), [(300, Verdict.PASS), (240, Verdict.NOT_MEASURED)])
def test_a_minute_that_nobody_read_is_not_measured(heated, until, verdict):
    book = heated(power_mw=[1, 1, 1, 1, 1])
    at = np.arange(0, until * 10**9, 10**9)
    book.record(
        "gpu.samples",
        {"at_ns": np.arange(0, 300 * 10**9, 10**9), "temperature_c": np.full(at.size, 60), "at_ns.temperature_c": at},
        **{**WATCHED, "tokens": 256, "process": 1, "absent": {}, "problem": None},
    )

    found = book.answer("P1-BW-TEMP")

    assert found.verdict is verdict
    assert ("readings are missing" in found.reason) is (verdict is Verdict.NOT_MEASURED)


HELD = 5 * 10**9
RESERVE = 528 * 10**6


@pytest.fixture
def beside(book):
    """``beside({process: columns})``: seven runs with readings, those of some processes with other columns."""

    def read(others):
        for process in range(1, 8):
            book.run(tps=81, process=process)
            quiet = {"memory_used_bytes": HELD + RESERVE, "process_bytes": HELD, "empty_bytes": RESERVE}
            book.samples(process=process, seconds=9, **quiet | others.get(process, {}))
        return book.answer("SLA-TPS-GUARANTEE")

    return read


GREW = np.linspace(RESERVE, RESERVE + 129 * 10**6, 90) + HELD


@pytest.mark.parametrize(
    ("others", "said"),
    [
        ({3: {"memory_used_bytes": GREW}}, "process 3 of session s001: other processes used the device: memory that"),
        ({5: {"memory_used_bytes": HELD + RESERVE + 129 * 10**6}}, "process 5 of session s001: other processes used"),
        ({2: {"foreign_processes": [0] * 89 + [1]}}, "process 2 of session s001: other processes used the device: one"),
        ({1: {"process_memory_bytes": np.linspace(HELD, HELD / 2, 90)}}, "process 1 of session s001: other processes"),
    ],
    ids=["grows within a run", "came between two runs", "computes", "takes what the engine lets go"],
)
def test_a_run_beside_other_processes_is_invalid(beside, others, said):
    found = beside(others)

    assert found.verdict is Verdict.INVALID
    assert found.reason.startswith(said)


@pytest.mark.parametrize(
    "others",
    [
        {},
        {3: {"memory_used_bytes": np.linspace(RESERVE, RESERVE + 127 * 10**6, 90) + HELD}},
        {3: {"memory_used_bytes": GREW, "process_memory_bytes": GREW - RESERVE}},
        {3: {"memory_used_bytes": GREW, "process_bytes": None}},
        {process: {"foreign_processes": 0} for process in range(1, 8)},
    ],
    ids=["alone", "less than a context", "the engine's own", "nobody knows whose", "nobody else computes"],
)
def test_memory_that_moves_a_little_or_is_the_engine_s_own_is_no_company(beside, others):
    assert beside(others).verdict is Verdict.PASS
