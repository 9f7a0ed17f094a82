"""Load from many hosts for real: Dask over TLS, a worker in each of three network namespaces."""

import contextlib
import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import psutil
import pytest
from fakes.network import NET, hosts, why_not

from pytest_rawrxd.errors import RigTrouble, UsageProblem
from pytest_rawrxd.measure.histogram import Histogram, merge
from pytest_rawrxd.measure.hosts.coordinator import LoadHosts
from pytest_rawrxd.measure.hosts.counted import count_gaps
from pytest_rawrxd.measure.hosts.crew import ABSENT_S
from pytest_rawrxd.measure.hosts.keys import make_keys
from pytest_rawrxd.measure.hosts.place import Place
from pytest_rawrxd.measure.load.plan import LoadPlan
from pytest_rawrxd.measure.load.schedule import ClosedLoop, constant
from pytest_rawrxd.rig.server.managed import free_port
from pytest_rawrxd.rig.server.probe import get
from pytest_rawrxd.rig.server.target import HttpTarget

FAKE = Path(__file__).parents[1] / "fakes" / "http_server.py"
NAMES = ("w1", "w2", "w3")
BOUNDS = (4_000_000, 50_000_000)
TOKENS = 12
PATIENCE_S = 120  #: for what takes a second on a quiet machine


class Kept:
    def __init__(self):
        self.records = []

    def record(self, kind, data, arrays=None):
        self.records.append((kind, data, arrays))
        return f"r{len(self.records)}"


def now():
    return datetime.now(UTC)


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("fleet")
    make_keys(folder / "ours", days=1, now=now())
    make_keys(folder / "theirs", days=1, now=now())
    return folder


@contextlib.contextmanager
def worker(name, address, keys, where=(), join_s=PATIENCE_S):
    command = [*where, sys.executable, "-m", "pytest_rawrxd", "load", "worker", address, "--keys", str(keys)]
    child = subprocess.Popen(
        [*command, "--name", name, "--join", str(join_s)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        yield child
    finally:
        child.kill()
        child.wait()
        child.stdout.close()


@pytest.fixture(scope="module")
def network():
    if (reason := why_not()) is not None:
        pytest.skip(reason)
    with hosts(3) as found:
        yield found


@pytest.fixture(scope="module")
def server(network):
    """A server on this machine's address in the namespaces' network."""
    with subprocess.Popen(
        [sys.executable, str(FAKE), f"{NET}.1.1"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        yield f"http://{NET}.1.1:{json.loads(child.stdout.readline())['port']}"


@pytest.fixture(scope="module")
def fleet(network, keys):
    """Three workers on hosts of their own, and their coordinator; ``children`` are the workers' processes."""
    port = free_port()
    with contextlib.ExitStack() as stack:
        children = {
            name: stack.enter_context(
                worker(name, f"tls://{NET}.{at}.1:{port}", keys / "ours" / "worker", network[at - 1])
            )
            for at, name in enumerate(NAMES, start=1)
        }
        place = Place(f"tls://0.0.0.0:{port}", 3, keys / "ours" / "coordinator", wait_s=PATIENCE_S)
        opened = stack.enter_context(LoadHosts(place, bounds_ns=BOUNDS, now=now(), grace_s=60.0))
        yield opened, children


def plan(server, script, **changes):
    values = {"requests": 24, "max_tokens": TOKENS, "deadline_s": float(PATIENCE_S), "seed": 3, **changes}
    return LoadPlan(HttpTarget("openai", f"{server}/{script}/v1"), ClosedLoop(6), ("one text",), **values)


def tokens_of(arrays):
    """Offsets and instants of tokens: those of one read share its instant."""
    totals = np.concatenate([[0], np.cumsum(arrays.tokens, dtype=np.int64)])
    return totals[arrays.offsets], np.repeat(arrays.stamps_ns, arrays.tokens)


def asked(server, script):
    """What the fake server says of its gate."""
    status, body = get(f"{server}/{script}", timeout_s=PATIENCE_S)
    assert status == 200
    return json.loads(body)


def wait_until(holds):
    """Return once ``holds``; a machine with other work on it takes its time."""
    ends = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.02)


def gaps_of(arrays):
    """Every gap behind the first interval of its request; the tokens of a read that came late waited for it, each."""
    found = []
    for first, end in zip(arrays.offsets[:-1], arrays.offsets[1:], strict=True):
        waits, reads = np.diff(arrays.stamps_ns[first:end]), arrays.tokens[first + 1 : end].copy()
        reads[:1] -= arrays.tokens[first] == 1  # the first interval, where the first read brought one token alone
        found.append(np.repeat(waits, reads))
    return np.concatenate(found)


def test_three_hosts_do_one_load_and_their_merged_percentiles_are_those_of_one_process(fleet, server):
    coordinator, _ = fleet
    sink = Kept()

    found = coordinator.run(plan(server, "good"), sink=sink)

    assert sorted(found.arrays.number.tolist()) == list(range(24))
    # A busy host may read two tokens at once: they are one instant, and still two tokens.
    assert (np.add.reduceat(found.arrays.tokens, found.arrays.offsets[:-1]) == TOKENS).all()
    assert (found.arrays.sent_ns >= found.start_ns).all()
    records = {data["name"]: (data, arrays) for _, data, arrays in sink.records}
    assert set(records) == set(NAMES)
    assert {data["address"].split(":")[1] for data, _ in records.values()} == {f"//{NET}.{n}.2" for n in (1, 2, 3)}
    for data, _ in records.values():
        assert (data["state"], data["requests"]) == ("whole", 8)
        assert data["host"]["cpu"] == coordinator.workers[0].host["cpu"]
        assert len(data["anchors"]) == 2
        # The namespaces share one clock: what was read of it is right within what was claimed.
        assert abs(data["offset_ns"]) <= data["start_uncertainty_ms"] * 1e6

    from_hosts = merge(*(Histogram.from_arrays(arrays) for _, arrays in records.values()))
    alone = count_gaps(*tokens_of(found.arrays), start_ns=found.start_ns, bounds_ns=BOUNDS)
    for name, array in alone.to_arrays().items():
        assert np.array_equal(array, from_hosts.to_arrays()[name]), name
    gaps = gaps_of(found.arrays)
    assert alone.total == gaps.size > 0
    for share in (0.5, 0.95, 0.99):
        assert from_hosts.quantile_ns(share) == alone.quantile_ns(share)
        assert alone.quantile_ns(share) == pytest.approx(np.quantile(gaps, share, method="inverted_cdf"), rel=0.0051)
    for column, bound in enumerate(BOUNDS):
        assert from_hosts.over[:, column].sum() == np.count_nonzero(gaps > bound)


def test_an_open_loop_is_split_without_moving_an_instant(fleet, server):
    coordinator, _ = fleet
    pace = constant(9, rate=30.0)
    asked = LoadPlan(HttpTarget("openai", f"{server}/good/v1"), pace, ("one text",), 9, 4, deadline_s=float(PATIENCE_S))

    found = coordinator.run(asked, sink=Kept())

    order = np.argsort(found.arrays.number)
    intended = found.arrays.intended_ns[order]
    worst = max(each["start_uncertainty_ms"] for each in found.summary["hosts"]["workers"]) * 1e6
    assert np.abs(intended - found.start_ns - pace.offsets_ns).max() <= 2 * worst


def test_one_request_has_one_worker_and_the_others_are_named_idle(fleet, server):
    coordinator, _ = fleet
    sink = Kept()

    found = coordinator.run(replace(plan(server, "good", requests=1), pace=ClosedLoop(1)), sink=sink)

    assert found.summary["hosts"]["planned"] == found.summary["hosts"]["answered"] == 1
    assert [data["state"] for _, data, _ in sink.records] == ["whole", "without a share", "without a share"]


def test_every_host_is_calibrated_at_its_share(fleet):
    coordinator, _ = fleet

    found = coordinator.calibrate(streams=4, rate=20, seconds=0.3, pattern="burst")

    assert [(each.host, each.streams) for each in found] == [("w1", 2), ("w2", 1), ("w3", 1)]


def test_strangers_are_kept_out_keys_never_travel_and_who_comes_late_has_no_share(
    fleet, server, network, keys, monkeypatch
):
    monkeypatch.delenv("ONLY_HERE", raising=False)
    coordinator, children = fleet
    address = children["w1"].args[children["w1"].args.index("worker") + 1]
    sink = Kept()

    with (
        worker("stranger", address, keys / "theirs" / "worker", network[0], join_s=3) as stranger,
        worker("late", address, keys / "ours" / "worker", network[0]) as late,
    ):
        said, _ = stranger.communicate(timeout=PATIENCE_S)
        assert stranger.returncode == 1
        assert "no coordinator let this worker in" in said

        locked = replace(plan(server, "good").target, key_env="ONLY_HERE")
        with pytest.raises(RigTrouble, match="a load worker is missing before the start") as told:
            coordinator.run(replace(plan(server, "good"), target=locked), sink=sink)
        assert "the environment variable ONLY_HERE is not set on this host" in str(told.value)

        wait_until(lambda: "late" in coordinator.present().values() or late.poll() is not None)
        found = coordinator.run(plan(server, "good", requests=6), sink=sink)

    assert found.summary["hosts"]["planned"] == found.summary["hosts"]["answered"] == 3
    states = {data["name"]: data for _, data, _ in sink.records}
    whole = dict.fromkeys(NAMES, "whole")
    assert {name: data["state"] for name, data in states.items()} == {**whole, "late": "joined late"}
    assert states["late"]["requests"] is None
    assert [arrays for _, data, arrays in sink.records if data["name"] == "late"] == [None]


def test_a_worker_that_dies_or_freezes_under_load_is_named_and_its_share_is_missing(fleet, server):
    """The last test of the module that needs three workers: one is killed, one suspended, all with requests open."""
    coordinator, children = fleet
    sink = Kept()
    killed, frozen = (psutil.Process(children[name].pid) for name in ("w2", "w3"))

    def hurt():
        wait_until(lambda: {f"{NET}.{at}.2" for at in (1, 2, 3)} <= set(asked(server, "holding")))
        for victim in (*killed.children(recursive=True), killed):
            victim.kill()
        frozen.suspend()
        asked(server, "release")

    with ThreadPoolExecutor(1) as beside:
        hurting = beside.submit(hurt)
        found = coordinator.run(plan(server, "held", requests=6, limit_s=PATIENCE_S), sink=sink)
        hurting.result()

    states = {data["name"]: data for _, data, _ in sink.records}
    assert {name: data["state"] for name, data in states.items()} == {"w1": "whole", "w2": "died", "w3": "lagged"}
    assert states["w2"]["found"] == "its connection ended, and so did its process or its host"
    assert states["w3"]["found"] == f"not a word of it for {ABSENT_S} s: frozen, or cut off"
    assert states["w2"]["requests"] is states["w3"]["requests"] is None
    assert (found.summary["hosts"]["planned"], found.summary["hosts"]["answered"]) == (3, 1)
    assert sorted(found.arrays.number.tolist()) == [0, 3]

    with pytest.raises(RigTrouble, match="a load worker is missing before the start") as told:
        coordinator.run(plan(server, "good"), sink=sink)
    assert "w2 died" in str(told.value)
    assert "w3 lagged" in str(told.value)

    frozen.resume()
    said, _ = children["w3"].communicate(timeout=PATIENCE_S)
    assert children["w3"].returncode == 1
    assert "the coordinator counts this worker as lost" in said

    coordinator.close()
    said, _ = children["w1"].communicate(timeout=PATIENCE_S)
    assert children["w1"].returncode == 0
    assert said.splitlines()[-1] == "the session is over"


def test_too_few_workers_are_found_before_anything_is_measured(keys):
    place = Place(f"tls://127.0.0.1:{free_port()}", 2, keys / "ours" / "coordinator", wait_s=1)

    with pytest.raises(UsageProblem, match="too few load workers came") as told:
        LoadHosts(place, bounds_ns=BOUNDS, now=now())

    assert "0 of 2 within 1 s: none" in str(told.value)
