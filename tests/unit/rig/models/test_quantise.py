from __future__ import annotations

import re
import subprocess
import sys
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest

from pytest_rawrxd.errors import QuantiserFailed
from pytest_rawrxd.rig.models.gguf_header import read_header
from pytest_rawrxd.rig.models.quantise import binding_version, overrides, quantise, quantised

LLAMA = {"general.architecture": "llama", "llama.block_count": 8}


@pytest.fixture
def source(gguf_file, llama):
    return read_header(gguf_file("Model-F16.gguf", llama(lambda *_: "F16", layers=8), LLAMA))


@pytest.fixture
def said():
    return []


@pytest.fixture
def quantiser(gguf_file, llama):
    """A stand-in for the child process; it remembers its command and writes a model of one type."""

    class Quantiser:
        kind = "Q6_K"
        returncode = 0
        stderr = ""
        command: list[str]

        def __call__(self, command, **_):
            self.command = command
            if self.returncode == 0:
                made = gguf_file("made.gguf", llama(lambda *_: self.kind, layers=8), LLAMA)
                Path(command[4]).write_bytes(made.read_bytes())
            return subprocess.CompletedProcess(command, self.returncode, "", self.stderr)

    return Quantiser()


@pytest.fixture
def make(quantiser, cache, said):
    return lambda source: quantised(source, "ab", "Q6_K", cache, said.append, run=quantiser)


def test_the_quantiser_runs_in_a_child_of_this_python(source, quantiser, make):
    entry = make(source)

    assert entry.path.name == "Model-Q6_K.gguf"
    assert quantiser.command[:3] == [sys.executable, "-m", "pytest_rawrxd.rig.models.quantise_child"]
    assert quantiser.command[3] == str(source.path)
    assert "--recipe=Q6_K" in quantiser.command
    assert "--requantise" not in quantiser.command
    assert not any(part.startswith("--override") for part in quantiser.command)


def test_a_variant_that_is_in_the_cache_is_not_made_again(source, quantiser, make, said):
    first = make(source)
    quantiser.returncode = 1

    assert make(source) == first
    assert said == ["Q6_K: quantising Model-F16.gguf"]


def test_a_quantised_source_is_quantised_again_on_purpose(gguf_file, llama, quantiser, make):
    source = read_header(gguf_file("Model-Q8_0.gguf", llama(lambda *_: "Q8_0", layers=8), LLAMA))

    make(source)

    assert "--requantise" in quantiser.command


@pytest.mark.parametrize(
    ("stderr", "found"),
    [("", "exit code -6: it said nothing"), ("one\n\n  two\n", "exit code -6: one | two")],
)
def test_a_quantiser_that_fails_is_quoted(source, quantiser, make, stderr, found):
    quantiser.returncode, quantiser.stderr = -6, stderr

    with pytest.raises(QuantiserFailed, match="could not make Q6_K") as caught:
        make(source)

    assert caught.value.found == found
    assert caught.value.where == str(source.path)


def test_a_result_that_is_another_variant_is_refused(source, quantiser, make):
    quantiser.kind = "Q8_0"

    with pytest.raises(QuantiserFailed, match="something else than Q6_K") as caught:
        make(source)

    assert caught.value.found == "Q8_0, recipe Q8_0"


def test_a_quantiser_that_does_not_end_is_named(source, tmp_path):
    def endless(command, *, timeout, **_):
        raise subprocess.TimeoutExpired(command, timeout)

    with pytest.raises(QuantiserFailed, match="did not finish Q6_K") as caught:
        quantise(source, tmp_path / "never.gguf", "Q6_K", run=endless)

    assert caught.value.found == "still running after 3600 s"


def test_a_hybrid_is_the_q2_k_recipe_with_attention_as_q5_k_m_has_it(source):
    def kind_of(name: str) -> str | None:
        return next((kind for pattern, kind in overrides(source, "Hybrid") if re.search(pattern, name)), None)

    assert [kind_of(f"blk.{layer}.attn_v.weight") for layer in range(8)] == [
        "Q6_K", "Q5_K", "Q5_K", "Q6_K", "Q5_K", "Q5_K", "Q6_K", "Q6_K",
    ]  # fmt: skip
    assert {kind_of(f"blk.1.attn_{part}.weight") for part in ("q", "k", "output")} == {"Q5_K"}
    assert kind_of("blk.13.attn_v.weight") == "Q5_K"
    left = ["token_embd.weight", "output.weight", *(f"blk.0.ffn_{part}.weight" for part in ("gate", "up", "down"))]
    assert [kind_of(name) for name in left] == [None] * 5


def test_the_child_refuses_unknown_arguments():
    done = subprocess.run(
        [sys.executable, "-m", "pytest_rawrxd.rig.models.quantise_child", "only-a-source"],
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 2
    assert "the following arguments are required: target, --recipe" in done.stderr


def test_a_tree_on_the_path_is_a_quantiser_too(tmp_path, monkeypatch):
    package = tmp_path / "llama_cpp"
    package.mkdir()
    (package / "__init__.py").write_text('raise ImportError("an engine")\n__version__ = "0.3.99"\n')
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr("pytest_rawrxd.rig.models.quantise.version", absent)

    assert binding_version() == "0.3.99"


def test_without_a_binding_there_is_no_quantiser(monkeypatch):
    monkeypatch.setattr("pytest_rawrxd.rig.models.quantise.version", absent)
    monkeypatch.setattr("pytest_rawrxd.rig.models.quantise.version", absent)
    monkeypatch.setattr("pytest_rawrxd.rig.models.quantise.find_spec", lambda _: None)

    with pytest.raises(QuantiserFailed, match="there is no quantiser"):
        binding_version()


def absent(name: str) -> str:
    raise PackageNotFoundError(name)
