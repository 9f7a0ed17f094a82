"""The live side of a session: engines are opened here, and what they do goes into the campaign."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, Self

from pytest_rawrxd.evidence.campaign import Campaign, Evidence
from pytest_rawrxd.evidence.cards import of_card
from pytest_rawrxd.evidence.ledger import LedgerWriter, Record
from pytest_rawrxd.evidence.recorder import Recorder
from pytest_rawrxd.measure.bandwidth import AGAIN, read_bandwidth
from pytest_rawrxd.measure.cells import needs_bandwidth_test, needs_quality
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.concurrency import Observers
from pytest_rawrxd.measure.contention import CpuReader, SystemCpu
from pytest_rawrxd.measure.decode import Cell
from pytest_rawrxd.measure.gpu import DEVICE
from pytest_rawrxd.measure.levels import FLEET, Level, needed_levels
from pytest_rawrxd.measure.memory import SystemMemory
from pytest_rawrxd.measure.quality import shipped_text
from pytest_rawrxd.measure.served_run import Client
from pytest_rawrxd.measure.shares import references, share
from pytest_rawrxd.measure.sink import OfCard, Sink
from pytest_rawrxd.measure.soak.resume import is_over, soak_so_far
from pytest_rawrxd.measure.together import load_together
from pytest_rawrxd.measure.tool import ToolTask
from pytest_rawrxd.measure.withheld import Withholding
from pytest_rawrxd.plugin.cells import bandwidth_cell, measure_cells
from pytest_rawrxd.plugin.described import described
from pytest_rawrxd.plugin.faults import measure_faults
from pytest_rawrxd.plugin.load import load_client, measure_levels
from pytest_rawrxd.plugin.monitoring import measure_monitoring
from pytest_rawrxd.plugin.preflight import SCRIPTED, Rig
from pytest_rawrxd.plugin.progress import Progress
from pytest_rawrxd.plugin.quality import score, scorer, unscored
from pytest_rawrxd.plugin.soak import soak
from pytest_rawrxd.plugin.tool import load_tasks, run_tasks, single_stream_tasks
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.rig.engine.bandwidth import DeviceBandwidth, device_bandwidth
from pytest_rawrxd.rig.gpu import Gpu, lease
from pytest_rawrxd.rig.models.cache import default_cache
from pytest_rawrxd.rig.rendezvous import Rendezvous
from pytest_rawrxd.rig.telemetry import Telemetry, open_probes

if TYPE_CHECKING:
    from pytest_rawrxd.measure.hosts.coordinator import LoadHosts

LEASE_WAIT_S = 3600.0
SOAK_WAIT_S = 60.0
CPU_DEVICE = "cpu"


class Bench:
    """Measures on one lane of one session. Use as a context manager: leaving closes the ledger."""

    def __init__(
        self,
        campaign: Campaign,
        session: str,
        worker: str,
        rig: Rig,
        progress: Progress,
        *,
        kept: Callable[[Record], None] = lambda _: None,
        lane: int = 0,
        lanes: int = 1,
        device: str | None = None,
        cpu: CpuReader | None = None,
        meeting: Rendezvous | None = None,
        hosts: LoadHosts | None = None,
    ) -> None:
        """``device`` stands on each record that is about the card of this lane: where several cards are tested."""
        self.campaign = campaign
        self.lane = lane
        self._lanes = lanes
        self._card = device
        self._cpu = cpu or SystemCpu()
        self._meeting = meeting
        self.rig = rig
        self._hosts = hosts
        self.progress = progress
        self._stack = ExitStack()
        ledger = LedgerWriter(
            campaign.path / "ledger",
            session=session,
            worker=worker,
            identity=campaign.identity.digest,
            clock=SYSTEM,
        )
        recorder = Recorder(campaign.path, session, worker, self._stack.enter_context(ledger), kept)
        self._plain = Withholding(recorder, campaign.profile.protocol.keep_answers)
        self._recorder: Sink = self._plain if device is None else OfCard(self._plain, device)
        self._described = False
        self._measured: set[Cell] = set()
        self._loaded: set[Level] = set()
        self._telemetry = self._stack.enter_context(open_probes((), gpu=self.gpu, own_pids=[os.getpid()]))
        self._tasked: set[ToolTask] = set()
        self._done: set[str] = set()

    @contextmanager
    def _device_held(self, *, wait_s: float = LEASE_WAIT_S) -> Iterator[None]:
        """The device for us alone, the rig described, and the live line ended afterwards."""
        self.progress.begin()
        with lease(self._device(), default_cache().root / "locks", wait_s=wait_s):
            self.describe_rig()
            since = SYSTEM.monotonic_ns()
            try:
                yield
            finally:
                if self._card is not None:
                    held_ns = [since, SYSTEM.monotonic_ns()]
                    self.record("device.held", {"lane": self.lane, "held_ns": held_ns})
        self.progress.end()

    def record(self, kind: str, data: dict[str, Any]) -> str:
        """Keep what is about the device of this lane."""
        return self._recorder.record(kind, data)

    def note(self, kind: str, data: dict[str, Any]) -> str:
        """Keep what is about the session, whichever device it measures."""
        return self._plain.record(kind, data)

    def describe_rig(self) -> None:
        """Record the machine and the models once, before the first measurement of this lane; it needs the lease."""
        if self._described:
            return
        self._described = True
        self.progress.show(0, 1, "measuring the read bandwidth of this machine")
        real = self.gpu is not None and self.gpu.source != SCRIPTED
        bandwidth = device_bandwidth(scorer(self.rig)) if real else DeviceBandwidth(None, "no GPU is measured")
        lane = {"number": self.lane, "device": self._device()}
        for kind, data in described(self.rig, lane, bandwidth, self._telemetry.readings):
            self.record(kind, data)

    @property
    def _gpu_telemetry(self) -> Telemetry | None:
        """What reads the GPU under test; None where nothing of it can be read."""
        return self._telemetry if any(map(self._telemetry.has, DEVICE)) else None

    def measure(self, criteria: Iterable[Criterion]) -> None:
        """Measure what ``criteria`` need and this session has not measured yet."""
        wanted = list(criteria)
        if self.rig.tool is not None:
            self._run_tool(single_stream_tasks(self.rig.tool, self.campaign.profile, wanted))
            return
        self._measure_missing(share(self.campaign.profile, wanted, self.lane, self._lanes))
        # The last lane, because the first one compares the variants.
        if needs_quality(wanted) and self.lane == self._lanes - 1:
            self.measure_quality()
        # Last, because it heats the device: no cell of the matrix comes after it.
        if needs_bandwidth_test(wanted) and (cell := bandwidth_cell(self.campaign.profile, self.rig)) is not None:
            self._measure_missing({cell: 1})

    def measure_in_quiet(self, criteria: Iterable[Criterion]) -> None:
        """Measure what keeps every core busy, when no other lane measures any more."""
        if self.rig.tool is None:
            self._measure_missing(references(self.campaign.profile, criteria))

    def measure_load(self, criteria: Iterable[Criterion]) -> None:
        """Measure the levels of the load test that ``criteria`` need and this session has not measured yet."""
        if self.rig.tool is not None:
            self._run_tool(load_tasks(self.rig.tool, self.campaign.profile, criteria))
            return
        wanted = needed_levels(self.campaign.profile, criteria)
        left = {level: count for level, count in wanted.items() if level not in self._loaded}
        if left and self.campaign.profile.protocol.phase2.variant not in self.rig.missing:
            self._loaded.update(left)
            with self._device_held():
                measure = partial(
                    measure_levels,
                    profile=self.campaign.profile,
                    rig=self.rig,
                    watch=self._observers,
                    progress=self.progress,
                    client=self._load_client,
                )
                measure({level: count for level, count in left.items() if level.part != FLEET})
                together = {level: count for level, count in left.items() if level.part == FLEET}
                if together and self._meeting is not None:
                    load_together(together, measure, self._meeting, self._recorder)

    def _run_tool(self, tasks: Mapping[ToolTask, int]) -> None:
        left = {task: runs for task, runs in tasks.items() if task not in self._tasked}
        if self.rig.tool is not None and left:
            self._tasked.update(left)
            with self._device_held():
                run_tasks(
                    self.rig.tool,
                    left,
                    self.rig,
                    deadline_s=self.campaign.profile.protocol.request_deadline.to("s"),
                    sink=self._recorder,
                    progress=self.progress,
                )

    def measure_monitoring(self) -> None:
        """Prove the alert rules and run the drill, once in a session."""
        if "monitoring" in self._done:
            return
        self._done.add("monitoring")
        with self._device_held():
            measure_monitoring(
                self.campaign.profile,
                self.rig,
                self._recorder,
                lambda what: self.progress.show(0, 1, f"monitoring, {what}"),
            )

    def measure_soak(self) -> None:
        """Run the soak, or go on with the one that an earlier session left; a finished one is not run again.

        It does not wait for the device: two soaks on one GPU measure neither.
        """
        evidence = Evidence.read(self.campaign.path)
        earlier = soak_so_far((of_card(evidence, self._card) if self._card else evidence).records)
        over = earlier is not None and is_over(earlier)
        if over or self.campaign.profile.protocol.phase2.variant in self.rig.missing:
            return
        with self._device_held(wait_s=SOAK_WAIT_S):
            soak(self.campaign, self.rig, self._recorder, self._telemetry, self.progress, earlier=earlier)

    def measure_faults(self) -> None:
        """Run the fault campaign of the profile, once a session."""
        if "faults" in self._done:
            return
        self._done.add("faults")
        with self._device_held():
            planned = self.campaign.profile.protocol.faults.injections
            say = partial(self.progress.show, 0, planned)
            measure_faults(self.campaign.profile, self.rig, self._recorder, self._memory, say)

    def _measure_missing(self, runs: Mapping[Cell, int]) -> None:
        left = {
            cell: count
            for cell, count in runs.items()
            if cell not in self._measured and cell.variant not in self.rig.missing
        }
        if left:
            self._measured.update(left)
            self.measure_cells(left)

    def measure_cells(self, runs: Mapping[Cell, int]) -> None:
        """Measure every cell in as many fresh processes as ``runs`` says, interleaved, on a leased device."""
        with self._device_held():
            done = measure_cells(runs, self.campaign.profile, self.rig, self._observers, self.progress)
            self._read_again(done)

    def _read_again(self, done: int) -> None:
        """Measure the ceiling of a decoding CPU a second time: what else ran at the beginning may be over by now."""
        if self.campaign.identity.engine["backend"] == "cpu":
            self.progress.show(done, done, "measuring the read bandwidth again")
            host = self.rig.host
            self.record(AGAIN, asdict(read_bandwidth(host.cores, host.llc_bytes, SYSTEM.monotonic_ns)))

    def measure_quality(self) -> None:
        """Score the variants that this campaign has no score of."""
        text = shipped_text()
        if missing := unscored(self.campaign, self.rig, text):
            with self._device_held():
                score(missing, text, self.campaign, self.rig, sink=self._recorder, progress=self.progress)

    @property
    def _load_client(self) -> Client:
        """Who loads a server: this machine, or the load hosts of the session."""
        if self._hosts is None:
            return load_client(self.campaign.profile.protocol.phase2.client_processes)
        return Client(run=partial(self._hosts.run, sink=self._recorder), calibrate=self._hosts.calibrate)

    @property
    def _memory(self) -> SystemMemory:
        return SystemMemory(self._telemetry)

    @property
    def _observers(self) -> Observers:
        return Observers(self._recorder, self._cpu, self._memory, [os.getpid()], SYSTEM, self._gpu_telemetry)

    @property
    def gpu(self) -> Gpu | None:
        """The GPU of this lane; None where the engine computes on the CPU, or in virtual time on no scripted GPU."""
        gpus = self.rig.gpus_under_test
        return gpus[self.lane] if self.lane < len(gpus) else None

    def _device(self) -> str:
        return self.gpu.uuid if self.gpu else CPU_DEVICE

    def close(self) -> None:
        self._stack.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()
