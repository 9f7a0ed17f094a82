# /// script
# requires-python = ">=3.11"
# dependencies = ["numpy>=2.0", "psutil>=7", "nvidia-ml-py>=13"]
# ///
"""What telemetry costs: a beat of each source, and the sampler beside an idle process.

    uv run benchmarks/sampler.py

Sources of this machine are read as they are; AMD's files and Windows' counters are answered by constructed ones: theirs
is the cost of our side alone.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # the checkout; installing it would compile an engine
sys.path.insert(1, str(Path(__file__).parents[1] / "tests"))
from fakes.amdgpu import PCI, UUID, card, client
from fakes.pdh import LUID, PdhLibrary

from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.gpu import BEAT_S
from pytest_rawrxd.measure.telemetry import Sample, Sampler
from pytest_rawrxd.rig.gpu import find_gpus
from pytest_rawrxd.rig.telemetry import Telemetry
from pytest_rawrxd.rig.telemetry.amdgpu import AmdgpuProbe
from pytest_rawrxd.rig.telemetry.host import HostProbe
from pytest_rawrxd.rig.telemetry.pdh import PdhQuery
from pytest_rawrxd.rig.telemetry.protocol import Probe
from pytest_rawrxd.rig.telemetry.sources import sources
from pytest_rawrxd.rig.telemetry.windows import COUNTERS, DEDICATED, ENGINE, PROCESS, SHARED, WindowsProbe

READS = 1_000
SECONDS = 10.0
PROCESSES = 200  #: instances of a busy Windows desktop


def windows() -> WindowsProbe:
    adapters = [(f"{LUID}_phys_0", 0, 9e9)]
    held = [(f"pid_{pid}_{LUID}_phys_0", 0, 1e6) for pid in range(PROCESSES)]
    engines = [(f"pid_{pid}_{LUID}_phys_0_eng_{pid % 6}_engtype_3D", 0, 0.1) for pid in range(PROCESSES)]
    library = PdhLibrary({DEDICATED: adapters, SHARED: adapters, PROCESS: held, ENGINE: engines})
    return WindowsProbe(lambda: PdhQuery(COUNTERS, library))


def costs_us(telemetry: Telemetry) -> np.ndarray:
    """Time of each of ``READS`` readings, in microseconds."""
    taken = np.empty(READS)
    for index in range(READS):
        began = time.perf_counter_ns()
        telemetry.read()
        taken[index] = (time.perf_counter_ns() - began) / 1e3
    return taken


def beside_idleness(telemetry: Telemetry) -> str:
    """The sampler at the beat of ``gpu.samples``: its lag, its cost, and the processor time it took."""
    kept: list[Sample] = []
    began = time.process_time()
    with Sampler(telemetry.read, SYSTEM, kept.append, beat_s=BEAT_S) as sampler:
        time.sleep(SECONDS)
    used = time.process_time() - began
    lag = np.array([sample.lag_ns for sample in kept]) / 1e6
    return (
        f"{sampler.pace.samples} beats of {BEAT_S:g} s, {sampler.pace.missed} missed, lag median {np.median(lag):.2f} "
        f"largest {lag.max():.2f} ms, {100 * used / SECONDS:.2f} % of one core"
    )


def main() -> None:
    with TemporaryDirectory() as folder, ExitStack() as stack:
        drm, proc = Path(folder) / "drm", Path(folder) / "proc"
        card(drm)
        client(proc, os.getpid(), 3, 1, "drm-memory-vram:\t9 GiB", pci=PCI)
        probes: dict[str, Probe] = {
            "host, by psutil": HostProbe((), cores=os.cpu_count()),
            "amdgpu files, constructed": AmdgpuProbe(UUID, drm, proc),
            f"Windows counters, constructed, {PROCESSES} processes": windows(),
        }
        for gpu in find_gpus()[:1]:
            for source in sources(gpu):
                probes[f"{source.name}, {gpu.name}"] = source.open()
        for name, probe in probes.items():
            taken = costs_us(stack.enter_context(Telemetry([probe], [os.getpid()])))
            print(f"{name:<52} median {np.median(taken):8.1f} us, P99 {np.percentile(taken, 99):8.1f} us")
        everything = Telemetry(list(probes.values()), [os.getpid()])
        print(f"{'sampler of all of them':<52} {beside_idleness(everything)}")


if __name__ == "__main__":
    main()
