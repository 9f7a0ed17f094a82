"""Single streams of a session: every cell in fresh processes, interleaved, trouble recorded and the rest measured."""

from __future__ import annotations

import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pytest_rawrxd.errors import LoadFailed, RigTrouble
from pytest_rawrxd.measure.concurrency import Observers
from pytest_rawrxd.measure.decode import REFERENCE, SUSTAINED, Cell, measure_cell
from pytest_rawrxd.measure.gpu import watched
from pytest_rawrxd.measure.interleave import interleaved
from pytest_rawrxd.measure.served import measure_served_cell
from pytest_rawrxd.plugin.conditions import conditions, placements
from pytest_rawrxd.plugin.load import load_client
from pytest_rawrxd.plugin.preflight import Rig
from pytest_rawrxd.plugin.progress import Progress
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.rig.engine.choose import EngineSetup
from pytest_rawrxd.rig.models.folder import ModelFile
from pytest_rawrxd.rig.placement import largest_that_fits
from pytest_rawrxd.rig.process import processes
from pytest_rawrxd.rig.server.found import FoundServer
from pytest_rawrxd.rig.server.served import serve


def measure_cells(runs: Mapping[Cell, int], profile: Profile, rig: Rig, watch: Observers, progress: Progress) -> int:
    """Measure every cell in as many fresh processes as ``runs`` says and return how many processes that were.

    A variant that the engine refuses to load is not tried again: another process would hear the same.
    """
    single = _SingleStreams(profile, rig, watch)
    order = interleaved(runs)
    refused: set[tuple[str, str]] = set()
    for done, (cell, process) in enumerate(order):
        if (cell.variant, cell.kind) in refused:
            continue
        progress.show(done, len(order), f"{cell.variant}, {cell.tokens} tokens, process {process}")
        if isinstance(single.measure(cell, process), LoadFailed):
            refused.add((cell.variant, cell.kind))
    return len(order)


def bandwidth_cell(profile: Profile, rig: Rig) -> Cell | None:
    """The cell of the sustained test: the profile's variant, or the largest that fits wholly."""
    wanted, tokens = profile.protocol.bandwidth.variant, profile.protocol.phase1.judged_tokens
    if not rig.models and not rig.missing:
        return Cell(wanted, tokens, SUSTAINED)  # a scripted engine is any variant
    manifests = {variant: model.manifest for variant, model in rig.models.items()}
    largest = largest_that_fits(wanted, manifests, placements(profile, rig))
    return Cell(largest, tokens, SUSTAINED) if largest else None


@dataclass(frozen=True)
class _SingleStreams:
    profile: Profile
    rig: Rig
    watch: Observers

    def measure(self, cell: Cell, process: int) -> RigTrouble | None:
        model = self.rig.models.get(cell.variant)
        if self.rig.server is not None:
            return self._served(self.rig.server, model, cell, process)
        watch = self.watch
        setup = EngineSetup(environ=os.environ, seed=zlib.crc32(f"{cell} {process}".encode()))
        about = {"variant": cell.variant, "tokens": cell.tokens, "process": process, "during": cell.kind}
        telemetry = None if cell.kind == REFERENCE else watch.telemetry  # the GPU idles meanwhile
        with (
            self.rig.open(self.rig.engine_spec, setup) as engine,
            watched(telemetry, processes(engine.pid), watch.clock, watch.sink, about),
        ):
            return measure_cell(
                engine,
                model.path if model else Path(cell.variant),  # a scripted engine has no file
                cell,
                process,
                conditions(self.profile, self.rig, cell),
                model_sha256=model.manifest.sha256 if model else None,
                sink=watch.sink,
                cpu=watch.cpu,
                memory=watch.memory,
                own_pids=watch.own_pids,
                clock=watch.clock,
            )

    def _served(self, server: FoundServer, model: ModelFile | None, cell: Cell, process: int) -> RigTrouble | None:
        terms = conditions(self.profile, self.rig, cell)
        return measure_served_cell(
            lambda: serve(
                server,
                model.path if model else Path(cell.variant),  # a running server has its own
                terms.options,
                environ=os.environ,
                deadline_s=terms.load_deadline_s,
            ),
            cell,
            process,
            terms,
            model_sha256=model.manifest.sha256 if model else None,
            client=load_client(),
            watch=self.watch,
        )
