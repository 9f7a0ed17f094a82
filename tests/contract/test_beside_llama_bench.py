"""Our engine beside llama.cpp's own benchmarks: a real one of ours, and stand-ins that print what those print."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "beside_llama_bench.py"
#: What the programs print, from llama.cpp's tools/llama-bench and tools/batched-bench.
BENCH = 'print(json.dumps([{"n_gen": 8, "samples_ts": [SPEED, SPEED + 1, SPEED + 2]}]))'
BATCHED = """
levels = [int(level) for level in sys.argv[sys.argv.index("-npl") + 1].split(",")]
print("noise of a log")
for level in levels:
    print(json.dumps({"pl": level, "tg": 8, "speed_pp": 1.0, "speed_tg": SPEED * (1 + ("-kvu" in sys.argv))}))
"""


@pytest.fixture(scope="module")
def script():
    spec = importlib.util.spec_from_file_location("beside_llama_bench", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


def program(folder: Path, name: str, body: str, speed: float) -> Path:
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport json, sys\nSPEED = {speed}\n{body}\n")
    path.chmod(0o755)
    return path


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-ins are scripts with a shebang line")
@pytest.mark.parametrize(("speed", "kept"), [(1.0, True), (1e9, False)])
def test_our_rates_stand_beside_the_programs_and_a_missed_goal_is_told(
    script, tiny_model, tmp_path, capsys, speed, kept
) -> None:
    asked = script.arguments(
        [
            *("--model", str(tiny_model), "--gpu-layers", "0", "--threads", "1"),
            *("--bench", str(program(tmp_path, "llama-bench", BENCH, speed))),
            *("--batched", str(program(tmp_path, "llama-batched-bench", BATCHED, speed))),
            *("--streams", "2", "--tokens", "8", "--repeats", "3"),
        ]
    )

    turns, troubles = script.measure(asked)

    assert troubles == []
    assert [(turn.who, turn.streams) for turn in turns] == [
        ("ours, argmax", 1),
        ("ours, argmax", 2),
        ("llama-bench", 1),
        ("llama-batched-bench", 2),
        ("llama-batched-bench -kvu", 2),
    ]
    assert [turn.tps for turn in turns[2:]] == [speed + 1, speed, 2 * speed]
    assert all(turn.tps > 0 and turn.overhead_us > 0 for turn in turns[:2])
    assert script.show(turns, None) is kept
    assert capsys.readouterr().out.count("MISSED") == (0 if kept else 2)


def test_a_run_s_speed_stands_beside_llama_bench(script, capsys) -> None:
    turns = [script.Turn("ours", 1, 99.0, 50.0), script.Turn("llama-bench", 1, 100.0)]

    assert script.show(turns, ("reports/a, Q4_K, 5 processes", 98.0))
    assert not script.show(turns, ("reports/a, Q4_K, 5 processes", 96.9))
    assert "96.9 tok/s, 0.969 of llama-bench, MISSED" in capsys.readouterr().out


def test_a_program_that_fails_or_answers_too_rarely_is_named(script, tiny_model, tmp_path) -> None:
    failing = program(tmp_path, "llama-bench", "sys.exit('no such model')", 1.0)
    rare = program(tmp_path, "llama-batched-bench", 'print(json.dumps({"pl": 2, "speed_tg": 1.0}))', 1.0)
    asked = script.arguments(
        ["--model", str(tiny_model), "--bench", str(failing), "--batched", str(rare), "--streams", "2"]
    )

    with pytest.raises(script.NoAnswer, match=r"llama-bench ended with 1.*no such model"):
        list(script.bench(asked))
    with pytest.raises(script.NoAnswer, match="answered 1 times at 2 streams, not 3"):
        list(script.batched(asked, script.BATCHED))
    with pytest.raises(SystemExit):
        script.arguments(["--model", "x", "--bench", str(tmp_path / "none")])


def test_one_contender_without_an_answer_takes_nothing_from_the_others(
    script, tiny_model, tmp_path, capsys, monkeypatch
) -> None:
    rare = program(tmp_path, "llama-batched-bench", 'print(json.dumps({"pl": 2, "speed_tg": 1.0}))', 1.0)
    given = [
        "--model",
        str(tiny_model),
        "--gpu-layers",
        "0",
        "--threads",
        "1",
        "--batched",
        str(rare),
        "--streams",
        "2",
    ]
    monkeypatch.setattr(sys, "argv", ["beside_llama_bench.py", *given, "--tokens", "8", "--repeats", "2"])

    assert script.main() == 1

    told = capsys.readouterr().out
    assert "no answer: llama-batched-bench answered 1 times at 2 streams, not 2" in told
    assert "no answer: llama-batched-bench -kvu answered 1 times at 2 streams, not 2" in told
    assert [line.split()[0] for line in told.splitlines()[1:3]] == ["1", "2"]
