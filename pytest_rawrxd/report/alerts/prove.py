"""The mutation score: how many wrong rules the tests of the rules notice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from pytest_rawrxd.report.alerts.documents import dump, rule_groups, test_documents
from pytest_rawrxd.report.alerts.mutants import Mutant, mutants
from pytest_rawrxd.report.alerts.rule import Alert, Recording, duration
from pytest_rawrxd.report.alerts.terms import Terms
from pytest_rawrxd.rig.monitoring.tools import Tools


@dataclass(frozen=True)
class Score:
    """What became of the mutants. ``survivors`` are those that no test noticed though an input tells them apart."""

    killed: int
    survivors: tuple[Mutant, ...]
    equivalent: tuple[Mutant, ...]
    wrongly_equivalent: tuple[Mutant, ...]  #: called equivalent, and a test noticed them

    @property
    def sentence(self) -> str:
        counted = self.killed + len(self.survivors)
        return f"{self.killed} of {counted} mutants killed, {len(self.equivalent)} equivalent"


def prove(alerts: Sequence[Alert], terms: Terms, tools: Tools, folder: Path) -> Score:
    """Try every mutant of ``alerts`` with the tests of its original, in ``folder``. Raises RigTrouble.

    All mutants of one alert stand in one rule file under names of their own and share the input series: promtool takes
    longer to set up a test than to evaluate a rule.
    """
    tried: dict[str, Mutant] = {}
    tests = []
    for number, alert in enumerate(alerts):
        named = {f"{alert.name}_{number}_{index}": mutant for index, mutant in enumerate(mutants(alert))}
        tried |= named
        rules = f"mutants-{number}.rules.yml"
        changed = [_named(mutant.alert, name) for name, mutant in named.items()]
        (folder / rules).write_text(dump(rule_groups(changed, terms, "runbook")), encoding="utf-8")
        originals = [replace(alert, name=name) for name in named]
        for interval_s, document in test_documents(originals, terms, "runbook", rules).items():
            name = f"mutants-{number}-{duration(interval_s)}.test.yml"
            (folder / name).write_text(dump(_merged(document)), encoding="utf-8")
            tests.append(name)
        tools.check_rules(folder, rules)
    noticed = set(tools.test_rules(folder, tests))
    equivalent = {name for name, mutant in tried.items() if mutant.equivalent is not None}
    return Score(
        killed=len(noticed - equivalent),
        survivors=tuple(tried[name] for name in tried if name not in noticed | equivalent),
        equivalent=tuple(tried[name] for name in tried if name in equivalent),
        wrongly_equivalent=tuple(tried[name] for name in tried if name in equivalent & noticed),
    )


def _named(alert: Alert, name: str) -> Alert:
    """``alert`` under another name, its recording rules too."""
    expr, records = alert.expr, []
    for record in alert.records:
        own = f"{record.name}:{name}"
        expr = expr.replace(record.name, own)
        records.append(Recording(own, record.expr))
    return replace(alert, name=name, expr=expr, records=tuple(records))


def _merged(document: dict[str, list[dict[str, object]]]) -> dict[str, object]:
    """The tests with the same input as one test."""
    tests: dict[str, dict[str, object]] = {}
    for test in document["tests"]:
        known = tests.setdefault(str((test["input_series"], test["interval"])), {**test, "alert_rule_test": []})
        known["alert_rule_test"] = [*known["alert_rule_test"], *test["alert_rule_test"]]  # type: ignore[misc]
    return {**document, "tests": list(tests.values())}
