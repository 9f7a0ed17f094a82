"""A load from many hosts is whole, or every verdict on it is INVALID and names the worker."""

import numpy as np
import pytest

from pytest_rawrxd.measure.hosts.counted import count_gaps
from pytest_rawrxd.verdict.outcome import Verdict

STREAMS, TOKENS, ROUNDS, START = 12, 256, 100, 5
NAMES = ("anna", "bert", "cleo")


def told(name, **changes):
    anchors = [{"wall_ns": 10**18, "perf_ns": 1}, {"wall_ns": 10**18 + 10**9, "perf_ns": 1 + 10**9}]
    whole = {"state": "whole", "found": "", "anchors": anchors, "start_uncertainty_ms": 4.0, "late_ms": 0.0}
    return {"name": name, **whole, **changes}


def load(book, *, workers=None, planned=3, left_out=(), wrong=(), answered=None):
    """Three main runs, each from three hosts; request n is the n % 3rd worker's."""
    for run in (1, 2, 3):
        gaps = np.full(ROUNDS * TOKENS, 10.0)
        instants = np.cumsum(gaps * 1e6).astype(np.int64) + run
        answers = np.repeat(instants.reshape(ROUNDS, TOKENS), STREAMS, axis=0)
        number = np.arange(ROUNDS * STREAMS)
        rows = [told(name) for name in NAMES] if workers is None else workers
        hosts = {"load": run, "start_ns": START, "planned": planned, "answered": 3, "workers": rows}
        for position, row in enumerate(rows):
            if row["state"] != "whole" or row["name"] in left_out:
                continue
            mine = answers[number % planned == position].copy()
            if row["name"] in wrong:
                mine[0, -1] += 1
            offsets = np.arange(mine.shape[0] + 1) * TOKENS
            counted = count_gaps(offsets, mine.ravel(), start_ns=START, bounds_ns=[50_000_000])
            book.record("load.worker", counted.to_arrays(), load=run, name=row["name"], state="whole")
        book.load(
            run=run,
            gaps_ms=gaps,
            target="http",
            http={
                "calibration": [{"p99_us": 100.0}],
                "send_lag_p99_ms": 1.0,
                "loop_lag_p99_ms": 2.0,
                "client": {"hosts": hosts},
            },
            arrays={"number": number, "stamps_ns": answers.ravel()},
        )
    return book.answer("P2-LAT-P95")


def test_three_whole_shares_are_judged_as_one_load(book):
    found = load(book)

    assert found.verdict is Verdict.PASS
    assert found.deciding["runs"] == 3


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        (
            [told("anna"), told("bert", state="died", found="its process ended"), told("cleo")],
            "2 of 3 answered; bert died",
        ),
        (
            [told("anna"), told("bert", state="lagged", found="no answer within 9 s"), told("cleo")],
            "bert lagged: no answer",
        ),
        ([told("anna"), told("bert")], "2 of 3 answered"),
        ([told("anna"), told("bert", start_uncertainty_ms=10.1), told("cleo")], "bert may have started 10.1 ms off"),
        ([told("anna", late_ms=6.1), told("bert"), told("cleo")], "anna may have started 10.1 ms off"),
    ],
)
def test_a_share_that_is_missing_or_late_leaves_the_level_invalid_and_names_the_worker(book, rows, says):
    found = load(book, workers=rows)

    assert found.verdict is Verdict.INVALID
    assert "a worker's share is missing, late or changed" in found.reason
    assert says in found.reason


def test_a_clock_that_was_set_during_the_run_leaves_it_invalid(book):
    stepped = [{"wall_ns": 10**18, "perf_ns": 1}, {"wall_ns": 10**18 + 2 * 10**9, "perf_ns": 1 + 10**9}]

    found = load(book, workers=[told("anna"), told("bert", anchors=stepped), told("cleo")])

    assert found.verdict is Verdict.INVALID
    assert "bert: 1 s between anchors 1 and 2" in found.reason


def test_a_start_that_is_ten_milliseconds_off_is_common(book):
    assert (
        load(book, workers=[told("anna"), told("bert", start_uncertainty_ms=10.0), told("cleo")]).verdict
        is Verdict.PASS
    )


def test_a_worker_that_came_late_or_had_no_share_takes_nothing_from_the_others(book):
    rows = [*(told(name) for name in NAMES), told("dora", state="joined late"), told("emil", state="without a share")]

    assert load(book, workers=rows).verdict is Verdict.PASS


def test_one_nanosecond_that_a_worker_counted_otherwise_is_seen(book):
    found = load(book, wrong={"cleo"})

    assert found.verdict is Verdict.INVALID
    assert "cleo counted other gaps than the run holds of it" in found.reason


def test_a_worker_without_a_record_of_its_own_is_seen(book):
    found = load(book, left_out={"anna"})

    assert found.verdict is Verdict.INVALID
    assert "anna left no record of its own" in found.reason
