"""Run lengths against the claims that are made from them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Final

from pytest_rawrxd.profile.lint.bounds import high, low, promising, written
from pytest_rawrxd.profile.lint.finding import LintFinding, Severity, number
from pytest_rawrxd.profile.profile import Profile

_MOST_CRASHES: Final = 4  #: a soak that bears more of them says nothing about the promise


def duration_findings(profile: Profile) -> Iterator[LintFinding]:
    """What the soak's length can and cannot prove."""
    yield from _crashes(profile)
    yield from _availability(profile)
    yield from _drift(profile)


def _crashes(profile: Profile) -> Iterator[LintFinding]:
    duration = profile.protocol.soak.duration
    if profile.kind == "rehearsal":
        return  # its title claims no mean time between crashes
    for crashes in promising(profile, "crashes", during="soak"):
        between = duration.to("h") / crash_bound(0, crashes.confidence)
        sentence = (
            f"no crash in {duration} proves a mean time between crashes of {_hours(between)} or more at "
            f"{number(100 * crashes.confidence)} %, and nothing longer"
        )
        yield LintFinding(Severity.SHORT_RUN, (crashes.id,), sentence, crashes.bound_at)


def _availability(profile: Profile) -> Iterator[LintFinding]:
    duration = profile.protocol.soak.duration
    recovery = next(promising(profile, "recovery_time"), None)
    for availability in promising(profile, "availability"):
        if recovery is None:
            continue
        repair, share = high(recovery, "h"), low(availability, "ratio")
        bounds = (crash_bound(crashes, availability.confidence) for crashes in range(_MOST_CRASHES + 1))
        needed = [bound * repair * share / (1 - share) for bound in bounds]
        repair_text = written(high(recovery, "min"), "min")
        claim = (
            f"{written(100 * share, '%')} with recoveries of {repair_text} needs {_hours(needed[0])} without a crash"
        )
        names = (availability.id, recovery.id)
        survived = sum(hours <= duration.to("h") for hours in needed)
        if survived == 0:
            yield LintFinding(Severity.SHORT_RUN, names, f"{claim}, the soak has {duration}", availability.bound_at)
        elif survived < len(needed):
            kept = ("as long as there is none", "with up to 1 crash", f"with up to {survived - 1} crashes")
            sentence = f"{claim}; {duration} keep it {kept[min(survived - 1, 2)]}; a month is an extrapolation"
            yield LintFinding(Severity.NOTE, names, sentence, availability.bound_at)


def _drift(profile: Profile) -> Iterator[LintFinding]:
    """Memory is reported in whole pages: a slope over one process life is known no better than one page."""
    soak, page = profile.protocol.soak, profile.gates.memory_page
    for drift in promising(profile, "vram_drift", during="soak"):
        blur = page.to("MB") * soak.duration.to("h") / soak.restart_every.to("h")
        if blur >= high(drift, "MB"):
            sentence = (
                f"pages of {page} over process lives of {soak.restart_every} blur {soak.duration} by "
                f"{number(blur)} MB, allowed are {written(high(drift, 'MB'), 'MB')}: nothing can pass"
            )
            yield LintFinding(Severity.SHORT_RUN, (drift.id,), sentence, drift.bound_at)


def crash_bound(crashes: int, confidence: float) -> float:
    """The largest mean number of events that leaves ``crashes`` or fewer a chance of 1 - ``confidence``.

    The exact Poisson bound, chi2.ppf(confidence, 2 k + 2) / 2 in other words: 3.0 for none, 4.74 for one at 95 %.
    """
    below, above = 0.0, 10.0 * (crashes + 1)
    while above - below > 1e-12 * above:
        middle = (below + above) / 2
        chance = math.exp(-middle) * sum(middle**k / math.factorial(k) for k in range(crashes + 1))
        below, above = (middle, above) if chance > 1 - confidence else (below, middle)
    return above


def _hours(hours: float) -> str:
    return f"{number(hours)} h" if hours >= 1 else f"{number(60 * hours)} min"
