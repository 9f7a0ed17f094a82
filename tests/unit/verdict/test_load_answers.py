"""What the criteria of the load test get from a run directory, at their bounds and beside them."""

import numpy as np
import pytest

from pytest_rawrxd.verdict.outcome import Verdict

PASS, FAIL, INVALID, INCONCLUSIVE = Verdict.PASS, Verdict.FAIL, Verdict.INVALID, Verdict.INCONCLUSIVE
NOT_MEASURED = Verdict.NOT_MEASURED
STEPS = 256 * 100  #: of one process: four blocks of a minute at 10 ms a step


def steps(*, usual=10.0, slow=60.0, share=0.0, count=STEPS):
    """Step times in ms of which ``share`` are ``slow``, spread over every place in a request but its first two."""
    gaps = np.full(count, usual)
    if share:
        gaps[5 :: round(1 / share)] = slow
    return gaps


def main_run(book, gaps, **changes):
    for run in (1, 2, 3):
        book.load(run=run, gaps_ms=gaps, **changes)


@pytest.mark.parametrize(
    ("share", "verdict"),
    [(0.0, PASS), (1 / 51, PASS), (1 / 17, FAIL)],
)
def test_a_p95_is_decided_by_the_share_of_gaps_above_the_bound(book, share, verdict):
    main_run(book, steps(share=share))

    found = book.answer("P2-LAT-P95")

    assert found.verdict is verdict
    assert found.deciding["runs"] == 3
    assert found.deciding["blocks"] >= 12
    assert found.deciding["estimate"] == pytest.approx(100 * share, abs=0.2)


def test_a_gap_of_exactly_the_bound_does_not_exceed_it(book):
    main_run(book, steps(slow=49.999, share=0.2))

    assert book.answer("P2-LAT-P95").deciding["estimate"] == 0.0


def test_too_few_blocks_leave_a_quantile_invalid(book):
    main_run(book, steps(count=256 * 10))

    found = book.answer("P2-LAT-P95")

    assert found.verdict is INVALID
    assert "time blocks, at least 10 are needed" in found.reason


def test_one_gap_above_the_largest_spike_breaks_the_promise_that_percentiles_keep(book):
    gaps = steps()
    gaps[1000] = 201.0
    book.load(gaps_ms=gaps)
    main_run(book, steps())

    found = book.answer("P2-LAT-SPIKE")

    assert (found.verdict, round(found.estimate)) == (FAIL, 201)
    assert "12 gaps above 200 ms" in found.reason
    assert book.answer("P2-LAT-P99").verdict is PASS


def test_a_largest_gap_just_inside_keeps_it(book):
    gaps = steps()
    gaps[1000] = 199.99
    main_run(book, gaps)

    assert book.answer("P2-LAT-SPIKE").verdict is PASS


def test_a_server_that_freezes_keeps_its_percentiles_and_fails_the_share_of_stalled_time(book):
    gaps = steps()
    gaps[5::4001] = 3000.0
    main_run(book, gaps)

    assert book.answer("P2-LAT-P99").verdict is PASS
    stalled = book.answer("P2-LAT-STALL")
    assert stalled.verdict is FAIL
    assert stalled.estimate == pytest.approx(7.0, abs=1.0)
    assert book.answer("P2-LAT-TW95").verdict is FAIL


def test_tokens_that_share_an_instant_leave_gaps_invalid_and_throughput_valid(book):
    main_run(book, steps(count=256 * 40), chunk=4)
    for run in (4, 5):
        book.load(run=run, gaps_ms=steps(count=256 * 40), chunk=4)

    assert book.answer("P2-LAT-P95").verdict is INVALID
    assert "tokens came several at a time" in book.answer("P2-LAT-P95").reason
    assert book.answer("P2-AGG").verdict is PASS


def test_tokens_that_a_late_client_read_at_once_count_with_the_whole_wait(book):
    gaps = steps()
    gaps[1000], gaps[1001] = 110.0, 0.0
    main_run(book, gaps)

    spike = book.answer("P2-LAT-SPIKE")
    assert (spike.verdict, spike.estimate) == (PASS, pytest.approx(110))
    assert "36 of 921600 tokens shared a read and count with the wait for it" in spike.reason
    assert "shared a read" in book.answer("P2-LAT-P95").reason


def test_waits_that_count_for_several_tokens_do_not_make_stalled_time_a_smaller_share(opened):
    def share(criterion, *, late):
        book, gaps = opened(), steps()
        gaps[5::4001] = 3000.0
        if late:
            gaps[130::256], gaps[131::256] = 20.0, 0.0
        main_run(book, gaps)
        found = book.answer(criterion)
        assert ("shared a read" in found.reason) == late
        return (found.deciding or {}).get("estimate", found.estimate)

    for criterion in ("P2-LAT-STALL", "P2-LAT-TW95"):
        assert share(criterion, late=True) == pytest.approx(share(criterion, late=False), rel=1e-6)


@pytest.mark.parametrize(("gap_ms", "verdict"), [(14.9, PASS), (15.0, FAIL), (15.1, FAIL)])
def test_twelve_streams_reach_their_throughput_or_do_not(book, gap_ms, verdict):
    for run in range(1, 9):
        book.load(run=run, gaps_ms=steps(usual=gap_ms, count=2560))

    found = book.answer("P2-AGG")

    assert found.estimate == pytest.approx(12_000 / gap_ms, rel=1e-3)
    assert found.verdict is verdict


def test_three_processes_are_too_few_for_a_floor(book):
    main_run(book, steps(count=2560))

    assert book.answer("P2-AGG").verdict is INVALID
    assert "3 runs, at least 5 are needed" in book.answer("P2-AGG").reason


@pytest.mark.parametrize(("efficiency", "verdict"), [(0.76, PASS), (0.74, FAIL)])
def test_an_efficiency_compares_interleaved_runs(book, efficiency, verdict):
    book.levels(12, efficiency=efficiency)

    found = book.answer("P2-EFF-12")

    assert (found.verdict, round(found.estimate)) == (verdict, round(100 * efficiency))


def test_the_main_run_is_no_part_of_an_efficiency(book):
    book.levels(12, efficiency=0.9)
    main_run(book, steps(usual=100.0, count=2560))

    assert book.answer("P2-EFF-12").verdict is PASS


def test_without_one_stream_there_is_no_efficiency(book):
    book.load(12, "level")

    assert book.answer("P2-EFF-12").verdict is NOT_MEASURED


def test_the_mean_is_shown_over_runs(book):
    main_run(book, steps(usual=17.0, count=2560))

    assert book.answer("P2-EXP-MEAN").verdict is PASS
    assert book.answer("P2-EXP-MEAN").estimate == pytest.approx(17.0, rel=1e-3)


def test_a_quantile_is_shown_between_its_bounds(book):
    main_run(book, steps(usual=20.0, slow=30.0, share=0.1, count=256 * 60))

    found = book.answer("P2-EXP-P95")

    assert found.verdict is PASS
    assert found.lower <= found.estimate <= found.upper


def test_every_request_with_every_token_counts(opened):
    book = opened("embedded")
    for run in (1, 2, 3):
        book.load(run=run, tokens=32, gaps_ms=np.full(96, 10.0))

    assert book.answer("P2-REQUESTS").verdict is PASS
    assert book.answer("P2-REQUESTS").estimate == 108


def test_one_request_less_is_a_broken_promise_that_says_why(opened):
    book = opened("embedded")
    late = np.zeros(36, np.int32)
    late[5] = 1
    for run in (1, 2, 3):
        reasons = {"reasons": ["length", "error: timeout"], "finish": late} if run == 2 else {}
        book.load(run=run, tokens=32, gaps_ms=np.full(96, 10.0), **reasons)

    found = book.answer("P2-REQUESTS")

    assert (found.verdict, found.estimate) == (FAIL, 107)
    assert "1 x error: timeout" in found.reason
    assert book.answer("P2-LAT-P95").verdict is INVALID
    assert book.answer("SLA-TIMEOUT").verdict is FAIL


@pytest.mark.parametrize(("gap_s", "verdict"), [(1.17, PASS), (1.18, FAIL)])
def test_a_request_that_takes_longer_than_its_timeout_breaks_it(book, gap_s, verdict):
    book.load(gaps_ms=np.full(512, gap_s * 1000))

    assert book.answer("SLA-TIMEOUT").verdict is verdict


def crash(book, kind="EngineCrashed", **changes):
    data = {
        "variant": "Q4_K",
        "during": "load.run",
        "beside": None,
        "part": "main",
        "streams": 12,
        "run": 2,
        "type": kind,
        "what": "the engine process ended",
        "found": "signal 11",
        "elapsed_s": 60.0,
        "log_tail": [],
    }
    return book.record("trouble", **{**data, **changes})


@pytest.mark.parametrize("kind", ["EngineCrashed", "EngineHung"])
def test_a_process_that_ends_is_a_crash_and_leaves_its_level_invalid(book, kind):
    main_run(book, steps(count=2560))
    crash(book, kind)

    assert (book.answer("P2-CRASH-LOAD").verdict, book.answer("P2-CRASH-LOAD").estimate) == (FAIL, 1.0)
    assert book.answer("P2-LAT-P95").verdict is INVALID
    assert "the engine process ended" in book.answer("P2-LAT-P95").reason


def test_no_crash_says_what_that_proves(book):
    main_run(book, np.full(512, 10.0))

    found = book.answer("P2-CRASH-LOAD")

    assert found.verdict is PASS
    assert "rate <=" in found.reason


def test_a_refused_load_is_no_crash(book):
    main_run(book, np.full(512, 10.0))
    crash(book, "LoadFailed")

    assert book.answer("P2-CRASH-LOAD").verdict is PASS


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ({}, 0),
        ({"log": ["W a warning about nothing"]}, 0),
        ({"log": ["E vk::Queue::submit: ErrorDeviceLost"]}, 3),
        ({"reasons": ["length", "error: the engine's computation failed"]}, 3),
    ],
)
def test_the_device_speaks_through_log_and_return_codes(book, changes, count):
    main_run(book, np.full(512, 10.0), **changes)

    found = book.answer("P2-DEVICE-LOAD")

    assert (found.verdict, found.estimate) == (FAIL if count else PASS, count)


def test_a_crash_of_the_device_is_one_event(book):
    main_run(book, np.full(512, 10.0))
    crash(book, log_tail=["E device lost", "E device lost again"])

    assert book.answer("P2-DEVICE-LOAD").estimate == 1


def memory(used, total=16_000_000_000):
    return [{"backend": "vulkan", "memory_free": total - used, "memory_total": total}]


@pytest.mark.parametrize(("moved", "verdict"), [(99_000_000, PASS), (101_000_000, FAIL), (-101_000_000, FAIL)])
def test_memory_that_moves_under_load_breaks_its_bound_either_way(book, moved, verdict):
    main_run(book, np.full(512, 10.0), devices={"before": memory(4 * 10**9), "after": memory(4 * 10**9 + moved)})

    assert book.answer("P2-VRAM-LOAD").verdict is verdict


def test_two_runs_of_another_cache_are_not_compared(book):
    book.load(12, run=1, devices={"before": memory(4 * 10**9), "after": memory(4 * 10**9)})
    book.load(16, "level", 1, devices={"before": memory(6 * 10**9), "after": memory(6 * 10**9)})

    assert book.answer("P2-VRAM-LOAD").estimate == 0.0


def test_on_a_cpu_resident_memory_is_what_moves(opened):
    book = opened("embedded", "cpu")
    book.load(tokens=32, gaps_ms=np.full(96, 10.0), resident=[10**9, 10**9 + 4_000_000, 10**9 + 1_000_000])

    assert book.answer("P2-VRAM-LOAD").estimate == pytest.approx(0.004)


def test_a_device_that_reports_nothing_leaves_memory_not_measured(book):
    main_run(book, np.full(512, 10.0))

    assert book.answer("P2-VRAM-LOAD").verdict is NOT_MEASURED


def test_what_runs_beside_decides_nothing(book):
    main_run(book, steps())
    for run in (1, 2, 3):
        book.load(run=run, gaps_ms=np.full(512, 500.0), beside="llama-server", target="http", http=calm())
    crash(book, beside="llama-server")

    assert book.answer("P2-LAT-P95").verdict is PASS
    assert book.answer("P2-CRASH-LOAD").verdict is PASS


def calm(**changes):
    calibration = [{"p99_us": 100.0}, {"p99_us": 200.0}]
    return {"calibration": calibration, "send_lag_p99_ms": 1.0, "loop_lag_p99_ms": 2.0, **changes}


@pytest.mark.parametrize(
    ("http", "rule"),
    [
        (calm(), None),
        (calm(calibration=[{"p99_us": 100.0}, {"p99_us": 651.0}]), "noise floor of the client"),
        (calm(calibration=[{"p99_us": 100.0}, {"p99_us": 649.0}]), None),
        (calm(send_lag_p99_ms=5.1), "requests were sent late"),
        (calm(loop_lag_p99_ms=5.1), "the client was late itself"),
    ],
)
def test_a_client_that_was_not_calm_leaves_the_level_invalid(book, http, rule):
    main_run(book, steps(), target="http", http=http)

    found = book.answer("P2-LAT-P95")

    assert found.verdict is (INVALID if rule else PASS)
    assert rule is None or rule in found.reason


def spread():
    """A model that the engine spread over two cards, a little of it in the host's memory."""
    return [{"device": name, "kind": "model", "bytes": 4 << 30} for name in ("Vulkan0", "Vulkan1", "CPU_Mapped")]


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"host": {"foreign_share": 0.11}}, "other programs used the processor"),
        ({"engine": {"backend": "cpu"}}, "another backend"),
        ({"load": {"layers_offloaded": 33, "layers_total": 33, "buffers": spread()}}, "one card is judged at a time"),
        ({"model_sha256": "another file"}, "the identity changed"),
        ({"reasons": ["stop"]}, "ended before its token limit"),
    ],
)
def test_evidence_that_cannot_be_used_says_which_rule_it_breaks(book, changes, says):
    main_run(book, steps(count=256 * 40), **changes)

    found = book.answer("P2-LAT-P95")

    assert found.verdict is INVALID
    assert says in found.reason


def test_streams_that_are_not_all_busy_leave_the_level_invalid(book):
    book.load(8, gaps_ms=steps(), asked=12)

    found = book.answer("P2-LAT-P95")

    assert found.verdict is INVALID
    assert "12 streams never" in found.reason


def test_users_are_served_up_to_the_first_level_that_breaks(opened):
    book = opened("embedded")
    for run in (1, 2, 3):
        book.load(run=run, tokens=32, gaps_ms=np.full(32 * 40, 10.0))
        for streams in (1, 8, 10, 12, 15):
            book.load(streams, "level", run, tokens=32, gaps_ms=np.full(32 * 40, 10.0))
        book.load(16, "level", run, tokens=32, gaps_ms=np.full(32 * 40, 15_000.0))

    found = book.answer("SLA-USERS")

    assert (found.verdict, found.estimate) == (PASS, 15)


def test_fewer_users_than_promised_is_a_broken_promise(opened):
    book = opened("embedded")
    for run in (1, 2, 3):
        book.load(run=run, tokens=32, gaps_ms=np.full(32 * 40, 15_000.0))
        for streams in (1, 8, 10, 12):
            book.load(streams, "level", run, tokens=32, gaps_ms=np.full(32 * 40, 10.0))

    assert book.answer("SLA-USERS").verdict is FAIL
    assert book.answer("SLA-USERS").estimate == 10


def test_a_level_that_is_not_measured_leaves_users_open(opened):
    book = opened("embedded")
    for run in (1, 2, 3):
        for streams in (1, 8, 10):
            book.load(streams, "level", run, tokens=32, gaps_ms=np.full(32 * 40, 10.0))

    assert book.answer("SLA-USERS").verdict is NOT_MEASURED
    assert "12 streams are not decided" in book.answer("SLA-USERS").reason


def first_tokens(waits_ms, due_ms):
    """Arrays of an open loop of two-token answers."""
    due, first = np.array(due_ms), np.array(due_ms) + np.array(waits_ms)
    count = due.size
    return {
        "intended_ns": (due * 1e6).astype(np.int64),
        "submitted_ns": (due * 1e6).astype(np.int64),
        "offsets": np.arange(count + 1) * 2,
        "stamps_ns": (np.stack([first, first + 10], axis=1).ravel() * 1e6).astype(np.int64),
        "prompt_tokens": np.full(count, 128),
        "ended_ns": ((first + 10) * 1e6).astype(np.int64),
        "finish": np.zeros(count, np.int32),
    }


@pytest.mark.parametrize(("late", "verdict"), [(0, PASS), (250, FAIL)])
def test_the_first_token_counts_from_the_instant_it_was_due(book, late, verdict):
    waits = np.random.default_rng(3).normal(2000, 100, 1000)
    waits[np.random.default_rng(4).permutation(1000)[:late]] = 301_000.0
    arrays = first_tokens(waits, np.arange(1000) * 700.0)
    book.load(part="open", tokens=2, target="http", beside="llama-server", http=calm(), arrays=arrays)

    promised = book.profile.protocol.phase2.beside
    assert promised == ()
    own = book.answer("P2-TTFT")
    assert own.verdict is NOT_MEASURED

    book.load(part="open", tokens=2, target="http", http=calm(), arrays=arrays)
    assert book.answer("P2-TTFT").verdict is verdict


def test_in_process_the_wait_of_a_server_beside_it_is_shown_with_its_name(opened):
    book = opened("embedded")
    arrays = first_tokens(np.random.default_rng(3).normal(2000, 100, 400), np.arange(400) * 100.0)
    book.load(part="open", tokens=2, target="http", beside="llama-server", http=calm(), arrays=arrays)

    found = book.answer("P2-TTFT")

    assert found.verdict is PASS
    assert found.reason.endswith("on llama-server, beside the engine under test")


def test_a_server_that_replies_once_has_no_gaps_and_a_throughput(book):
    once = {"ttft": "it replies once", "itl": "it replies once", "tokens": "it tells no count"}
    nothing = np.zeros(0, np.int64)
    for run in range(1, 9):
        arrays = {"stamps_ns": nothing, "offsets": np.zeros(25, np.int64)}
        http = calm(tokens_generated=4200 + run)
        book.load(run=run, target="http", not_measurable=once, reasons=["other"], http=http, arrays=arrays)

    assert book.answer("P2-LAT-P95").verdict is NOT_MEASURED
    assert "it replies once" in book.answer("P2-LAT-P95").reason
    assert book.answer("P2-REQUESTS").verdict is NOT_MEASURED
    assert book.answer("P2-AGG").verdict is PASS
    assert book.answer("P2-AGG").estimate == pytest.approx(4204.5 / 5.12, rel=1e-3)


def test_a_load_that_never_ran_says_what_to_run(book):
    found = book.answer("P2-LAT-P95")

    assert found.verdict is NOT_MEASURED
    assert "-m phase2" in found.next
