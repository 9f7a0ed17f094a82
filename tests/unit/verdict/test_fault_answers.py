"""What a fault campaign decides, from windows and drills written as the campaign writes them."""

import hashlib
from dataclasses import replace

import numpy as np
import pytest

from pytest_rawrxd.measure.canary.song import Sung, arrays_of
from pytest_rawrxd.measure.load.arrays import DTYPES
from pytest_rawrxd.measure.withheld import withheld
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.verdict.fault_crashes import fault_crashes
from pytest_rawrxd.verdict.fault_window import NO_PROMISE, Promise, injections, read_injection
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.queue import flooded
from pytest_rawrxd.verdict.rulebook import RULES

SECOND = 1_000_000_000
ENGINE = {"name": "llama.cpp", "version": "1"}
KILLED = [("ended", 0.1), ("started", 0.6), ("ready", 1.5)]


def request(number, at, took=0.5, failure=Failure.NONE, gap_ms=100.0):
    """One attempt: due and sent at ``at`` seconds from the injection, four tokens."""
    return number, at, took, int(failure), gap_ms


#: In flight at the kill and lost, retried with success; then four that arrive one a second.
SURVIVED = [
    *(request(n, -0.1, 0.2, Failure.DISCONNECTED) for n in range(4)),
    *(request(n, 3.0) for n in range(4)),
    *(request(4 + n, 2.0 + n) for n in range(6)),
]


def window(attempts=SURVIVED, events=KILLED, **changes):
    """Data and arrays of one window, injected at 100 s."""
    attempts = sorted(attempts, key=lambda each: each[1])
    at = lambda seconds: round((100 + seconds) * SECOND)  # noqa: E731 - a unit, not a function
    k = len(attempts)
    arrays = {name: np.zeros(k, dtype) for name, dtype in DTYPES.items()}
    stamps = [[at(sent) + round(gap * 1e6 * (n + 1)) for n in range(4)] for _, sent, _, _, gap in attempts]
    arrays |= {
        "number": np.array([each[0] for each in attempts], np.int64),
        # A retry is due when its request was: at its first attempt.
        "intended_ns": np.array([min(at(e[1]) for e in attempts if e[0] == each[0]) for each in attempts], np.int64),
        "sent_ns": np.array([at(each[1]) for each in attempts], np.int64),
        "ended_ns": np.array([at(each[1] + each[2]) for each in attempts], np.int64),
        "failure": np.array([each[3] for each in attempts], np.int32),
        "offsets": np.arange(k + 1, dtype=np.int64) * 4,
        "stamps_ns": np.array(stamps, np.int64).ravel(),
        "tokens": np.ones(4 * k, np.int32),
        "id_offsets": np.arange(k + 1, dtype=np.int64) * 4,
        "reported_tokens": np.full(k, 4, np.int32),
        "has_ids": np.ones(k, np.uint8),
        "body_offsets": np.zeros(k + 1, np.int64),
        "bodies": np.zeros(0, np.uint8),
    }
    data = {
        "kind": "process_crash",
        "name": "kill",
        "engine": ENGINE,
        "number": 0,
        "seed": 5,
        "dialect": "llama-server",
        "deadline_s": 20.0,
        "injected_ns": at(0),
        "undone_ns": at(0.2),
        "ended_ns": at(15),
        "settled_ns": at(14),
        "proof": {"held": True, "said": "ended: signal SIGKILL"},
        "talks": [],
        "wrong": [],
        "events": [{"kind": kind, "at_ns": at(seconds), "said": kind} for kind, seconds in events],
        "before": {"weights": {"Vulkan0": 1}, "zombies": 0},
        "after": {"weights": {"Vulkan0": 1}, "zombies": 0},
    }
    return {**data, **changes}, arrays


class Kept:
    id, session = "s-1", "s"

    def __init__(self, data):
        self.data = data


def read(promise=NO_PROMISE, **how):
    data, arrays = window(**how)
    return read_injection(Kept(data), arrays, promise)


def test_a_retried_request_is_lost_raw_and_not_lost():
    found = read()

    assert (found.requests, found.raw_lost, found.lost) == (10, 4, 0)


def test_a_request_whose_retry_fails_too_is_lost():
    attempts = [*SURVIVED[:4], request(0, 3.0, 0.1, Failure.UNREACHABLE), *SURVIVED[5:]]

    assert read(attempts=attempts).lost == 1


def test_the_three_recovery_times_are_counted_from_the_injection():
    found = read()

    assert (found.detected_s, found.up_s) == (0.1, 1.5)
    assert found.first_token_s == pytest.approx(2.1)
    assert found.recovery_s == pytest.approx(2.5)


def test_a_slow_answer_is_not_back_within_the_promise():
    attempts = [*SURVIVED[:8], request(4, 2.0, gap_ms=300.0), *(request(5 + n, 5.0 + n) for n in range(5))]

    # Those sent with the slow one conform, and the first of them that began after it ended at 3.5 s.
    assert read(attempts=attempts, promise=Promise(200.0, None)).recovery_s == pytest.approx(3.5)
    assert read(attempts=attempts, promise=Promise(None, 299.0)).recovery_s == pytest.approx(3.5)
    assert read(attempts=attempts, promise=Promise(300.0, 300.0)).recovery_s == pytest.approx(2.5)


def test_a_service_that_answers_nothing_in_its_window_is_back_when_it_answered_after_it():
    never = [request(n, n, 0.1, Failure.UNREACHABLE) for n in range(8)]

    assert read(attempts=never).recovery_s == 14
    assert read(attempts=never, settled_ns=None).recovered_ns is None


def test_a_fault_that_no_request_felt_is_over_at_the_first_good_answer():
    assert read(attempts=[request(n, 1.0 + n) for n in range(5)], events=[]).recovery_s == 1.5


@pytest.mark.parametrize(("took", "hung"), [(20.9, 0), (21.1, 1)])
def test_a_request_hangs_when_it_is_open_beyond_its_deadline(took, hung):
    assert read(attempts=[*SURVIVED, request(11, 1.0, took, Failure.DEADLINE)]).hung == hung


# --- answers ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def judged(opened):
    """``judged("P2-LOSS", windows=[...], drills=[...])``: the finding of a criterion of the rehearsal."""
    profile = load_profile("embedded")

    def judge(criterion, *, windows=(), drills=(), floods=(), canaries=()):
        book = opened("embedded", "cpu")
        for kind, records in (("fault.window", windows), ("fault.queue", floods), ("canary", canaries)):
            for data, arrays in records:
                book._recorder.record(kind, data, arrays)
        for data in drills:
            book._recorder.record("fault.drill", data)
        promise = profile.criteria[criterion]
        return RULES[promise.metric](book.evidence(), promise)[0]

    return judge


KINDS = ("process_crash", "out_of_memory", "timeout", "freeze", "process_crash", "out_of_memory")


def six(**changes):
    return [window(**{"kind": kind, **changes}) for kind in KINDS]


def test_loss_and_recovery_of_six_injections_are_kept(judged):
    assert judged("P2-LOSS", windows=six()).verdict is Verdict.PASS
    assert "without retry 40 %" in judged("P2-LOSS", windows=six()).reason
    assert judged("P2-MTTR", windows=six()).verdict is Verdict.PASS
    assert judged("SLA-AVAIL", windows=six()).verdict is Verdict.PASS


@pytest.mark.parametrize("criterion", ["P2-LOSS", "P2-MTTR", "SLA-AVAIL", "P2-FAULT-CRASH"])
def test_one_fault_without_proof_makes_its_criteria_invalid(judged, criterion):
    windows = [*six()[:-2], window(proof={"held": False, "said": "the process lives on"}), six()[-1]]

    found = judged(criterion, windows=windows)

    assert found.verdict is Verdict.INVALID
    assert "kill (the process lives on)" in found.reason


@pytest.mark.parametrize("criterion", ["P2-LOSS", "P2-MTTR", "SLA-AVAIL", "P2-FAULT-CRASH", "P2-QUEUE", "P2-FALLBACK"])
def test_without_a_campaign_nothing_is_measured(judged, criterion):
    assert judged(criterion).verdict is Verdict.NOT_MEASURED


def test_a_service_that_never_came_back_fails_whatever_the_mean(judged):
    never = [request(n, n, 0.1, Failure.UNREACHABLE) for n in range(8)]
    windows = [*six()[:-1], window(attempts=never, settled_ns=None)]

    assert judged("P2-MTTR", windows=windows).verdict is Verdict.FAIL
    assert judged("P2-FAULT-CRASH", windows=windows).verdict is Verdict.FAIL


def test_an_end_after_the_service_was_back_is_a_crash(judged):
    assert judged("P2-CRASH-FAULTS", windows=[window() for _ in KINDS]).verdict is Verdict.PASS

    found = judged("P2-CRASH-FAULTS", windows=[window(events=[*KILLED, ("ended", 9.0)])])
    assert (found.verdict, found.estimate) == (Verdict.FAIL, 1)


@pytest.mark.parametrize(("seconds", "crashes"), [(15.0, 0), (15.001, 1), (-0.001, 1)])
def test_an_end_between_two_faults_is_a_crash(opened, seconds, crashes):
    book = opened("embedded", "cpu")
    book._recorder.record("fault.window", *window())
    event = {"kind": "ended", "at_ns": round((100 + seconds) * SECOND), "said": "signal SIGSEGV"}
    book._recorder.record("fault.service", {"events": [event]})

    ends, _, _ = fault_crashes(book.evidence())

    assert len(ends) == crashes


def test_an_end_under_a_fault_that_takes_no_process_away_is_a_crash(judged):
    assert judged("P2-CRASH-FAULTS", windows=[window(kind="timeout", name="short deadline")]).estimate == 1


TALK = {
    "what": "broken JSON",
    "good": True,
    "hung": False,
    "status": 400,
    "end": "answered",
    "message": "parse error",
    "took_s": 0.1,
}


def drill(**changes):
    data, _ = window(kind="malformed", name="bad requests", events=[])
    return {**data, "talks": [TALK], "served_ns": 1, **changes}


def device(before, after):
    """Device memory around a fault; in a rehearsal it may be 1 GB more afterwards."""
    states = ({"weights": {"Vulkan0": 1}, "zombies": 0, "device": {"memory_used_bytes": b}} for b in (before, after))
    return dict(zip(("before", "after"), states, strict=True))


def test_device_memory_that_is_back_or_was_not_read_is_told(judged):
    back = judged("P2-FAULT-REQUEST", drills=[drill(**device(9_000_000, 7_000_000))])
    states = device(None, None)
    states["after"]["device"]["why"] = "NVML: no permission"

    assert back.reason.endswith("service back, device memory within 2 MB of before")
    assert judged("P2-FAULT-REQUEST", drills=[drill(**states)]).reason.endswith("not read: NVML: no permission")
    assert "device memory" not in judged("P2-FAULT-REQUEST", drills=[drill()]).reason


@pytest.mark.parametrize(
    "criterion",
    [
        *("P2-LOSS", "P2-FAULT-CRASH", "P2-FAULT-REQUEST", "P2-FAULT-ENDS", "P2-CRASH-FAULTS", "P2-QUEUE"),
        *("P2-FALLBACK", "P2-CORRECT", "P2-CORRECT-FAULTS", "P2-MTTR"),
    ],
)
def test_faults_of_another_engine_decide_nothing_about_the_one_that_is_signed(opened, criterion):
    book, profile = opened("production", "vulkan"), load_profile("production")
    other = {"engine": {"name": "llama.cpp", "version": "another build"}}
    solo = birds("solo", sung([1, 5, 9]), sung([2, 6, 10]), **other)
    together = birds("together", sung([1, 5, 9]), sung([2, 6, 10]), **other)
    for data, arrays in (REFERENCE, solo, together):
        book._recorder.record("canary", {**data, **other}, arrays)
    for data, arrays in six(**other):
        book._recorder.record("fault.window", data, arrays)
    data, arrays = flood([Failure.NONE] * 200)
    book._recorder.record("fault.queue", {**data, **other}, arrays)
    book._recorder.record("fault.drill", drill(**other))
    book._recorder.record("fault.drill", drill(kind="device_unavailable", **other))

    found = RULES[profile.criteria[criterion].metric](book.evidence(), profile.criteria[criterion])[0]

    assert found.verdict is Verdict.INVALID
    assert "faults were injected into llama.cpp another build, not into the engine under test" in found.reason


@pytest.mark.parametrize(
    ("changes", "verdict"),
    [
        ({}, Verdict.PASS),
        ({"talks": [TALK, {**TALK, "good": False, "message": ""}]}, Verdict.FAIL),
        ({"wrong": ["2 records are lost"]}, Verdict.FAIL),
        ({"served_ns": None}, Verdict.FAIL),
        ({"after": {"weights": {"Vulkan0": 1}, "zombies": 1}}, Verdict.FAIL),
        ({"after": {"weights": {"Vulkan0": 2}, "zombies": 0}}, Verdict.FAIL),
        (device(0, 1_000_000_000), Verdict.PASS),
        (device(0, 1_000_000_001), Verdict.FAIL),
        (device(3_000_000_000, 1_000_000), Verdict.PASS),
        (device(None, 5_000_000_000), Verdict.PASS),
        ({"proof": {"held": False, "said": "taken as good"}}, Verdict.INVALID),
    ],
)
def test_a_fault_is_handled_when_all_of_it_went_well(judged, changes, verdict):
    assert judged("P2-FAULT-REQUEST", drills=[drill(**changes)]).verdict is verdict


def test_an_exchange_that_hung_is_counted(judged):
    hung = drill(talks=[{**TALK, "hung": True, "good": False}])

    assert judged("P2-FAULT-ENDS", windows=six(), drills=[hung]).estimate == 1
    assert judged("P2-FAULT-ENDS", windows=six(), drills=[drill()]).verdict is Verdict.PASS


def flood(failures, streams=4):
    data, arrays = window([request(n, 0.0, 5.0, code) for n, code in enumerate(failures)], events=[])
    return {**data, "streams": streams}, arrays


@pytest.mark.parametrize(
    ("failures", "verdict", "answered"),
    [
        ([Failure.NONE] * 24, Verdict.PASS, 20),
        ([Failure.NONE] * 23, Verdict.FAIL, 19),
        ([Failure.NONE] * 24 + [Failure.OVERLOADED] * 6, Verdict.PASS, 20),
        ([Failure.NONE] * 30 + [Failure.DISCONNECTED], Verdict.FAIL, 26),
    ],
)
def test_a_queue_is_served_when_enough_waited_and_the_rest_was_turned_away_clearly(judged, failures, verdict, answered):
    data, arrays = flood(failures)

    assert flooded(data, arrays).answered == answered
    assert judged("P2-QUEUE", floods=[(data, arrays)]).verdict is verdict


def test_requests_that_did_not_wait_together_are_no_queue():
    data, arrays = window([request(n, float(n), 0.5) for n in range(40)], events=[])

    assert flooded({**data, "streams": 4}, arrays).answered == 0


# --- canaries ---------------------------------------------------------------------------------------------------------


def sung(ids, text="", status=200, margin=2.0, moved=0.0, reported=None):
    """An answer whose second choice at each place is the next token, ``margin`` nats less likely."""
    top = tuple(((token, -0.1 - moved), (token + 1, -0.1 - margin)) for token in ids)
    return Sung(status, text, tuple(ids), top, len(ids) if reported is None else reported, 1)


def birds(stage, *songs, when="before any fault", **more):
    data = {"engine": ENGINE, "during": "faults", "stage": stage, "when": when, "nonces": ["aaaa", "bbbb"], **more}
    return {**data, "texts": [song.text for song in songs]}, arrays_of(songs)


REFERENCE = birds("reference", sung([1, 5, 9]), sung([2, 6, 10]))


@pytest.mark.parametrize(
    ("stage", "answer", "wrong"),
    [
        ("solo", sung([1, 5, 9]), ""),
        ("solo", sung([1, 5, 10]), "alone, token 3 is another one"),
        ("together", sung([1, 5, 9]), ""),
        ("together", sung([1, 7, 9]), "nats apart"),
        ("together", sung([2, 6, 10]), "the answer to bbbb"),
        ("together", sung([1, 5, 9], text="x bbbb"), "the nonce bbbb of another stream"),
        ("together", sung([1, 5, 9], reported=2), "2 tokens reported"),
        ("together", sung([1, 5, 9], margin=0.5), "likelihoods of 2 answers moved"),
        ("together", sung([1, 5]), "2 tokens instead of 3"),
    ],
)
def test_a_wrong_answer_fails_and_says_what_is_wrong(judged, stage, answer, wrong):
    found = judged("P2-CORRECT-FAULTS", canaries=[REFERENCE, birds(stage, answer, sung([2, 6, 10]))])

    assert found.verdict is (Verdict.FAIL if wrong else Verdict.PASS)
    assert wrong in found.reason


@pytest.mark.parametrize(("margin", "verdict"), [(1.49, Verdict.PASS), (1.51, Verdict.FAIL)])
def test_in_a_batch_a_token_may_differ_where_the_reference_was_undecided(judged, margin, verdict):
    reference = birds("reference", sung([1, 5, 9], margin=margin), sung([2, 6, 10]))
    other = birds("together", sung([1, 6, 20], margin=margin), sung([2, 6, 10]))
    other[1]["top_ids"][0, 1, :2] = [5, 6]

    assert judged("P2-CORRECT-FAULTS", canaries=[reference, other]).verdict is verdict


@pytest.mark.parametrize(
    ("last", "back", "verdict"),
    [
        (0.9, 1.4, Verdict.PASS),
        (1.6, 1.4, Verdict.FAIL),  # the reference knows that it is further apart, whatever it does not list
        (0.9, 1.6, Verdict.FAIL),  # to the batch the right token was further apart
        (0.9, None, Verdict.FAIL),  # neither lists the token of the other
    ],
)
def test_a_token_that_only_one_side_lists_is_judged_by_what_both_know(judged, last, back, verdict):
    reference = birds("reference", sung([1, 5, 9], margin=last), sung([2, 6, 10]))
    other = birds("together", sung([1, 7, 20], margin=last), sung([2, 6, 10]))
    away = 2.0 if back is None else back
    other[1]["top_ids"][0, 1, :3] = [7, 8 if back is None else 5, 6]
    other[1]["top_logs"][0, 1, :3] = [-0.1, -0.1 - away, -0.1 - away - last]

    found = judged("P2-CORRECT-FAULTS", canaries=[reference, other])

    assert found.verdict is verdict
    assert ("1 wrong answers" in found.reason and "nats apart" in found.reason) is (verdict is Verdict.FAIL)


ALONE = {"tells": {"ids": True, "likelihoods": True, "alone": True}}


@pytest.mark.parametrize(
    ("mine", "theirs", "told", "verdict"),
    [
        (0.07, 0.05, ALONE, Verdict.PASS),
        (1.49, 0.05, ALONE, Verdict.PASS),
        (1.51, 0.05, ALONE, Verdict.FAIL),
        (0.05, 1.51, ALONE, Verdict.FAIL),
        (0.07, 0.05, {}, Verdict.NOT_MEASURED),  # of a batch that was not read again nobody knows
    ],
)
def test_where_ties_fill_both_lists_the_two_readings_tell(judged, mine, theirs, told, verdict):
    """Random weights have more equally likely tokens than a list holds: seen on an H100 with CUDA."""

    def tied(chosen, margin):
        """Its second token is none of the best: others, all alike, are before it."""
        ranked = ((100, -8.0), (101, -8.0), (102, -8.0), (103, -8.0), (chosen, -8.0 - margin))
        return replace(sung([1, chosen, 9]), top=(sung([1]).top[0], ranked, sung([9]).top[0]))

    reference = birds("reference", tied(5, theirs), sung([2, 6, 10]), **told)
    other = birds("together", tied(7, mine), sung([2, 6, 10]), **told)

    assert judged("P2-CORRECT-FAULTS", canaries=[reference, other]).verdict is verdict


def level(chosen, spread):
    """An answer whose second place prefers none of its five likeliest tokens by more than ``spread`` nats."""
    ranked = tuple((chosen + 100 * rank, -8.0 - spread * rank / 4) for rank in range(5))
    return replace(sung([1, chosen, 9]), top=(sung([1]).top[0], ranked, sung([9]).top[0]))


@pytest.mark.parametrize(
    ("stage", "mine", "theirs", "verdict"),
    [
        ("together", 0.1, 0.1, Verdict.NOT_MEASURED),
        ("solo", 0.1, 0.1, Verdict.NOT_MEASURED),
        ("together", 0.21, 0.1, Verdict.FAIL),
        ("together", 0.1, 0.21, Verdict.FAIL),
        ("solo", 0.1, 0.21, Verdict.FAIL),
    ],
)
def test_where_a_model_prefers_no_token_nobody_knows_the_right_one(judged, stage, mine, theirs, verdict):
    """Random weights behind a server on an H100: its list of five ends before the token that the other side chose."""
    reference = birds("reference", level(5, theirs), sung([2, 6, 10]))

    found = judged("P2-CORRECT-FAULTS", canaries=[reference, birds(stage, level(7, mine), sung([2, 6, 10]))])

    assert found.verdict is verdict
    if verdict is Verdict.NOT_MEASURED:
        assert "1 that differ from the answer given alone where this model prefers none" in found.reason


def test_an_engine_that_is_read_again_alone_has_to_repeat_whatever_it_prefers(judged):
    reference = birds("reference", level(5, 0.1), sung([2, 6, 10]), **ALONE)

    found = judged("P2-CORRECT-FAULTS", canaries=[reference, birds("solo", level(7, 0.1), sung([2, 6, 10]), **ALONE)])

    assert found.verdict is Verdict.FAIL


@pytest.mark.parametrize(
    ("margins", "batch", "one"),
    [  # two choices 2 nats apart that come so close diverge by 0.031, 0.041, 0.195 and 0.210 nats
        ((1.3, 1.2), False, False),
        ((1.2, 1.2), True, False),
        ((0.4, 2.0), True, False),
        ((0.35, 2.0), True, True),
    ],
)
def test_likelihoods_of_a_batch_may_move_less_than_those_of_one_answer(judged, margins, batch, one):
    moved = [sung(ids, margin=margin) for ids, margin in zip(([1, 5, 9], [2, 6, 10]), margins, strict=True)]

    found = judged("P2-CORRECT-FAULTS", canaries=[REFERENCE, birds("together", *moved)])

    assert found.verdict is (Verdict.FAIL if batch or one else Verdict.PASS)
    assert ("nats on average, 0.04 are allowed" in found.reason) is batch
    assert ("its likelihoods moved by 0.21 nats, 0.2 are allowed" in found.reason) is one


def test_canaries_that_have_one_answer_could_not_show_a_swap(judged):
    same = birds("reference", sung([1, 5, 9]), sung([1, 5, 9]))

    with pytest.raises(Exception, match="two canaries have one answer"):
        judged("P2-CORRECT-FAULTS", canaries=[same, birds("solo", sung([1, 5, 9]), sung([1, 5, 9]))])


TEXTS = {"tells": {"ids": False, "likelihoods": False, "alone": False}}


def said(*texts):
    """Answers of a server that tells neither tokens nor likelihoods."""
    return [Sung(200, text, None, None, None, 1) for text in texts]


@pytest.mark.parametrize(
    ("stage", "texts", "verdict", "reason"),
    [
        ("solo", ("aa", "bb"), Verdict.PASS, "0 wrong of 2"),
        ("solo", ("aa", "xx"), Verdict.FAIL, "alone, its text is another one"),
        ("together", ("aa", "bb"), Verdict.PASS, "0 wrong of 2"),
        ("together", ("aa", "xx"), Verdict.NOT_MEASURED, "tells no likelihoods"),
        ("together", ("bb", "aa"), Verdict.FAIL, "the answer to bbbb"),
        ("together", ("aa", "b aaaa"), Verdict.FAIL, "the nonce aaaa of another stream"),
    ],
)
def test_of_a_server_that_tells_no_tokens_texts_are_compared_and_doubt_is_no_pass(
    judged, stage, texts, verdict, reason
):
    reference = birds("reference", *said("aa", "bb"), **TEXTS)

    found = judged("P2-CORRECT-FAULTS", canaries=[reference, birds(stage, *said(*texts), **TEXTS)])

    assert (found.verdict, reason in found.reason) == (verdict, True), found.reason


@pytest.mark.parametrize(("margin", "verdict"), [(1.49, Verdict.PASS), (1.51, Verdict.FAIL)])
def test_an_answer_read_alone_has_to_find_each_of_its_own_tokens_likely(judged, margin, verdict):
    alone = {"tells": {"ids": True, "likelihoods": True, "alone": True}}
    reference = birds("reference", sung([1, 5, 9], margin=0.1), sung([2, 6, 10]), **alone)
    other = birds("together", sung([1, 6, 20], margin=0.1), sung([2, 6, 10]), **alone)
    other[1]["top_ids"][0, 1, :2] = [5, 6]
    # Behind its first difference: another token than the third would have been likelier by ``margin``.
    other[1]["top_ids"][0, 2, :2], other[1]["top_logs"][0, 2, :2] = [21, 20], [-0.1, -0.1 - margin]

    assert judged("P2-CORRECT-FAULTS", canaries=[reference, other]).verdict is verdict


def test_a_nonce_of_another_stream_is_found_in_tokens_too(judged):
    told = {"nonce_ids": [[5, 6, 7], [8, 9]]}
    reference = birds("reference", sung([1, 5, 6]), sung([2, 6, 10]), **told)
    mixed = birds("solo", sung([1, 5, 6]), sung([5, 6, 7]), **told)

    assert "the nonce aaaa of another stream" in judged("P2-CORRECT-FAULTS", canaries=[reference, mixed]).reason


@pytest.mark.parametrize(("status", "verdict"), [(200, Verdict.PASS), (503, Verdict.INVALID)])
def test_under_load_without_faults_every_canary_has_to_be_answered(judged, status, verdict):
    asked = [
        birds("reference", sung([1, 5, 9]), sung([2, 6, 10])),
        birds("together", sung([1, 5, 9]), sung([2, 6, 10], status=status)),
    ]

    found = judged("P2-CORRECT", canaries=[({**data, "during": "load"}, arrays) for data, arrays in asked])

    assert found.verdict is verdict


@pytest.mark.parametrize(
    ("crossed", "reported", "wrong"),
    [
        ([], [4, 4], ""),
        ([[0, 1]], [4, 4], "request 0 received the nonce of request 1"),
        ([], [4, 5], "request 1: 5 tokens reported, 4 came"),
        ([], [4, -1], ""),
    ],
)
def test_answers_of_the_load_itself_are_looked_through(opened, crossed, reported, wrong):
    book = opened("embedded", "cpu")
    for data, arrays in (REFERENCE, birds("together", sung([1, 5, 9]), sung([2, 6, 10]))):
        book._recorder.record("canary", {**data, "during": "load"}, arrays)
    arrays = {"offsets": [0, 4, 8], "reported_tokens": reported, "failure": [0, 0]}
    book._recorder.record(
        "load.run",
        {"beside": None, "http": {"client": {"crossed": crossed}}, "not_measurable": {}},
        {name: np.array(values, np.int64) for name, values in arrays.items()},
    )
    promise = load_profile("embedded").criteria["P2-CORRECT"]

    found = RULES[promise.metric](book.evidence(), promise)[0]

    assert found.verdict is (Verdict.FAIL if wrong else Verdict.PASS)
    assert (wrong or "no answer of 1 loads holds the nonce of another request") in found.reason


def test_canaries_that_nobody_answers_prove_nothing(judged):
    silent = birds("together", sung([], status=None), sung([], status=None))

    assert judged("P2-CORRECT-FAULTS", canaries=[REFERENCE, silent]).verdict is Verdict.INVALID


def test_a_nonce_of_another_request_in_an_answer_fails(judged):
    data, arrays = window()
    body = b'data: {"content":"a71b"}\n\ndata: {"content":"%s"}\n\n'
    nonce = hashlib.sha256(b"5 9").hexdigest()[:12].encode()
    text = body % nonce
    arrays["bodies"] = np.frombuffer(text, np.uint8)
    arrays["body_offsets"] = np.array([0, *[len(text)] * len(arrays["number"])], np.int64)

    found = judged(
        "P2-CORRECT-FAULTS",
        windows=[(data, arrays)],
        canaries=[REFERENCE, birds("solo", sung([1, 5, 9]), sung([2, 6, 10]))],
    )

    assert found.verdict is Verdict.FAIL
    assert "received the nonce of request 9" in found.reason


@pytest.mark.parametrize("criterion", ["P2-CORRECT-FAULTS", "P2-FALLBACK"])
def test_canaries_whose_answers_were_not_kept_prove_nothing(judged, criterion):
    def unkept(data, arrays):
        return withheld("canary", data, arrays, canaries=False)

    hidden = drill(kind="device_unavailable", name="device hidden", after={"weights": {"Vulkan0": 1}}, talks=[])
    answers = [birds(stage, sung([1, 5, 9]), sung([2, 6, 10])) for stage in ("solo", "device")]
    found = judged(criterion, drills=[hidden], canaries=[unkept(*REFERENCE), *(unkept(*each) for each in answers)])

    assert found.verdict is Verdict.NOT_MEASURED
    assert "were not kept" in found.reason
    assert 'protocol.keep_answers = "canaries"' in found.next


@pytest.mark.parametrize(
    ("after", "answer", "verdict"),
    [
        ({"Vulkan0": 1}, sung([1, 5, 9]), Verdict.PASS),
        ({"CPU_Mapped": 1}, sung([1, 5, 9]), Verdict.FAIL),
        ({"Vulkan0": 1}, sung([1, 99, 9]), Verdict.FAIL),
        ({"Vulkan0": 1}, sung([], status=503), Verdict.FAIL),
    ],
)
def test_the_cpu_takes_over_when_it_answers_right_and_the_device_comes_back(judged, after, answer, verdict):
    hidden = drill(kind="device_unavailable", name="device hidden", after={"weights": after}, talks=[])
    canaries = [REFERENCE, birds("device", answer, sung([2, 6, 10]))]

    assert judged("P2-FALLBACK", drills=[hidden], canaries=canaries).verdict is verdict


def test_answers_without_the_device_of_a_model_that_prefers_no_token_are_not_measured(judged):
    hidden = drill(kind="device_unavailable", name="device hidden", after={"weights": {"Vulkan0": 1}}, talks=[])
    reference = birds("reference", level(5, 0.1), sung([2, 6, 10]))
    canaries = [reference, birds("device", level(7, 0.1), sung([2, 6, 10]))]

    found = judged("P2-FALLBACK", drills=[hidden], canaries=canaries)

    assert found.verdict is Verdict.NOT_MEASURED
    assert found.reason.startswith("1 of 2 answers without the device differ")


def test_texts_that_differ_without_the_device_are_not_measured(judged):
    hidden = drill(kind="device_unavailable", name="device hidden", after={"weights": {"Vulkan0": 1}}, talks=[])
    canaries = [birds("reference", *said("one", "two"), **TEXTS), birds("device", *said("one", "three"), **TEXTS)]

    found = judged("P2-FALLBACK", drills=[hidden], canaries=canaries)

    assert found.verdict is Verdict.NOT_MEASURED
    assert found.next.startswith("an engine that tells likelihoods")


def test_injections_are_read_once(opened):
    book = opened("embedded", "cpu")
    book._recorder.record("fault.window", *window())
    evidence = book.evidence()

    assert injections(evidence) is injections(evidence)
