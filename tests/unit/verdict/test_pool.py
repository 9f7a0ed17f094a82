"""Runs of several hosts as one: exposure adds, no run hides in the crowd, and other things do not mix."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import numpy as np
import pytest
from fakes.charts import save_nothing
from fakes.scripted_run import BEGAN, CHECKED
from fakes.second_run import Replayed
from fakes.soak import World
from matplotlib.figure import Figure

from pytest_rawrxd.cli import main
from pytest_rawrxd.errors import CampaignProblem, UsageProblem
from pytest_rawrxd.evidence.campaign import Evidence, open_campaign
from pytest_rawrxd.evidence.joined import join, pool
from pytest_rawrxd.evidence.ledger import LedgerWriter
from pytest_rawrxd.evidence.recorder import Recorder
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.profile.profile import digest_of
from pytest_rawrxd.verdict.audit import session_breaches
from pytest_rawrxd.verdict.judge import judge, judge_criterion
from pytest_rawrxd.verdict.pool import pooled as pooled_entry
from pytest_rawrxd.verdict.waivers import waivers_of

from .conftest import STILL

P95 = "P2-LAT-P95"
QUARTER = 256 * 100  #: steps of 10 ms: four blocks of a minute
LATER = BEGAN + timedelta(hours=1)
CARD = {"cpu": "a", "gpus": [{"name": "a card", "uuid": "GPU-1"}]}


def claimed(book, *ids):
    book.record("claims", tests={identifier: ["test_it"] for identifier in ids})


def gaps(share=0.0):
    found = np.full(QUARTER, 10.0)
    if share:
        found[5 :: round(1 / share)] = 60.0
    return found


def pooled(books, identifier):
    evidence = pool([book.evidence() for book in books])
    return judge_criterion(evidence, books[0].profile.criteria[identifier])


def hosts(opened, *shares, runs=3, ids=(P95,)):
    """A host for each share of slow gaps, with ``runs`` runs of four minutes."""
    books = []
    for share in shares:
        book = opened()
        book.record("host", number=len(books))  # no two hosts write the same first record
        claimed(book, *ids)
        for run in range(1, runs + 1):
            book.load(run=run, gaps_ms=gaps(share))
        books.append(book)
    return books


def test_minutes_of_two_hosts_that_are_too_few_alone_decide_together(opened):
    books = hosts(opened, 0.0, 0.0, runs=2)

    alone = judge_criterion(books[0].evidence(), books[0].profile.criteria[P95])
    together = pooled(books, P95)

    assert (alone["verdict"], together["verdict"]) == ("INVALID", "PASS")
    assert (together["deciding"]["blocks"], together["deciding"]["runs"]) == (16, 4)
    assert together["reason"].endswith("; alone: run0 INVALID, run1 INVALID")


def test_a_host_that_breaks_the_promise_does_not_hide_among_those_that_keep_it(opened):
    books = hosts(opened, 0.0, 0.0, 1 / 15)

    found = pooled(books, P95)

    assert found["verdict"] == "FAIL"
    assert found["reason"].startswith("run2: ")
    assert "alone: run0 PASS, run1 PASS, run2 FAIL" in found["reason"]
    assert {each.split(".")[0] for each in found["evidence"]} == {"run0", "run1", "run2"}


def test_hours_without_a_crash_add_up(opened):
    books = hosts(opened, 0.0, 0.0, ids=("P2-CRASH-LOAD",))

    one = judge_criterion(books[0].evidence(), books[0].profile.criteria["P2-CRASH-LOAD"])
    both = pooled(books, "P2-CRASH-LOAD")

    assert (one["verdict"], both["verdict"]) == ("PASS", "PASS")
    assert _hours(both) == pytest.approx(2 * _hours(one), rel=0.02)


def _hours(entry):
    return float(entry["reason"].split(" in ")[1].split(" h")[0])


def test_one_crash_on_one_host_is_a_crash_of_the_pool(opened):
    books = hosts(opened, 0.0, 0.0, ids=("P2-CRASH-LOAD",))
    books[1].record(
        "trouble",
        during="load.run",
        beside=None,
        streams=12,
        part="main",
        run=1,
        type="EngineCrashed",
        what="the engine crashed",
        found="signal SIGSEGV",
        elapsed_s=10.0,
        log_tail=[],
    )

    assert pooled(books, "P2-CRASH-LOAD")["verdict"] == "FAIL"


def test_a_test_that_died_on_one_host_is_not_made_good_by_another(opened):
    books = hosts(opened, 0.0, 0.0)
    books[0].record("test", test="test_it", criteria=[P95], why="its process died while it ran")
    books[1].record("test", test="test_it", criteria=[P95], why=None)

    found = pooled(books, P95)

    assert found["verdict"] == "INVALID"
    assert "did not finish" in found["reason"]


@pytest.fixture(scope="module")
def soaks(tmp_path_factory):
    """A soak of two days that is calm, and one whose memory grows by 3 MB an hour."""
    profile = load_profile("rx7800xt")
    quiet, leaky = World(), World(memory=lambda held: 9000.0 + 3 * held.age)
    assert (quiet.run(profile), leaky.run(profile)) == ("finished", "finished")
    folder = tmp_path_factory.mktemp("soaks")
    found = []
    for name, world in (("calm", quiet), ("leaky", leaky), ("other", quiet)):
        evidence = world.evidence(profile, folder / name)
        records = [replace(record, prev=f"{name} {record.prev}") for record in evidence.records]
        tests = {identifier: ["test_it"] for identifier in profile.criteria}
        claims = replace(records[0], kind="claims", data={"tests": tests}, seq=10**6)
        found.append(Evidence(replace(evidence.campaign, id=name), (*records, claims)))
    return profile, found


def of_soaks(soaks, metric, *names, **where):
    profile, found = soaks
    [criterion] = [
        each
        for each in profile.criteria.values()
        if each.metric == metric and where.items() <= each.where.items() and not each.informative
    ][:1]
    chosen = [each for each in found if each.campaign.id in names]
    return judge_criterion(pool(chosen), criterion)


def test_the_hours_of_two_soaks_prove_twice_the_time_between_crashes(soaks):
    one = of_soaks(soaks, "crashes", "calm", during="soak")
    both = of_soaks(soaks, "crashes", "calm", "other", during="soak")

    assert one["verdict"] == both["verdict"] == "PASS"
    assert _hours(both) == pytest.approx(2 * _hours(one), rel=0.02)


def test_availability_of_two_soaks_has_the_tighter_bound(soaks):
    one, both = of_soaks(soaks, "availability", "calm"), of_soaks(soaks, "availability", "calm", "other")

    assert one["verdict"] == both["verdict"] == "PASS"
    assert 100 - both["lower"] < 0.6 * (100 - one["lower"])


def test_the_latencies_of_two_soaks_are_judged_over_the_blocks_of_both(soaks):
    one, both = of_soaks(soaks, "soak_latency", "calm"), of_soaks(soaks, "soak_latency", "calm", "other")

    assert both["deciding"]["blocks"] == 2 * one["deciding"]["blocks"]
    assert one["verdict"] == both["verdict"] == "PASS"


def test_a_leak_on_one_host_is_no_average_of_two(soaks):
    found = of_soaks(soaks, "vram_drift", "calm", "leaky")

    assert found["verdict"] == "FAIL"
    assert found["reason"].startswith("leaky: ")
    assert "alone: calm PASS, leaky FAIL" in found["reason"]


def test_a_course_that_holds_on_each_host_holds_for_both(soaks):
    found = of_soaks(soaks, "vram_drift", "calm", "other")

    assert found["verdict"] == "PASS"
    assert "alone: calm PASS, other PASS" in found["reason"]


def test_another_card_of_the_same_kind_pools_and_another_kind_does_not(campaign):
    first = campaign("a", machine=CARD).session()
    same_kind = campaign("b", machine={"cpu": "a", "gpus": [{"name": "a card", "uuid": "GPU-2"}]}).session(
        seed=7, at=LATER
    )
    other_kind = campaign("c", machine={"cpu": "a", "gpus": [{"name": "another card", "uuid": "GPU-3"}]}).session()
    other_engine = campaign("d", machine=CARD, version="2").session()

    verdicts = judge(pool([first, same_kind]))
    identity = verdicts["run"]["identity"]

    assert verdicts["validity"] == []
    assert [card["uuid"] for card in identity["machine"]["gpus"]] == ["GPU-1", "GPU-2"]
    with pytest.raises(CampaignProblem, match="not of one identity") as told:
        pool([first, other_kind])
    assert "another card" in str(told.value)
    with pytest.raises(CampaignProblem, match=r"engine\.version"):
        pool([first, other_engine])
    with pytest.raises(CampaignProblem, match="not of one identity"):
        join([first, same_kind])  # documents are about one machine


def test_one_run_does_not_count_twice_under_another_name(campaign, tmp_path):
    first = campaign("a").session()
    shutil.copytree(tmp_path / "a", tmp_path / "copy")

    for again in ("a", "copy"):
        with pytest.raises(UsageProblem, match="count double"):
            pool([first, Evidence.read(tmp_path / again)])


def test_hosts_that_called_their_runs_the_same_are_told_apart(campaign):
    first, second = campaign("x/run").session(), campaign("y/run").session(seed=7, at=LATER)

    sessions = {record.session for record in pool([first, second]).records}

    assert sessions == {"run.s001", "run~2.s001"}


def test_a_session_without_a_self_check_spoils_its_own_records_whatever_its_run_is_called(campaign):
    first = campaign("a-run-of-monday").session(check=None)
    second = campaign("b").session(seed=7, at=LATER)

    [breach] = session_breaches(pool([first, second]))

    mine, other = "a-run-of-monday.s001-main-7", "b.s001-main-7"
    assert breach.reaches([mine])
    assert not breach.reaches([other])


@pytest.mark.parametrize(
    ("identifier", "found"), [("P2-FLEET-P95", "INVALID"), ("P2-FLEET-SPREAD", "INVALID"), ("P2-FLEET-LOSS", "PASS")]
)
def test_the_servers_of_one_fleet_are_not_those_of_another_and_its_losses_add_up(identifier, found):
    """Two hosts whose fleets have servers of the same names: one was measured too briefly."""
    criterion = load_profile("embedded-fleet").criteria[identifier]
    alone = {
        name: {"verdict": verdict, "reason": "r", "evidence": []} for name, verdict in (("a", "PASS"), ("b", "INVALID"))
    }
    parts = [SimpleNamespace(campaign=SimpleNamespace(id=name)) for name in alone]

    entry = pooled_entry(parts, criterion, alone["a"], lambda part: alone[part.campaign.id])

    assert entry["verdict"] == found
    assert entry["reason"].endswith("alone: a PASS, b INVALID")


@pytest.fixture
def two(campaign, monkeypatch):
    monkeypatch.setattr(Figure, "savefig", save_nothing)
    other = {"cpu": "a", "gpus": [{"name": "a card", "uuid": "GPU-2"}]}
    runs = [campaign("a", machine=CARD), campaign("b", machine=other)]
    claims = {"SLA-TPS-GUARANTEE": ["test_it"]}
    for seed, run in enumerate(runs):
        run.session(seed=seed, at=BEGAN + timedelta(hours=seed), claims=claims)
    return [run.path for run in runs]


def test_judging_several_runs_writes_pages_of_their_own_and_leaves_the_runs_alone(two, capsys, tmp_path):
    before = {path: path.read_bytes() for run in two for path in run.rglob("*") if path.is_file()}

    code = main(["judge", *map(str, two), "-o", str(tmp_path / "out")])

    said = capsys.readouterr().out
    assert code in {0, 1}
    assert "pages of 2 runs as one" in said
    assert {path: path.read_bytes() for run in two for path in run.rglob("*") if path.is_file()} == before
    verdicts = json.loads((tmp_path / "out" / "verdicts.json").read_text())
    assert verdicts["run"]["id"] == "a + b"
    assert verdicts["validity"] == []
    [judged] = [entry for entry in verdicts["criteria"] if entry["id"] == "SLA-TPS-GUARANTEE"]
    assert (judged["verdict"], judged["n"]) == ("PASS", 10)
    assert judged["reason"].endswith("; alone: a PASS, b PASS")
    assert verdicts["run"]["sessions"] == ["a.s001", "b.s001"]
    assert [run["name"] for run in json.loads((tmp_path / "out" / "pool.json").read_text())["runs"]] == ["a", "b"]
    page = (tmp_path / "out" / "signoff-phase1.html").read_text()
    assert "a/campaign.json" in page or "a/campaign.json" in (tmp_path / "out" / "evidence.html").read_text()

    again = {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()}
    assert main(["judge", *map(str, two), "-o", str(tmp_path / "out")]) == code
    assert {path: path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file()} == again


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (("--today", "2026-02-01"), "this belongs to one run"),
        (("--waivers", "w.toml"), "this belongs to one run"),
        (("-o", "{run}"), "need a folder of their own"),
    ],
)
def test_what_is_of_one_run_is_refused_for_several(two, capsys, more, says):
    given = [each.replace("{run}", str(two[0])) for each in more]

    assert main(["judge", *map(str, two), *given]) == 4
    assert says in capsys.readouterr().err


def test_pages_of_one_run_stay_in_it(two, capsys, tmp_path):
    assert main(["judge", str(two[0]), "-o", str(tmp_path / "out")]) == 4
    assert "the pages of one run stay in it" in capsys.readouterr().err


def test_waivers_are_read_from_the_run_that_they_were_given_to(two, tmp_path):
    (tmp_path / "w.toml").write_text(
        '[[waiver]]\ncriterion = "P1-MATRIX"\nowner = "Technical Lead"\nreason = "late"\nticket = "RX-1"\n'
        'expiry = 2026-02-28\ncompensating_measure = "two cards"\n'
    )
    main(["judge", str(two[1]), "--waivers", str(tmp_path / "w.toml"), "--today", "2026-02-01"])

    found = waivers_of(pool([Evidence.read(run) for run in two]))

    assert set(found.by_criterion) == {"P1-MATRIX"}


SERVER = {"url": "http://server:8080/v1"}


@pytest.mark.parametrize(
    ("details", "theirs", "later", "refused"),
    [
        (SERVER, SERVER, timedelta(0), True),
        (SERVER, {"url": "http://other:8080/v1, http://server:8080/v1"}, timedelta(0), True),
        (SERVER, SERVER, timedelta(hours=1), False),  # one after the other: two stretches of one server's time
        (SERVER, {"url": "http://other:8080/v1"}, timedelta(0), False),
        (
            {"url": "http://127.0.0.1:1/v1"},
            {"url": "http://127.0.0.1:1/v1"},
            timedelta(0),
            False,
        ),  # of each host its own
        ({}, {}, timedelta(0), False),
    ],
)
def test_the_hours_of_one_server_do_not_count_twice(campaign, details, theirs, later, refused):
    first = campaign("a", details=details).session()
    other = campaign("b", details=theirs).session(seed=7, at=BEGAN + later + timedelta(seconds=1))

    if refused:
        with pytest.raises(UsageProblem, match="one server at the same time") as told:
            pool([first, other])
        assert "--sla-load-hosts" in str(told.value)
    else:
        assert len(pool([first, other]).parts) == 2


JUDGED = ("P2-SOAK-CRASH", "P2-SOAK-P95", "P2-SOAK-DRIFT")


def written(evidence, path, gpu):
    """A soak that ran in memory, as the run directory of a host with card ``gpu``, which promises ``JUDGED``."""
    whole = evidence.campaign.profile
    profile = whole.model_copy(update={"criteria": {name: whole.criteria[name] for name in JUDGED}})
    profile = profile.model_copy(update={"digest": digest_of(profile)})
    machine = {"cpu": "a", "gpus": [{"name": "a card", "uuid": gpu}]}
    identity = replace(evidence.campaign.identity, profile=profile.digest, machine=machine)
    clock = Replayed()
    open_campaign(path, identity, profile, replace(STILL, wall=lambda: BEGAN))
    with LedgerWriter(path / "ledger", session="s001", worker="main", identity=identity.digest, clock=clock) as ledger:
        recorder = Recorder(path, "s001", "main", ledger)
        clock.record = evidence.records[0]
        recorder.record("session.start", {"suite": "pytest-rawrxd", "argv": [], "profile": {}, "host": gpu})
        recorder.record("self-check", CHECKED)
        for clock.record in evidence.records:
            arrays = clock.record.data.get("raw")
            recorder.record(clock.record.kind, {k: v for k, v in clock.record.data.items() if k != "raw"}, arrays)
    return path


def test_soaks_of_two_hosts_are_judged_as_one_and_the_pool_holds(soaks, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(Figure, "savefig", save_nothing)
    _, (calm, leaky, _) = soaks
    runs = [written(calm, tmp_path / "host-1", "GPU-1"), written(leaky, tmp_path / "host-2", "GPU-2")]

    code = main(["judge", *map(str, runs), "-o", str(tmp_path / "fleet")])

    assert code == 1
    judged = {each["id"]: each for each in json.loads((tmp_path / "fleet" / "verdicts.json").read_text())["criteria"]}
    alone = judge(Evidence.read(runs[0]))
    [hours] = [_hours(each) for each in alone["criteria"] if each["id"] == "P2-SOAK-CRASH"]
    assert _hours(judged["P2-SOAK-CRASH"]) == pytest.approx(2 * hours, rel=0.02)
    assert judged["P2-SOAK-P95"]["verdict"] == "PASS"
    assert judged["P2-SOAK-DRIFT"]["verdict"] == "FAIL"
    assert judged["P2-SOAK-DRIFT"]["reason"].startswith("host-2: ")
    capsys.readouterr()
    assert main(["verify", str(tmp_path / "fleet")]) == 0
    assert "pool of 2 runs" in capsys.readouterr().out
