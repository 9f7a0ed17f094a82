"""A nonce of one request in the answer of another one is found, wherever it stands."""

from pytest_rawrxd.measure.load.crossed import crossed, nonce_of
from pytest_rawrxd.measure.load.plan import LoadPlan
from pytest_rawrxd.measure.load.schedule import ClosedLoop
from pytest_rawrxd.rig.server.target import HttpTarget


def test_every_prompt_begins_with_its_nonce():
    plan = LoadPlan(HttpTarget("openai", "http://127.0.0.1:9/v1"), ClosedLoop(1), ("a text",), 3, 4, seed=5)

    assert [plan.ask(number).prompt for number in range(3)] == [f"{nonce_of(5, n)} a text" for n in range(3)]


def test_nonces_of_others_are_named_once_and_ones_own_is_no_matter():
    mine, other, third = (nonce_of(5, number) for number in range(3))
    answers = [
        (0, f"{mine} {other}, {other}"),
        (1, f"abc{third}abc {other}"),
        (2, "nothing"),
        (0, f"again {third[:-1]}"),
    ]

    assert crossed(answers, seed=5, requests=range(3)) == [(0, 1), (1, 2)]


def test_a_nonce_inside_a_longer_number_is_found_and_that_of_another_run_is_nobodys():
    assert crossed([(0, f"f{nonce_of(5, 1)}0")], seed=5, requests=range(2)) == [(0, 1)]
    assert crossed([(0, nonce_of(6, 1))], seed=5, requests=range(2)) == []
