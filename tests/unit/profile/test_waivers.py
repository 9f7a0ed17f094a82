"""A waiver file is believed only where every line of it means something."""

from datetime import date

import pytest

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.profile.waivers import read_waivers

CRITERIA = load_profile("rx7800xt").criteria
ONE = """\
[[waiver]]
criterion = "SLA-TPS-GUARANTEE"
owner = "Technical Lead"
reason = "the driver update is late"
ticket = "RX-118"
expiry = 2026-02-28
compensating_measure = "two cards share the load"
"""


def read(text, criteria=CRITERIA):
    return read_waivers(text.encode(), "waivers.toml", criteria)


def test_a_waiver_is_found_by_its_criterion_and_holds_through_its_last_day():
    waiver = read(ONE)["SLA-TPS-GUARANTEE"]

    assert (waiver.owner, waiver.ticket) == ("Technical Lead", "RX-118")
    assert not waiver.expired(date(2026, 2, 27))
    assert not waiver.expired(date(2026, 2, 28))
    assert waiver.expired(date(2026, 3, 1))


@pytest.mark.parametrize("key", ["criterion", "owner", "reason", "ticket", "expiry", "compensating_measure"])
def test_each_key_is_needed_and_the_line_is_named(key):
    lines = [line for line in ONE.splitlines() if not line.startswith(f"{key} ")]

    with pytest.raises(UsageProblem, match=f"a waiver lacks '{key}'") as caught:
        read("\n".join(["# first", *lines]))
    assert caught.value.where == "waivers.toml:2"


@pytest.mark.parametrize(
    ("text", "says", "where"),
    [
        (ONE.replace("SLA-TPS-GUARANTEE", "SLA-TPS-GARANTEE"), "does not promise", "waivers.toml:2"),
        (ONE.replace("SLA-TPS-GUARANTEE", "SLA-TPS-TARGET"), "decides nothing", "waivers.toml:2"),
        (ONE + ONE, "waived twice", "waivers.toml:9"),
        (ONE + 'until = "2027"\n', "unknown key 'until'", "waivers.toml:8"),
        (ONE.replace("2026-02-28", '"2026-02-28"'), "'expiry' of a waiver", "waivers.toml:6"),
        (ONE.replace('"Technical Lead"', '""'), "'owner' of a waiver", "waivers.toml:3"),
        (ONE + "[other]\n", "other things than waivers", "waivers.toml"),
        ("", "other things than waivers", "waivers.toml"),
        ("[[waiver]", "cannot be read", "waivers.toml"),
    ],
)
def test_what_is_not_meant_is_refused(text, says, where):
    with pytest.raises(UsageProblem, match=says) as caught:
        read(text)
    assert caught.value.where == where


def test_the_criterion_that_was_probably_meant_is_named():
    with pytest.raises(UsageProblem) as caught:
        read(ONE.replace("SLA-TPS-GUARANTEE", "SLA-TPS-GARANTEE"))
    assert "SLA-TPS-GUARANTEE?" in str(caught.value)


def test_what_a_rehearsal_excuses_anyway_needs_no_waiver():
    with pytest.raises(UsageProblem, match="decides nothing"):
        read(ONE.replace("SLA-TPS-GUARANTEE", "P1-TPS-Q4_K"), load_profile("embedded").criteria)
