"""A run directory measured on the scripted engine in its own time: no model, no device, no waiting."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pytest_rawrxd.evidence.campaign import Evidence, open_campaign
from pytest_rawrxd.evidence.identity import Identity
from pytest_rawrxd.evidence.ledger import LedgerWriter
from pytest_rawrxd.evidence.recorder import Recorder
from pytest_rawrxd.measure.clock import Clock
from pytest_rawrxd.measure.decode import Cell, Conditions, measure_cell
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.rig.engine.protocol import LoadOptions
from pytest_rawrxd.rig.engine.scenes import SCENES, Scene
from pytest_rawrxd.rig.engine.scripted import ScriptedEngine

BEGAN = datetime(2026, 1, 2, tzinfo=UTC)
CHECKED = {"caught": {"leak": "seen"}, "missed": [], "alarmed": []}
MACHINE = {
    "os": "Linux",
    "cpu": "a processor",
    "cores": 2,
    "memory_bytes": 8 << 30,
    "llc_bytes": 1 << 20,
    "gpus": [],
    "read_bandwidth": {"bytes_per_s": 2e10, "working_set": 1 << 28, "threads": 2, "repeats": 5},
}


class QuietHost:
    shared_source = "not read"

    def __init__(self, foreign: float = 0.0) -> None:
        self._foreign = foreign
        self._read = 0

    def busy_s(self) -> float:
        self._read += 1
        return self._foreign * self._read

    def own_s(self, pids: Sequence[int]) -> float:
        return 0.0

    def resident_bytes(self, pid: int | None) -> int | None:
        return None

    def shared_bytes(self) -> int | None:
        return None


class Scripted:
    """One run directory measured on the scripted engine; each call of ``session`` adds one to it."""

    def __init__(self, path: Path, profile: Profile, machine: dict[str, Any], engine: dict[str, Any]) -> None:
        self.path = path
        self.profile = profile
        self._engine = engine
        self.identity = Identity(
            profile=profile.digest,
            models={},
            engine={**asdict(ScriptedEngine(SCENES["steady"], seed=0).info), **engine},
            driver=None,
            machine=machine,
        )

    def session(
        self,
        cells: Iterable[Cell] = (Cell("Q4_K", 64),),
        *,
        scene: Scene = SCENES["steady"],
        processes: int = 5,
        seed: int = 0,
        at: datetime = BEGAN,
        check: dict[str, Any] | None = CHECKED,
        foreign_s: float = 0.0,
        claims: dict[str, list[str]] | None = None,
        baseline: dict[str, Any] | None = None,
    ) -> Evidence:
        """Measure every cell in ``processes`` fresh processes; ``at`` labels the records, a minute apart."""
        campaign = open_campaign(self.path, self.identity, self.profile, _clock(lambda: 0, lambda: at))
        instants = iter(at + timedelta(minutes=minute) for minute in range(1000))
        name = campaign.new_session()
        ledger = LedgerWriter(
            self.path / "ledger",
            session=name,
            worker="main",
            identity=self.identity.digest,
            clock=_clock(lambda: 7, lambda: next(instants)),
        )
        with ledger:
            recorder = Recorder(self.path, name, "main", ledger)
            recorder.record("session.start", {"suite": "pytest-rawrxd", "argv": [], "profile": {}})
            recorder.record("claims", {"tests": claims or {"SLA-TPS-GUARANTEE": ["acceptance/test_x.py::test_x"]}})
            if check is not None:
                recorder.record("self-check", check)
            if baseline is not None:
                recorder.record("baseline", baseline)
            recorder.record("machine", MACHINE)
            for cell in cells:
                for process in range(processes):
                    self._measure(recorder, cell, scene, process, seed, foreign_s)
        return Evidence.read(self.path)

    def _measure(self, recorder: Recorder, cell: Cell, scene: Scene, process: int, seed: int, foreign_s: float) -> None:
        engine = ScriptedEngine(scene, seed=1000 * seed + process)
        engine._llama.info = replace(engine.info, **self._engine)
        with engine:
            measure_cell(
                engine,
                Path("scripted"),
                cell,
                process,
                Conditions(
                    options=LoadOptions(n_ctx=cell.tokens + 16),
                    prompts=("a text",),
                    prompt_tokens=8,
                    min_requests=3,
                    min_seconds=0.0,
                    load_deadline_s=60.0,
                    request_deadline_s=600.0,
                    cores=1,
                ),
                model_sha256=None,
                sink=recorder,
                cpu=QuietHost(foreign_s),
                memory=QuietHost(),
                own_pids=(),
                clock=_clock(lambda: engine.now_ns, lambda: BEGAN),
            )


def _clock(monotonic_ns: Callable[[], int], wall: Callable[[], datetime]) -> Clock:
    return Clock(monotonic_ns=monotonic_ns, wall=wall, sleep=lambda _: None)
