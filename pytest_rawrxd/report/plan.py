"""The plan of a profile as text: hours, sample sizes and the claims that a shorter run cannot make."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from pytest_rawrxd.profile import Profile
from pytest_rawrxd.verdict.planning import Activity, Plan
from pytest_rawrxd.verdict.wording import number

WIDTH = 110


def plan_text(plan: Plan, profile: Profile) -> str:
    """Return the plan in lines of at most 110 characters, for ``rawrxd plan``."""
    return "\n".join(_lines(plan, profile))


def _lines(plan: Plan, profile: Profile) -> Iterator[str]:
    yield f"{profile.name}: {profile.title}"
    yield from textwrap.wrap(
        f"{profile.kind}, {number(100 * profile.gates.confidence)} % one-sided confidence. Hours are measuring time at "
        "the speeds that the profile expects; each engine start adds the loading of its model, at most "
        f"{profile.protocol.load_deadline}.",
        WIDTH,
    )
    for phase in plan.phases:
        activities = [activity for activity in plan.activities if activity.phase == phase]
        yield ""
        yield f"Phase {phase}: {_time(activities)}"
        for activity in activities:
            yield f"  {activity.name}{f': {_time([activity])}' if activity.starts else ''}"
            for claim in activity.claims:
                yield from _wrapped(", ".join(claim.criteria), "    ")
                yield from _wrapped(claim.needs, "      needs   ")
                if claim.shorter is not None:
                    yield from _wrapped(claim.shorter, "      shorter ")


def _time(activities: list[Activity]) -> str:
    hours, starts = sum(activity.hours for activity in activities), sum(activity.starts for activity in activities)
    if not starts:
        return "no machine time"
    least = "at least " if any(activity.at_least for activity in activities) else ""
    time = f"{number(round(hours, 1))} h" if hours >= 3 else f"{number(round(60 * hours, 1))} min"
    return f"{least}{time}, {starts} engine start{'s' if starts > 1 else ''}"


def _wrapped(text: str, head: str) -> list[str]:
    # No hyphen breaks a line: the ids of criteria have hyphens.
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * len(head), break_on_hyphens=False)
