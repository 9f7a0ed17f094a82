"""The Engine that lives in a child process, whatever the child is made of."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

from pytest_rawrxd.errors import LoadFailed, RigTrouble, UsageProblem
from pytest_rawrxd.rig.engine import messages
from pytest_rawrxd.rig.engine.process import EngineProcess
from pytest_rawrxd.rig.engine.protocol import (
    Device,
    EngineInfo,
    Generation,
    LoadOptions,
    LoadReport,
    ProgressListener,
    Request,
    RunCost,
    TokenIds,
)
from pytest_rawrxd.rig.engine.wire import Frame
from pytest_rawrxd.rig.engine.work import ScoreWork, generations_from_outcome, work_from_requests
from pytest_rawrxd.rig.models.quality import Scores


class ChildEngine:
    """One engine process behind the Engine protocol. ``silence_s`` bounds the time without a sign of progress."""

    def __init__(
        self,
        process: EngineProcess,
        *,
        start_deadline_s: float,
        silence_s: float | None = None,
        on_progress: ProgressListener | None = None,
    ) -> None:
        self._process = process
        self._silence_s = silence_s
        self._on_progress = on_progress
        self._loaded = False
        self.cost: RunCost | None = None
        try:
            hello = process.ask(None, expects=["hello"], doing="starting", deadline_s=start_deadline_s)
        except BaseException:
            process.close()
            raise
        self.info: EngineInfo = process.understand(hello, messages.info_from_frame, "starting")

    @property
    def pid(self) -> int | None:
        return self._process.pid

    @property
    def log(self) -> tuple[str, ...]:
        """The engine's own words so far, oldest first."""
        return self._process.log

    def load(self, model: Path, options: LoadOptions, *, deadline_s: float) -> LoadReport:
        """Load one model. Raises LoadFailed with the engine's log lines when it is refused."""
        answer = self._process.ask(
            messages.load_to_frame(model, options),
            expects=["loaded", "refused"],
            doing=f"loading {model.name}",
            deadline_s=deadline_s,
        )
        doing = f"loading {model.name}"
        if answer.kind == "refused":
            raise self._process.understand(answer, lambda frame: messages.refused_from_frame(frame, LoadFailed), doing)
        report, self.info = self._process.understand(answer, messages.report_from_frame, doing)
        self._loaded = True
        return report

    def tokenize(self, text: str, *, deadline_s: float = 30.0) -> list[int]:
        self._need_model()
        answer = self._process.ask(
            Frame("tokenize", {"text": text}), expects=["tokens"], doing="tokenising", deadline_s=deadline_s
        )
        return self._process.understand(answer, messages.tokens_from_frame, "tokenising")

    def devices(self, *, deadline_s: float = 30.0) -> tuple[Device, ...]:
        answer = self._process.ask(
            Frame("devices"), expects=["devices"], doing="listing its devices", deadline_s=deadline_s
        )
        return self._process.understand(answer, messages.devices_from_frame, "listing its devices")

    def generate(
        self,
        requests: Sequence[Request],
        *,
        deadline_s: float,
        lock_step: bool = False,
        admit_for_s: float | None = None,
    ) -> list[Generation]:
        self._need_model()
        work = work_from_requests(requests, lock_step=lock_step, admit_for_s=admit_for_s)
        answer = self._process.ask(
            messages.work_to_frame(work),
            expects=["generated"],
            doing=f"generating for {len(requests)} requests",
            deadline_s=deadline_s,
            silence_s=self._silence_s,
            on_progress=self._tell,
        )

        def parse(frame: Frame) -> tuple[RunCost, list[Generation]]:
            outcome = messages.outcome_from_frame(frame)
            return outcome.cost, generations_from_outcome(outcome, requests)

        self.cost, generations = self._process.understand(answer, parse, f"generating for {len(requests)} requests")
        return generations

    def score(
        self, chunks: TokenIds, *, keep: Path | None = None, against: Path | None = None, deadline_s: float
    ) -> Scores:
        self._need_model()
        answer = self._process.ask(
            messages.score_work_to_frame(ScoreWork(chunks, keep, against)),
            expects=["scored", "refused"],
            doing=f"scoring {len(chunks)} chunks of text",
            deadline_s=deadline_s,
            silence_s=self._silence_s,
            on_progress=self._tell,
        )
        doing = f"scoring {len(chunks)} chunks of text"
        if answer.kind == "refused":
            raise self._process.understand(answer, lambda frame: messages.refused_from_frame(frame, RigTrouble), doing)
        return self._process.understand(answer, messages.scores_from_frame, doing)

    def close(self) -> None:
        self._process.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def _need_model(self) -> None:
        if not self._loaded:
            raise UsageProblem("the engine has no model", where=f"process {self.pid}", possible="load() first")

    def _tell(self, frame: Frame) -> None:
        if self._on_progress is not None:
            self._on_progress(self._process.understand(frame, messages.progress_from_frame, "generating"))
