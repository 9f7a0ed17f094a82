"""One byte sequence for one meaning."""

from pathlib import PurePosixPath

import numpy as np
import pytest

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.canonical import canonical, digest, plain, rounded, strict_loads


def test_key_order_does_not_matter():
    assert (
        canonical({"b": 1, "a": [True, None]}) == canonical({"a": [True, None], "b": 1}) == b'{"a":[true,null],"b":1}'
    )
    assert digest({"b": 1, "a": 2}) == digest({"a": 2, "b": 1})


def test_numpy_and_tuples_become_what_json_knows():
    found = plain({"x": np.float64(1.5), "n": np.int32(2), "t": (1, 2), "s": {"b", "a"}, "v": np.arange(2)})

    assert found == {"x": 1.5, "n": 2, "t": [1, 2], "s": ["a", "b"], "v": [0, 1]}
    assert type(found["x"]) is float
    assert type(found["n"]) is int


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object(), PurePosixPath])
def test_what_json_cannot_say_is_refused(value):
    with pytest.raises(EvidenceProblem, match="no canonical JSON form"):
        canonical({"x": value})


def test_numbers_are_rounded_to_six_significant_digits():
    assert rounded({"a": [79.9712345, 1234567.8, 3, True, None, "x"]}) == {
        "a": [79.9712, 1234570.0, 3, True, None, "x"]
    }


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": -Infinity}', '{"a": 1, "a": 2}', "[" * 50_000])
def test_loose_json_is_refused(text):
    with pytest.raises(ValueError, match=r"not a JSON number|stands twice|too deeply"):
        strict_loads(text)
