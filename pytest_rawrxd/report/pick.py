"""Which criteria of a run answer a question: picked by what they measure, never by a list of their ids."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.judged import Judged
from pytest_rawrxd.verdict.outcome import Verdict


@dataclass(frozen=True)
class Pick:
    """Criteria of these metrics, under these conditions; what is left empty is not asked."""

    metrics: tuple[str, ...] = ()
    during: str = ""
    output: str = ""
    kind: str = ""

    def takes(self, view: RunView, judged: Judged) -> bool:
        """Whether the criterion is one of them."""
        where = view.where(judged.id)
        return (
            (not self.metrics or view.metric(judged.id) in self.metrics)
            and (not self.during or where.get("during") == self.during)
            and (not self.output or where.get("output") == self.output)
            and (not self.kind or judged.kind == self.kind)
        )


def picked(view: RunView, criteria: Iterable[Judged], picks: Iterable[Pick]) -> tuple[Judged, ...]:
    """Return the criteria that one of ``picks`` takes, in their order."""
    wanted = tuple(picks)
    return tuple(judged for judged in criteria if any(pick.takes(view, judged) for pick in wanted))


def deciding(criteria: Iterable[Judged]) -> tuple[Judged, ...]:
    """Return those that take part in a decision: no informative one, none that a rehearsal leaves out."""
    return tuple(
        judged for judged in criteria if not judged.informative and judged.verdict is not Verdict.NOT_APPLICABLE
    )
