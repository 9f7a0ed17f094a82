"""Secrets of the environment stay there: not in a run, its pages, what is printed, or what processes are given."""

from __future__ import annotations

import functools
import json
import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path
from types import SimpleNamespace

import pytest

from pytest_rawrxd.measure.load.calibration import calibrate
from pytest_rawrxd.measure.withheld import WITHHELD

FAKE = Path(__file__).parents[1] / "fakes" / "http_server.py"
KEY = "canary-4f1d-of-the-server"
PLANTED = {
    "RAWRXD_TEST_KEY": KEY,
    "OPENAI_API_KEY": "canary-77aa-of-another-server",
    "HF_TOKEN": "canary-90be-of-a-hub",
    "AWS_SECRET_ACCESS_KEY": "canary-13c5-of-a-cloud",
    "GGML_REMOTE_PASSWORD": "canary-c0de-beside-a-knob",
    "HTTPS_PROXY": "http://user:canary-2b1e-of-a-proxy@proxy.invalid:3128",
    "RANDOM_SETTING": "canary-eeee-without-a-telling-name",
}
PROMPT = "canary-5f3a-of-a-prompt"
IN_KEYRING = "canary-a11e-of-a-keyring"
CANARIES = {**PLANTED, "the prompt": PROMPT, "the keyring": IN_KEYRING}
PROFILE = """
title = "one level on a server with a key"
kind = "rehearsal"
extends = "embedded"

[protocol.phase2]
requests = 24
processes = 1
level_runs = 2
level_duration = "1 s"
beside = []

[gates.min_runs]
floor = 2
"""
LEVEL = """
import pytest


@pytest.mark.phase2
@pytest.mark.sla("P2-LAT-P95")
def test_p95(load, sla):
    assert load(streams=12).inter_token.p95 <= sla["P2-LAT-P95"]
"""


@pytest.fixture
def planted(acceptance, monkeypatch, tmp_path_factory):
    """The session, with canaries in its environment and in every prompt."""
    for name, value in PLANTED.items():
        monkeypatch.setenv(name, value)
    prompts = tmp_path_factory.mktemp("fixtures") / "prompts" / "prompts.jsonl"
    prompts.parent.mkdir()
    prompts.write_text("\n".join(json.dumps({"text": f"{PROMPT} {n} goes on and on"}) for n in range(4)))
    monkeypatch.setattr("pytest_rawrxd.measure.prompts.package_data", lambda folder: prompts.parents[1])
    return acceptance


@pytest.fixture
def children(monkeypatch):
    """Command line and environment of every process that the session starts."""
    seen = []
    start = subprocess.Popen.__init__

    def watched(self, command, *arguments, **given):
        seen.append((command, given.get("env")))
        start(self, command, *arguments, **given)

    monkeypatch.setattr(subprocess.Popen, "__init__", watched)
    return seen


@pytest.fixture
def calibrated_once(monkeypatch):
    """One real calibration instead of two for each run: what it is given is what each would be given."""
    once = functools.cache(
        lambda streams: calibrate(streams=streams, rate=20, seconds=0.3, pattern="burst", environ=os.environ)
    )
    monkeypatch.setattr("pytest_rawrxd.plugin.load.calibrate", lambda *, streams, **_asked: once(streams))


@pytest.fixture
def server():
    environment = {name: value for name, value in os.environ.items() if name not in PLANTED}
    with subprocess.Popen(
        [sys.executable, str(FAKE)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment
    ) as child:
        yield f"http://127.0.0.1:{json.loads(child.stdout.readline())['port']}"


def leaks(folder: Path, *texts: str) -> list[str]:
    """Where a canary stands: files with their names, and texts."""
    found = []
    for path in folder.rglob("*"):
        content = bytes(path) + (contents(path) if path.is_file() else b"")
        found += [f"{path.name}: {name}" for name, value in CANARIES.items() if value.encode() in content]
    return found + [f"text: {name}" for text in texts for name, value in CANARIES.items() if value in text]


def contents(path: Path) -> bytes:
    """The bytes of a file; of an archive those of its members, which lie in it compressed."""
    if not zipfile.is_zipfile(path):
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return b"".join(name.encode() + archive.read(name) for name in archive.namelist())


def test_a_scripted_session_keeps_no_secret(planted, children):
    result = planted.run()

    assert planted.records("decode.run")
    assert (planted.run_dir / "signoff-phase1.html").is_file()
    (began,) = planted.records("session.start")
    page = (planted.run_dir / "evidence.html").read_text(encoding="utf-8")
    assert "HTTPS_PROXY" in began["data"]["proxies_not_used"]
    assert re.search(r"HTTPS_PROXY[^<]*: named in the environment, not used", page)
    assert leaks(planted.run_dir, result.stdout.str(), result.stderr.str()) == []
    assert leaks(planted.run_dir.parent, repr(children)) == []


@pytest.mark.parametrize(
    ("script", "reference", "key"),
    [("echo_prompt", "key_env=RAWRXD_TEST_KEY", KEY), ("echo_key", "keyring=a service/me", IN_KEYRING)],
    ids=["of the environment", "of the keyring"],  # not the keys themselves: pytest tells processes which test runs
)
def test_a_session_over_http_gives_the_key_to_its_load_clients_and_to_nobody_else(
    planted, children, calibrated_once, server, monkeypatch, script, reference, key
):
    monkeypatch.setitem(sys.modules, "keyring", SimpleNamespace(get_password=lambda *_entry: IN_KEYRING))
    planted.write_profile(base=PROFILE)
    planted.write_test(LEVEL, "test_level.py")
    result = planted.run("-k", "p95", engine=f"openai:{server}/{script}/v1#{reference}")

    assert planted.records("session.end"), result.stdout.str()
    # What quoted the prompt came, and is told without it.
    told = " ".join(json.dumps(record["data"]["http"]["client"]) for record in planted.records("load.run"))
    assert script == "echo_key" or ("cannot continue [prompt]" in told and WITHHELD in told)
    assert leaks(planted.run_dir, result.stdout.str(), result.stderr.str()) == []
    clients = [env for command, env in children if "pytest_rawrxd.measure.load.client" in command]
    others = [(command, env) for command, env in children if "pytest_rawrxd.measure.load.client" not in command]
    assert any(key in repr(env) for env in clients)  # the canary was where it had to be
    assert not leaks(planted.run_dir, repr(others), repr([command for command, _ in children]))
    for name, value in CANARIES.items():
        assert value == key or not any(value in repr(env) for env in clients), name
    for command, environment in children:
        # Without one, a process inherits everything: only Python itself starts one so, to ask for the processor.
        assert environment is not None or list(command) == ["uname", "-p"], command
