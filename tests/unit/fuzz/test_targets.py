"""Every reader of what a stranger may hand us: seeds and findings for ever, and a few new inputs each time.

The long job, ``ci/fuzz.py``, tries a million; what it finds becomes a file of the corpus.
"""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from fuzz.mutate import mutated
from fuzz.target import CORPUS
from fuzz.targets import TARGETS
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

SLOW = (
    "run",
    "view",
    "profile",
    "card",
    "soak",
    "faults",
    "monitoring",
    "pilot",
    "compare",
    "status",
)  #: milliseconds to a second each
INPUTS = [
    (target, path) for target in TARGETS for path in sorted((CORPUS / (TARGETS[target].shares or target)).iterdir())
]
OF_RUNS = 4  #: a run is judged whole for each input


def _chance(seed: int) -> random.Random:
    return random.Random(seed)  # noqa: S311 - no secret


@pytest.mark.parametrize(
    ("target", "path"),
    [pair for pair in INPUTS if pair[0] not in ("run", "view")],
    ids=lambda value: value if isinstance(value, str) else value.name,
)
def test_an_input_of_the_corpus_is_read_or_refused_in_our_own_words(target, path, tmp_path):
    accepted = TARGETS[target].accepts(path.read_bytes(), tmp_path)

    no_pilot = target == "pilot" and not path.name.startswith("h100-pilot")
    refused = path.name.startswith(("finding-", "html", "huge-", "two", "broken-")) or target == "told" or no_pilot
    assert accepted or refused


@pytest.mark.parametrize("target", [name for name in TARGETS if name not in SLOW])
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_a_changed_input_is_read_or_refused_in_our_own_words(target, seed):
    with tempfile.TemporaryDirectory() as place:
        TARGETS[target].accepts(mutated(TARGETS[target].seeds(), _chance(seed)), Path(place))


@pytest.mark.parametrize("target", SLOW)
@settings(max_examples=OF_RUNS, deadline=None, suppress_health_check=list(HealthCheck))
@given(seed=st.integers(0, 2**32))
def test_a_changed_run_or_profile_is_read_or_refused_in_our_own_words(target, seed):
    with tempfile.TemporaryDirectory() as place:
        TARGETS[target].accepts(mutated(TARGETS[target].seeds(), _chance(seed)), Path(place))


@pytest.mark.parametrize("target", TARGETS)
def test_the_mutations_of_a_seed_are_not_all_refused_and_not_all_accepted(target, tmp_path):
    """A target whose every input falls at its first byte would count millions and test nothing."""
    chance, seeds, accepted = _chance(7), TARGETS[target].seeds(), set()
    for number in range(6 if target in SLOW else 200):
        place = tmp_path / str(number)
        place.mkdir()
        accepted.add(
            TARGETS[target].accepts(seeds[number % len(seeds)] if number < 2 else mutated(seeds, chance), place)
        )
    # A reply is always read: its failure is a value, and never an exception.
    assert accepted == {True, False} or (accepted == {True} and not TARGETS[target].allowed) or target in SLOW
