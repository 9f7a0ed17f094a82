"""Every command of README and docs is run, and every page that is generated is what code and profiles say today."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
import textwrap
from dataclasses import dataclass
from pathlib import Path

import pytest

from pytest_rawrxd.cli import main
from pytest_rawrxd.profile import load_profile

ROOT = Path(__file__).resolve().parents[2]
SELF_HOSTED = "docs/how-to/self-hosted-gpu.md"
PAGES = ("README.md", "CONTRIBUTING.md", "docs/tutorial.md", "docs/how-to.md", SELF_HOSTED, "docs/statistics.md")
COMMAND = re.compile(r"(python3? |py |uv |pytest |rawrxd |env\\|CMAKE_ARGS=)")
RECORDING = ROOT / "fixtures" / "recordings" / "h100-pilot-vulkan"
PYTEST = (sys.executable, "-m", "pytest", "-p", "no:cacheprovider")
COLLECTED = "the tests are only collected: the demonstration above runs one"


@dataclass(frozen=True)
class Stand:
    """How a documented command is run: program, its ``arguments``, the exit code, and what was put in its place."""

    program: str
    arguments: tuple[str, ...]
    code: int = 0
    instead: str = ""


def rawrxd(*arguments: str, code: int = 0, instead: str = "") -> Stand:
    return Stand("rawrxd", arguments, code, instead)


def acceptance(*arguments: str, code: int = 0, instead: str = "") -> Stand:
    return Stand("pytest", arguments, code, instead)


EMBEDDED = ("acceptance/", "--sla-profile", "embedded")
ONE = "one test of the phase; a selection leaves the rest NOT MEASURED and ends with 1"
INSTALLING = "installing compiles llama.cpp for minutes; that the named program exists and answers is what is run"
SIGNED = "there are no keys: refused in words; tests/contract/test_signed_run_documents.py signs and verifies"
LOAD_ONLY = "phase2 and not soak and not faults and not monitoring"
STANDS = {
    "python3 -m pip install uv && python3 -m uv run pytest acceptance/ --sla-profile embedded": acceptance(
        *EMBEDDED, "--collect-only", instead=f"{INSTALLING}; the tests are only collected; .ci/run runs it whole"
    ),
    "python3 -m pip install uv && python3 -m uv run pytest -n 2": acceptance(
        "tests/unit/report/test_number.py", instead="one file stands in for the suite that is running now"
    ),
    "python3 -m pip install uv": Stand("program", ("uv", "--version"), instead=INSTALLING),
    "uv sync": Stand("program", ("uv", "sync", "--help"), instead=INSTALLING),
    "python3 -m venv env": Stand("program", (sys.executable, "-m", "venv", "--without-pip", "env")),
    "rawrxd init mine": rawrxd("init", "mine"),
    "pytest acceptance/ --sla-profile embedded --sla-engine scripted:steady -m phase1": acceptance(
        *EMBEDDED,
        "--sla-engine",
        "scripted:steady",
        "-m",
        "phase1",
        "-k",
        "guaranteed",
        code=1,
        instead=ONE,
    ),
    "pytest acceptance/ --sla-profile embedded --sla-engine scripted:slow -m phase1": acceptance(
        *EMBEDDED, "--sla-engine", "scripted:slow", "-m", "phase1", "-k", "guaranteed", code=1, instead=ONE
    ),
    "pytest acceptance/ --sla-profile embedded --sla-engine scripted:crash -m phase1": acceptance(
        *EMBEDDED, "--sla-engine", "scripted:crash", "-m", "phase1", "-k", "guaranteed", code=1, instead=ONE
    ),
    "pytest acceptance/ --sla-profile embedded -m phase1": acceptance(
        *EMBEDDED, "-m", "phase1", "--collect-only", instead=COLLECTED
    ),
    "rawrxd judge reports/RUN": rawrxd("judge", "RUN", code=1, instead="a recorded run, which is rejected"),
    "rawrxd report reports/RUN --docs --site": rawrxd("report", "JUDGED", "--docs", "--site"),
    "rawrxd choose reports/RUN --latency-ms 10 --min-quality 0.95 --vram-gb 12": rawrxd(
        "choose",
        "RUN",
        "--latency-ms",
        "10",
        "--min-quality",
        "0.95",
        "--vram-gb",
        "12",
        code=1,
        instead="random weights",
    ),
    "rawrxd plan rx7800xt --lint": rawrxd("plan", "rx7800xt", "--lint"),
    "py -m venv env": Stand("program", (sys.executable, "-m", "venv", "--help"), instead="py is Windows' launcher"),
    r'env\Scripts\python -m pip install "pytest-rawrxd[rehearsal]"': Stand(
        "program", ("uv", "--version"), instead=INSTALLING
    ),
    r"env\Scripts\rawrxd models list D:\OllamaModels --profile rx7800xt": rawrxd(
        "models", "list", "models", "--profile", "rx7800xt", code=4, instead="an empty folder: refused in words"
    ),
    r"env\Scripts\pytest acceptance/ --sla-profile rx7800xt --sla-models D:\OllamaModels -m phase1": acceptance(
        "acceptance/",
        "--sla-profile",
        "rx7800xt",
        "--sla-models",
        "models",
        "-m",
        "phase1",
        "--collect-only",
        instead="there is no such card here: the tests are only collected",
    ),
    'CMAKE_ARGS="-DGGML_VULKAN=on" python3 -m pip install "pytest-rawrxd[rehearsal]"': Stand(
        "program", ("uv", "--version"), instead=INSTALLING
    ),
    "pytest acceptance/ --sla-profile rx7800xt --sla-models models -m phase1": acceptance(
        "acceptance/",
        "--sla-profile",
        "rx7800xt",
        "--sla-models",
        "models",
        "-m",
        "phase1",
        "--collect-only",
        instead="there is no such card here: the tests are only collected",
    ),
    "rawrxd plan --new mycard --from reports/RUN": rawrxd("plan", "--new", "mycard", "--from", "RUN"),
    "rawrxd plan mycard": rawrxd("plan", "embedded", instead="a shipped profile: mycard is made by the command before"),
    "pytest acceptance/ --sla-profile embedded --sla-engine llama-server -m phase2": acceptance(
        *EMBEDDED,
        "--sla-engine",
        "llama-server",
        "-m",
        "phase2",
        "--collect-only",
        instead="the tests are only collected: tests/contract/test_llama_server.py runs a real one",
    ),
    "pytest acceptance/ --sla-profile embedded --junitxml=junit.xml --html=report.html --alluredir=allure-results": (
        acceptance(
            *EMBEDDED,
            "--junitxml=junit.xml",
            "--html=report.html",
            "--alluredir=allure-results",
            "--collect-only",
            instead=COLLECTED,
        )
    ),
    "rawrxd report reports/RUN --allure": rawrxd(
        "report", "--help", instead="tests/contract/test_allure_page.py renders one, where there is Node.js"
    ),
    "pytest acceptance/ --sla-profile PROFILE -n 2": acceptance(
        *EMBEDDED, "-n", "2", code=4, instead="a profile of one lane: refused in words; test_lanes.py runs two"
    ),
    "pytest tests/plugin/test_lanes.py -k each_card": acceptance(
        "tests/unit/report/test_number.py", instead="one file stands in for the suite that is running now"
    ),
    "pytest acceptance/ --sla-profile embedded --sla-run-dir reports/RUN -m phase1": acceptance(
        *EMBEDDED, "--sla-run-dir", "fresh", "-m", "phase1", "--collect-only", instead=COLLECTED
    ),
    "pytest acceptance --sla-profile warp.toml --sla-engine warp:steady": acceptance(
        "acceptance",
        "--sla-profile",
        "warp.toml",
        "--sla-engine",
        "warp:steady",
        "--collect-only",
        instead="collected in the example's folder; test_third_party.py runs it whole",
    ),
    "py -m pip install uv": Stand("program", ("uv", "--version"), instead=INSTALLING),
    "py -m uv sync --locked --no-dev --no-install-package llama-cpp-python": Stand(
        "program", ("uv", "sync", "--help"), instead=INSTALLING
    ),
    r"py -m uv run --no-sync rawrxd doctor rx7800xt --sla-models D:\OllamaModels "
    r"--sla-engine llama-server:C:\llama\llama-server.exe": rawrxd(
        *("doctor", "rx7800xt", "--sla-models", "models", "--sla-engine", "llama-server:nowhere"),
        code=1,
        instead="there is no such card and no such server here",
    ),
    'py -m uv run --no-sync pytest acceptance/ -m "phase1 or phase2" --sla-profile rx7800xt '
    r"--sla-models D:\OllamaModels --sla-engine llama-server:C:\llama\llama-server.exe": acceptance(
        "acceptance/",
        "--sla-profile",
        "rx7800xt",
        "--sla-models",
        "models",
        "-m",
        "phase1 or phase2",
        "--collect-only",
        instead="there is no such card and no such server here: the tests are only collected",
    ),
    "rawrxd doctor rx7800xt --sla-models DIR": rawrxd(
        "doctor", "rx7800xt", "--sla-models", "models", code=1, instead="an empty folder and no such card"
    ),
    "rawrxd judge reports/RUN --waivers waivers.toml": rawrxd(
        "judge", "RUN", "--waivers", "waivers.toml", code=4, instead="no such file; tests/unit/cli judges with one"
    ),
    'rawrxd sign keygen --role "Technical Lead" --to KEYS': rawrxd(
        "sign", "keygen", "--role", "Technical Lead", "--to", "KEYS"
    ),
    'rawrxd sign reports/RUN --role "Technical Lead" --key KEYS/technical-lead.key': rawrxd(
        "sign", "RUN", "--role", "Technical Lead", "--key", "KEYS/technical-lead.key", code=4, instead=SIGNED
    ),
    "rawrxd verify reports/RUN --keys KEYS --accepted 1": rawrxd(
        "verify", "RUN", "--keys", "KEYS", "--accepted", "1", code=4, instead=SIGNED
    ),
    "rawrxd soak start rx7800xt --models DIR": rawrxd(
        "soak", "start", "rx7800xt", "--help", instead="it runs for 48 h; test_soak.py runs one of seconds"
    ),
    "rawrxd soak status|stop|collect|review reports/RUN": rawrxd("soak", "status", "RUN", instead="a run without one"),
    "rawrxd alerts production -o monitoring/ --check": rawrxd(
        "alerts", "production", "-o", "monitoring", instead="without promtool's proof; test_rules.py has it"
    ),
    "rawrxd alerts production -o monitoring --page https://pager.example/hook --ticket https://tickets.example/hook"
    " --check": rawrxd(
        *("alerts", "production", "-o", "monitoring"),
        *("--page", "https://pager.example/hook", "--ticket", "https://tickets.example/hook"),
        instead="without promtool's proof; test_rules.py has it",
    ),
    "rawrxd probe production --target http://127.0.0.1:8080 --listen 127.0.0.1:9778": rawrxd(
        "probe", "production", "--target", "nobody", code=4, instead="it runs until it is stopped: refused in words"
    ),
    "rawrxd models list models --profile rx7800xt": rawrxd(
        "models", "list", "models", "--profile", "rx7800xt", code=4, instead="an empty folder: refused in words"
    ),
    "rawrxd models synth --shape 8b --variants all -o models": rawrxd(
        *("models", "synth", "--shape", "tiny", "--variants", "Q2_K", "-o", "made"),
        instead="one variant of the smallest shape: the largest takes 38 GB",
    ),
    **{
        f"pytest acceptance/ --sla-profile {card} --sla-models models -m {part} --sla-run-dir reports/{to}": acceptance(
            "acceptance/",
            *(
                "--sla-profile",
                stand_in,
                "--sla-models",
                "models",
                "-m",
                part.strip('"'),
                "--sla-run-dir",
                f"reports/{to}",
            ),
            "--collect-only",
            instead=f"{stand_in} stands in, there is no card here: the tests are only collected",
        )
        for card, stand_in, to, part in (
            ("mycard-pilot", "h100-pilot", "pilot", f'"phase1 or {LOAD_ONLY}"'),
            ("mycard", "h100", "mycard", "phase1"),
            ("mycard", "h100", "mycard", f'"{LOAD_ONLY}"'),
            ("mycard", "h100", "mycard", '"faults or monitoring"'),
        )
    },
    "rawrxd publish reports/RUN": rawrxd("publish", "JUDGED", instead="a recorded run, judged"),
    "rawrxd compare reports/RUN_A reports/RUN_B": rawrxd("compare", "RUN", "RUN_B"),
    "rawrxd compare reports/a reports/b": rawrxd("compare", "RUN", "RUN_B"),
}


def documented() -> set[str]:
    """Every command in an indented block of the pages, as it is written; ``uv run`` before one changes nothing."""
    lines = [line for page in PAGES for line in (ROOT / page).read_text(encoding="utf-8").splitlines()]
    return {
        line.strip().removeprefix("uv run ")
        for line in lines
        if line.startswith("    ") and COMMAND.match(line.strip())
    }


def answered(arguments: tuple[str, ...]) -> int:
    """The exit code of the command; its help leaves by SystemExit."""
    try:
        return main(arguments)
    except SystemExit as left:
        return int(left.code or 0)


def test_every_documented_command_is_run_here_and_none_that_is_not_documented():
    assert documented() == set(STANDS)


@pytest.mark.parametrize("command", STANDS)
def test_a_documented_command_does_what_its_page_says(command, tmp_path, monkeypatch, capsys):
    stand = STANDS[command]
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RAWRXD_CACHE", str(tmp_path / "cache"))
    for name in ("RUN", "RUN_B", "JUDGED"):
        if name in stand.arguments:
            shutil.copytree(RECORDING, tmp_path / name)
    if "JUDGED" in stand.arguments:
        main(["judge", "JUDGED"])
    if "models" in stand.arguments:
        (tmp_path / "models").mkdir()
    if stand.program == "rawrxd":
        assert answered(stand.arguments) == stand.code, capsys.readouterr().err
        return
    if stand.program == "program":
        name, *rest = stand.arguments
        # uv tells its children where it is; it need not be on PATH.
        found = (os.environ.get("UV") if name == "uv" else None) or shutil.which(name) or name
        subprocess.run([found, *rest], check=True, capture_output=True, timeout=120)
        return
    if "tests/unit/report/test_number.py" in stand.arguments:
        folder = ROOT
    elif "warp.toml" in stand.arguments:
        folder = tmp_path / "warp"
        shutil.copytree(ROOT / "docs" / "examples" / "warp", folder)
    else:
        folder = tmp_path / "mine"
        main(["init", str(folder)])
    done = subprocess.run(
        [*PYTEST, *stand.arguments],
        cwd=folder,
        env=dict(os.environ),
        capture_output=True,
        text=True,
        timeout=280,
        check=False,
    )
    assert done.returncode == stand.code, done.stdout + done.stderr


def test_the_pilot_s_profile_of_the_page_is_one(tmp_path):
    """As the page says it: the TOML block alone, in a file of its own."""
    (written,) = re.findall(r"```toml\n(.*?)```", (ROOT / SELF_HOSTED).read_text(encoding="utf-8"), re.DOTALL)
    path = tmp_path / "mycard-pilot.toml"
    path.write_text(written, encoding="utf-8")

    profile = load_profile(str(path))

    assert (profile.kind, profile.hardware.gpu) == ("rehearsal", "NVIDIA GeForce RTX 4090")


def test_the_profile_of_a_pair_measures_one_process(tmp_path):
    page = (ROOT / "docs" / "how-to.md").read_text(encoding="utf-8")
    block = page.partition("`pairs.toml` of one process")[2].partition("\n\n")[2].partition("\n\nand a command")[0]
    path = tmp_path / "pairs.toml"
    path.write_text(textwrap.dedent(block), encoding="utf-8")

    profile = load_profile(str(path))

    assert profile.models.variants == ("Q4_K",)
    assert [cell.runs for cell in profile.protocol.phase1.cells("Q4_K")] == [1]


def _generator():
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


GENERATE = _generator()


@pytest.mark.parametrize("page", GENERATE.PAGES)
def test_a_reference_page_is_what_code_and_profiles_say_today(page, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")

    assert (ROOT / GENERATE.FOLDER / page).read_text(encoding="utf-8") == GENERATE.PAGES[page](), (
        "uv run python docs/generate.py"
    )


def test_no_page_links_to_nothing():
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "ci" / "runner.md"]
    assert len(pages) > len(PAGES)
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+)", page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]

    assert broken == []
