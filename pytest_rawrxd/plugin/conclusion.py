"""How an acceptance session ends: the verdict, what the terminal says of it, and whether pytest may end well."""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pytest_rawrxd.errors import RawrxdError
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.plain import spelled_out
from pytest_rawrxd.report.render import render
from pytest_rawrxd.report.terminal import table
from pytest_rawrxd.verdict.judge import judge
from pytest_rawrxd.verdict.state import accepted


class Conclusion:
    """The verdicts of ``run_dir`` at the end of a session that reported tests."""

    def __init__(self, run_dir: Path) -> None:
        self._run_dir = run_dir
        self.verdicts: dict[str, Any] | None = None
        self.view: RunView | None = None
        self.trouble: str | None = None
        self._reported: set[str] = set()

    def reported(self, test: str) -> None:
        """A test of this session, by its node id, has a result."""
        self._reported.add(test.split("[", maxsplit=1)[0])

    def judge(self, tell: Callable[[dict[str, Any]], object]) -> bool:
        """Judge the evidence, write the pages and ``tell`` others the verdicts; False where that went wrong."""
        try:
            evidence = Evidence.read(self._run_dir)
            self.verdicts = judge(evidence)
            self.view = render(evidence, self.verdicts)
            tell(self.verdicts)
        except Exception as problem:  # the evidence is safe on disk, and a defect of ours must not look like a verdict
            self.trouble = str(problem) if isinstance(problem, RawrxdError) else traceback.format_exc()
        return self.trouble is None

    def accepted(self) -> bool:
        """Whether every phase that this session ran a test of is accepted, or its rehearsal approved."""
        if self.verdicts is None:
            return False
        phases = self._phases()
        rehearsal = any(state["rehearsal"] for state in self.verdicts["state"].values())
        validity = self.verdicts["validity"]
        return bool(phases) and accepted(self.verdicts["criteria"], phases, rehearsal=rehearsal, validity=validity)

    def _phases(self) -> set[int]:
        entries = self.verdicts["criteria"] if self.verdicts else ()
        return {entry["phase"] for entry in entries if self._reported.intersection(entry["claimed_by"])}

    def state_lines(self) -> list[str]:
        """The state of each phase in a sentence, for formats that have room for no more."""
        if self.view is None:
            return [self.trouble or "no verdict"]
        return [
            f"Phase {phase.number}: {'REHEARSAL ' if phase.rehearsal else ''}{phase.said} – {phase.sentence}"
            for phase in self.view.phases
        ]

    def write(self, config: pytest.Config, writer: pytest.TerminalReporter) -> None:
        """The table of the phases, and where the pages are; what went wrong before it."""
        if self.trouble is not None:
            said = "no verdict" if self.view is None else "the verdict is written, and nobody was told"
            writer.section(said, sep="=", red=True)
            writer.write_line(spelled_out(self.trouble))
        if self.view is not None:
            writer.section("sign-off", sep="=")
            tw = config.get_terminal_writer()
            encoding = getattr(sys.__stdout__, "encoding", None)
            phases = self._phases()
            writer.write(table(self.view, width=tw.fullwidth, colour=tw.hasmarkup, encoding=encoding, phases=phases))
            writer.write_line(f"evidence and pages: {self._run_dir}")
