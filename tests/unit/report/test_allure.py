"""A run as Allure is told it: the verdicts of verdicts.json and no other, and a page that can be handed over."""

import base64
import json
import re
import subprocess

import pytest

from pytest_rawrxd.errors import EvidenceProblem, UsageProblem
from pytest_rawrxd.places import package_data
from pytest_rawrxd.report.allure.harden import harden
from pytest_rawrxd.report.allure.history import earlier
from pytest_rawrxd.report.allure.results import is_metric, results
from pytest_rawrxd.report.allure.settings import case_id, report_name, settings
from pytest_rawrxd.report.allure.tool import INHERITED, VARIABLE, Tool, find
from pytest_rawrxd.report.dossier import PHASES
from pytest_rawrxd.verdict.outcome import Verdict

STATUS = {
    "PASS": "passed",
    "FAIL": "failed",
    "INCONCLUSIVE": "broken",
    "INVALID": "broken",
    "NOT MEASURED": "broken",
    "NOT APPLICABLE": "skipped",
}


@pytest.fixture(scope="module")
def told(view):
    return results(view, {"signoff-phase1.html": b"<p>", "verdicts.json": b"{}"}, said={"Earlier runs": "0"})


def parsed(told, name):
    return json.loads(told[f"{name}-result.json"])


def labels(result):
    return {each["name"]: each["value"] for each in result["labels"]}


def test_every_criterion_is_a_test_whose_title_ends_with_measured_and_required(view, told):
    assert {each.verdict for each in view.criteria} >= {Verdict.PASS, Verdict.FAIL, Verdict.WAIVED, Verdict.INVALID}
    for judged in view.criteria:
        result = parsed(told, judged.id)
        assert result["name"].startswith(judged.title)
        assert result["name"].endswith(f"required {judged.required}")
        assert judged.measured[0] in result["name"]
        assert labels(result)["requirement"] == judged.id
        assert labels(result)["verdict"] == judged.verdict
        assert labels(result)["epic"] == f"phase {judged.phase}"
        assert result["links"][0] == {
            "name": f"{judged.id} on the sign-off page",
            "url": f"signoff-phase{judged.phase}.html#s-{judged.id}",
            "type": "requirement",
        }


def test_the_message_of_a_test_says_verdict_and_reason_once(view, told):
    for judged in view.criteria:
        message = parsed(told, judged.id)["statusDetails"]["message"]
        assert any(line.startswith(str(judged.verdict)) for line in message.splitlines())
        assert message.count(judged.reason) == 1 or not judged.reason, message


def test_a_verdict_has_one_colour_and_what_decides_nothing_is_never_red(view, told):
    for judged in view.criteria:
        verdict = judged.waiver["waives"] if judged.verdict is Verdict.WAIVED else str(judged.verdict)
        wanted = STATUS[verdict]
        if judged.informative and wanted != "passed":
            wanted = "skipped"
        assert parsed(told, judged.id)["status"] == wanted, judged.id


def test_no_measured_value_is_in_what_makes_a_test_the_same_test(view, told):
    for judged in view.criteria:
        result = parsed(told, judged.id)
        assert result["testCaseId"] == result["historyId"] == f"rawrxd#{judged.id}"
        assert all(each["excluded"] for each in result["parameters"])


def test_each_phase_has_its_verdict_with_all_its_criteria_after_all_of_them(view, told):
    last = max(parsed(told, each.id)["stop"] for each in view.criteria)
    for phase in view.phases:
        result = parsed(told, f"phase{phase.number}")
        assert result["name"] == f"Phase {phase.number}: REHEARSAL {phase.said} – {PHASES[phase.number]}"
        assert result["status"] in {"skipped", "failed"}, "a rehearsal is never green"
        assert result["statusDetails"]["message"] == phase.sentence
        assert result["start"] > last
        for judged in phase.criteria:
            assert f"<td>{judged.id}</td>" in result["descriptionHtml"]


def test_what_cannot_be_used_is_in_no_curve(view, told):
    shown = {each["key"]: each["value"] for each in json.loads(told["run-perf.json"])}

    assert shown
    for judged in view.criteria:
        usable = judged.estimate is not None and judged.verdict is not Verdict.INVALID and judged.unit != "yes/no"
        assert is_metric(judged) == usable
        assert (judged.id in shown) == usable
        if usable:
            assert shown[judged.id] == pytest.approx(judged.estimate * (100 if judged.unit == "share" else 1))


def test_the_environment_is_ascii_and_no_name_begins_a_line_of_its_own(view, sample):
    verdicts = sample.make_verdicts()
    verdicts["target"] = {**verdicts["target"], "measured": "a\nPhase 1=APPROVED \\ ü 😀 # x"}
    told = results(sample.make_view(verdicts), {}, said={})

    lines = told["environment.properties"].decode("ascii").splitlines()

    assert [line.partition("=")[0] for line in lines][: len(view.phases)] == [
        f"Phase\\ {phase.number}" for phase in view.phases
    ]
    assert len([line for line in lines if line.startswith("Phase\\ 1=")]) == 1
    measured = next(line for line in lines if line.startswith("Measured="))
    assert "a Phase 1=APPROVED \\\\ \\u00fc \\ud83d\\ude00 # x" in measured


def test_a_waiver_in_force_is_a_resolution_and_nothing_else_is(view, tmp_path):
    told = settings(view, output=tmp_path / "page", history=tmp_path / "history.jsonl")
    waived = [each for each in view.criteria if each.verdict is Verdict.WAIVED]

    rules = told["resolutions"]["rules"]

    assert waived
    assert [rule["testCaseId"] for rule in rules] == [[case_id(each.id)] for each in waived]
    for rule, judged in zip(rules, waived, strict=True):
        assert judged.waiver["owner"] in rule["comment"]
        assert judged.waiver["expiry"] in rule["comment"]
    assert told["plugins"]["awesome"]["options"]["singleFile"] is True
    assert "REHEARSAL" in report_name(view)


# -- earlier runs ---------------------------------------------------------------------------------------------------


def write(folder, verdicts):
    folder.mkdir()
    (folder / "verdicts.json").write_text(json.dumps(verdicts), encoding="utf-8")


@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({}, True),
        ({"ended": "2035-01-01T00:00:00Z"}, False),
        ({"profile": "another"}, False),
        ({"device": "another card"}, False),
    ],
    ids=["an earlier run", "a later run", "another profile", "another device"],
)
def test_only_an_earlier_run_of_the_same_profile_engine_and_device_is_history(view, sample, tmp_path, change, shown):
    verdicts = sample.make_verdicts()
    run = verdicts["run"]
    engine = {**(run["identity"].get("engine") or {})} | ({"device": change["device"]} if "device" in change else {})
    verdicts["run"] = {
        **run,
        "id": "an earlier one",
        "ended": change.get("ended", "2020-01-01T00:00:00Z"),
        "identity": {**run["identity"], "engine": engine},
    }
    verdicts["profile"] = {**verdicts["profile"], "name": change.get("profile", verdicts["profile"]["name"])}
    write(tmp_path / "earlier", verdicts)
    write(tmp_path / "mine", sample.make_verdicts())
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "verdicts.json").write_text("{", encoding="utf-8")

    past = earlier(tmp_path / "mine", view)

    assert [point["name"] for point in past.points] == (["an earlier one"] if shown else [])
    assert past.unread == ("broken",)
    if shown:
        metrics = past.points[0]["metrics"]
        assert set(metrics) == {each.id for each in view.criteria if is_metric(each)}


# -- the page -------------------------------------------------------------------------------------------------------

APPLICATION = 'const end = "</script><!--"; start();'
WRITTEN = f"""<!DOCTYPE html>
<html><head>
    <meta charset="utf-8">
    <script>
      window.allureReportOptions = {{}}
    </script>
</head>
<body>
    <div id="app"></div>
    <script>
      const {{ origin, pathname }} = window.location;
      document.createElement("base");
    </script>
    <script   src="data:text/javascript;base64,{base64.b64encode(APPLICATION.encode()).decode()}"></script>
    <script async src="https://www.googletagmanager.com/gtag/js?id=G-X"></script>
    <script>
        gtag('js');
    </script>
    <script async>
      window.allureReportDataReady = false;
    </script>
    <script defer>
      Promise.allSettled([d("widgets/a.json","e30="),d("b, d(c",")],[")])
        .then(function(){{
          window.allureReportDataReady = true;
        }})
    </script>
</body></html>
"""


def test_the_data_stands_before_the_application_and_nothing_calls_another_host():
    page = harden(WRITTEN, "run – Phase 1: <REJECTED>")

    scripts = re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL)
    assert len(scripts) == 3
    assert scripts[1] == (
        'window.allureReportData={"b, d(c": ")],[", "widgets/a.json": "e30="};window.allureReportDataReady=true;'
    )
    assert scripts[2] == r'const end = "<\/script>\x3c!--"; start();'
    assert "google" not in page
    assert "run – Phase 1: &lt;REJECTED&gt;" in page
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert policy.startswith("default-src 'none'; script-src 'sha256-")
    assert policy.count("'sha256-") == 3
    assert page.index("charset") < page.index("Content-Security-Policy") < page.index("<script")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("www.googletagmanager.com", "other.example", "the analytics block"),
        ("allureReportDataReady = false", "ready = false", "the report's data"),
        ("data:text/javascript", "app.js?", "the application"),
        ("const { origin, pathname }", "const x", "the base address"),
        ('<div id="app">', '<img src="https://other.example/x.png">', "would fetch something"),
    ],
)
def test_a_page_that_another_allure_wrote_is_refused(old, new, said):
    assert old in WRITTEN
    with pytest.raises(EvidenceProblem, match=said):
        harden(WRITTEN.replace(old, new), "")


# -- the tool -------------------------------------------------------------------------------------------------------


def node(version):
    return lambda command, **_: subprocess.CompletedProcess(command, 0, stdout=f"{version}\n", stderr="")


@pytest.fixture
def installed(tmp_path):
    """What npm ci leaves of the committed lock file, without the content."""
    lock = json.loads((package_data("ci/allure") / "package-lock.json").read_bytes())
    lock["packages"].pop("")
    (tmp_path / "node_modules" / "allure").mkdir(parents=True)
    (tmp_path / "node_modules" / "allure" / "cli.js").touch()
    (tmp_path / "node_modules" / ".package-lock.json").write_text(json.dumps(lock), encoding="utf-8")
    return tmp_path


def test_what_the_lock_file_names_is_found(installed):
    tool = find({VARIABLE: str(installed)}, which=lambda name: f"/usr/bin/{name}", run=node("v18.20.0"))

    assert tool.node == "/usr/bin/node"
    assert tool.command == installed / "node_modules" / "allure" / "cli.js"
    assert tool.still.is_file()


def test_node_is_asked_for_its_version_without_a_secret(installed, monkeypatch):
    monkeypatch.setenv("NPM_TOKEN", "x")
    given = []

    def run(command, *, env, **_):
        given.append(env)
        return subprocess.CompletedProcess(command, 0, stdout="v20.1.0\n", stderr="")

    find({VARIABLE: str(installed)}, which=lambda name: name, run=run)

    assert [set(env) <= {*INHERITED} for env in given] == [True]


@pytest.mark.parametrize(
    ("version", "accepted"), [("v18.19.9", False), ("v18.20.0", True), ("v20.0.0", True), ("", False)]
)
def test_an_older_node_is_refused(installed, version, accepted):
    def ask():
        return find({VARIABLE: str(installed)}, which=lambda name: name, run=node(version))

    if accepted:
        assert ask().node == "node"
    else:
        with pytest.raises(UsageProblem, match="too old"):
            ask()


def test_without_node_the_message_says_what_to_install(installed):
    with pytest.raises(UsageProblem) as caught:
        find({VARIABLE: str(installed)}, which=lambda name: None, run=node(""))

    assert "npm ci --ignore-scripts --prefix ci/allure" in str(caught.value)


def test_without_the_packages_the_message_says_how_to_install_them(tmp_path):
    with pytest.raises(UsageProblem, match="not installed") as caught:
        find({VARIABLE: str(tmp_path)}, which=lambda name: name, run=node("v20.1.0"))

    assert "npm ci --ignore-scripts --prefix ci/allure" in str(caught.value)


def test_another_package_than_the_locked_one_is_refused(installed):
    path = installed / "node_modules" / ".package-lock.json"
    lock = json.loads(path.read_bytes())
    lock["packages"]["node_modules/@allurereport/core"]["integrity"] = "sha512-other"
    path.write_text(json.dumps(lock), encoding="utf-8")

    with pytest.raises(UsageProblem, match="not those of the lock file") as caught:
        find({VARIABLE: str(installed)}, which=lambda name: name, run=node("v20.1.0"))
    assert "@allurereport/core" in str(caught.value)


@pytest.mark.parametrize(("code", "stderr"), [(1, ""), (0, "can't read result file x-result.json")])
def test_what_allure_could_not_read_is_no_report(tmp_path, code, stderr):
    tool = Tool("node", tmp_path / "cli.js", tmp_path / "still.cjs")
    said = subprocess.CompletedProcess([], code, stdout="", stderr=stderr)

    with pytest.raises(EvidenceProblem, match="could not render"):
        tool.generate(tmp_path / "results", tmp_path / "allurerc.json", instant_ms=0, run=lambda *_, **__: said)


def test_the_lock_file_pins_what_the_package_file_asks_for():
    folder = package_data("ci/allure")
    asked = json.loads((folder / "package.json").read_bytes())["dependencies"]
    locked = json.loads((folder / "package-lock.json").read_bytes())["packages"]

    assert asked == {"allure": locked["node_modules/allure"]["version"]}
    assert all(entry.get("integrity") for name, entry in locked.items() if name)
    assert not any(entry.get("hasInstallScript") for entry in locked.values())
