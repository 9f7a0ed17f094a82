"""One test, several cards: each acceptance test runs once for every card that its promises have to hold on.

``test_p95[gpu1]`` is about the second card and runs on its lane; ``test_matrix[host]`` looks at what all measured.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Generator, Sequence
from typing import Any

import pytest

from pytest_rawrxd.evidence.cards import Card
from pytest_rawrxd.measure.shares import Scope, lane_of, needs_quiet, scope
from pytest_rawrxd.plugin.marks import marked
from pytest_rawrxd.profile import Profile

PARAMETER = "rawrxd_card"
HOST = "host"
NAMED = re.compile(r"[\[-](?:gpu(\d+)|(host))(?=[-\]])")


def lane_named(test: str) -> int | str | None:
    """The lane in the name of a test, HOST for one about all of them; None where the name has neither."""
    found = NAMED.search(test)
    return None if found is None else HOST if found[2] else int(found[1])


def card_of(item: pytest.Item) -> int | str | None:
    """The lane of the card that a collected test is about, HOST, or None in a session of one device."""
    parameters: dict[str, Any] = getattr(getattr(item, "callspec", None), "params", {})
    found: int | str | None = parameters.get(PARAMETER)
    return found


class CardTests:
    """Makes a test for each card, and has those of the whole host wait. Registered where several cards are tested.

    ``in_quiet`` returns when the other lanes have ended, and what needs every core is measured.
    """

    def __init__(
        self,
        profile: Profile,
        cards: tuple[Card, ...],
        lanes: int,
        in_quiet: Callable[[pytest.Session], None],
    ) -> None:
        self._profile = profile
        self._cards = cards
        self._lanes = lanes
        self._in_quiet = in_quiet

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        if not _claims(metafunc.definition):
            return
        metafunc.fixturenames.append(PARAMETER)
        everywhere = [*(card.lane for card in self._cards), HOST]
        names = [f"gpu{each}" if isinstance(each, int) else each for each in everywhere]
        metafunc.parametrize(PARAMETER, everywhere, ids=names)

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Before any selection: a parameter may carry the mark, so that every test had to be made for every card."""
        items[:] = [item for item in items if card_of(item) is None or card_of(item) in self._wanted(item)]

    def _wanted(self, item: pytest.Item) -> set[int | str]:
        promised = [self._profile.criteria[name] for name in marked(item) if name in self._profile.criteria]
        scopes = {scope(self._profile, criterion) for criterion in promised}
        if scopes & {Scope.EACH, Scope.TOGETHER}:
            return {card.lane for card in self._cards}
        if not promised:
            return {0}
        if any(needs_quiet(self._profile, criterion) for criterion in promised):
            return {HOST}
        if scopes == {Scope.FIRST}:
            return {0}
        return {lane_of(self._profile, criterion, self._lanes) for criterion in promised}

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Generator[None, object, object]:
        """When all else is ready: a test that is skipped waits for nobody."""
        result = yield
        if card_of(item) == HOST:
            self._in_quiet(item.session)
        return result


def _claims(definition: Any) -> bool:
    """Whether a test function, or one set of its parameters, carries an sla mark."""
    if next(definition.iter_markers("sla"), None) is not None:
        return True
    given = [
        mark.kwargs.get("argvalues", mark.args[-1] if mark.args else None)
        for mark in definition.iter_markers("parametrize")
    ]
    sets = [one for values in given if isinstance(values, Sequence) for one in values]
    return any(mark.name == "sla" for one in sets for mark in getattr(one, "marks", ()))
