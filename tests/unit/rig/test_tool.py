"""An external tool: its places filled in, run in an empty folder, ended at its deadline."""

import sys
from pathlib import Path

import pytest

from pytest_rawrxd.errors import EngineHung, RigTrouble, UsageProblem
from pytest_rawrxd.measure.tool import ToolTask, tool_tasks
from pytest_rawrxd.rig.server.target import CommandTarget
from pytest_rawrxd.rig.tool import BINDING, OUTPUT_LIMIT, find_tool, run_tool

WANTED = [("Q2_K", 256, 1, 5), ("Q4_K", 256, 1, 7), ("Q4_K", 512, 1, 3)]


def tool(*words):
    return find_tool(CommandTarget((sys.executable, *words)))


def run(tmp_path, code, *, deadline_s=60.0, environ=None):
    folder = tmp_path / "empty"
    folder.mkdir()
    return run_tool([sys.executable, "-c", code], folder=folder, environ=environ or {}, deadline_s=deadline_s)


def test_a_tool_is_its_file_and_tells_nothing_else():
    found = tool("-m", "{model}")

    assert found.info.binding == BINDING
    assert len(found.info.library_sha256) == 64
    assert found.info.backend == "not told"


def test_every_place_is_filled_in_and_spaces_of_a_path_stay_in_one_word():
    found = tool("-m", "{model}", "-n={tokens}")

    command = found.command({"model": "D:/My Models/a.gguf", "tokens": "128"})

    assert command[1:] == ["-m", "D:/My Models/a.gguf", "-n=128"]


@pytest.mark.parametrize("word", ["{file}", "{}", "x{Model}"])
def test_a_place_for_something_else_is_refused(word):
    with pytest.raises(UsageProblem, match="into this place"):
        tool(word)


@pytest.mark.parametrize(
    ("words", "tasks"),
    [
        ((), {ToolTask(None, None, None): 7}),
        (("{models}", "{tokens}"), {ToolTask(None, 256, None): 7, ToolTask(None, 512, None): 3}),
        (("{model}",), {ToolTask("Q2_K", None, None): 5, ToolTask("Q4_K", None, None): 7}),
    ],
)
def test_tests_that_the_words_do_not_tell_apart_are_one(words, tasks):
    assert tool_tasks(tool(*words), WANTED) == tasks


def test_a_tool_without_a_place_for_streams_does_no_load_test():
    assert tool_tasks(tool("{tokens}"), [("Q4_K", 256, 12, 3)], load=True) == {}
    assert tool_tasks(tool("{streams}"), [("Q4_K", 256, 12, 3)], load=True) == {ToolTask(None, None, 12): 3}


def test_what_it_prints_and_the_files_it_writes_are_kept(tmp_path):
    done = run(tmp_path, "print('hi'); open('r.csv', 'w').write('a,b'); open('notes.txt', 'w').write('x')")

    assert {name: content.strip() for name, content in done.results.items()} == {"output": b"hi", "r.csv": b"a,b"}


def test_it_knows_no_secret(tmp_path):
    environ = {"OPENAI_API_KEY": "sk-1", "PATH": "/bin"}

    done = run(tmp_path, "import os; print('OPENAI_API_KEY' in os.environ)", environ=environ)

    assert done.results["output"].strip() == b"False"


def test_a_tool_that_does_not_end_is_ended_at_its_deadline(tmp_path):
    with pytest.raises(EngineHung, match="not done at its deadline") as caught:
        run(tmp_path, "import time; print('begun', flush=True); time.sleep(60)", deadline_s=0.5)

    assert "still running after 0.5 s" in caught.value.found


def test_an_error_is_told_with_its_last_words(tmp_path):
    with pytest.raises(RigTrouble, match="ended with an error") as caught:
        run(tmp_path, "raise SystemExit('no Vulkan device')")

    assert caught.value.log_tail == ("no Vulkan device",)


def test_more_than_is_kept_is_trouble(tmp_path):
    with pytest.raises(RigTrouble, match="more than is kept"):
        run(tmp_path, f"import sys; sys.stdout.write('x' * {OUTPUT_LIMIT + 1})")


def test_a_program_that_does_not_start_is_trouble(tmp_path):
    broken = tmp_path / "broken.exe"
    broken.write_bytes(b"no program")
    with pytest.raises(RigTrouble, match="does not start"):
        run_tool([str(broken)], folder=Path(tmp_path), environ={}, deadline_s=5)
