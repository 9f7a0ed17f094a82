"""``--sla-engine command:...``: a tool is run, what it leaves is kept and shown, and no criterion is decided by it."""

from __future__ import annotations

import json
import sys

import pytest

BENCH = """
import json, sys
model, tokens = sys.argv[1], int(sys.argv[2])
print("load_backend: loaded", file=sys.stderr)
print(json.dumps([{"build_commit": "abc", "model_filename": model, "n_prompt": 0, "n_gen": tokens,
                   "avg_ts": 90.0, "samples_ts": [89.0, 91.0]}]))
"""
FOLDER = """
import sys
from pathlib import Path
print("Tokens/Sec: 1.0 TPS")
rows = ["model,file_size_gb,tokens,load_time_ms,gen_time_ms,tps,latency_ms,success,error",
        "BigDaddyG-Q4_K.gguf,7.1,128,900,1600,79.97,12.51,true,",
        "BigDaddyG-Q2_K.gguf,5.1,128,900,0,0,0,false,out of memory"]
Path("results.csv").write_text("\\n".join(rows))
"""


@pytest.fixture
def tool(acceptance):
    """A session with a tool made of a few lines of Python."""

    def run(code, *words, run_dir="run"):
        script = acceptance.pytester.path / "tool.py"
        script.write_text(code)
        acceptance.run_dir = acceptance.pytester.path / run_dir
        return acceptance.run(engine=" ".join([f"command:{sys.executable}", str(script), *words]))

    return run


def test_what_llama_bench_prints_stands_beside_and_decides_nothing(acceptance, tool):
    result = tool(BENCH, "models/Q4_K.gguf", "{tokens}")

    assert result.ret == 1
    runs = acceptance.records("tool.run")
    assert [(run["data"]["tokens"], run["data"]["run"]) for run in runs] == [(64, n) for n in range(1, 6)]
    guarantee = acceptance.verdicts()["SLA-TPS-GUARANTEE"]
    assert guarantee["verdict"] == "NOT MEASURED"
    assert guarantee["estimate"] is None
    assert "secondary evidence, which decides nothing; 5 runs, figures shown beside" in guarantee["reason"]
    assert len(guarantee["evidence"]) == 5
    result.stdout.fnmatch_lines(
        [
            "*SLA-TPS-GUARANTEE*NOT MEASURED*",
            "Secondary information: a comparison decides no criterion.",
            "decode_tps (model Q4_K.gguf, tokens 64, streams 1): – -> 90.0 tok/s, n 10*",
            "*tokens are given, not predicted*",
        ]
    )
    assert "90.0 tok/s" in (acceptance.run_dir / "signoff-phase1.html").read_text()


def test_the_page_is_rebuilt_from_the_bytes_that_the_tool_left(acceptance, tool):
    tool(FOLDER, "{tokens}")
    before = (acceptance.run_dir / "verdicts.json").read_bytes()

    assert acceptance.pytester.run("rawrxd", "judge", str(acceptance.run_dir)).ret == 1

    assert (acceptance.run_dir / "verdicts.json").read_bytes() == before
    [comparison] = json.loads(before)["comparisons"]
    [row] = comparison["rows"]  # the file it wrote counts before what it printed; a model that failed has no figure
    assert (row["where"]["model"], row["candidate"]) == ("BigDaddyG-Q4_K.gguf", {"mean": 79.97, "n": 5})


def test_a_tool_stands_beside_an_earlier_run_of_ours(acceptance, tool):
    acceptance.run_dir = acceptance.pytester.path / "earlier"
    acceptance.run(engine="scripted:steady")
    earlier, acceptance.run_dir = acceptance.run_dir, acceptance.pytester.path / "run"
    script = acceptance.pytester.path / "tool.py"
    script.write_text("print('Tokens/Sec: 79.97 TPS')")

    result = acceptance.run("--sla-baseline", str(earlier), engine=f"command:{sys.executable} {script}")

    result.stdout.fnmatch_lines(
        [
            "run (what python* printed) against earlier (run directory)",
            "decode_tps (streams 1, result 1): – -> 80.0 tok/s, n 5*",
        ]
    )


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise SystemExit('no device')", "the tool ended with an error: exit status 1"),
        ("print('hello')", "nothing to show of 5: the result file is no JSON"),
        ("print('Tokens/Sec: -3 TPS')", "nothing to show of 5: a figure is no number above 0 (-3)"),
    ],
)
def test_a_tool_that_fails_or_says_nothing_known_is_named(acceptance, tool, code, words):
    assert tool(code).ret == 1

    assert words in acceptance.verdicts()["SLA-TPS-GUARANTEE"]["reason"]


@pytest.mark.parametrize(
    ("words", "says"),
    [("command:no-such-tool", "*no such program*"), (f"command:{sys.executable} {{file}}", "*into this place*")],
)
def test_a_tool_that_cannot_be_run_is_found_before_anything_is_measured(acceptance, words, says):
    result = acceptance.run(engine=words)

    assert result.ret == 4
    result.stderr.fnmatch_lines([says])
