"""The workflows say what they may, are clean to three linters, and their scripts do what they are called for."""

import os
import re
import shutil
import subprocess
import sys
import time
import venv
import zipfile
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from fakes.scripted_run import BEGAN, Scripted

from pytest_rawrxd.places import package_data
from pytest_rawrxd.profile import load_profile

ROOT = package_data("fixtures").parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TOOLS = Path(sys.executable).parent
UNREACHABLE = ("No matching distribution", "error sending request", "ConnectTimeout", "Failed to fetch")
SOAK_OF_SECONDS = """
title = "a soak of seconds"
extends = "embedded"
[protocol.soak]
duration = "12 s"
burst_every = "0.5 s"
idle_every = "4 s"
idle = ["0.2 s", "0.4 s"]
restart_every = "4 s"
settle = "0.5 s"
sample_every = "0.2 s"
thermal_every = "0.1 s"
checkpoint_every = "2 s"
review_every = "6 s"
downtime_max = "90 %"
"""


def read(path):
    # YAML 1.1 reads the key "on" as true.
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {("on" if key is True else key): value for key, value in content.items()}


JOBS = [
    pytest.param(path, name, job, id=f"{path.stem}-{name}")
    for path in WORKFLOWS
    for name, job in read(path)["jobs"].items()
]


def runs_on_our_machine(job):
    return "self-hosted" in job["runs-on"]


#: Every step with a script, and what runs it here; the reason where nothing can.
RUN = {
    ("acceptance", "gpu", "what this machine can measure"): "below",
    ("acceptance", "gpu", "measure and judge"): "below",
    ("acceptance", "report", "the pinned Allure"): "test_allure_page.py",
    ("acceptance", "report", "verdicts again from raw evidence, pages, annotations"): "below, and test_allure_page.py",
    ("fleet", "measure", "what this machine can measure"): "the same script as of acceptance",
    ("fleet", "measure", "measure and judge"): "the same script as of acceptance",
    ("fleet", "signoff", "every host's evidence, judged together"): "below",
    ("soak", "soak", "soak"): "below",
    ("release", "build", "build"): "below",
    ("release", "publish", "publish"): "not run: it asks GitHub for an identity; its options are checked below",
    ("checks", "linux", "install, tests, static checks, embedded rehearsal"): "not run: it runs this test; read below",
    ("checks", "windows", "install"): "not run: PowerShell, read in test_powershell.py",
    ("checks", "windows", "tests"): "not run: PowerShell, read in test_powershell.py",
    ("checks", "windows", "what this machine can measure"): "not run: PowerShell, read in test_powershell.py",
}


def test_every_step_with_a_script_is_run_or_says_why_not():
    found = {
        (path.stem, name, each["name"])
        for path in WORKFLOWS
        for name, job in read(path)["jobs"].items()
        for each in job["steps"]
        if "run" in each
    }

    assert found == set(RUN)


def test_there_are_the_five_workflows():
    assert [path.stem for path in WORKFLOWS] == ["acceptance", "checks", "fleet", "release", "soak"]


@pytest.mark.parametrize(
    "command",
    [
        ["check-jsonschema", "--builtin-schema", "vendor.github-workflows", *map(str, WORKFLOWS)],
        ["jactionlint", *map(str, WORKFLOWS)],
        ["zizmor", "--offline", *map(str, WORKFLOWS)],
    ],
    ids=lambda command: command[0],
)
def test_a_linter_finds_nothing(command):
    tool = shutil.which(command[0], path=str(TOOLS))
    assert tool is not None, f"{command[0]} is in the development group"

    done = subprocess.run([tool, *command[1:]], capture_output=True, text=True, timeout=120, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_gives_nothing_that_a_job_does_not_ask_for(path):
    assert read(path)["permissions"] == {}


@pytest.mark.parametrize(("path", "name", "job"), JOBS)
def test_a_job_on_our_machine_may_only_read_and_never_runs_for_a_pull_request(path, name, job):
    if not runs_on_our_machine(job):
        assert set(job["permissions"].values()) <= {"read", "write"}
        return
    assert job["permissions"] == {"contents": "read"}
    assert "pull_request" not in read(path)["on"]
    assert "pull_request_target" not in read(path)["on"]
    assert job["concurrency"]["cancel-in-progress"] is False
    assert "secrets." not in path.read_text(encoding="utf-8")


def test_some_job_runs_on_our_machine():
    assert {path.stem for path, _name, job in (param.values for param in JOBS) if runs_on_our_machine(job)} == {
        "acceptance",
        "fleet",
        "soak",
    }


@pytest.mark.parametrize(("path", "name", "job"), JOBS)
def test_every_action_is_pinned_to_a_commit(path, name, job):
    for step in job["steps"]:
        if "uses" in step:
            action, _, commit = step["uses"].partition("@")
            assert action.startswith("actions/")
            assert len(commit) == 40
            assert int(commit, 16)


def test_an_action_is_the_same_commit_everywhere_and_its_release_is_named():
    used = re.findall(
        r"uses: (\S+)@(\w+)(?: # (v\d+\.\d+\.\d+))?$", "\n".join(map(Path.read_text, WORKFLOWS)), re.MULTILINE
    )

    assert len(used) == sum("uses" in step for *_, job in (p.values for p in JOBS) for step in job["steps"])
    assert all(release for _, _, release in used)
    assert len({action for action, _, _ in used}) == len(set(used))


def test_what_publishes_is_pinned_and_asks_for_trusted_publishing():
    script = step("release", "publish", "publish")

    pinned, _, publish = script.partition(" && ")
    assert re.fullmatch(r"python3 -m pip install uv==\d+\.\d+\.\d+", pinned)
    assert step("release", "build", "build").startswith(f"{pinned} && ")
    assert publish == "python3 -m uv publish --trusted-publishing always"
    uv = os.environ.get("UV") or shutil.which("uv")
    if uv is None:
        pytest.skip("uv is not on this machine")
    told = subprocess.run([uv, "publish", "--help"], capture_output=True, text=True, timeout=60, check=True).stdout
    assert "--trusted-publishing" in told
    assert "always" in told


def test_a_release_is_attested_before_it_is_published_and_only_by_the_job_that_may():
    jobs = read(next(path for path in WORKFLOWS if path.stem == "release"))["jobs"]

    assert jobs["build"]["permissions"] == {"contents": "read"}
    assert jobs["publish"]["permissions"] == {"contents": "read", "id-token": "write", "attestations": "write"}
    assert (jobs["publish"]["needs"], jobs["publish"]["environment"]) == ("build", "release")
    names = [each.get("name") or each["uses"].partition("@")[0] for each in jobs["publish"]["steps"]]
    assert names.index("actions/attest") < names.index("publish")
    assert not any(each.get("uses", "").startswith("actions/checkout") for each in jobs["publish"]["steps"])


@pytest.mark.parametrize("script", [".ci/run", *sorted(f"ci/{path.name}" for path in (ROOT / "ci").glob("*.sh"))])
def test_bash_reads_each_of_its_scripts(script):
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")

    done = subprocess.run([bash, "-n", str(ROOT / script)], capture_output=True, text=True, timeout=60, check=False)

    assert (done.returncode, done.stderr) == (0, "")


def step(workflow, job, name):
    path = next(path for path in WORKFLOWS if path.stem == workflow)
    return next(one["run"] for one in read(path)["jobs"][job]["steps"] if one.get("name") == name)


@pytest.fixture
def run_step(tmp_path):
    """Run a step's script as a runner would, with the values that GitHub would have put in."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")

    def _run(script, cwd=ROOT, **given):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RAWRXD_", "GITHUB_"))}
        return subprocess.run(
            [bash, "-euo", "pipefail", "-c", script],
            cwd=cwd,
            env={**inherited, **given},
            capture_output=True,
            text=True,
            timeout=280,
            check=False,
        )

    return _run


def test_the_steps_of_an_acceptance_run_measure_judge_and_annotate(run_step, tmp_path):
    """The same three scripts, one after the other, with the scripted engine in the place of a card."""
    run_dir, profile = tmp_path / "run", tmp_path / "mine.toml"
    profile.write_text(
        'title = "Too much asked"\nextends = "embedded"\n[criteria.SLA-TPS-GUARANTEE]\nat_least = "90 tok/s"\n',
        encoding="utf-8",
    )
    environ = {
        "RAWRXD_SLA_PROFILE": str(profile),
        "RAWRXD_SLA_MODELS": "",
        "RAWRXD_SLA_ENGINE": "scripted:steady",
        "RAWRXD_SLA_RUN_DIR": str(run_dir),
        "MARKERS": "phase1",
        "LANES": "1",
        "RAWRXD_CACHE": str(tmp_path / "cache"),
    }

    looked = run_step(step("acceptance", "gpu", "what this machine can measure"), **environ)
    measured = run_step(step("acceptance", "gpu", "measure and judge"), **environ)

    assert "Every criterion of this profile can be answered here." in looked.stdout, looked.stderr
    assert measured.returncode == 1, measured.stdout + measured.stderr
    before = (run_dir / "verdicts.json").read_bytes()

    told, outputs = tmp_path / "summary.md", tmp_path / "outputs"
    told.write_text("", encoding="utf-8")
    script = step("acceptance", "report", "verdicts again from raw evidence, pages, annotations")
    judged = run_step(
        script.replace("reports/run", str(run_dir)),
        GITHUB_ACTIONS="true",
        GITHUB_STEP_SUMMARY=str(told),
        GITHUB_OUTPUT=str(outputs),
    )

    assert judged.returncode == 1, judged.stdout + judged.stderr
    assert (run_dir / "verdicts.json").read_bytes() == before
    assert "::error title=SLA-TPS-GUARANTEE FAIL::" in judged.stdout
    assert "REHEARSAL" in told.read_text(encoding="utf-8")
    assert outputs.read_text(encoding="utf-8") == "rehearsal=true\n"


def test_a_fleet_is_judged_together_and_a_host_that_left_nothing_fails_it(run_step, tmp_path):
    """Two hosts' runs in the place of downloaded ones."""
    profile = load_profile("embedded")
    for number, name in enumerate(("gpu-1", "gpu-2")):
        machine = {"cpu": "a", "gpus": [{"name": "a card", "uuid": f"GPU-{number}"}]}
        host = Scripted(tmp_path / "hosts" / f"run-{name}", profile, machine, {})
        host.session(seed=number, at=BEGAN + timedelta(hours=number))
    script = step("fleet", "signoff", "every host's evidence, judged together")
    script = script.replace("reports/fleet", str(tmp_path / "fleet")).replace("reports/hosts", str(tmp_path / "hosts"))
    outputs, told = tmp_path / "outputs", tmp_path / "summary.md"

    github = {"GITHUB_OUTPUT": str(outputs), "GITHUB_STEP_SUMMARY": str(told), "GITHUB_ACTIONS": "true"}
    judged = run_step(script, RUNNERS='["gpu-1", "gpu-2"]', **github)
    short = run_step(script, RUNNERS='["gpu-1", "gpu-2", "gpu-3"]', **github)

    assert "pages of 2 runs as one" in judged.stdout, judged.stderr
    assert "pool of 2 runs, each with its card, ledgers and raw files:" in judged.stdout
    assert "HOLDS: " in judged.stdout
    assert told.read_text(encoding="utf-8").startswith("## run-gpu-1 + run-gpu-2\n")
    assert (tmp_path / "fleet" / "signoff-phase1.html").is_file()
    assert outputs.read_text(encoding="utf-8") == "rehearsal=true\n"
    assert short.returncode == 1
    assert "2 of 3 hosts left a run" in short.stderr


def _without_lanes(steps):
    return [{**each, "run": each["run"].replace('-n "$LANES"', "-n 1")} for each in steps]


def test_only_what_is_no_rehearsal_is_attested():
    fleet = read(next(path for path in WORKFLOWS if path.stem == "fleet"))["jobs"]

    assert fleet["attest"]["if"] == "${{ needs.signoff.outputs.rehearsal == 'false' }}"
    attested = fleet["attest"]["steps"][-1]["with"]["subject-path"].split()
    assert {"reports/fleet/pool.json", "reports/fleet/SHA256SUMS"} <= set(attested)
    assert fleet["measure"]["steps"][1:3] == _without_lanes(
        read(next(path for path in WORKFLOWS if path.stem == "acceptance"))["jobs"]["gpu"]["steps"][1:3]
    )
    jobs = read(next(path for path in WORKFLOWS if path.stem == "acceptance"))["jobs"]

    assert jobs["attest"]["if"] == "${{ needs.report.outputs.rehearsal == 'false' }}"
    assert jobs["report"]["outputs"] == {"rehearsal": "${{ steps.signoff.outputs.rehearsal }}"}
    assert any(one.get("id") == "signoff" and "ci/signoff.sh" in one["run"] for one in jobs["report"]["steps"])


def test_the_measuring_job_runs_in_lanes_that_contain_a_crash():
    path = next(path for path in WORKFLOWS if path.stem == "acceptance")

    assert step("acceptance", "gpu", "measure and judge") == 'ci/accept.sh -m "$MARKERS" -n "$LANES"'
    for trigger in ("workflow_call", "workflow_dispatch"):
        assert read(path)["on"][trigger]["inputs"]["lanes"]["default"] == "1"


def test_a_soak_step_asks_for_its_folder(run_step):
    done = run_step(step("soak", "soak", "soak"), ACTION="status")

    assert done.returncode != 0
    assert "the folder of the soak" in done.stderr


def test_the_soak_steps_start_it_outside_the_job_look_at_it_and_collect_it(run_step, tmp_path):
    run_dir, profile = tmp_path / "soaked", tmp_path / "seconds.toml"
    profile.write_text(SOAK_OF_SECONDS, encoding="utf-8")
    environ = {
        "SLA_PROFILE": str(profile),
        "SLA_MODELS": "",
        "SLA_ENGINE": "scripted:steady",
        "RUN_DIR": str(run_dir),
        "RAWRXD_CACHE": str(tmp_path / "cache"),
    }
    script = step("soak", "soak", "soak")

    started = run_step(script, ACTION="start", **environ)

    assert started.returncode == 0, started.stdout + started.stderr
    assert f"started the soak of seconds in {run_dir}" in started.stdout
    over = tmp_path / "soaked.soak.log"
    ends = time.monotonic() + 120
    while "evidence and pages" not in over.read_text(encoding="utf-8", errors="replace"):
        assert time.monotonic() < ends, over.read_text(encoding="utf-8", errors="replace")
        time.sleep(0.2)
    looked = run_step(script, ACTION="status", **environ)
    assert looked.returncode == 0, looked.stderr
    assert ": FINISHED" in looked.stdout
    judged = (run_dir / "verdicts.json").read_bytes()
    collected = run_step(script, ACTION="collect", **environ)
    assert collected.returncode in {0, 1}, collected.stderr
    assert (run_dir / "verdicts.json").read_bytes() == judged
    assert (run_dir / "stability_48h.html").exists()


def test_the_build_step_makes_a_wheel_that_carries_its_data(run_step, tmp_path):
    """In an environment and a checkout of its own, as on the hosted machine."""
    files = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],  # noqa: S607 - git of this machine
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if files.returncode != 0:
        pytest.skip("no checkout to build from")
    tree = tmp_path / "tree"
    for name in filter(None, files.stdout.split("\0")):
        if not name.startswith(("fixtures/recordings/", "tests/")) and (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / name, tree / name)
    venv.create(tmp_path / "python", with_pip=True)
    path = os.pathsep.join([str(tmp_path / "python" / "bin"), os.environ["PATH"]])

    done = run_step(step("release", "build", "build"), cwd=tree, PATH=path, PIP_DISABLE_PIP_VERSION_CHECK="1")

    if done.returncode and any(word in done.stderr for word in UNREACHABLE):
        pytest.skip("the package index cannot be reached from here")
    assert done.returncode == 0, done.stdout + done.stderr
    wheels, sources = list((tree / "dist").glob("*.whl")), list((tree / "dist").glob("*.tar.gz"))
    assert (len(wheels), len(sources)) == (1, 1)
    with zipfile.ZipFile(wheels[0]) as wheel:
        carried = set(wheel.namelist())
    assert {
        "pytest_rawrxd/_data/fixtures/profiles/rx7800xt.toml",
        "pytest_rawrxd/_data/acceptance/phase2/test_monitoring.py",
        "pytest_rawrxd/_data/ci/allure/package-lock.json",
        "pytest_rawrxd/report/templates/signoff.html.j2",
    } <= carried
    assert not any("node_modules" in name for name in carried)
