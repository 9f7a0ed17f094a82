"""The recovery procedures as their reader sees them: every figure from the records, every fault with its proof."""

from __future__ import annotations

import re

import numpy as np
import pytest

from pytest_rawrxd.report.faults import PROCEDURES, procedures, render_faults
from pytest_rawrxd.rig.faults.catalogue import FAULTS
from pytest_rawrxd.verdict.fault_window import NO_PROMISE, read_injection

SECOND = 1_000_000_000
TALK = {
    "what": "a prompt larger than the context",
    "expects": "error",
    "good": True,
    "hung": False,
    "status": 400,
    "end": "answered",
    "type": "exceed_context_size_error",
    "message": "request (1025 tokens) exceeds the available context size",
    "clear": True,
    "took_s": 0.25,
    "deadline_s": 120.0,
}
COMMON = {
    "engine": {"name": "llama.cpp", "version": "abc123"},
    "target": "llama-server",
    "owned": True,
    "policy": {"ready_path": "/health", "silence_s": 3.0, "restart": True, "restart_wait_s": 0.5},
    "injected_ns": 100 * SECOND,
    "undone_ns": 100 * SECOND,
    "ended_ns": 115 * SECOND,
    "talks": [],
    "wrong": [],
    "about_fault": "The process ends at once.",
}


def event(kind, seconds):
    return {"kind": kind, "at_ns": round((100 + seconds) * SECOND), "said": ""}


@pytest.fixture
def broken(sample):
    """A campaign with one kill under load and one drill, as a page sees it."""
    at = np.array([99.9, 102.0, 103.0]) * SECOND
    raw = {
        "number": np.array([0, 0, 1]),
        "intended_ns": np.array([at[0], at[0], at[2]], np.int64),
        "sent_ns": at.astype(np.int64),
        "ended_ns": (at + np.array([0.15, 0.5, 0.5]) * SECOND).astype(np.int64),
        "failure": np.array([3, 0, 0]),
        "offsets": np.array([0, 0, 1, 2]),
        "stamps_ns": (at[1:] + 0.1 * SECOND).astype(np.int64),
    }
    window = {
        **COMMON,
        "kind": "process_crash",
        "name": "kill",
        "number": 0,
        "deadline_s": 20.0,
        "settled_ns": None,
        "proof": {"held": True, "said": "ended: signal SIGKILL"},
        "events": [event("ended", 0.25), event("started", 0.75), event("ready", 1.75)],
        "raw": {"file": "w", "sha256": "0", "bytes": 1},
    }
    drill = {
        **COMMON,
        "kind": "malformed",
        "name": "bad requests",
        "talks": [
            TALK,
            {**TALK, "what": "an answered one", "status": 200, "type": None, "clear": False, "message": "7b"},
        ],
        "proof": {"held": True, "said": "5 of 5 were refused"},
        "events": [],
        "served_ns": 104 * SECOND,
    }
    records = [sample.Record("s001-main-1", "fault.window", window), sample.Record("s001-main-2", "fault.drill", drill)]
    return records, {"w": raw}


@pytest.fixture
def page(sample, broken):
    records, raw = broken
    view = sample.RunView.build(
        sample.make_verdicts(), records=records, load_raw=lambda ref: raw[ref["file"]], profile=sample.make_profile()
    )
    return " ".join(re.sub(r"<[^>]+>", " ", render_faults(view)).split())


def test_every_injection_stands_with_its_proof_its_losses_and_its_times(page):
    assert "1 kill ended: signal SIGKILL 2 1 0 0.250 1.75 2.10 2.50" in page


def test_every_procedure_says_what_to_do_and_how_long_it_took(page):
    assert "3.1 The process is gone" in page
    assert "noticed by the supervisor after 0.250 s ; process ready after 1.75 s" in page
    assert "good answer after a drill after 4 s" in page


def test_an_error_answer_stands_word_for_word_and_another_answer_does_not(page):
    assert "400 exceed_context_size_error request (1025 tokens) exceeds the available context size 0.250 yes" in page
    assert "7b" not in page


def test_the_page_says_who_restarts_the_service_and_when(page):
    assert "/health is asked, silence of 3 s ends the process, an ended one is restarted after 0.500 s." in page


def test_every_kind_of_fault_has_a_procedure():
    assert set(PROCEDURES) == set(FAULTS)


def test_a_procedure_has_the_longest_time_of_its_injections(broken):
    records, raw = broken
    slow = {**raw["w"], "ended_ns": raw["w"]["ended_ns"] + 7 * SECOND}
    found = [read_injection(records[0], each, NO_PROMISE) for each in (raw["w"], slow)]

    (procedure,) = procedures([], found)
    assert dict(procedure.times)["back within the SLA"] == pytest.approx(9.5)
    assert procedure.by_itself == "the supervisor saw the process end or fall silent (2), and started it again (2)"
