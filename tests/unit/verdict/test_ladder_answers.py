"""What the criteria get that compare all variants, from a run directory."""

import numpy as np
import pytest

from pytest_rawrxd.verdict.ladder import judged_ladder
from pytest_rawrxd.verdict.outcome import Verdict
from pytest_rawrxd.verdict.rulebook import RULES

PASS, FAIL, INVALID, NOT_MEASURED = Verdict.PASS, Verdict.FAIL, Verdict.INVALID, Verdict.NOT_MEASURED


def rehearse(book, identifier, metric):
    """The answer to a criterion as a rehearsal judges it."""
    criterion = book.profile.criteria[identifier].model_copy(update={"metric": metric})
    return RULES[metric](book.evidence(), criterion)[0]


def measure_matrix(book, *, without=(), **changes):
    for variant in book.profile.models.variants:
        for cell in book.profile.protocol.phase1.cells(variant):
            for process in range(cell.runs):
                if (variant, cell.tokens, process) not in without:
                    book.run(variant, 50.0, process, tokens=cell.tokens, **changes)


def test_a_whole_matrix_counts_every_variant(book):
    measure_matrix(book)

    found = book.answer("P1-MATRIX")

    assert (found.verdict, found.estimate) == (PASS, 6.0)


def test_one_run_too_few_leaves_the_matrix_open_and_names_the_cell(book):
    measure_matrix(book, without={("Q4_K", 1024, 1)})

    found = book.answer("P1-MATRIX")

    assert (found.verdict, found.estimate) == (NOT_MEASURED, 5.0)
    assert "Q4_K: 1 of 2 runs of 1024 tokens" in found.reason
    assert "Q4_K, 1024 tokens" in book.answer("P1-TABLE").reason


def test_an_invalid_variant_is_named_before_a_missing_one(book):
    measure_matrix(book, without={("Q4_K", 1024, 1)})
    book.trouble("Q6_K")

    found = book.answer("P1-MATRIX")

    assert (found.verdict, found.estimate) == (INVALID, 4.0)
    assert "Q6_K" in found.reason


def test_the_fastest_is_the_peak_and_the_champion(book):
    book.ladder()

    assert book.answer("P1-PEAK").verdict is PASS
    assert book.answer("P1-PEAK").estimate == 1.0
    assert book.answer("P1-CHAMPION").verdict is PASS


def test_another_champion_is_a_broken_promise_and_an_answer(book):
    book.ladder(without=("Q4_K",))
    book.model("Q4_K", weight_bytes_per_token=2 * 10**9)
    for process in range(1, 11):
        book.run("Q4_K", 200.0, process)

    refuted = book.answer("P1-CHAMPION")

    assert (refuted.verdict, refuted.estimate) == (FAIL, 0.0)
    told = rehearse(book, "P1-CHAMPION", "champion_answered")
    assert (told.verdict, told.estimate) == (PASS, 1.0)
    assert told.reason.startswith("REFUTED: Q4_K is faster than Q2_K")


def test_undecided_is_an_answer_in_a_rehearsal_only(book):
    book.ladder(share=0.5, spread=0.2)

    assert book.answer("P1-PEAK").verdict is Verdict.INCONCLUSIVE
    assert book.answer("P1-PEAK").estimate is None
    told = rehearse(book, "P1-PEAK", "peak_answered")
    assert told.verdict is PASS
    assert told.reason.startswith("UNDECIDED: ")
    assert told.next is None


@pytest.mark.parametrize("metric", ["peak_answered", "champion_answered"])
def test_a_variant_that_is_missing_is_no_answer(book, metric):
    book.ladder(without=("Q6_K",))

    found = rehearse(book, "P1-CHAMPION", metric)

    assert found.verdict is NOT_MEASURED
    assert found.reason.startswith("Q6_K cannot be compared")


def test_only_rounds_that_hold_every_variant_are_compared(book):
    book.ladder(rounds=9)
    for process in range(10, 30):
        book.run("Q4_K", 98.0, process)

    found = book.answer("P1-PEAK")

    assert found.verdict is INVALID
    assert "9 rounds, at least 10" in found.reason


def test_rounds_of_several_sessions_add_up(book):
    book.ladder(rounds=5)
    book.session("s002")
    book.ladder(rounds=5)

    assert book.answer("P1-PEAK").verdict is PASS


def test_a_copied_variant_is_found_by_its_durations(book):
    book.ladder(rounds=2, without=("Hybrid",))
    for record in book.evidence().of("decode.run", variant="Q2_K"):
        book.record("decode.run", **{**record.data, "variant": "Hybrid", "model_sha256": "sha of Hybrid"})

    found = book.answer("P1-PEAK")

    assert found.verdict is INVALID
    assert "agree in every one of 2 raw durations" in found.reason


def test_time_that_follows_the_bytes_confirms_the_bottleneck(book):
    book.ladder()

    found = book.answer("P1-BOTTLENECK")

    assert (found.verdict, found.estimate) == (PASS, 1.0)
    assert found.reason.startswith("CONFIRMED: ")
    assert found.deciding["bandwidth_share"] == pytest.approx(450 / 560, rel=0.01)


def test_without_the_bandwidth_of_the_device_there_is_no_answer(book):
    book.ladder()
    book.machine(device=None)

    assert book.answer("P1-BOTTLENECK").verdict is INVALID
    assert rehearse(book, "P1-BOTTLENECK", "bottleneck_answered").verdict is INVALID


def test_the_largest_that_fits_takes_the_place_of_one_that_does_not(book):
    book.ladder(without=("Q8_0",))
    book.model("Q8_0")
    for process in range(1, 11):
        book.run("Q8_0", 20.0, process, layers=28)

    found = book.answer("P1-BOTTLENECK")

    assert found.verdict is PASS
    assert "without Q8_0" in found.reason
    assert "Q6_K takes its place" in found.reason


def test_speed_that_does_not_follow_the_bytes_refutes_it(book):
    book.machine()
    for position, variant in enumerate(book.profile.models.variants):
        book.model(variant)
        for process in range(1, 11):
            book.run(variant, 20.0 + 0.01 * position, process)

    assert book.answer("P1-BOTTLENECK").verdict is FAIL
    told = rehearse(book, "P1-BOTTLENECK", "bottleneck_answered")
    assert told.verdict is PASS
    assert told.reason.startswith("REFUTED: ")
    assert not told.reason.startswith("REFUTED: REFUTED")


def test_a_scripted_engine_has_no_bytes_per_token(book):
    book.machine()
    for variant in book.profile.models.variants:
        for process in range(1, 11):
            book.run(variant, 80.0, process)

    assert book.answer("P1-BOTTLENECK").verdict is NOT_MEASURED


def test_the_hybrid_is_known_when_built_proven_and_measured(book):
    book.model("Hybrid")
    assert book.answer("P1-HYBRID").verdict is NOT_MEASURED

    book.run("Hybrid", 89.0)

    found = book.answer("P1-HYBRID")
    assert (found.verdict, found.estimate) == (PASS, 1.0)
    assert "proven in 7 tensors" in found.reason
    assert book.answer("P1-HYBRID-REPORT").verdict is PASS


@pytest.mark.parametrize(
    ("tensor", "kind", "fallbacks", "verdict"),
    [
        ("blk.0.attn_v.weight", "Q5_K", 0, PASS),
        ("blk.0.ffn_down.weight", "Q3_K", 0, PASS),
        ("blk.0.attn_q.weight", "Q2_K", 0, INVALID),
        ("blk.0.ffn_up.weight", "Q4_K", 0, INVALID),
        ("blk.0.ffn_up.weight", "Q4_0", 0, INVALID),
        ("blk.0.ffn_up.weight", "Q4_0", 1, PASS),
    ],
)
def test_the_hybrid_is_proven_tensor_by_tensor(book, tensor, kind, fallbacks, verdict):
    book.model("Hybrid")
    tensors = {**book.evidence().of("model", variant="Hybrid")[0].data["tensors"], tensor: kind}
    book.model("Hybrid", tensors=tensors, fallback_tensors=fallbacks)
    book.run("Hybrid", 89.0)

    found = book.answer("P1-HYBRID")

    assert found.verdict is verdict
    assert (f"{tensor} {kind}" in found.reason) is (verdict is INVALID)


def test_a_hybrid_that_cannot_be_made_is_open_and_its_report_says_why(book):
    book.record("model.missing", variant="Hybrid", why="the quantiser could not make Hybrid")

    found = book.answer("P1-HYBRID")

    assert found.verdict is NOT_MEASURED
    assert "the quantiser could not make Hybrid" in found.reason
    assert book.answer("P1-HYBRID-REPORT").verdict is PASS


def test_outputs_are_complete_when_nothing_is_lacking(book):
    measure_matrix(book)
    book.ladder()
    for variant in book.profile.models.variants:
        book.record("quality", variant=variant, same_top_share=0.9, why_no_reference=None)
    book.run("Q8_0", 50.0, kind="bandwidth.run")
    book.model("Hybrid")

    outputs = ("P1-TABLE", "P1-STATS", "P1-CURVES", "P1-DECISION", "P1-BW-REPORT", "P1-HYBRID-REPORT")

    assert {identifier: str(book.answer(identifier).verdict) for identifier in outputs} == dict.fromkeys(
        outputs, "PASS"
    )


@pytest.mark.parametrize(
    ("identifier", "says"),
    [
        ("P1-STATS", "Q2_K: one run has no interval"),
        ("P1-CURVES", "Q4_K: no manifest says its bytes per token"),
        ("P1-DECISION", "Q2_K: its quality was not measured: random weights"),
        ("P1-DECISION", "Q4_K: its quality has no reference: none is precise enough"),
        ("P1-BW-REPORT", "sustained test of Q8_0: no process generated 256 tokens with Q8_0"),
    ],
)
def test_an_output_names_what_it_lacks(book, identifier, says):
    book.machine()
    for variant in book.profile.models.variants:
        for process in range(1 if variant == "Q2_K" else 2):
            book.run(variant, 80.0 + process, process, buffers=[])
    book.model("Q2_K")
    book.record("quality.missing", variant="Q2_K", why="random weights")
    book.record("quality", variant="Q4_K", same_top_share=None, why_no_reference="none is precise enough")

    found = book.answer(identifier)

    assert found.verdict is NOT_MEASURED
    assert says in found.reason


def test_a_table_without_memory_is_not_complete(book):
    measure_matrix(book, buffers=[])

    assert "Q2_K, 256 tokens: no memory figure" in book.answer("P1-TABLE").reason


def test_rounds_are_in_one_order_for_all(book):
    book.ladder(rounds=3)
    rounds = judged_ladder(book.evidence()).rounds(("Q2_K", "Q4_K"))

    assert {name: values.shape for name, values in rounds.items()} == {"Q2_K": (3,), "Q4_K": (3,)}
    assert all(np.isfinite(values).all() for values in rounds.values())
