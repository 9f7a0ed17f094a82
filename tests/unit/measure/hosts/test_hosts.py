"""The parts of a load from many hosts that need no second host."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.measure.histogram import merge, record
from pytest_rawrxd.measure.hosts.clocks import Anchor, moved, read_offset
from pytest_rawrxd.measure.hosts.counted import BLOCK_NS, count_gaps
from pytest_rawrxd.measure.hosts.keys import make_keys, security
from pytest_rawrxd.measure.hosts.place import parse_place, worker_address
from pytest_rawrxd.measure.load.arrays import ABSENT, pack
from pytest_rawrxd.measure.load.exchange import Exchange
from pytest_rawrxd.measure.served_run import host_use
from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.rig.server.response import Finish, Reply

NOW = datetime(2026, 1, 2, tzinfo=UTC)


@pytest.fixture
def keys(tmp_path):
    make_keys(tmp_path / "fleet", days=30, now=NOW)
    return tmp_path / "fleet"


def test_a_place_names_address_workers_keys_and_patience(keys):
    folder = keys / "coordinator"

    place = parse_place(f"tls://0.0.0.0:8786#workers=3&keys={folder}&wait=5")

    assert (place.address, place.workers, place.keys, place.wait_s) == ("tls://0.0.0.0:8786", 3, folder, 5)
    assert parse_place(f"tls://[::1]:8786#workers=1&keys={folder}").address == "tls://[::1]:8786"


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("tcp://0.0.0.0:8786#workers=3&keys=K", "encrypted alone"),
        ("tls://0.0.0.0#workers=3&keys=K", "no tls://ADDRESS:PORT"),
        ("tls://0.0.0.0:x#workers=3&keys=K", "Port could not be cast"),
        ("tls://0.0.0.0:8786#keys=K", "workers is missing"),
        ("tls://0.0.0.0:8786#workers=3", "keys is missing"),
        ("tls://0.0.0.0:8786#workers=0&keys=K", "workers is '0', not a number from 1"),
        ("tls://0.0.0.0:8786#workers=1001&keys=K", "at most 1000"),
        ("tls://0.0.0.0:8786#workers=3&keys=K&token=x", "unknown setting 'token'"),
    ],
)
def test_a_place_that_cannot_be_used_says_why(keys, spec, says):
    with pytest.raises(UsageProblem, match=says):
        parse_place(spec.replace("keys=K", f"keys={keys / 'coordinator'}"))


def test_the_folder_around_both_sides_is_no_side(keys):
    with pytest.raises(UsageProblem, match="these are not the keys of one side"):
        parse_place(f"tls://0.0.0.0:8786#workers=3&keys={keys}")


@pytest.mark.parametrize("spec", ["tcp://h:1", "tls://h", "h:1", "tls://h:1#workers=3", "tls://[h:1"])
def test_a_worker_is_told_an_encrypted_address_with_a_port(spec):
    with pytest.raises(UsageProblem, match="no address of a session"):
        worker_address(spec)


def test_keys_are_never_overwritten_and_their_private_part_is_the_owners_alone(keys):
    assert security(keys / "worker", now=NOW).require_encryption
    with pytest.raises(UsageProblem, match="a key is never overwritten"):
        make_keys(keys, days=1, now=NOW)

    (keys / "worker" / "key.pem").chmod(0o640)

    with pytest.raises(UsageProblem, match="others may read this key"):
        security(keys / "worker", now=NOW)


def test_keys_hold_until_their_last_day_and_no_longer(keys):
    security(keys / "worker", now=NOW + timedelta(days=30, seconds=-1))
    with pytest.raises(UsageProblem, match="these keys are over"):
        security(keys / "worker", now=NOW + timedelta(days=30))


def test_no_key_of_the_authority_is_written(keys):
    written = sorted(path.relative_to(keys).as_posix() for path in keys.rglob("*.pem"))

    assert written == [f"{side}/{name}.pem" for side in ("coordinator", "worker") for name in ("ca", "cert", "key")]
    for side in ("coordinator", "worker"):
        assert "PRIVATE" not in Path(keys, side, "ca.pem").read_text()


def test_the_fastest_answer_says_best_where_a_clock_stands():
    """A worker 5 s ahead; the second answer took 2 ms, of which the way back was the longer part."""
    instants = iter([0, 9_000_000, 10_000_000, 12_000_000, 20_000_000, 50_000_000])
    answers = iter([1_000_000, 10_500_000, 21_000_000])

    found = read_offset(lambda: Anchor(1, 5_000_000_000 + next(answers)), lambda: next(instants), tries=3)

    assert found.uncertainty_ns == 1_000_000
    assert abs(found.ns - 5_000_000_000) <= found.uncertainty_ns


NOTHING = Reply(
    np.zeros(0, np.int64), np.zeros(0, np.int32), None, None, None, None, None, Finish.NONE, Failure.DISCONNECTED
)


def rows(count, tokens=4, gap=10_000_000):
    for number in range(count):
        sent = 1_000 + number * 7
        stamps = sent + np.arange(1, tokens + 1, dtype=np.int64) * gap + number
        kept = Exchange(number, sent, sent, int(stamps[-1]), 200, stamps_ns=[int(stamps[0])])
        yield (
            kept,
            Reply(stamps, np.ones(tokens, np.int32), None, tokens, 3, 0, None, Finish.LENGTH, Failure.NONE),
        )


def test_moving_to_another_clock_changes_no_interval_and_invents_no_instant():
    silent = Exchange(9, 5, 5, 6)
    arrays = pack(
        [*rows(2), (silent, NOTHING)],
        keep_bytes=True,
    )

    there = moved(arrays, -123_456_789)

    assert (np.diff(there.stamps_ns) == np.diff(arrays.stamps_ns)).all()
    assert (there.ended_ns - there.sent_ns == arrays.ended_ns - arrays.sent_ns).all()
    assert there.first_byte_ns[0] == ABSENT == arrays.first_byte_ns[0]
    assert (there.first_byte_ns[1:] == arrays.first_byte_ns[1:] - 123_456_789).all()


def test_a_worker_counts_every_gap_but_the_first_of_each_request():
    offsets = np.array([0, 4, 4, 5, 7, 10])
    stamps = np.array([0, 1, 3, 6, 100, 200, 201, 300, 310, 330]) * 1_000_000

    counted = count_gaps(offsets, stamps, start_ns=0, bounds_ns=[2_500_000])

    assert counted.total == 3  # 2 and 3 ms of the first request, 20 ms of the last
    assert counted.total_ns.sum() == 25_000_000
    assert counted.over.tolist() == [[2]]


def test_a_gap_belongs_to_the_minute_in_which_it_ends():
    edge = BLOCK_NS
    stamps = np.array([0, edge - 20, edge - 1, edge])

    counted = count_gaps(np.array([0, 4]), stamps, start_ns=0, bounds_ns=[1])

    assert counted.blocks.tolist() == [0, 1]
    assert counted.totals.tolist() == [1, 1]


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_counts_of_many_workers_are_the_counts_of_one_process_to_the_bit(workers):
    seeded = np.random.default_rng(4)
    tokens = 50
    gaps = seeded.gamma(2.0, 8e6, (60, tokens)).astype(np.int64)
    stamps = gaps.cumsum(axis=1) + seeded.integers(0, 10**9, (60, 1))
    bounds = [13_000_000, 50_000_000]

    def counted(rows):
        offsets = np.arange(rows.shape[0] + 1) * tokens
        return count_gaps(offsets, rows.ravel(), start_ns=0, bounds_ns=bounds)

    merged, alone = merge(*(counted(stamps[at::workers]) for at in range(workers))), counted(stamps)

    for name, array in alone.to_arrays().items():
        assert np.array_equal(array, merged.to_arrays()[name]), name
    for share in (0.5, 0.95, 0.99):
        assert merged.quantile_ns(share) == alone.quantile_ns(share)
    assert alone.total == record(np.diff(stamps, axis=1)[:, 1:].ravel(), bounds_ns=bounds).total


def process(kernel, busy_s, own_s, wall_s=10.0, cores=2):
    host = {"wall_s": wall_s, "own_cpu_s": own_s, "busy_cpu_s": busy_s, "cores": cores, "rss_bytes": 1}
    return {"host": host, "kernel": kernel}


def test_of_many_hosts_the_one_with_the_most_foreign_work_counts():
    """Two workers on one kernel are no strangers to each other, and the server's work is ours where it runs."""
    processes = [process("here", 6.0, 1.0), process("here", 6.0, 2.0), process("there", 5.0, 1.0)]

    use = host_use({"processes": processes, "hosts": {"kernel": "here"}}, 2.5)

    assert use["foreign_share"] == pytest.approx(4.0 / 20)  # "there": 5 s busy, 1 s of it ours
    assert host_use({"processes": processes[:2], "hosts": {"kernel": "here"}}, 2.5)["foreign_share"] == pytest.approx(
        0.5 / 20
    )
