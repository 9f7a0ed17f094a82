"""What each criterion of one variant gets as an answer, from a run directory."""

import pytest

from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.rulebook import RULES

PASS, FAIL, INCONCLUSIVE, INVALID, NOT_MEASURED = (
    Verdict.PASS,
    Verdict.FAIL,
    Verdict.INCONCLUSIVE,
    Verdict.INVALID,
    Verdict.NOT_MEASURED,
)


def test_every_criterion_of_phase_1_has_its_rule(book):
    metrics = {criterion.metric for criterion in book.profile.criteria.values() if criterion.phase == 1}

    assert metrics <= RULES.keys()


@pytest.mark.parametrize(("tps", "verdict"), [(81.0, PASS), (79.0, FAIL), (80.0, INCONCLUSIVE)])
def test_a_range_is_decided_by_the_interval_of_the_mean(book, tps, verdict):
    for process in range(5):
        book.run(tps=tps, process=process)

    assert book.answer("SLA-TPS-TARGET").verdict is verdict


@pytest.mark.parametrize(("tps", "verdict"), [(80.5, PASS), (79.0, FAIL), (1000 / 12.51, INCONCLUSIVE)])
def test_time_per_token_is_the_rate_turned_over(book, tps, verdict):
    for process in range(5):
        book.run(tps=tps, process=process)

    found = book.answer("P1-LAT-Q4_K")

    assert found.verdict is verdict
    assert found.estimate == pytest.approx(1000 / tps, rel=2e-3)


def test_a_single_process_has_no_interval(book):
    book.run(tps=200.0)

    assert book.answer("P1-LAT-Q4_K").verdict is INVALID
    assert book.answer("SLA-TPS-TARGET").verdict is INVALID


def test_a_model_on_two_cards_is_no_measurement_of_one(book):
    for process in range(5):
        kept = [("CUDA0", "model", 9), ("CUDA1", "kv", 9), ("CUDA_Host", "model", 9)]
        book.run(tps=81, process=process, buffers=kept)
    assert book.answer("SLA-TPS-TARGET").verdict is PASS

    book.run(tps=81, process=5, buffers=[("CUDA0", "model", 9), ("CUDA1", "model", 9)])
    found = book.answer("SLA-TPS-TARGET")
    assert found.verdict is INVALID
    assert "the weights lie on CUDA0, CUDA1" in found.reason


@pytest.mark.parametrize(
    ("sizes", "verdict", "value"),
    [
        ((13_000_000_000,), PASS, 13.0),
        ((11_000_000_000, 1_500_000_000), PASS, 12.5),
        ((11_990_000_000,), FAIL, 11.99),
        ((14_010_000_000,), FAIL, 14.01),
        ((14_000_000_000,), INCONCLUSIVE, 14.0),
    ],
)
def test_memory_is_what_the_device_buffers_add_up_to(book, sizes, verdict, value):
    book.run(buffers=[*(("Vulkan0", "model", size) for size in sizes), ("Vulkan_Host", "output", 9), ("CPU", "kv", 9)])

    found = book.answer("P1-VRAM-Q4_K")

    assert (found.verdict, found.estimate) == (verdict, pytest.approx(value))


def test_the_most_that_any_process_held_is_judged(book):
    book.run(buffers=[("Vulkan0", "model", 13_000_000_000)])
    book.run(process=2, buffers=[("Vulkan0", "model", 14_500_000_000)])

    assert book.answer("P1-VRAM-Q4_K").verdict is FAIL


def test_memory_that_nobody_reports_is_not_measured(book):
    book.run(buffers=[("CPU_Mapped", "model", 13_000_000_000)])

    found = book.answer("P1-VRAM-Q4_K")

    assert found.verdict is NOT_MEASURED
    assert "names no buffer on the device" in found.reason


def test_on_a_cpu_memory_is_the_resident_one(opened):
    book = opened(backend="cpu")
    book.run("Q8_0", kind="bandwidth.run", buffers=[("CPU", "model", 1)], memory={"resident_bytes": 9_000_000_000})

    assert book.answer("P1-BW-VRAM").estimate == 9.0


def test_partial_offload_is_said_with_its_arithmetic_and_still_judged(book):
    placed = {"fits": False, "gpu_layers": 28, "arithmetic": "weights 18.00 GB > usable 16.40 GB"}
    for process in range(10):
        book.run("Q8_0", tps=58.0, process=process, layers=28, placement=placed)

    found = book.answer("P1-TPS-Q8_0")

    assert found.verdict is PASS
    assert "PARTIAL OFFLOAD, 28 of 33 layers on the device (weights 18.00 GB > usable 16.40 GB)" in found.reason


@pytest.mark.parametrize(("growth", "verdict"), [(230_000_000, PASS), (230_000_001, INVALID)])
def test_host_memory_that_grows_at_load_by_more_than_the_gate_is_spilled(book, growth, verdict):
    book.model("Q4_K")
    for process in range(10):
        book.run(tps=79.97, process=process, memory={"shared_growth_bytes": growth})

    found = book.answer("P1-TPS-Q4_K")

    assert found.verdict is verdict
    assert ("paged device memory" in found.reason) is (verdict is INVALID)


def test_trouble_of_one_variant_is_named_and_leaves_the_others(book):
    book.trouble("Q6_K")
    for process in range(10):
        book.run(tps=79.97, process=process)

    assert book.answer("P1-TPS-Q4_K").verdict is PASS
    found = book.answer("P1-TPS-Q6_K")
    assert found.verdict is INVALID
    assert found.reason.startswith("process 1: refused")


def test_trouble_in_the_sustained_test_leaves_the_matrix(book):
    book.trouble("Q4_K", "bandwidth.run")
    for process in range(10):
        book.run(tps=79.97, process=process)

    assert book.answer("P1-TPS-Q4_K").verdict is PASS
    assert book.answer("P1-BW-SUSTAINED").verdict is INVALID


def test_a_missing_file_is_not_measured_with_its_reason(book):
    book.record("model.missing", variant="Q6_K", why="no file of this variant in models")

    found = book.answer("P1-TPS-Q6_K")

    assert found.verdict is NOT_MEASURED
    assert "no file of this variant in models" in found.reason


@pytest.mark.parametrize(("layers", "verdict"), [(33, PASS), (32, FAIL), (0, FAIL)])
def test_every_layer_has_to_be_on_the_device(book, layers, verdict):
    book.run(layers=33)
    book.run(process=2, layers=layers)

    found = book.answer("P1-OFFLOAD")

    assert found.verdict is verdict
    assert found.reason.startswith(f"offloaded {layers} of 33 layers")


def test_the_cpu_reference_is_judged_apart_from_the_gpu(book):
    for process in range(5):
        book.run(tps=80.0, process=process)
        book.run(tps=29.0, process=process, kind="decode.reference", backend="cpu", layers=0)

    assert book.answer("P1-TPS-CPU").estimate == pytest.approx(29.0, rel=2e-3)
    assert book.answer("SLA-TPS-TARGET").estimate == pytest.approx(80.0, rel=2e-3)


@pytest.mark.parametrize(("gpu", "verdict"), [(81.0, PASS), (79.0, FAIL)])
def test_the_speed_up_is_the_ratio_of_both(book, gpu, verdict):
    for process in range(5):
        book.run(tps=gpu, process=process)
        book.run(tps=28.0, process=process, kind="decode.reference", backend="cpu", layers=0)

    found = book.answer("P1-SPEEDUP")

    assert found.verdict is verdict
    assert found.estimate == pytest.approx(gpu / 28, rel=3e-3)


def test_a_reference_that_ran_on_the_gpu_is_invalid(book):
    for process in range(5):
        book.run(tps=80.0, process=process)
        book.run(tps=28.0, process=process, kind="decode.reference", backend="vulkan")

    assert book.answer("P1-SPEEDUP").verdict is INVALID


def test_without_a_gpu_there_is_no_speed_up(opened):
    found = opened(backend="cpu").answer("P1-SPEEDUP")

    assert found.verdict is NOT_MEASURED
    assert "no GPU" in found.reason


def sustained(book, **changes):
    # 3 x 256 tokens at 2 tok/s last 384 s
    return book.run("Q8_0", tps=2.0, kind="bandwidth.run", **changes)


def test_the_sustained_test_lasts_from_submission_to_the_last_token(book):
    book.model("Q8_0", weight_bytes_per_token=1)
    sustained(book)

    found = book.answer("P1-BW-SUSTAINED")

    assert found.verdict is PASS
    assert found.estimate == pytest.approx(384 / 60, rel=1e-2)
    assert "Q8_0, one stream, no gap above 1 s" in found.reason


@pytest.mark.parametrize(("pause_s", "minutes"), [(0.3, 384 / 60), (2.0, 256 / 60)])
def test_a_gap_above_the_gate_breaks_it_and_the_longest_part_counts(book, pause_s, minutes):
    sustained(book, pause_s=pause_s)

    found = book.answer("P1-BW-SUSTAINED")

    assert found.estimate == pytest.approx(minutes, rel=1e-2)
    assert found.verdict is (PASS if pause_s < 1 else FAIL)


def test_another_variant_may_take_the_place_in_the_sustained_test(book):
    book.run("Q5_K_M", tps=2.0, kind="bandwidth.run")

    assert "Q5_K_M, one stream" in book.answer("P1-BW-SUSTAINED").reason
