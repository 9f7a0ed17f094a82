"""One acceptance test: which criteria it claims, what was decided for each, and whether it came to its end."""

from __future__ import annotations

from collections.abc import Callable, Collection, Generator
from pathlib import Path
from typing import Any

import pytest

from pytest_rawrxd.errors import NotAPass, SuiteDefect
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.cards import DEVICE, Card, of_card
from pytest_rawrxd.measure.shares import Scope, scope
from pytest_rawrxd.plugin.bound import Bound
from pytest_rawrxd.plugin.card_tests import card_of
from pytest_rawrxd.plugin.marks import marked
from pytest_rawrxd.plugin.told import attach
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.report.explain import explain
from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.verdict.judge import judge_entry
from pytest_rawrxd.verdict.unfinished import BEGUN, TEST, going_on, last_words

DECIDED = pytest.StashKey[dict[str, dict[str, Any]]]()
HAS_BEGUN = pytest.StashKey[bool]()
#: Appends one record to the ledger of this process.
Record = Callable[[str, dict[str, Any]], str]
#: Hears each verdict of a test that came to its end.
Told = Callable[[pytest.Item, dict[str, Any]], None]


class Decisions:
    """The plugin object that stands beside each test, in the process that runs it."""

    def __init__(self, profile: Profile, run_dir: Path, record: Record, told: Told, *, lane: int) -> None:
        self._profile = profile
        self._run_dir = run_dir
        self._record = record
        self._told = told
        self._lane = lane
        self.cards: tuple[Card, ...] = ()  #: every GPU under test, () of one device
        self.lanes = 1  #: how many of them this session measures

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        """Before the fixtures, which measure."""
        item.stash[DECIDED] = {}
        if (missing := self._without_lane(item)) is not None:
            pytest.skip(f"{missing}: no lane of this session measures it; -n {len(self.cards)} does")
        ids = marked(item)
        promised = self._promised(item)
        if ids and not promised:
            pytest.skip(f"{', '.join(ids)}: not promised by profile {self._profile.name}")
        reasons = [
            f"{identifier}: NOT APPLICABLE, {reason}"
            for identifier in promised
            if (reason := self._profile.criteria[identifier].not_applicable)
        ]
        if ids and len(reasons) == len(ids):
            pytest.skip("; ".join(reasons))
        if promised:
            self._say(item, promised, BEGUN)
            item.stash[HAS_BEGUN] = True

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Generator[None, object, object]:
        result = yield
        if forgotten := [i for i in self._promised(item) if i not in item.stash[DECIDED]]:
            raise SuiteDefect(
                "a test ended without deciding the criteria it claims",
                where=item.nodeid,
                found=f"no comparison with {', '.join(forgotten)}",
                possible="compare each one: assert quantity <= sla[...]",
            )
        return result

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        """Before any reporter sees the report: every claimed criterion has its verdict on it, whatever happened."""
        if call.when == "call" or (call.when == "setup" and call.excinfo is not None):
            self._end(item, call.excinfo)
        return (yield)

    def _end(self, item: pytest.Item, raised: pytest.ExceptionInfo[BaseException] | None) -> None:
        promised = self._promised(item)
        if not promised:
            return
        decided = item.stash.get(DECIDED, {})
        skip = raised.value if raised and isinstance(raised.value, pytest.skip.Exception) else None
        never_ran = skip is not None and not item.stash.get(HAS_BEGUN, False)
        why = None if never_ran else str(skip) if skip else why_unfinished(raised, decided)
        if not never_ran:
            self._say(item, promised, why, skipped=skip is not None)
        known = {} if why else decided  # an unfinished test spoils what was decided in it
        fresh = self.judged(
            [identifier for identifier in promised if identifier not in known], device=self.device(item)
        )
        for entry in (*known.values(), *fresh):
            attach(item.user_properties, entry)
            self._told(item, entry)

    def _say(self, item: pytest.Item, promised: list[str], why: str | None, *, skipped: bool = False) -> None:
        said = {"test": item.nodeid, "criteria": promised, "lane": self._lane, "why": why, "skipped": skipped}
        self._record(TEST, said)

    def judged(
        self, identifiers: list[str], *, dead: Collection[str] = (), device: str | None = None
    ) -> list[dict[str, Any]]:
        """The verdicts of these criteria from what the run directory holds now, as plain values.

        Other lanes may be in the middle of a test of theirs; ``dead`` are tests of which it is known that none is. What
        has to hold on every card is judged on ``device`` alone, where one is named.
        """
        if not identifiers:
            return []
        evidence = Evidence.read(self._run_dir)
        running = going_on(evidence).difference(dead)
        found = []
        for criterion in (self._profile.criteria[name] for name in identifiers):
            alone = device is not None and scope(self._profile, criterion) is Scope.EACH
            judged = of_card(evidence, device) if alone and device is not None else evidence
            found.append(judge_entry(judged, criterion, running=running))
        return found

    def dead(self, test: str) -> list[dict[str, Any]]:
        """The verdicts of a test that some process of this session began and died in."""
        record = last_words(Evidence.read(self._run_dir)).get(test)
        if record is None:
            return []
        return self.judged(list(record.data["criteria"]), dead=(test,), device=record.data.get(DEVICE))

    def _without_lane(self, item: pytest.Item) -> Card | None:
        """The card that a test is about where nothing measures it."""
        return next((card for card in self.cards[self.lanes :] if card.lane == card_of(item)), None)

    def device(self, item: pytest.Item) -> str | None:
        """The card that a test is about, where it is about one of several."""
        lane = card_of(item)
        return next((card.device for card in self.cards if card.lane == lane), None)

    def pytest_assertrepr_compare(self, left: object, right: object) -> list[str] | None:
        bound = right if isinstance(right, Bound) else left if isinstance(left, Bound) else None
        return explain(Judged.from_record(bound.decision)) if bound is not None and bound.decision is not None else None

    def bound(self, item: pytest.Item, identifier: str) -> Bound:
        """The bound that a test compares with. Raises SuiteDefect for one that its sla mark does not name."""
        if identifier not in self._promised(item):
            raise SuiteDefect(
                f"the test does not claim {identifier}",
                where=item.nodeid,
                possible=", ".join(marked(item)) or "an sla mark on the test",
            )
        decided = item.stash[DECIDED]
        return Bound(
            self._profile.criteria[identifier],
            lambda name: self.judged([name], device=self.device(item))[0],
            lambda entry: decided.update({entry["id"]: entry}),
        )

    def _promised(self, item: pytest.Item) -> list[str]:
        return [identifier for identifier in marked(item) if identifier in self._profile.criteria]


def why_unfinished(raised: pytest.ExceptionInfo[BaseException] | None, decided: dict[str, Any]) -> str | None:
    """Why a test that claims criteria did not come to its comparison, in one line; None when it did."""
    if raised is None or (decided and isinstance(raised.value, AssertionError | NotAPass)):
        return None
    said = str(raised.value).strip().splitlines()
    return f"{raised.typename}: {said[0]}" if said else raised.typename
