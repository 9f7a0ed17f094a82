"""From a spec to an engine."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from pytest_rawrxd.errors import EngineCrashed, UsageProblem
from pytest_rawrxd.rig.engine.choose import EngineSetup, open_engine
from pytest_rawrxd.rig.engine.protocol import LoadOptions, Request
from pytest_rawrxd.rig.engine.scenes import SCENES
from pytest_rawrxd.rig.engine.scripted import ScriptedEngine

SETUP = EngineSetup(environ=os.environ, seed=3)


@pytest.mark.parametrize("name", SCENES)
def test_every_scene_opens_by_its_name(name) -> None:
    engine = open_engine(f"scripted:{name}", SETUP)

    assert engine.info.details == {"scene": name, "truth": SCENES[name].truth, "seed": 3}


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("lama-cpp-python", "did you mean llama-cpp-python?"),
        ("scripted:stedy", "did you mean steady?"),
        ("scripted", "unknown scene ''"),
        ("", "unknown engine ''"),
        ("llama-cpp-python:x", "nothing behind a colon"),
    ],
)
def test_an_unknown_spec_is_a_usage_problem_that_names_the_nearest(spec, words) -> None:
    with pytest.raises(UsageProblem) as caught:
        open_engine(spec, SETUP)

    assert words in str(caught.value)


def test_another_package_can_add_a_kind() -> None:
    opened = open_engine("mine:a:b", SETUP, openers={"mine": lambda rest, setup: (rest, setup)})

    assert opened == ("a:b", SETUP)


def test_a_scripted_process_crashes_for_real() -> None:
    with open_engine("scripted-process:crash", SETUP) as engine:
        engine.load(Path("none.gguf"), LoadOptions(n_ctx=1000), deadline_s=30)
        assert engine.pid
        with pytest.raises(EngineCrashed) as caught:
            engine.generate([Request([1], 100)], deadline_s=30)

    assert any("Fatal Python error" in line for line in caught.value.log_tail)


def test_a_scripted_process_answers_as_the_scene_in_this_process_does() -> None:
    alone = ScriptedEngine(SCENES["wrong-token"], seed=3)
    results = []
    with open_engine("scripted-process:wrong-token", SETUP) as child:
        for engine in (alone, child):
            engine.load(Path("none.gguf"), LoadOptions(n_ctx=1000), deadline_s=30)
            results.append(engine.generate([Request([1], 30)], deadline_s=30)[0])

    assert results[0].token_ids.tolist() == results[1].token_ids.tolist()
    assert results[0].stamps_ns.tolist() == results[1].stamps_ns.tolist()


def test_choosing_an_engine_imports_no_engine() -> None:
    code = "import sys, pytest_rawrxd.rig.engine.choose; sys.exit('llama_cpp' in sys.modules)"

    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
