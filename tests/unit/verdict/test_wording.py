"""Words of a verdict, where a page depends on how they are put."""

import pytest

from pytest_rawrxd.verdict.wording import in_words


@pytest.mark.parametrize(
    ("names", "words"), [((), ""), (("a",), "a"), (("a", "b"), "a and b"), (("a", "b", "c"), "a, b and c")]
)
def test_names_stand_as_a_sentence_has_them(names, words):
    assert in_words(names) == words
