"""What the probe exports: exact edges, nothing unknown as 0, and a target that is not there."""

import asyncio
import json
from dataclasses import replace

import pytest
from prometheus_client import generate_latest

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.measure.probe import names
from pytest_rawrxd.measure.probe.exporter import Exporter
from pytest_rawrxd.measure.probe.exposition import Exposition
from pytest_rawrxd.measure.probe.stream import probe_once
from pytest_rawrxd.measure.probe.terms import ProbeTerms
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.rig.server.managed import free_port
from pytest_rawrxd.rig.server.target import HttpTarget
from pytest_rawrxd.rig.telemetry import Telemetry

TERMS = replace(ProbeTerms.of(load_profile("rx7800xt")), url="http://h:1", deadline_s=5.0, tokens=4)
TARGET = HttpTarget("llama-server", "http://h:1")


def text(shown):
    return generate_latest(shown.registry).decode()


def value(shown, name, **labels):
    return shown.registry.get_sample_value(name, labels)


def test_the_bounds_of_the_sla_are_edges_and_so_are_its_early_warnings():
    assert {0.013, 0.05, 0.1, 0.2} <= set(TERMS.gap_edges)
    assert {0.01261, 0.04, 0.08, 0.16} <= set(TERMS.gap_edges)
    assert {300.0, 240.0} <= set(TERMS.request_edges)
    assert list(TERMS.gap_edges) == sorted(set(TERMS.gap_edges))


def test_terms_travel_as_json():
    aimed = replace(TERMS, target=TARGET, pid=7)
    assert ProbeTerms.from_json(json.loads(json.dumps(aimed.to_json()))) == aimed


def test_a_gap_on_a_bound_is_inside_it_and_one_just_above_is_not():
    shown = Exposition(TERMS)
    shown.streams()
    shown.gap(0.05, 1)
    shown.gap(0.0501, 1)

    assert value(shown, f"{names.GAP}_bucket", le="0.05") == 1
    assert value(shown, f"{names.GAP}_count") == 2


def test_tokens_of_one_chunk_share_its_gap():
    shown = Exposition(TERMS)
    shown.streams()
    shown.gap(0.2, 4)

    assert value(shown, names.TOKENS) == value(shown, f"{names.GAP}_count") == 4
    assert value(shown, f"{names.GAP}_bucket", le="0.05") == 4
    assert value(shown, names.DECODE) == pytest.approx(0.2)


def test_nothing_that_is_unknown_is_exported_as_zero():
    shown = Exposition(TERMS)
    assert value(shown, names.UP) == 0
    for name in (names.MEMORY, names.TEMPERATURE, names.RUNNING, names.TARGET_TOKENS, f"{names.GAP}_count"):
        assert name not in text(shown)

    shown.know({names.UP: 1.0, names.RUNNING: 0.0, names.TARGET_TOKENS: 5.0})
    assert value(shown, names.RUNNING) == 0
    assert value(shown, names.TARGET_TOKENS) == 5
    assert names.MEMORY not in text(shown)


def test_every_reason_starts_at_zero_so_that_the_first_failure_is_an_increase():
    shown = Exposition(TERMS)
    shown.ended(1.0, Failure.DEADLINE)

    assert value(shown, names.FAILURES, reason="deadline") == 1
    assert value(shown, names.FAILURES, reason="stalled") == 0
    assert value(shown, names.FAILURES, reason="none") is None


def readings(probe, *, last=Failure.NONE, gpu=None, target=TARGET):
    return Exporter(
        replace(TERMS, target=target), Exposition(TERMS), {}, gpu, probe, last=last, target=target
    ).readings()


def well(url, *, timeout_s):
    return (200, b"{}") if url.endswith("/health") else (404, b"")


def gone(url, *, timeout_s):
    return None


def test_a_target_that_answers_is_up_until_a_probe_request_fails():
    assert readings(well)[names.UP] == 1
    assert readings(well, last=Failure.DEADLINE)[names.UP] == 0


def test_of_a_target_that_is_gone_only_that_is_known():
    assert readings(gone) == {names.UP: 0.0}
    assert readings(gone, target=None) == {names.UP: 0.0}


class Card:
    """A source of telemetry: a card that is read, or that has fallen off its bus."""

    source, absent = "fake", {}
    signals = ("memory_used_bytes", "temperature_c", "utilisation_percent", "power_mw")

    def __init__(self, trouble=None):
        self.trouble = trouble

    def read(self, pids):
        if self.trouble:
            raise self.trouble
        return dict(zip(self.signals, (13_000_000_000, 71, 95, 200_000), strict=True))


def test_a_gpu_is_exported_in_bytes_degrees_and_shares():
    found = readings(well, gpu=Telemetry([Card()]))
    assert (found[names.MEMORY], found[names.TEMPERATURE], found[names.UTILISATION]) == (13e9, 71, pytest.approx(0.95))


def test_a_gpu_that_no_longer_answers_leaves_its_readings_out():
    lost = Telemetry([Card(RigTrouble("the GPU no longer answers"))])
    assert readings(well, gpu=lost) == {names.UP: 1.0}


def test_a_request_to_nobody_is_a_failure_and_ends():
    shown = Exposition(TERMS)
    target = HttpTarget("llama-server", f"http://127.0.0.1:{free_port()}")

    failure = asyncio.run(probe_once(target, TERMS, 0, shown, environ={}))

    assert failure is Failure.UNREACHABLE
    assert value(shown, names.FAILURES, reason="unreachable") == value(shown, names.REQUESTS) == 1


def test_a_server_that_replies_once_has_no_gaps_to_export():
    shown = Exposition(TERMS)
    target = HttpTarget("rawrxd", f"http://127.0.0.1:{free_port()}")

    asyncio.run(probe_once(target, TERMS, 0, shown, environ={}))

    assert names.GAP not in text(shown)
    assert value(shown, names.REQUESTS) == 1
