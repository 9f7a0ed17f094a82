"""A ladder of random blocks beside what the real quantiser makes, and in the real engine."""

import os

import pytest

from pytest_rawrxd.rig.engine.choose import EngineSetup, open_engine
from pytest_rawrxd.rig.engine.protocol import LoadOptions, Request
from pytest_rawrxd.rig.models.gguf_header import read_header
from pytest_rawrxd.rig.models.quantise import quantise
from pytest_rawrxd.rig.models.random_ladder import assigned_types, write_random
from pytest_rawrxd.rig.models.recipes import LADDER
from pytest_rawrxd.rig.models.synthetic import SHAPES, Shape, write_synthetic

ENOUGH = 60.0
#: 4 heads for each key-value head, as Llama 3 has them, and layers enough for every rule about layers.
GROUPED = Shape("grouped", 16, 256, heads=8, kv_heads=2, feed_forward=256, vocabulary=512, context=2048)
UNGROUPED = Shape("ungrouped", 8, 256, heads=4, kv_heads=4, feed_forward=512, vocabulary=512, context=2048)


@pytest.mark.parametrize("variant", LADDER)
@pytest.mark.parametrize("shape", [GROUPED, UNGROUPED], ids=lambda shape: shape.name)
def test_every_tensor_has_the_type_that_the_quantiser_gives_it(tmp_path, shape, variant):
    write_synthetic(tmp_path / "f16.gguf", shape)
    quantise(read_header(tmp_path / "f16.gguf"), tmp_path / "made.gguf", variant)

    made = {tensor.name: tensor.type for tensor in read_header(tmp_path / "made.gguf").tensors}

    assert {name: kind for name, _, kind in assigned_types(shape, variant)} == made


@pytest.mark.parametrize("variant", LADDER)
def test_the_engine_loads_a_variant_and_says_printable_tokens(tmp_path, variant):
    write_random(tmp_path / "tiny.gguf", SHAPES["tiny"], variant)

    with open_engine("llama-cpp-python", EngineSetup(os.environ)) as engine:
        engine.load(tmp_path / "tiny.gguf", LoadOptions(n_ctx=256, n_threads=1, prefill_chunk=16), deadline_s=ENOUGH)
        answer = engine.generate([Request(engine.tokenize("Once upon a time"), 32)], deadline_s=ENOUGH)[0]

    assert answer.finish_reason == "length"
    assert answer.token_ids.min() > 258
    assert len(set(answer.token_ids.tolist())) > 4
