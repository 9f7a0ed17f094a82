"""Everything that the nine documents can print, as facts: gathered once from a dossier, and from nothing else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields, is_dataclass
from functools import cached_property

from pytest_rawrxd.measure.monitoring import RULES
from pytest_rawrxd.report.alerts.plan import watch_of
from pytest_rawrxd.report.documents import guarantee
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.nine.about import GateLine, PhaseLine, about, decision, gates, history, phases
from pytest_rawrxd.report.nine.criteria import Line, criterion_line
from pytest_rawrxd.report.nine.fact import CARD, Fact, fact
from pytest_rawrxd.report.nine.faults import FaultLine, fault_lines
from pytest_rawrxd.report.nine.levels import LevelLine, level_lines
from pytest_rawrxd.report.nine.tree import Candidate, candidate
from pytest_rawrxd.report.nine.uses import UseLine, use_lines
from pytest_rawrxd.report.nine.variants import VariantLine, variant_lines
from pytest_rawrxd.report.variant import Variant, variants
from pytest_rawrxd.verdict.outcome import Verdict

KEPT = frozenset({Verdict.PASS, Verdict.WAIVED})
SOAK = "soak"


@dataclass(frozen=True)
class Book:
    """The facts of one campaign."""

    view: RunView

    @cached_property
    def facts(self) -> Mapping[str, Fact]:
        """Every fact by its key."""
        parts = (
            self.about,
            self.lines,
            self.variants,
            self.levels,
            self.faults,
            self.uses,
            self.alerts,
            self.history,
            self.phases,
            self.gates,
            self.unsettled,
        )
        return {each.key: each for part in parts for each in _facts(part)}

    @cached_property
    def about(self) -> Mapping[str, Fact]:
        """What was measured, where, when and by whom: by a short name."""
        return about(self.view)

    @cached_property
    def history(self) -> tuple[tuple[Fact, Fact, Fact, Fact], ...]:
        """Each session: name, when it began, what measured it, how it ended."""
        return history(self.view)

    @property
    def decision(self) -> str:
        """Whether the item may be deployed."""
        return decision(self.view)

    @cached_property
    def phases(self) -> tuple[PhaseLine, ...]:
        """The state of each phase."""
        return phases(self.view)

    @cached_property
    def gates(self) -> tuple[GateLine, ...]:
        """The milestone gates, answered."""
        return gates(self.view)

    @cached_property
    def lines(self) -> Mapping[str, Line]:
        """Every criterion by its id."""
        return {judged.id: criterion_line(self.view, judged) for judged in self.view.criteria}

    @property
    def sla(self) -> tuple[Line, ...]:
        """The rows of the SLA."""
        return tuple(line for line in self.lines.values() if line.id.startswith("SLA-"))

    def about_metrics(self, *metrics: str) -> tuple[Line, ...]:
        """The criteria about these metrics."""
        return tuple(line for line in self.lines.values() if line.metric in metrics)

    def phase(self, *numbers: int) -> tuple[Line, ...]:
        """The deciding criteria of these phases."""
        return tuple(line for line in self.lines.values() if line.phase in numbers and not line.informative)

    @property
    def soak(self) -> tuple[Line, ...]:
        """The criteria about the stability test, its length first."""
        return tuple(
            line
            for line in self.lines.values()
            if self.view.where(line.id).get("during") == SOAK or line.metric.startswith(f"{SOAK}_")
        )

    @property
    def open_points(self) -> tuple[Line, ...]:
        """Deciding criteria that are not kept, and apply."""
        settled = {*KEPT, Verdict.NOT_APPLICABLE}
        return tuple(each for each in self.lines.values() if not each.informative and each.verdict not in settled)

    @property
    def broken(self) -> tuple[Line, ...]:
        """Deciding criteria that were measured and are not kept."""
        return tuple(line for line in self.open_points if line.verdict == Verdict.FAIL)

    @cached_property
    def unsettled(self) -> tuple[Fact, ...]:
        """How many deciding criteria have no decision, by verdict."""
        counted = Counter(line.verdict for line in self.open_points if line.verdict != Verdict.FAIL)
        return tuple(fact(f"open/{name}", f"{count} {name}", [CARD]) for name, count in counted.items())

    @cached_property
    def _known(self) -> Mapping[str, Variant]:
        return {variant.name: variant for variant in variants(self.view)} if self.view.runs else {}

    @cached_property
    def variants(self) -> tuple[VariantLine, ...]:
        """Every variant of the profile, in its order."""
        return variant_lines(self.view, self._known)

    @cached_property
    def levels(self) -> tuple[LevelLine, ...]:
        """Every number of streams of the engine under test, rising."""
        return level_lines(self.view)

    @cached_property
    def faults(self) -> tuple[FaultLine, ...]:
        """Every kind of fault that was injected or drilled."""
        return fault_lines(self.view)

    @cached_property
    def alerts(self) -> Mapping[str, tuple[Fact, ...]]:
        """For each watched criterion its alerts, or why it has none; proven by the record of the rules' tests."""
        whole = self.view.profile.whole
        if whole is None or whole.protocol.monitoring is None:
            return {}
        proofs = [record.id for record in self.view.of(RULES)]
        return {
            row.criterion.id: tuple(
                fact(f"alert/{alert.name}", f"{alert.name} ({alert.severity})", proofs, why="its rules are not proven")
                for alert in row.alerts
            )
            or (fact(f"alert/none/{row.criterion.id}", f"none: {row.why_none}", [row.criterion.bound_at]),)
            for row in watch_of(whole).rows
        }

    @cached_property
    def candidates(self) -> tuple[Candidate, ...]:
        """The measured variants as a choice sees them."""
        floor = guarantee(self.view)
        return tuple(candidate(variant, guarantee=floor) for variant in self._known.values())

    @cached_property
    def uses(self) -> tuple[UseLine, ...]:
        """Each use of the profile with the variant for it."""
        return use_lines(self.view, self.candidates, self.variants)


def _facts(found: object) -> Iterator[Fact]:
    if isinstance(found, Fact):
        yield found
    elif isinstance(found, Mapping):
        yield from (each for item in found.values() for each in _facts(item))
    elif isinstance(found, tuple | list):
        yield from (each for item in found for each in _facts(item))
    elif is_dataclass(found):
        yield from (each for item in fields(found) for each in _facts(getattr(found, item.name)))
