"""The workflows say what they may, are clean to three linters, and their scripts do what they are called for."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pytest_rawrxd.places import package_data

ROOT = package_data("fixtures").parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TOOLS = Path(sys.executable).parent


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


def test_there_are_the_four_workflows():
    assert [path.stem for path in WORKFLOWS] == ["acceptance", "checks", "release", "soak"]


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


def step(workflow, job, name):
    path = next(path for path in WORKFLOWS if path.stem == workflow)
    return next(one["run"] for one in read(path)["jobs"][job]["steps"] if one.get("name") == name)


@pytest.fixture
def run_step(tmp_path):
    """Run a step's script as a runner would, with the values that GitHub would have put in."""
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("there is no bash")

    def _run(script, **given):
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("RAWRXD_", "GITHUB_"))}
        return subprocess.run(
            [bash, "-euo", "pipefail", "-c", script],
            cwd=ROOT,
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


def test_only_what_is_no_rehearsal_is_attested():
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
