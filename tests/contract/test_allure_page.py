"""``rawrxd report --allure`` with the pinned npm packages, opened in a headless Chromium that reaches no host."""

import os
import shlex
import shutil
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import yaml
from browser import CHROMIUM, browse
from fakes.charts import save_nothing
from fakes.scripted_run import BEGAN, Scripted
from matplotlib.figure import Figure

from pytest_rawrxd.cli import judge, main
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.places import package_data
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.profile.profile import digest_of
from pytest_rawrxd.report.allure import page
from pytest_rawrxd.report.allure.harden import harden
from pytest_rawrxd.report.allure.tool import VARIABLE

NODE, NPM = shutil.which("node"), shutil.which("npm")
ROOT = package_data("fixtures").parent
WORKFLOW = ROOT / ".github" / "workflows" / "acceptance.yml"
UNREACHABLE = ("ENOTFOUND", "ECONNREFUSED", "EAI_AGAIN", "ETIMEDOUT", "ENETUNREACH")
OPENED = 20
KEPT, BROKEN, WAIVED = "SLA-TPS-GUARANTEE", "P1-TPS-BROKEN", "P1-TPS-WAIVED"
#: Every JSON file that the page carries, by its name.
DATA = """
(async () => {
  const read = async (value) => (await fetch("data:application/json;base64," + value)).json();
  const files = Object.entries(window.allureReportData).filter(([name]) => name.endsWith(".json"));
  return Object.fromEntries(await Promise.all(files.map(async ([name, value]) => [name, await read(value)])));
})()
"""
ATTACK = (
    "\"'></title></td><script>document.title='PWNED'</script><img src=https://tracker.invalid/i "
    "onerror=\"document.title='PWNED'\"><a href=javascript:alert(1)>x</a>\x1b[2J\u202e"
)
WAIVER = f"""
[[waiver]]
criterion = "{WAIVED}"
owner = "Technical Lead"
reason = "late <img src=https://tracker.invalid/i onerror=alert(1)>"
ticket = "https://tracker.invalid/RX-1"
expiry = 2026-12-31
compensating_measure = "two cards"
"""

pytestmark = pytest.mark.skipif(NODE is None or NPM is None, reason="no Node.js with npm on this machine")


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    """The pinned packages, installed from the committed lock file by the very step of the workflow."""
    tree = tmp_path_factory.mktemp("allure")
    folder = tree / "ci" / "allure"
    folder.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copyfile(package_data("ci/allure") / name, folder / name)
    steps = yaml.safe_load(WORKFLOW.read_text(encoding="utf-8"))["jobs"]["report"]["steps"]
    npm, *arguments = shlex.split(next(step["run"] for step in steps if step.get("name") == "the pinned Allure"))
    assert npm == "npm"
    environ = {**os.environ, "npm_config_prefer_offline": "true"}
    done = subprocess.run(
        [NPM, *arguments], cwd=tree, env=environ, capture_output=True, text=True, timeout=240, check=False
    )
    if done.returncode and any(word in done.stderr for word in UNREACHABLE):
        pytest.skip("the npm registry cannot be reached from here")
    assert done.returncode == 0, done.stderr
    return folder


@pytest.fixture(scope="module")
def rendered(installed, tmp_path_factory):
    """A run with a kept, a broken and a waived promise, a month after another; and its page as Allure wrote it."""
    base = load_profile("embedded")
    floor = base.criteria[KEPT]
    promised = {
        KEPT: floor,
        BROKEN: floor.model_copy(update={"id": BROKEN, "limit": 1000.0, "title": f"late {ATTACK}", "source": ATTACK}),
        WAIVED: floor.model_copy(update={"id": WAIVED, "limit": 2000.0}),
    }
    profile = base.model_copy(update={"criteria": promised})
    profile = profile.model_copy(update={"digest": digest_of(profile)})
    folder, raw = tmp_path_factory.mktemp("reports"), []
    (folder / "waivers.toml").write_text(WAIVER, encoding="utf-8")

    def kept_raw(written, verdict):
        raw.append(written)
        return harden(written, verdict)

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(VARIABLE, str(installed))
        patch.setattr(Figure, "savefig", save_nothing)
        patch.setattr(judge, "SYSTEM", replace(SYSTEM, wall=lambda: datetime(2026, 3, 1, tzinfo=UTC)))
        patch.setattr(page, "harden", kept_raw)
        for name, at in (("january", BEGAN), ("february", BEGAN + timedelta(days=30))):
            run = Scripted(folder / name, profile, {"cpu": "a", "gpus": []}, {})
            run.session(at=at, seed=at.day, claims={name: ["acceptance/test_x.py::test_x"] for name in promised})
            assert main(["judge", str(run.path), "--waivers", str(folder / "waivers.toml")]) == 1
        first = _report(folder / "february")
        assert _report(folder / "february") == first, "the same run gave another page"
    return folder / "february", raw[0]


def _report(run_dir):
    assert main(["report", str(run_dir), "--allure"]) == 0
    return (run_dir / "allure.html").read_bytes()


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash")
def test_the_script_of_the_sign_off_renders_the_page_where_the_packages_are(installed, tmp_path):
    """``ci/signoff.sh``, as a person and the workflow call it; the run promises one thing and keeps it."""
    base = load_profile("embedded")
    profile = base.model_copy(update={"criteria": {KEPT: base.criteria[KEPT]}})
    profile = profile.model_copy(update={"digest": digest_of(profile)})
    run = Scripted(tmp_path / "run", profile, {"cpu": "a", "gpus": []}, {})
    run.session(at=BEGAN, seed=1, claims={KEPT: ["acceptance/test_x.py::test_x"]})
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}

    done = subprocess.run(
        ["bash", "ci/signoff.sh", str(run.path)],  # noqa: S607 - the one that was found
        cwd=ROOT,
        env={**inherited, VARIABLE: str(installed)},
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    page = (run.path / "allure.html").read_text(encoding="utf-8")
    assert 'id="rawrxd-verdict"' in page
    assert "Content-Security-Policy" in page
    assert "  allure.html\n" in (run.path / "SHA256SUMS").read_text(encoding="utf-8")
    assert (run.path / "github-summary.md").exists()


def test_a_pool_has_a_page_of_its_own(rendered, installed, tmp_path):
    """Two runs judged as one; rendered by the packages that the fixture installed."""
    run_dir, _ = rendered
    runs = [str(run_dir), str(run_dir.parent / "january")]
    folder = tmp_path / "pool"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", save_nothing)
        patch.setenv(VARIABLE, str(installed))
        assert main(["judge", *runs, "-o", str(folder)]) == 1
        assert main(["report", str(folder), "--allure", "--runs", *runs]) == 0
        assert main(["verify", str(folder), "--runs", *runs]) == 0

    found = (folder / "allure.html").read_text(encoding="utf-8")
    assert "february + january – Phase 1: REHEARSAL REJECTED" in found


def test_the_page_belongs_to_the_run_until_it_is_judged_again(rendered):
    run_dir, _ = rendered

    assert "  allure.html\n" in (run_dir / "SHA256SUMS").read_text(encoding="utf-8")


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine to open the page with")
def test_the_page_opens_every_time_shows_the_verdict_and_asks_no_other_machine(rendered, tmp_path):
    address = (rendered[0] / "allure.html").as_uri()

    async def visit(tab):
        pages = [await tab.open(address, f"{BROKEN} ") for _ in range(OPENED)]
        names = await tab.evaluate("Object.keys(window.allureReportData)")
        for name in (each for each in names if each.startswith("data/test-results/")):
            await tab.evaluate(f"location.hash = '#{name.removeprefix('data/test-results/').removesuffix('.json')}'")
            shown = await tab.shows("description")
            assert "description" in shown.lower()
        return pages, await tab.evaluate("document.title")

    pages, title = browse(tmp_path, visit)
    assert "PWNED" not in title  # what the promise is called holds a script that says so

    assert len(pages) == OPENED
    for opened in pages:
        assert opened.text.startswith("february – Phase 1: REHEARSAL REJECTED")
        assert "required >= 1,000 tok/s" in opened.text
        assert opened.requests[0] == address
        assert all(one.startswith("data:") for one in opened.requests[1:])
        assert opened.complaints == []


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine to open the page with")
def test_as_allure_writes_it_the_page_asks_an_analytics_host(rendered, tmp_path):
    """The control: what the hardened page is free of would have been seen."""
    (tmp_path / "raw.html").write_text(rendered[1], encoding="utf-8")

    async def visit(tab):
        return await tab.open((tmp_path / "raw.html").as_uri(), f"{BROKEN} ")

    opened = browse(tmp_path / "profile", visit)

    assert any("googletagmanager.com" in one for one in opened.requests)


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine to open the page with")
def test_waivers_history_categories_and_the_sign_off_page_are_in_it(rendered, tmp_path):
    address = (rendered[0] / "allure.html").as_uri()

    async def visit(tab):
        await tab.open(address, f"{BROKEN} ")
        return await tab.evaluate(DATA)

    data = browse(tmp_path, visit)

    tests = [value for name, value in data.items() if name.startswith("data/test-results/")]
    by_name = {test["fullName"]: test for test in tests}
    waived = by_name[f"rawrxd#{WAIVED}"]
    assert waived["status"] == "failed"
    assert waived["resolution"] == "accepted"
    assert "waived until 2026-12-31 by Technical Lead" in waived["resolutionComment"]
    assert {"requirement", "issue"} == {link["type"] for link in waived["links"]}
    assert "resolution" not in by_name[f"rawrxd#{BROKEN}"]
    assert by_name["rawrxd#phase1"]["status"] == "failed"
    assert BROKEN in by_name["rawrxd#phase1"]["descriptionHtml"]

    nodes = data["widgets/categories.json"]["nodes"]
    names = {node["name"] for node in nodes.values()}
    assert {"FAIL: the promise is broken", "WAIVED: excused until a date"} <= names
    assert any(BROKEN in str(node.get("value", node["name"])) for node in nodes.values() if node["type"] == "group")

    metrics = data["widgets/metrics.json"]
    assert {each["key"] for each in metrics["current"]} == {KEPT, BROKEN, WAIVED}
    assert [point["name"] for point in metrics["history"]] == ["january"]
    assert metrics["history"][0]["metrics"][KEPT] != next(
        each["value"] for each in metrics["current"] if each["key"] == KEPT
    )

    attached = [each["name"] for each in data["widgets/globals.json"]["attachments"]]
    assert {"signoff-phase1.html", "verdicts.json"} <= set(attached)
    environment = {each["name"]: each["values"] for each in data["widgets/allure_environment.json"]}
    assert environment["Phase 1"] == ["REHEARSAL REJECTED"]
