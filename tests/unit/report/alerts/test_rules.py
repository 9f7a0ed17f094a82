"""The alerts of a profile: what each row of the SLA is watched with, and the proof that the proof can fail."""

from __future__ import annotations

import shutil
from dataclasses import replace

import pytest
import yaml

from pytest_rawrxd.errors import ProfileProblem, RigTrouble
from pytest_rawrxd.measure.probe.edges import edge
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.profile.units import Quantity
from pytest_rawrxd.report.alerts.documents import RULES, rules_yaml
from pytest_rawrxd.report.alerts.files import alert_files, check_files, write_files
from pytest_rawrxd.report.alerts.plan import watch_of
from pytest_rawrxd.report.alerts.prove import prove
from pytest_rawrxd.report.alerts.routing import ROUTING, Routing
from pytest_rawrxd.report.alerts.rule import duration
from pytest_rawrxd.rig.monitoring.tools import find_tools

ROADMAP = load_profile("rx7800xt")
NAMES = ("rx7800xt", "production", "embedded", "h100-roadmap")

installed = pytest.mark.skipif(
    not all(map(shutil.which, ("promtool", "amtool"))),
    reason="prometheus and prometheus-alertmanager are not installed",
)


def changed(profile, **settings):
    told = profile.protocol.monitoring.model_copy(update=settings)
    return profile.model_copy(update={"protocol": profile.protocol.model_copy(update={"monitoring": told})})


@pytest.fixture(scope="module")
def watch():
    return watch_of(ROADMAP)


@pytest.fixture(params=NAMES)
def any_watch(request):
    return watch_of(load_profile(request.param))


def test_every_row_of_the_sla_has_alerts_or_says_why_it_has_none(any_watch):
    rows = {row.criterion.id: row for row in any_watch.rows}

    assert set(rows) == {c for c in any_watch.profile.criteria if c.startswith("SLA-")} | {"P2-LOSS"}
    assert all(bool(row.alerts) is (row.why_none is None) for row in rows.values())
    assert all(len(row.alerts) == 2 for row in rows.values() if row.alerts)


def test_the_early_warning_of_a_row_comes_before_its_bound(watch):
    thresholds = {}
    for row in watch.rows:
        if row.criterion.metric in {"decode_tps", "vram_used", "gpu_temperature", "queue_served", "lost_requests"}:
            for alert in row.alerts:
                thresholds.setdefault(row.criterion.id, []).append(float(alert.expr.rsplit(" ", 1)[1]))

    assert thresholds.pop("SLA-TPS-GUARANTEE") == [78.125, 75]
    assert thresholds == {
        "P2-LOSS": [0.04, 0.05],
        "SLA-VRAM": [13.3e9, 14e9],
        "SLA-TEMP": [80.75, 85],
        "SLA-QUEUE": [80, 100],
    }


def test_latency_is_judged_at_bucket_edges_on_early_warning_and_bound(watch):
    expressions = {alert.name: alert.records[0].expr for alert in watch.alerts if alert.records}

    assert 'le="0.04"' in expressions["RawrxdSlaLatP95Early"]
    assert 'le="0.05"' in expressions["RawrxdSlaLatP95Broken"]
    assert 'le="0.2"' in expressions["RawrxdSlaLatMaxBroken"]


def test_each_alert_is_tried_inside_outside_idle_and_with_a_blip(any_watch):
    for alert in any_watch.alerts:
        tried = {case.name: case.fires for case in alert.cases}
        assert {"inside", "outside", "idle", "blip"} <= set(tried), alert.key
        assert (tried["inside"], tried["outside"], tried["blip"]) == (False, True, False), alert.key
        assert tried["idle"] is (alert.name == "RawrxdProbeSilent"), "only a probe that idles is trouble"


def test_every_rule_says_criterion_severity_profile_runbook_and_bound(watch):
    rules = yaml.safe_load(rules_yaml(watch, "https://runbook"))["groups"][0]["rules"]
    alerts = [rule for rule in rules if "alert" in rule]

    assert len(alerts) == len(watch.alerts)
    for alert in alerts:
        assert {"criterion", "severity", "sla_profile"} <= set(alert["labels"])
        assert alert["annotations"]["runbook_url"] == f"https://runbook#{alert['alert']}"
        if alert["labels"]["criterion"] != "P2-ALERTS":
            assert f"{alert['labels']['criterion']} requires" in alert["annotations"]["summary"]


def test_the_same_profile_gives_the_same_bytes(watch):
    assert alert_files(watch, runbook="x") == alert_files(watch_of(load_profile("rx7800xt")), runbook="x")


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"down_hold": Quantity(2, "min")}, "after the SLA's own budget is spent"),
        ({"hold": Quantity(8, "h")}, "after the SLA's own budget is spent"),
        ({"hold": Quantity(1, "min")}, "a breach of one scrape"),
        ({"burn_share": Quantity(30, "%")}, "could never fire"),
    ],
)
def test_alerts_that_would_come_too_late_too_soon_or_never_are_refused(settings, what):
    with pytest.raises(ProfileProblem, match=what):
        watch_of(changed(ROADMAP, **settings))


def test_a_hold_that_just_fits_into_the_time_to_recovery_is_kept():
    # 5 s for the health, two scrapes of 15 s and the hold: 119 s of 120 s.
    assert watch_of(changed(ROADMAP, down_hold=Quantity(84, "s"))).terms.down_hold_s == 84
    with pytest.raises(ProfileProblem):
        watch_of(changed(ROADMAP, down_hold=Quantity(85, "s")))


def test_a_profile_without_a_monitoring_section_is_refused():
    bare = ROADMAP.model_copy(update={"protocol": ROADMAP.protocol.model_copy(update={"monitoring": None})})
    with pytest.raises(ProfileProblem, match="does not say how the engine is watched"):
        watch_of(bare)


@pytest.mark.parametrize(
    ("seconds", "text"), [(3600, "1h"), (90, "90s"), (300, "5m"), (0.25, "250ms"), (1.5, "1500ms"), (0.1, "100ms")]
)
def test_a_duration_is_written_in_its_largest_whole_unit(seconds, text):
    assert duration(seconds) == text


def test_a_part_of_a_millisecond_is_no_duration():
    with pytest.raises(ValueError, match="milliseconds"):
        duration(0.0001)


def test_an_edge_has_the_digits_that_a_label_has():
    assert (edge(0.05 * 0.8), edge(5.0), edge(0.013 * 0.97)) == ("0.04", "5.0", "0.01261")


# -- with the real tools ---------------------------------------------------------------------------------------------


@installed
def test_promtool_and_amtool_agree_with_rules_cases_and_routes(watch, tmp_path):
    write_files(
        alert_files(watch, runbook="x", routing=Routing("http://127.0.0.1:1/", "http://127.0.0.1:2/")), tmp_path
    )

    found = check_files(watch, tmp_path, find_tools())

    assert found["alerts"] == found["routes"] == len(watch.alerts)
    assert found["cases"] >= 4 * len(watch.alerts)


@installed
def test_every_mutant_of_every_rule_is_noticed_unless_no_input_could_tell_it_apart(watch, tmp_path):
    score = prove(watch.alerts, watch.terms, find_tools(), tmp_path)

    assert [(m.alert.key, m.change) for m in score.survivors] == []
    assert [(m.alert.key, m.change) for m in score.wrongly_equivalent] == []
    assert score.killed > 10 * len(watch.alerts)
    assert {m.change.rsplit(" ", 1)[1] for m in score.equivalent} == {">=", "<="}


@installed
def test_tests_that_lost_their_firing_cases_let_mutants_live(watch, tmp_path):
    """The score can fail: without a firing case, a rule that never fires is as good as any."""
    alert = next(alert for alert in watch.alerts if alert.name == "RawrxdSlaVramBroken")
    blunt = replace(alert, cases=tuple(case for case in alert.cases if not case.fires))

    survivors = {mutant.change for mutant in prove([blunt], watch.terms, find_tools(), tmp_path).survivors}

    assert "never" in survivors


@installed
def test_a_rule_that_promtool_does_not_understand_is_refused_in_its_words(watch, tmp_path):
    write_files(alert_files(watch, runbook="x"), tmp_path)
    rules = tmp_path / RULES
    rules.write_text(rules.read_text().replace("absent(rawrxd_up)", "absent(rawrxd_up"))

    with pytest.raises(RigTrouble, match="promtool refuses a file") as caught:
        check_files(watch, tmp_path, find_tools())
    assert "unclosed left parenthesis" in str(caught.value)


@installed
def test_an_alert_that_reaches_the_wrong_receiver_is_found(watch, tmp_path):
    files = dict(alert_files(watch, runbook="x"))
    files[ROUTING] = files[ROUTING].replace('- severity="critical"\n  - receiver', '- severity="other"\n  - receiver')
    write_files({name: text for name, text in files.items() if not name.endswith("test.yml")}, tmp_path)
    (tmp_path / "none.test.yml").write_text("rule_files: []\ntests: []\n")

    with pytest.raises(RigTrouble, match="reaches the wrong receiver"):
        check_files(watch, tmp_path, find_tools())


def test_what_is_not_installed_is_named_with_the_line_that_installs_it():
    with pytest.raises(RigTrouble) as caught:
        find_tools(which=lambda name: "/bin/promtool" if name == "promtool" else None)

    assert caught.value.found == "no prometheus, alertmanager, amtool on PATH"
    assert "apt-get install prometheus prometheus-alertmanager" in caught.value.possible
