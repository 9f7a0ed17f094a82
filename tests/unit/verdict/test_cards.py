"""A promise on several cards: a verdict on each, the worst of them is the verdict, and nothing is pooled."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from fakes.soak import World

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.cards import by_card, cards_of, of_card
from pytest_rawrxd.evidence.joined import pool
from pytest_rawrxd.measure.soak.resume import is_over
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.report.soak_status import status_lines
from pytest_rawrxd.verdict.judge import judge_criterion
from pytest_rawrxd.verdict.sides import campaign_side
from pytest_rawrxd.verdict.soak import soak_runs, unfinished_soak

P95, TPS, PEAK = "P2-LAT-P95", "SLA-TPS-GUARANTEE", "P1-PEAK"
STEPS = 256 * 100  #: of 10 ms: four blocks of a minute
FIRST, SECOND = "GPU-a", "GPU-b"


@pytest.fixture
def two(opened):
    """``two()``: a session that puts two cards to the test, nothing measured yet."""

    def begin(devices=(FIRST, SECOND)):
        book = opened()
        cards = [{"lane": lane, "device": device, "name": "a card"} for lane, device in enumerate(devices)]
        book.record("session.start", suite="s", argv=[], cards=cards)
        book.record("self-check", caught={"leak": "seen"}, missed=[], alarmed=[])
        book.record("claims", tests={name: ["test_it"] for name in book.profile.criteria})
        return book

    return begin


def loaded(book, device, *, slow=0.0, runs=3, **changes):
    gaps = np.full(STEPS, 10.0)
    if slow:
        gaps[5 :: round(1 / slow)] = 60.0
    with book.on(device):
        for run in range(1, runs + 1):
            book.load(run=run, gaps_ms=gaps, **changes)


def judged(book, identifier):
    return judge_criterion(book.evidence(), book.profile.criteria[identifier])


def verdicts(entry):
    return {card["device"]: card["verdict"] for card in entry["cards"]}


def test_a_card_that_breaks_the_promise_is_not_passed_by_the_thousands_of_gaps_of_the_other(two):
    book = two()
    loaded(book, FIRST, runs=9)
    loaded(book, SECOND, slow=1 / 15)

    found = judged(book, P95)

    # Pooled, 1.7 % of the gaps are slow, and 5 % are allowed.
    assert found["verdict"] == "FAIL"
    assert verdicts(found) == {FIRST: "PASS", SECOND: "FAIL"}
    assert found["reason"].startswith("gpu1 (a card, GPU-b): ")
    assert found["reason"].endswith("gpu0 PASS, gpu1 FAIL")
    assert found["estimate"] == next(card["estimate"] for card in found["cards"] if card["device"] == SECOND)
    assert len(found["evidence"]) == 12


def test_both_cards_have_to_keep_it_and_the_nearer_to_its_bound_is_shown(two):
    book = two()
    with book.on(FIRST):
        for process in range(7):
            book.run(tps=80, process=process)
    with book.on(SECOND):
        for process in range(7):
            book.run(tps=90, process=process)

    found = judged(book, TPS)

    assert found["verdict"] == "PASS"
    assert verdicts(found) == {FIRST: "PASS", SECOND: "PASS"}
    assert found["estimate"] == pytest.approx(80, rel=0.01)


def test_a_card_that_was_not_measured_leaves_the_promise_unmeasured(two):
    book = two()
    loaded(book, FIRST)

    found = judged(book, P95)

    assert found["verdict"] == "NOT MEASURED"
    assert verdicts(found) == {FIRST: "PASS", SECOND: "NOT MEASURED"}
    assert found["next"] == "one lane for each card: pytest acceptance/ -n 2"


def test_a_test_that_died_on_one_card_spoils_that_card(two):
    book = two()
    loaded(book, FIRST)
    loaded(book, SECOND)
    for device, why in ((FIRST, None), (SECOND, "its process died while it ran")):
        with book.on(device):
            book.record("test", test=f"test_it[{device}]", criteria=[P95], lane=0, why=why)

    assert verdicts(judged(book, P95)) == {FIRST: "PASS", SECOND: "INVALID"}


def test_a_card_that_is_listed_twice_is_one_card(two):
    book = two((FIRST, FIRST))
    loaded(book, FIRST)

    found = judged(book, P95)

    assert found["verdict"] == "NOT MEASURED"
    assert "1 of 2 cards was measured" in found["reason"]


def test_variants_are_compared_on_the_first_card_alone(two):
    book = two()
    with book.on(FIRST):
        book.ladder()
    with book.on(SECOND):
        book.ladder(without=("Q2_K", "Hybrid"), share=3.0)  # faster than the fastest of the first card

    found = judged(book, PEAK)

    assert found["verdict"] == "PASS"
    assert found["reason"].startswith("gpu0 (a card, GPU-a): Q2_K at ")
    assert verdicts(found) == {FIRST: "PASS"}

    alone = two()
    with alone.on(SECOND):
        alone.ladder()
    assert judged(alone, PEAK)["verdict"] == "NOT MEASURED", "the second card is not where they are compared"


def held(gigabytes):
    return [("Vulkan0", "model", round(gigabytes * 1e9))]


def test_a_variant_that_was_spread_is_judged_on_the_card_that_measured_it(two):
    book = two()
    with book.on(SECOND):
        book.run("Q5_K_M", buffers=held(15.5))

    found = judged(book, "P1-VRAM-Q5_K_M")

    assert (found["verdict"], verdicts(found)) == ("PASS", {SECOND: "PASS"})
    with book.on(FIRST):
        book.run("Q5_K_M", buffers=held(17))
    assert verdicts(judged(book, "P1-VRAM-Q5_K_M")) == {FIRST: "FAIL", SECOND: "PASS"}, "measured on both, kept on both"


def test_memory_and_temperature_are_those_of_each_card(two):
    book = two()
    for device, celsius, gigabytes in ((FIRST, 60, 9), (SECOND, 91, 15)):
        buffer = {"device": "Vulkan0", "kind": "model", "bytes": gigabytes * 10**9}
        loaded(book, device, load={"layers_offloaded": 33, "layers_total": 33, "buffers": [buffer]})
        with book.on(device):
            book.run(kind="bandwidth.run")
            book.samples(seconds=9.6, during="bandwidth.run", temperature_c=[celsius] * 96)

    memory, heat = judged(book, "SLA-VRAM"), judged(book, "P1-BW-TEMP")

    assert [card["estimate"] for card in memory["cards"]] == [9.0, 15.0]
    assert verdicts(memory) == {FIRST: "PASS", SECOND: "FAIL"}
    assert [card["estimate"] for card in heat["cards"]] == [60.0, 91.0]
    assert verdicts(heat) == {FIRST: "PASS", SECOND: "FAIL"}


def test_readings_of_one_card_never_throttle_the_runs_of_another(two):
    """Both lanes number their processes from 1 in the same session: only the card tells the readings apart."""
    book = two()
    for device, reasons in ((FIRST, 0), (SECOND, 0x40)):
        with book.on(device):
            for process in range(1, 8):
                book.run(tps=80, process=process)
                book.samples(process=process, seconds=9.6, clock_reasons=[reasons] * 96)

    assert verdicts(judged(book, TPS)) == {FIRST: "PASS", SECOND: "INVALID"}


def test_what_is_about_no_card_belongs_to_every_card(two):
    book = two()
    loaded(book, FIRST, runs=1)
    evidence = book.evidence()

    assert [card.device for card in cards_of(evidence)] == [FIRST, SECOND]
    assert [record.kind for record in of_card(evidence, SECOND).records] == ["session.start", "self-check", "claims"]
    assert len(of_card(evidence, FIRST).of("load.run")) == 1
    assert [part.card for part in by_card(evidence)] == [FIRST, SECOND]
    assert by_card(of_card(evidence, FIRST))[0].card == FIRST


def test_a_comparison_of_several_cards_is_of_the_first_and_names_it(two):
    book = two()
    loaded(book, FIRST, runs=3)
    loaded(book, SECOND, runs=2)

    side = campaign_side(book.evidence())

    assert side.name.endswith(", gpu0 (a card, GPU-a) alone")
    assert [len(sample.values) for sample in side.samples] == [3]


@pytest.mark.parametrize(
    "card",
    [
        {"lane": "../../evil", "device": FIRST, "name": "a card"},  # its lane would name a folder
        {"lane": -1, "device": FIRST, "name": "a card"},
        {"lane": 64, "device": FIRST, "name": "a card"},
        {"lane": True, "device": FIRST, "name": "a card"},
        {"lane": 0, "device": None, "name": "a card"},
        {"lane": 0, "device": FIRST},
        "gpu0",
    ],
)
def test_a_card_that_cannot_be_one_is_not_believed(opened, card):
    book = opened()
    book.record("session.start", suite="s", argv=[], cards=[card])

    with pytest.raises(EvidenceProblem, match="a session names a card that is none"):
        cards_of(book.evidence())


def test_a_run_of_one_device_is_judged_as_before(opened):
    book = opened()
    book.record("claims", tests={P95: ["test_it"]})
    for run in range(1, 4):
        book.load(run=run, gaps_ms=np.full(STEPS, 10.0))

    found = judged(book, P95)

    assert found["verdict"] == "PASS"
    assert "cards" not in found
    assert not found["reason"].startswith("gpu0")


def test_the_cards_of_two_hosts_are_each_judged_alone(two):
    books = [two(("GPU-a", "GPU-b")), two(("GPU-c", "GPU-d"))]
    for number, book in enumerate(books):
        book.record("host", number=number)
        for card in cards_of(book.evidence()):
            loaded(book, card.device, slow=1 / 15 if card.device == "GPU-d" else 0)

    found = judge_criterion(pool([book.evidence() for book in books]), books[0].profile.criteria[P95])

    assert found["verdict"] == "FAIL"
    assert "gpu1 (a card, GPU-d)" in found["reason"]


@pytest.fixture(scope="module")
def soaks(tmp_path_factory):
    """A calm soak on the first card beside one on the second whose memory grows by 3 MB an hour."""
    folder = tmp_path_factory.mktemp("soaks")
    (folder / "fewer.toml").write_text(
        'title = "t"\nkind = "acceptance"\nextends = "rx7800xt"\n[protocol.soak]\nburst_every = "10 min"\n'
    )
    profile = load_profile(str(folder / "fewer.toml"))
    records = []
    for device, world in ((FIRST, World()), (SECOND, World(memory=lambda held: 9000.0 + 3 * held.age))):
        assert world.run(profile) == "finished"
        lane = world.evidence(profile, folder).records
        records += [replace(each, id=f"{device} {each.id}", data={**each.data, "device": device}) for each in lane]
        for each in lane:
            each.data.setdefault("process_started", 0.0)
    cards = [{"lane": lane, "device": device, "name": "a card"} for lane, device in enumerate((FIRST, SECOND))]
    tests = {identifier: ["test_it"] for identifier in profile.criteria}
    told = {"session.start": {"suite": "s", "argv": [], "cards": cards}, "claims": {"tests": tests}}
    first = [replace(records[0], id=kind, kind=kind, data=data) for kind, data in told.items()]
    first.append(replace(records[0], id="check", kind="self-check", data={"caught": {}, "missed": [], "alarmed": []}))
    return replace(world.evidence(profile, folder), records=(*first, *records))


def test_each_card_has_a_soak_of_its_own_and_a_leak_of_one_is_not_averaged_away(soaks):
    criteria = soaks.campaign.profile.criteria

    assert len(soak_runs(soaks)) == 2
    assert verdicts(judge_criterion(soaks, criteria["P2-SOAK-COMPLETE"])) == {FIRST: "PASS", SECOND: "PASS"}
    drift = judge_criterion(soaks, criteria["P2-SOAK-DRIFT"])
    assert (drift["verdict"], verdicts(drift)) == ("FAIL", {FIRST: "PASS", SECOND: "FAIL"})


def test_the_status_of_a_soak_tells_of_each_card(soaks):
    lines = status_lines(soaks, datetime(2026, 1, 5, tzinfo=UTC), lambda _pid, _started: False)

    assert [line for line in lines if line.startswith("gpu")] == ["gpu0 (a card, GPU-a):", "gpu1 (a card, GPU-b):"]
    assert sum(": FINISHED" in line for line in lines) == 2


def test_a_soak_goes_on_while_one_card_has_not_ended_its_own(soaks):
    assert is_over(unfinished_soak(soaks))
    left = replace(
        soaks,
        records=tuple(each for each in soaks.records if (each.kind, each.data.get("device")) != ("soak.end", SECOND)),
        _known={},
    )

    assert not is_over(unfinished_soak(left))


HOST = """
title = "two cards"
extends = "rx7800xt"

[hardware]
gpus = 2

[criteria.P2-HOST-AGG]
title = "Both cards together"
source = "a test of the instrument"
kind = "floor"
metric = "host_tps"
where = { streams = 12 }
at_least = "1500 tok/s"
"""


@pytest.fixture
def host(tmp_path, opened):
    """``host()``: five runs of 10.24 s on both cards at once, 1,200 and 600 tok/s."""
    (tmp_path / "two.toml").write_text(HOST)

    def begin(*, steps=512, runs=(5, 5)):
        book = opened(str(tmp_path / "two.toml"))
        cards = [{"lane": lane, "device": device, "name": "a card"} for lane, device in enumerate((FIRST, SECOND))]
        book.record("session.start", suite="s", argv=[], cards=cards)
        book.record("self-check", caught={"leak": "seen"}, missed=[], alarmed=[])
        book.record("claims", tests={"P2-HOST-AGG": ["test_it"]})
        for device, count, gaps in ((FIRST, runs[0], np.full(1024, 10.0)), (SECOND, runs[1], np.full(steps, 20.0))):
            with book.on(device):
                for run in range(1, count + 1):
                    book.load(12, "fleet", run, gaps_ms=gaps, tokens=64)
        return book

    return begin


def test_a_host_delivers_what_its_cards_deliver_while_all_of_them_are_loaded(host):
    found = judged(host(), "P2-HOST-AGG")

    assert found["verdict"] == "PASS"
    assert found["estimate"] == pytest.approx(1800, rel=0.01)
    assert found["reason"].endswith("; 2 cards at once: gpu0 1,200, gpu1 600 tok/s")
    assert "cards" not in found


@pytest.mark.parametrize(("steps", "verdict"), [(448, "PASS"), (384, "INVALID")])  # 87.5 % and 75 % of the time
def test_cards_that_were_not_loaded_at_once_show_nothing_of_the_host(host, steps, verdict):
    found = judged(host(steps=steps), "P2-HOST-AGG")

    assert found["verdict"] == verdict
    if verdict == "INVALID":
        assert "all cards were loaded at once in 75 % of the time, at least 80 %" in found["reason"]


def test_a_run_that_one_card_lacks_shows_nothing_of_the_host(host):
    assert "run 5 of session s001 is missing on gpu1" in judged(host(runs=(5, 4)), "P2-HOST-AGG")["reason"]

    book = host()
    with book.on(FIRST):
        book.record("load.apart", streams=12, run=3, why="lane 1 did not come: it died or went on")
    found = judged(book, "P2-HOST-AGG")
    assert (found["verdict"], found["reason"]) == ("INVALID", "run 3: lane 1 did not come: it died or went on")


def test_one_device_is_no_host_of_several_cards(host, opened, tmp_path):
    book = opened(str(tmp_path / "two.toml"))
    book.record("claims", tests={"P2-HOST-AGG": ["test_it"]})
    book.load(12, "fleet")

    assert judged(book, "P2-HOST-AGG")["verdict"] == "NOT MEASURED"
