"""Other tools' result files: known ones read exactly, anything else refused with its place."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence import foreign
from pytest_rawrxd.evidence.foreign import READERS, read_foreign

#: The fields of the sample in llama-bench's README that are read, and one that is not.
LLAMA_BENCH = {
    "build_commit": "8cf427ff",
    "model_filename": "models\\Qwen2.5-7B-Instruct-Q4_K_M.gguf",
    "n_prompt": 0,
    "n_gen": 128,
    "n_depth": 0,
    "avg_ts": 118.881588,
    "samples_ts": [119.03, 120.178, 119.43, 118.307, 117.464],
    "cpu_strict": False,
}
BATCHED = {
    "n_kv_max": 16384,
    "pp": 128,
    "tg": 128,
    "pl": 12,
    "t_tg": 2.1,
    "speed_pp": 3000.5,
    "speed_tg": 731.4,
}
AIPERF = {
    "schema_version": "1.5",
    "input_config": {},
    "output_token_throughput": {"unit": "tokens/sec", "avg": 701.5},
    "inter_token_latency": {"unit": "ms", "avg": 12.8, "p50": 12.5, "p95": 14.0, "p99": 15.5, "count": 20},
    "request_count": {"unit": "requests", "avg": 20.0},
}
GUIDELLM = {
    "args": {},
    "benchmarks": [
        {
            "config": {"strategy": {"type_": "concurrent", "streams": 12}},
            "metrics": {
                "output_tokens_per_second": {"successful": {"mean": 690.0}},
                "inter_token_latency_ms": {
                    "successful": {"mean": 12.6, "percentiles": {"p50": 12.5, "p95": 13.0, "p99": 14.0}}
                },
            },
        }
    ],
}
VLLM = {
    "model_id": "org/model",
    "num_prompts": 100,
    "completed": 98,
    "duration": 60.0,
    "max_concurrency": 12,
    "request_rate": "inf",
    "output_throughput": 700.0,
    "mean_itl_ms": 12.9,
    "median_itl_ms": 12.5,
    "p50_itl_ms": 12.5,
    "p99_itl_ms": 40.0,
    "mean_tpot_ms": 12.8,
}
GPU_INFERENCE_BENCHMARK = {
    "model": "D:/OllamaModels/BigDaddyG-Q4_K.gguf",
    "file_size_gb": "7.1",
    "tokens": "128",
    "load_time_ms": "900",
    "gen_time_ms": "1600",
    "tps": "79.97",
    "latency_ms": "12.51",
    "success": "true",
    "error": "",
}
SAMPLES = {
    "llama-bench": [LLAMA_BENCH],
    "llama-batched-bench": BATCHED,
    "gpu_inference_benchmark": GPU_INFERENCE_BENCHMARK,
    "AIPerf": AIPERF,
    "GuideLLM": GUIDELLM,
    "vLLM": VLLM,
}


def write(tmp_path: Path, content: object, name: str = "result.json") -> Path:
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return path


def read(tmp_path: Path, content: object) -> dict[tuple[str, Any], Any]:
    found = read_foreign(write(tmp_path, content))
    return {(figure.metric, figure.where.get("statistic")): figure for figure in found.figures}


@pytest.mark.parametrize("tool", SAMPLES)
def test_each_tool_is_recognised_by_its_own_keys(tmp_path: Path, tool: str) -> None:
    found = read_foreign(write(tmp_path, SAMPLES[tool]))

    assert found.tool == tool
    assert found.file == "result.json"
    assert len(found.sha256) == 64
    assert all(figure.mismatches for figure in found.figures)


def test_every_reader_has_a_sample_here() -> None:
    assert set(READERS) == set(SAMPLES)


def test_llama_bench_gives_its_repetitions_and_the_file_name(tmp_path: Path) -> None:
    prompt = {**LLAMA_BENCH, "n_prompt": 512, "n_gen": 0}

    found = read_foreign(write(tmp_path, [LLAMA_BENCH, prompt, {**LLAMA_BENCH, "n_prompt": 64}])).figures

    assert found[0].metric == "decode_tps"
    assert found[0].values == (119.03, 120.178, 119.43, 118.307, 117.464)
    assert dict(found[0].where) == {
        "model": "Qwen2.5-7B-Instruct-Q4_K_M.gguf",
        "streams": 1,
        "depth": 0,
        "tokens": 128,
    }
    assert [figure.metric for figure in found] == ["decode_tps", "pp", "pg"]


def test_json_lines_read_like_an_array(tmp_path: Path) -> None:
    lines = "\n".join(["", json.dumps(LLAMA_BENCH), "", json.dumps({**LLAMA_BENCH, "n_gen": 256})])

    assert [figure.name for figure in read_foreign(write(tmp_path, lines)).figures] == ["tg128", "tg256"]


def test_batched_bench_of_one_stream_is_decoding_and_of_many_is_aggregate(tmp_path: Path) -> None:
    lines = "\n".join(json.dumps({**BATCHED, "pl": streams}) for streams in (1, 12))

    found = read_foreign(write(tmp_path, lines)).figures

    assert [(figure.metric, figure.where["streams"]) for figure in found] == [("decode_tps", 1), ("aggregate_tps", 12)]


def test_aiperf_gives_what_its_schema_documents(tmp_path: Path) -> None:
    found = read(tmp_path, AIPERF)

    assert found["aggregate_tps", "avg"].values == (701.5,)
    assert {key[1] for key in found if key[0] == "inter_token_latency"} == {"avg", "p50", "p95", "p99"}
    assert "averaged away" in found["inter_token_latency", "p99"].mismatches[0]
    assert "cancelled" in read(tmp_path, {**AIPERF, "was_cancelled": True})["aggregate_tps", "avg"].mismatches[0]


def test_guidellm_gives_each_benchmark_with_its_load(tmp_path: Path) -> None:
    found = read(tmp_path, GUIDELLM)

    assert found["aggregate_tps", "avg"].where["streams"] == 12
    assert found["inter_token_latency", "p99"].values == (14.0,)
    assert "no gap exists" in found["inter_token_latency", "p99"].mismatches[0]


def test_vllm_gives_its_statistics_once_and_says_what_is_missing(tmp_path: Path) -> None:
    found = read(tmp_path, VLLM)

    assert found["inter_token_latency", "p50"].values == (12.5,)
    assert found["inter_token_latency", "p99"].values == (40.0,)
    assert found["aggregate_tps", "avg"].mismatches[0] == "2 requests did not complete and are left out"
    assert len(read_foreign(write(tmp_path, VLLM)).figures) == 5


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("", "no JSON"),
        ("{", "no JSON"),
        ("[]", "no results"),
        ("3", "no results"),
        ("[3]", "no results"),
        ('{"a": NaN}', "no JSON"),
        ('{"a": 1, "a": 2}', "no JSON"),
        ('{"a": 1}\n{"b": }', "neither JSON nor JSON lines"),
        ('{"a": 1}\n[]', "no results"),
        ({"hello": 1}, "not the result of a known tool"),
        ([LLAMA_BENCH, BATCHED], "not the result of a known tool"),
        ({**LLAMA_BENCH, **BATCHED}, "not the result of a known tool"),
        ("[" * 100_000, "no JSON"),
    ],
    ids=range(13),
)
def test_a_file_of_nobody_is_refused(tmp_path: Path, content: object, says: str) -> None:
    with pytest.raises(EvidenceProblem) as refused:
        read_foreign(write(tmp_path, content))
    assert says in refused.value.what
    assert refused.value.where


@pytest.mark.parametrize(
    ("tool", "path", "value"),
    [
        ("llama-bench", (0, "samples_ts"), []),
        ("llama-bench", (0, "samples_ts"), "119"),
        ("llama-bench", (0, "samples_ts"), [True]),
        ("llama-bench", (0, "samples_ts"), [0.0]),
        ("llama-bench", (0, "samples_ts"), [119.0, -1.0]),
        ("llama-bench", (0, "n_gen"), "128"),
        ("llama-bench", (0, "n_gen"), 12.5),
        ("llama-batched-bench", ("speed_tg",), None),
        ("llama-batched-bench", ("speed_tg",), 0),
        ("llama-batched-bench", ("pl",), -1),
        ("AIPerf", ("inter_token_latency",), 12.8),
        ("AIPerf", ("inter_token_latency", "unit"), "s"),
        ("AIPerf", ("inter_token_latency", "p95"), "14"),
        ("AIPerf", ("output_token_throughput", "avg"), 0.0),
        ("GuideLLM", ("benchmarks",), []),
        ("GuideLLM", ("benchmarks", 0, "metrics"), []),
        ("GuideLLM", ("benchmarks", 0, "metrics", "output_tokens_per_second", "successful"), None),
        ("GuideLLM", ("benchmarks", 0, "metrics", "inter_token_latency_ms", "successful", "mean"), 0.0),
        ("GuideLLM", ("benchmarks", 0, "metrics", "inter_token_latency_ms", "successful", "percentiles"), [1]),
        ("vLLM", ("output_throughput",), False),
        ("vLLM", ("max_concurrency",), "many"),
        ("vLLM", ("completed",), None),
        ("vLLM", ("mean_itl_ms",), 0),
    ],
    ids=range(23),
)
def test_a_value_that_cannot_be_is_refused_with_its_place(
    tmp_path: Path, tool: str, path: tuple[str | int, ...], value: object
) -> None:
    content = copy.deepcopy(SAMPLES[tool])
    place: Any = content
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value

    with pytest.raises(EvidenceProblem) as refused:
        read_foreign(write(tmp_path, content))
    assert refused.value.where


def test_a_file_without_a_comparable_figure_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceProblem, match="no figure"):
        read_foreign(write(tmp_path, {"benchmarks": [{"metrics": {}}]}))


def test_a_file_beyond_the_bound_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(tmp_path, AIPERF)
    monkeypatch.setattr(foreign, "MAX_FILE", path.stat().st_size - 1)

    with pytest.raises(EvidenceProblem, match="too large"):
        read_foreign(path)
    monkeypatch.setattr(foreign, "MAX_FILE", path.stat().st_size)
    assert read_foreign(path).tool == "AIPerf"


def test_too_many_results_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(foreign, "MAX_DOCUMENTS", 1)

    with pytest.raises(EvidenceProblem, match="no results"):
        read_foreign(write(tmp_path, [LLAMA_BENCH, LLAMA_BENCH]))


def test_what_is_not_text_or_not_there_is_refused(tmp_path: Path) -> None:
    (tmp_path / "binary.json").write_bytes(b"\xff\xfe\x00")

    with pytest.raises(EvidenceProblem, match="not UTF-8"):
        read_foreign(tmp_path / "binary.json")
    with pytest.raises(EvidenceProblem, match="no such result file"):
        read_foreign(tmp_path / "missing.json")
    with pytest.raises(EvidenceProblem, match="no such result file"):
        read_foreign(tmp_path)


CSV = """model,file_size_gb,tokens,load_time_ms,gen_time_ms,tps,latency_ms,success,error
D:\\OllamaModels\\BigDaddyG-Q4_K.gguf,7.1,128,900,1600,79.97,12.51,true,
BigDaddyG-Q8_0.gguf,18,128,0,0,0,0,false,out of memory, of 16 GB
"""


def test_the_csv_of_gpu_inference_benchmark_is_read_without_the_models_that_failed(tmp_path: Path) -> None:
    path = tmp_path / "results.csv"
    path.write_text(CSV)

    found = read_foreign(path)

    assert found.tool == "gpu_inference_benchmark"
    [figure] = found.figures
    assert (figure.metric, figure.values) == ("decode_tps", (79.97,))
    assert figure.where == {"model": "BigDaddyG-Q4_K.gguf", "tokens": 128, "streams": 1}


@pytest.mark.parametrize(
    "row", ["a,b.gguf,4.1,128,900,1600,79.97,12.5,true,", "a.gguf,4.1,128,900,1600,79.97,12.5,true"]
)
def test_a_row_of_more_or_fewer_cells_than_the_header_is_no_result(row: str) -> None:
    header = "model,file_size_gb,tokens,load_time_ms,gen_time_ms,tps,latency_ms,success,error"

    with pytest.raises(EvidenceProblem, match="other columns than its header") as caught:
        foreign.read_result(f"{header}\n{row}\n".encode(), "result.csv")
    assert caught.value.where == "result 1"


def test_what_gpu_inference_benchmark_prints_is_read_where_there_is_no_csv() -> None:
    printed = b"Loading model...\nTokens/Sec: 79.97 TPS\nAvg Latency: 12.51 ms/token\nTokens/Sec: 115 TPS\n"

    found = foreign.read_result(printed, "output")

    assert [figure.values for figure in found.figures] == [(79.97,), (115.0,)]


@pytest.mark.parametrize("rate", ["0", "-1", "nan", "inf", "fast"])
def test_a_printed_rate_that_is_none_is_refused(rate: str) -> None:
    with pytest.raises(EvidenceProblem, match="no number above 0"):
        foreign.read_result(f"Tokens/Sec: {rate} TPS".encode(), "output")
