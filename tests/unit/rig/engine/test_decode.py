"""The batching loop against a batch of known arithmetic and a clock that moves one millisecond a step."""

from dataclasses import dataclass, field

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_rawrxd.rig.engine import decode, reasons
from pytest_rawrxd.rig.engine.protocol import Progress, Request
from pytest_rawrxd.rig.engine.work import Outcome, work_from_requests

STEP_NS = 1_000_000
VOCABULARY = 1000


@dataclass
class Batch:
    """Each stream's next token depends on all it was fed; wrong positions or mixed-up streams change it."""

    n_streams: int = 2
    chunk: int = 8
    n_ctx: int = 100
    codes: dict[int, int] = field(default_factory=dict)  #: step -> what forward returns
    stop_at: int | None = None
    now: int = 0
    steps: list[tuple[int, int]] = field(default_factory=list)  #: per step: rows with an output, rows in all
    cleared: int = 0

    def __post_init__(self) -> None:
        self.rows, self.n_vocab = self.n_streams + self.chunk, VOCABULARY
        self.token, self.position = np.zeros(self.rows, np.int32), np.zeros(self.rows, np.int32)
        self.wanted = np.zeros(self.rows, np.int8)
        self.stream_of_row = np.zeros(self.rows, np.uintp)
        self.stream_at = np.arange(self.n_streams, dtype=np.uintp) + 500
        self.state: dict[int, list[int]] = {}
        self.seen = -1

    def forward(self, rows: int) -> int:
        self.seen += 1
        if code := self.codes.get(self.seen, 0):
            return code
        self.now += STEP_NS
        self.steps.append((int(self.wanted[:rows].sum()), rows))
        self.next_of_row = {}
        for row in range(rows):
            state = self.state.setdefault(int(self.stream_of_row[row]) - 500, [])
            assert self.position[row] == len(state), "a token lands on the position after the last one"
            state.append(int(self.token[row]))
            self.next_of_row[row] = expected_next(state)
        return 0

    def pick(self, rows, into) -> None:
        assert list(rows) == [row for row in self.next_of_row if self.wanted[row]]
        into[:] = [self.next_of_row[row] for row in rows]

    def release(self, stream: int) -> None:
        self.state.pop(stream, None)

    def clear(self) -> None:
        self.cleared += 1
        self.state.clear()

    def stopped(self) -> bool:
        return self.stop_at is not None and self.seen >= self.stop_at


def expected_next(tokens: list[int]) -> int:
    return sum((place + 1) * token for place, token in enumerate(tokens)) % VOCABULARY


def expected_answer(prompt: list[int], length: int) -> list[int]:
    tokens = list(prompt)
    for _ in range(length):
        tokens.append(expected_next(tokens))
    return tokens[len(prompt) :]


def run(batch: Batch, requests: list[Request], listener=lambda _: None, **options) -> Outcome:
    work = work_from_requests(requests, **options)
    return decode.decode_all(batch, work, clock=lambda: batch.now, listener=listener)


def answers(outcome: Outcome) -> list[list[int]]:
    return [part.tolist() for part in np.split(outcome.token_ids, outcome.offsets[1:-1])]


def stamps(outcome: Outcome) -> list[list[int]]:
    return [(part // STEP_NS).tolist() for part in np.split(outcome.stamps_ns, outcome.offsets[1:-1])]


requests = st.lists(
    st.builds(Request, st.lists(st.integers(0, VOCABULARY - 1), min_size=1, max_size=20), st.integers(1, 9)), max_size=8
)


@settings(max_examples=60)
@given(requests, st.integers(1, 4), st.integers(1, 9), st.booleans())
def test_every_request_gets_the_tokens_it_would_get_alone(asked, streams, chunk, lock_step) -> None:
    batch = Batch(n_streams=streams, chunk=chunk)

    outcome = run(batch, asked, lock_step=lock_step)

    assert outcome.reasons == ("length",) * len(asked)
    assert answers(outcome)[: len(asked)] == [expected_answer(r.prompt, r.max_tokens) for r in asked]
    assert all(np.all(np.diff(part) > 0) for part in stamps(outcome))
    assert outcome.cost.steps == len(batch.steps)
    assert all(rows <= streams + chunk and wanted <= streams for wanted, rows in batch.steps)
    assert batch.state == {}


def test_a_free_stream_is_refilled_in_the_next_step() -> None:
    outcome = run(Batch(n_streams=2), [Request([1], 2), Request([2], 4), Request([3], 2)])

    assert stamps(outcome) == [[1, 2], [1, 2, 3, 4], [3, 4]]
    assert (outcome.submitted_ns // STEP_NS).tolist() == [0, 0, 2]


def test_a_long_prompt_comes_in_chunks_beside_running_streams() -> None:
    batch = Batch(n_streams=2, chunk=4)

    outcome = run(batch, [Request([1], 5), Request(list(range(10)), 1)])

    # 1 + 3 prompt tokens; then one running row beside chunks of 4 and the last 3.
    assert batch.steps == [(1, 4), (1, 5), (2, 4), (1, 1), (1, 1)]
    assert stamps(outcome)[1] == [3]


def test_lock_step_decodes_a_group_together_and_refills_only_when_all_are_done() -> None:
    batch = Batch(n_streams=2, chunk=4)

    outcome = run(batch, [Request([1], 3), Request(list(range(6)), 2), Request([5], 1)], lock_step=True)

    assert batch.steps == [(1, 4), (1, 3), (2, 2), (1, 1), (1, 1)]
    assert stamps(outcome) == [[1, 3, 4], [2, 3], [5]]


def test_no_requests_are_no_work() -> None:
    outcome = run(Batch(), [])

    assert outcome.reasons == ()
    assert outcome.cost.overhead_us_per_step is None


@pytest.mark.parametrize(("prompt", "length", "fits"), [(10, 89, True), (10, 90, True), (10, 91, False)])
def test_a_request_larger_than_the_context_is_refused_alone(prompt, length, fits) -> None:
    outcome = run(Batch(n_ctx=100), [Request([1] * prompt, length), Request([1], 1)])

    assert outcome.reasons[1] == "length"
    assert outcome.reasons[0] == ("length" if fits else "error: 101 tokens do not fit the context of 100")


@pytest.mark.parametrize(("token", "known"), [(-1, False), (0, True), (VOCABULARY - 1, True), (VOCABULARY, False)])
def test_a_token_outside_the_vocabulary_never_reaches_the_engine(token, known) -> None:
    outcome = run(Batch(), [Request([token], 1), Request([1], 1)])

    assert outcome.reasons[1] == "length"
    assert (outcome.reasons[0] == "length") is known


def test_no_cells_left_ends_the_youngest_request_and_the_others_go_on() -> None:
    outcome = run(Batch(codes={2: reasons.NO_CELLS}), [Request([1], 5), Request([2], 5)])

    assert outcome.reasons == ("length", "error: no KV cells left")
    assert [len(tokens) for tokens in answers(outcome)] == [5, 2]
    assert answers(outcome)[0] == expected_answer([1], 5)


@pytest.mark.parametrize("code", [-1, -2, -3, -7, 5])
def test_a_failed_step_ends_who_was_in_it_and_the_next_get_a_clean_cache(code) -> None:
    batch = Batch(codes={2: code})

    outcome = run(batch, [Request([1], 5), Request([2], 5), Request([3], 5)])

    assert outcome.reasons[0] == outcome.reasons[1] == reasons.FAILURES.get(code, f"error: decode returned {code}")
    assert outcome.reasons[2] == "length"
    assert answers(outcome)[2] == expected_answer([3], 5)
    assert batch.cleared == 2


def test_an_engine_that_always_fails_ends_every_request() -> None:
    outcome = run(Batch(codes=dict.fromkeys(range(100), -3)), [Request([1], 5)] * 5)

    assert set(outcome.reasons) == {reasons.FAILURES[-3]}
    assert len(outcome.token_ids) == 0


@pytest.mark.parametrize("how", [{"codes": {2: reasons.ABORTED}}, {"stop_at": 1}], ids=["by the graph", "by the loop"])
def test_an_abort_ends_running_and_waiting_requests_and_keeps_their_tokens(how) -> None:
    outcome = run(Batch(**how), [Request([1], 5)] * 3)

    assert outcome.reasons == ("error: aborted",) * 3
    assert [len(tokens) for tokens in answers(outcome)] == [2, 2, 0]
    assert answers(outcome)[0] == expected_answer([1], 2)


def test_a_late_request_ends_alone() -> None:
    outcome = run(Batch(), [Request([1], 6, timeout_s=3e-3), Request([2], 6)])

    assert outcome.reasons == (reasons.TIMEOUT, "length")
    assert [len(tokens) for tokens in answers(outcome)] == [3, 6]


def test_a_request_that_ends_just_in_time_is_not_late() -> None:
    assert run(Batch(), [Request([1], 3, timeout_s=3.001e-3)]).reasons == ("length",)


def test_admission_closes_and_running_requests_finish() -> None:
    outcome = run(Batch(n_streams=1), [Request([1], 3)] * 3, admit_for_s=4e-3)

    assert outcome.reasons == ("length", "length", "not admitted")
    assert [len(tokens) for tokens in answers(outcome)] == [3, 3, 0]


def test_the_listener_hears_a_beat_now_and_then() -> None:
    beats: list[Progress] = []
    steps = 3 * decode.BEAT_NS // STEP_NS

    run(Batch(n_streams=1, n_ctx=10_000), [Request([1], steps)], beats.append)

    assert [beat.tokens for beat in beats] == [300, 600, 900]
    assert beats[0] == Progress(tokens=300, active=1, finished=0, total=1)


def test_what_the_listener_takes_is_no_step() -> None:
    batch = Batch(n_streams=2, n_ctx=10_000)
    beats: list[Progress] = []

    def listener(progress: Progress) -> None:
        beats.append(progress)
        batch.now += 100 * STEP_NS

    outcome = run(batch, [Request([1], 700), Request([2], 350)], listener)

    assert len(beats) >= 2
    assert outcome.cost.wall_ns == outcome.cost.engine_ns == outcome.cost.steps * STEP_NS
    assert answers(outcome) == [expected_answer([1], 700), expected_answer([2], 350)]


def test_who_is_late_between_two_beats_ends_there() -> None:
    beats: list[Progress] = []
    late = (decode.BEAT_NS + 7 * STEP_NS) / 1e9

    outcome = run(Batch(n_ctx=10_000), [Request([1], 1000, timeout_s=late), Request([2], 1000)], beats.append)

    assert outcome.reasons == (reasons.TIMEOUT, "length")
    assert [len(tokens) for tokens in answers(outcome)] == [307, 1000]
    assert [beat.finished for beat in beats] == [0, 1, 1]


def test_a_token_that_was_never_sampled_is_an_error_of_its_request() -> None:
    batch = Batch(n_streams=2)
    whole = batch.pick

    def pick(rows, into) -> None:
        whole(rows, into)
        if len(batch.steps) == 2:
            into[1] = -1

    batch.pick = pick
    outcome = run(batch, [Request([1], 3), Request([2], 2)])

    assert outcome.reasons == ("length", reasons.UNSAMPLED)
