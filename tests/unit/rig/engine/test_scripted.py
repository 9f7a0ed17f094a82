"""Each scene shows what it declares, in virtual time, and the same twice."""

from pathlib import Path

import numpy as np
import pytest

from pytest_rawrxd.errors import EngineCrashed, EngineHung, RigTrouble, UsageProblem
from pytest_rawrxd.rig.engine.protocol import LoadOptions, Request
from pytest_rawrxd.rig.engine.scenes import SCENES
from pytest_rawrxd.rig.engine.scripted import FULL_CLOCK_MHZ, ScriptedEngine

OPTIONS = LoadOptions(n_ctx=20_000, n_streams=2, prefill_chunk=64)


def engine(scene: str, seed: int = 1) -> ScriptedEngine:
    scripted = ScriptedEngine(SCENES[scene], seed=seed)
    scripted.load(Path("none.gguf"), OPTIONS, deadline_s=1)
    return scripted


def answer(scripted: ScriptedEngine, tokens: int = 256, deadline_s: float = 1e6):
    return scripted.generate([Request(scripted.tokenize("Hello"), tokens)], deadline_s=deadline_s)[0]


def gaps_ms(generation) -> np.ndarray:
    return np.diff(generation.stamps_ns) / 1e6


@pytest.mark.parametrize("scene", sorted(set(SCENES) - {"crash", "hang"}))
def test_a_scene_is_the_same_twice_and_another_with_another_seed(scene) -> None:
    first, second, other = (answer(engine(scene, seed)) for seed in (1, 1, 2))

    assert first.token_ids.tolist() == second.token_ids.tolist()
    assert first.stamps_ns.tolist() == second.stamps_ns.tolist()
    assert (first.stamps_ns.tolist() != other.stamps_ns.tolist()) is (scene != "zero-variance")


def test_nothing_from_a_scene_can_be_taken_for_a_measurement() -> None:
    info = engine("steady").info

    assert info.backend == "scripted"
    assert "scripted" in info.sentence()


@pytest.mark.parametrize(("scene", "tps"), [("steady", 80), ("slow", 50), ("impossible", 10_000)])
def test_a_pace_is_the_declared_one(scene, tps) -> None:
    assert 1e3 / gaps_ms(answer(engine(scene))).mean() == pytest.approx(tps, rel=0.01)


def test_noisy_calls_differ_and_steady_ones_do_not() -> None:
    def spread(scene: str) -> float:
        scripted = engine(scene)
        means = [gaps_ms(answer(scripted, 64)).mean() for _ in range(40)]
        return float(np.std(means) / np.mean(means))

    assert 0.08 < spread("noisy") < 0.16
    assert spread("steady") < 0.01


def test_a_leak_is_five_megabytes_an_hour_in_the_devices_and_the_samples() -> None:
    scripted = engine("leak")
    before = scripted.devices()[0].memory_free
    scripted.advance(3600)

    assert before - scripted.devices()[0].memory_free == 5_000_000
    assert scripted.sample(0).memory_used < scripted.sample(10**12).memory_used
    assert engine("steady").sample(0).memory_used == engine("steady").sample(10**15).memory_used


def test_a_stall_freezes_three_of_fifteen_seconds() -> None:
    generation = answer(engine("stall"), 12_000)

    stalls = gaps_ms(generation)[gaps_ms(generation) > 1000]
    assert stalls == pytest.approx(3012, abs=5)
    assert stalls.sum() / gaps_ms(generation).sum() == pytest.approx(0.2, abs=0.03)


def test_a_throttled_clock_and_slower_steps_come_together() -> None:
    scripted = engine("throttle")
    generation = answer(scripted, 8000)
    throttled = np.array([scripted.sample(int(at)).throttled for at in generation.stamps_ns[1:]])

    slow, fast = gaps_ms(generation)[throttled].mean(), gaps_ms(generation)[~throttled].mean()
    assert fast / slow == pytest.approx(0.7, abs=0.01)
    assert scripted.sample(int(61e9)).clock_mhz == pytest.approx(0.7 * FULL_CLOCK_MHZ)
    assert scripted.sample(int(59e9)).clock_mhz == FULL_CLOCK_MHZ


def test_a_wrong_token_is_one_token_and_no_other() -> None:
    right, wrong = answer(engine("steady")), answer(engine("wrong-token"))

    assert np.flatnonzero(right.token_ids != wrong.token_ids).tolist() == [17]


def test_eos_ends_an_answer_at_half_its_length() -> None:
    generation = answer(engine("eos"), 100)

    assert (len(generation.token_ids), len(generation.stamps_ns)) == (50, 50)
    assert generation.finish_reason == "stop"


def test_coalesced_tokens_share_the_stamp_of_the_last_of_four() -> None:
    plain, coalesced = answer(engine("steady"), 10), answer(engine("steady"), 10)
    coalesced = answer(engine("coalesced"), 10)

    assert np.unique(coalesced.stamps_ns, return_counts=True)[1].tolist() == [4, 4, 2]
    assert len(np.unique(plain.stamps_ns)) == 10


def test_zero_variance_calls_are_equal_to_the_nanosecond() -> None:
    scripted = engine("zero-variance")
    first, second = answer(scripted), answer(scripted)

    assert np.diff(first.stamps_ns).tolist() == np.diff(second.stamps_ns).tolist()


def test_a_crash_ends_the_engine_for_good() -> None:
    scripted = engine("crash")
    for _ in range(2):
        with pytest.raises(EngineCrashed):
            answer(scripted)


def test_a_hang_takes_the_whole_deadline_in_virtual_time() -> None:
    scripted = engine("hang")
    began = scripted.now_ns
    with pytest.raises(EngineHung, match=r"1000\.0 s"):
        answer(scripted, deadline_s=1000)

    assert scripted.now_ns - began >= 1000e9


def test_a_slow_engine_misses_a_virtual_deadline() -> None:
    with pytest.raises(EngineHung):
        answer(engine("slow"), 256, deadline_s=5)
    assert len(answer(engine("slow"), 256, deadline_s=5.3).token_ids) == 256


def test_an_invented_engine_has_no_quality() -> None:
    with pytest.raises(RigTrouble, match="no logits"):
        engine("steady").score(np.zeros((1, 8), np.int32), deadline_s=1)


def test_an_engine_without_a_model_says_so() -> None:
    with pytest.raises(UsageProblem, match="no model"):
        answer(ScriptedEngine(SCENES["steady"], seed=0))
