"""The live side of a session: engines are opened here, and what they do goes into the campaign."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, Self

from pytest_rawrxd.evidence.campaign import Campaign
from pytest_rawrxd.evidence.ledger import LedgerWriter
from pytest_rawrxd.evidence.recorder import Recorder
from pytest_rawrxd.measure.bandwidth import read_bandwidth
from pytest_rawrxd.measure.cells import needed_cells
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.contention import SystemCpu
from pytest_rawrxd.measure.decode import Cell, Conditions, measure_cell
from pytest_rawrxd.measure.interleave import interleaved
from pytest_rawrxd.measure.prompts import prompts
from pytest_rawrxd.plugin.preflight import Rig
from pytest_rawrxd.plugin.progress import Progress
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.rig.engine.choose import EngineSetup, open_engine
from pytest_rawrxd.rig.engine.protocol import LoadOptions
from pytest_rawrxd.rig.gpu import lease
from pytest_rawrxd.rig.models.cache import default_cache

LEASE_WAIT_S = 3600.0
CPU_DEVICE = "cpu"
ALL_LAYERS = 999  # llama.cpp takes any number above the model's as "all of them"


class Bench:
    """Measures on one lane of one session. Use as a context manager: leaving closes the ledger."""

    def __init__(self, campaign: Campaign, session: str, worker: str, rig: Rig, progress: Progress) -> None:
        self.campaign = campaign
        self.rig = rig
        self.progress = progress
        self._stack = ExitStack()
        ledger = LedgerWriter(
            campaign.path / "ledger",
            session=session,
            worker=worker,
            identity=campaign.identity.digest,
            clock=SYSTEM,
        )
        self._recorder = Recorder(campaign.path, session, worker, self._stack.enter_context(ledger))
        self._described = False
        self._measured: set[Cell] = set()

    def record(self, kind: str, data: dict[str, Any]) -> str:
        return self._recorder.record(kind, data)

    def describe_rig(self) -> None:
        """Record the machine and the models once, before the first measurement of this lane."""
        if self._described:
            return
        self._described = True
        host = self.rig.host
        self.progress.show(0, 1, "measuring the read bandwidth of this machine")
        bandwidth = read_bandwidth(host.cores, host.llc_bytes, SYSTEM.monotonic_ns)
        gpus = [gpu.to_dict() for gpu in self.rig.gpus]
        self.record("machine", {**host.to_dict(), "gpus": gpus, "read_bandwidth": asdict(bandwidth)})
        for variant, why in self.rig.missing.items():
            self.record("model.missing", {"variant": variant, "why": why})
        for model in self.rig.models.values():
            self.record("model", model.manifest.to_dict())

    def measure_cells(self, criteria: Iterable[Criterion]) -> None:
        """Measure the cells that ``criteria`` need and that this session has not measured yet."""
        needed = needed_cells(self.campaign.profile, criteria)
        missing = {cell: count for cell, count in needed.items() if cell not in self._measured}
        if missing:
            self._measured.update(missing)
            self.measure_decoding(missing)

    def measure_decoding(self, runs: Mapping[Cell, int]) -> None:
        """Measure every cell in as many fresh processes as ``runs`` says, interleaved, on a leased device."""
        self.describe_rig()
        order = interleaved(runs)
        self.progress.begin()
        with lease(self._device(), default_cache().root / "locks", wait_s=LEASE_WAIT_S):
            for done, (cell, process) in enumerate(order):
                self.progress.show(done, len(order), f"{cell.variant}, {cell.tokens} tokens, process {process}")
                self._measure_cell(cell, process)
        self.progress.end()

    def _measure_cell(self, cell: Cell, process: int) -> None:
        model = self.rig.models.get(cell.variant)
        with open_engine(self.rig.engine_spec, EngineSetup(environ=os.environ, seed=process)) as engine:
            measure_cell(
                engine,
                model.path if model else Path(cell.variant),  # a scripted engine has no file
                cell,
                process,
                self._conditions(cell),
                model_sha256=model.manifest.sha256 if model else None,
                sink=self._recorder,
                cpu=SystemCpu(),
                own_pids=[os.getpid()],
                clock=SYSTEM,
            )

    def _conditions(self, cell: Cell) -> Conditions:
        profile, host = self.campaign.profile, self.rig.host
        protocol = profile.protocol.phase1
        return Conditions(
            options=LoadOptions(
                n_ctx=max(protocol.context, protocol.prompt_tokens + cell.tokens),
                n_gpu_layers=ALL_LAYERS if profile.target.backend != "cpu" else 0,
                n_threads=host.cores,
                prefill_chunk=protocol.prefill_chunk,
            ),
            prompts=prompts(seed=profile.protocol.seed),
            prompt_tokens=protocol.prompt_tokens,
            min_requests=1 + protocol.warm_up_requests,
            min_seconds=protocol.min_duration.to("s"),
            load_deadline_s=profile.protocol.load_deadline.to("s"),
            request_deadline_s=profile.protocol.request_deadline.to("s"),
            cores=host.cores,
        )

    def _device(self) -> str:
        return self.rig.gpus[0].uuid if self.rig.gpus and self.rig.engine.backend != "cpu" else CPU_DEVICE

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
