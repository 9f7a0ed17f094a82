"""Who answers over HTTP is known before anything is measured, or the session does not start."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.rig.server.found import UNTOLD, FoundProgram, FoundRemote, find_server, is_server
from pytest_rawrxd.rig.server.program import Program

LISTED = "Available devices:\n  Vulkan0: AMD Radeon RX 7800 XT (RADV NAVI32) (16368 MiB, 15800 MiB free)\n"


def program(tmp_path, *options):
    (tmp_path / "llama-server").write_bytes(b"program")
    (tmp_path / "libllama.so").write_bytes(b"library")
    (tmp_path / "README.md").write_bytes(b"text")
    return Program(tmp_path / "llama-server", "named", "1 (build 1, commit abcdef1)", frozenset(options))


def find(spec, *, on_cpu=False, answers=None, found=None, listed=LISTED, listener=lambda host, port: None):
    def run(command, **_how):
        assert command[1:] == ["--list-devices"]
        return subprocess.CompletedProcess(command, 0, listed, "")

    def probe(url, *, timeout_s):
        assert timeout_s > 0
        return (answers or {}).get(url)

    return find_server(
        spec,
        environ={},
        on_cpu=on_cpu,
        probe=probe,
        listener=listener,
        find=lambda named, *, environment: found,
        run=run,
    )


@pytest.mark.parametrize(
    ("spec", "server"),
    [("llama-server", True), ("openai:http://x", True), ("command:tool", True), ("llama-cpp-python", False)],
)
def test_a_server_is_told_from_an_engine_by_its_name(spec, server):
    assert is_server(spec) is server


def test_a_program_is_its_commit_its_files_and_the_device_it_lists(tmp_path):
    found = find("llama-server:-fa on", found=program(tmp_path, "--list-devices"))

    assert isinstance(found, FoundProgram)
    assert found.arguments == ("-fa", "on")
    assert (found.info.version, found.info.backend) == ("abcdef1", "vulkan")
    assert found.info.device == "AMD Radeon RX 7800 XT (RADV NAVI32)"
    [device] = found.devices
    assert (device.memory_total, device.memory_free) == (16368 << 20, 15800 << 20)


def test_memory_that_is_free_to_the_last_byte_was_not_reported(tmp_path):
    listed = LISTED.replace("15800", "16368")

    [device] = find("llama-server", found=program(tmp_path, "--list-devices"), listed=listed).devices

    assert device.memory_free is None
    assert "does not report" in device.reason


def test_another_library_beside_the_program_is_another_identity(tmp_path):
    before = find("llama-server", found=program(tmp_path)).info.library_sha256
    (tmp_path / "README.md").write_bytes(b"other text")
    assert find("llama-server", found=program(tmp_path)).info.library_sha256 == before

    known = program(tmp_path)
    (tmp_path / "libllama.so").write_bytes(b"other library")
    assert find("llama-server", found=known).info.library_sha256 != before


@pytest.mark.parametrize(("on_cpu", "options"), [(True, ("--list-devices",)), (False, ())])
def test_a_program_on_a_cpu_or_of_an_old_build_lists_no_devices(tmp_path, on_cpu, options):
    found = find("llama-server", on_cpu=on_cpu, found=program(tmp_path, *options))

    assert (found.info.backend, found.devices) == ("cpu", ())


def test_a_running_server_is_what_it_says_and_its_backend_is_not_told():
    base = "http://127.0.0.1:8080"
    answers = {
        f"{base}/v1/models": (200, json.dumps({"data": [{"id": "qwen3"}]}).encode()),
        f"{base}/props": (200, b'{"build_info": "b1-abcdef1"}'),
    }

    found = find(f"openai:{base}", answers=answers)

    assert isinstance(found, FoundRemote)
    assert (found.info.version, found.info.backend) == ("b1-abcdef1", UNTOLD)
    assert found.info.details == {"url": f"{base}/v1", "model": "qwen3", "dialect": "openai"}


@pytest.mark.parametrize(
    ("base", "asked"),
    [
        ("http://127.0.0.1:8080", [("127.0.0.1", 8080)]),
        ("http://localhost", [("localhost", 80)]),
        ("http://192.0.2.7:8080", []),
    ],
)
def test_the_process_of_a_server_on_this_machine_is_known(base, asked):
    said = []

    found = find(
        f"openai:{base}",
        answers={f"{base}/v1/models": (200, b"{}")},
        listener=lambda host, port: said.append((host, port)) or 4711,
    )

    assert said == asked
    assert found.pid == (4711 if asked else None)


@pytest.mark.parametrize("body", [b"not json", b"[1]", b"{}"])
def test_a_server_that_tells_nothing_is_not_told_and_no_crash(body):
    base = "http://127.0.0.1:11434"

    found = find(f"rawrxd:{base}", answers={f"{base}/health": (200, body)})

    assert (found.info.name, found.info.version, found.info.details["model"]) == ("rawrxd", UNTOLD, UNTOLD)


def test_rawrxd_says_which_file_it_has_loaded():
    base = "http://127.0.0.1:11434"
    answers = {f"{base}/health": (200, b'{"model_path": "D:/OllamaModels/BigDaddyG-Q4_K.gguf", "version": "1.2"}')}

    found = find(f"rawrxd:{base}", answers=answers)

    assert found.info.version == "1.2"
    assert found.info.details["model"].endswith("BigDaddyG-Q4_K.gguf")


def test_a_server_that_wants_a_key_answers():
    base = "http://127.0.0.1:8080"

    assert find(f"openai:{base}", answers={f"{base}/v1/models": (401, b"")}).info.version == UNTOLD


def test_nobody_there_is_found_before_anything_is_started():
    with pytest.raises(UsageProblem, match="no server answers here"):
        find("openai:http://127.0.0.1:8080")


def test_a_tool_is_not_judged():
    with pytest.raises(UsageProblem, match="what it prints is secondary evidence"):
        find(f"command:{Path(sys.executable).name} -m tool")


def fleet_answers(second):
    bases = ("http://127.0.0.1:8080", "http://127.0.0.1:8081")
    return {
        url: answer
        for base, build in zip(bases, ("b1-abcdef1", second), strict=True)
        for url, answer in (
            (f"{base}/v1/models", (200, json.dumps({"data": [{"id": "qwen3"}]}).encode())),
            (f"{base}/props", (200, json.dumps({"build_info": build}).encode())),
        )
    }


def test_a_fleet_is_one_build_at_several_addresses():
    found = find(
        "openai:http://127.0.0.1:8080,http://127.0.0.1:8081",
        answers=fleet_answers("b1-abcdef1"),
        listener=lambda host, port: port,
    )

    assert found.info.version == "b1-abcdef1"
    assert found.info.details["url"] == "http://127.0.0.1:8080/v1, http://127.0.0.1:8081/v1"
    assert (found.pid, found.more_pids) == (8080, (8081,))
    assert found.target.servers == 2


def test_servers_of_two_builds_are_no_fleet():
    with pytest.raises(UsageProblem, match="not of one build") as told:
        find("openai:http://127.0.0.1:8080,http://127.0.0.1:8081", answers=fleet_answers("b2-1234567"))

    assert "'b1-abcdef1' and 'b2-1234567'" in str(told.value)


def test_a_fleet_with_a_silent_server_does_not_start():
    answers = {url: answer for url, answer in fleet_answers("b1").items() if ":8080" in url}

    with pytest.raises(UsageProblem, match="no server answers here"):
        find("openai:http://127.0.0.1:8080,http://127.0.0.1:8081", answers=answers)
