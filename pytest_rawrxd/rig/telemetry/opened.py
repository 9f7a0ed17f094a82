"""The probes of one machine as one source: each signal comes from the first probe that has it."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterable, Sequence
from typing import Self

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.gpu.detect import Gpu
from pytest_rawrxd.rig.telemetry.host import HostProbe
from pytest_rawrxd.rig.telemetry.protocol import Probe
from pytest_rawrxd.rig.telemetry.signal import SIGNALS, Reading, Value
from pytest_rawrxd.rig.telemetry.sources import Source, sources

#: A counter of memory that rose by less than this share of what was loaded does not count that memory.
LEAST_RISE = 0.1
MEMORY = ("memory_used_bytes", "process_memory_bytes")


def open_probes(
    pids: Sequence[int],
    *,
    gpu: Gpu | None,
    own_pids: Sequence[int] = (),
    engine: Source | None = None,
    candidates: Iterable[Source] | None = None,
) -> Telemetry:
    """Open every source that this machine has for ``gpu`` and for the engine's processes ``pids``.

    ``engine`` is what the engine itself tells (``ggml.told_by``), asked after all others but the host.

    ``own_pids`` are the suite's processes: neither engine nor foreign. Without a GPU only processes and host are read.
    A source that cannot be had is no error: its signals say why they are not available.
    """
    opened: list[Probe] = []
    refused: dict[str, str] = {}
    for source in (*(sources(gpu) if candidates is None else candidates), *([engine] if engine else ())):
        try:
            opened.append(source.open())
        except RigTrouble as trouble:
            refused[source.name] = trouble.found or trouble.what
    opened.append(HostProbe(own_pids))
    no_gpu = "the engine computes on the CPU, or this machine shows no GPU" if gpu is None else None
    return Telemetry(opened, pids, refused=refused, no_gpu=no_gpu)


class Telemetry:
    """Every signal of the catalogue, or why it is not available. Use as a context manager: leaving closes the probes.

    ``problems`` are the sources that stopped answering, each with its last reason; reading goes on without them.
    """

    def __init__(
        self,
        probes: Sequence[Probe],
        pids: Sequence[int] = (),
        *,
        refused: dict[str, str] | None = None,
        no_gpu: str | None = None,
    ) -> None:
        self.pids = tuple(pids)
        self.problems: dict[str, str] = {}
        self._probes = tuple(probes)
        self._refused = refused or {}
        self._no_gpu = no_gpu
        self._distrusted: dict[str, str] = {}
        self._reading = threading.Lock()  # a sampler's thread and the measurement's own may both read
        self._from: dict[str, Probe] = {}
        for probe in self._probes:
            for name in probe.signals:
                self._from.setdefault(name, probe)

    def follow(self, pids: Sequence[int]) -> None:
        """The engine's processes from now on, because a restart has others; earlier problems are forgotten."""
        self.pids = tuple(pids)
        self.problems.clear()

    @property
    def readings(self) -> tuple[Reading, ...]:
        """One for each signal of the catalogue, in its order."""
        return tuple(Reading(signal, self.source(name), self.why_not(name)) for name, signal in SIGNALS.items())

    def source(self, name: str) -> str | None:
        """Who reads a signal; None where it is not available."""
        return self._from[name].source if self.has(name) else None

    def has(self, name: str) -> bool:
        return name in self._from and name not in self._distrusted

    def why_not(self, name: str) -> str | None:
        """Why a signal is not available; None where it is."""
        if self.has(name):
            return None
        if name in self._distrusted:
            return self._distrusted[name]
        if self._no_gpu and (SIGNALS[name].of == "device" or name == "process_memory_bytes"):
            return self._no_gpu
        said = [f"{probe.source}: {probe.absent[name]}" for probe in self._probes if name in probe.absent]
        said += [f"{source}: {reason}" for source, reason in self._refused.items()]
        return "; ".join(said) or "no source that this package reads shows it"

    def read(self, wanted: Collection[str] = tuple(SIGNALS)) -> dict[str, Value | None]:
        """Every signal that is wanted, None for those without a value now. Never raises.

        A source that has none of them is not asked.
        """
        values: dict[str, Value | None] = dict.fromkeys(wanted)
        for probe in self._probes:
            mine = [name for name in wanted if self._from.get(name) is probe and self.has(name)]
            if not mine:
                continue
            try:
                with self._reading:
                    found = probe.read(self.pids)
            except RigTrouble as trouble:
                self.problems[probe.source] = f"{trouble.what}: {trouble.found}"
                continue
            values.update({name: found.get(name) for name in mine})
        return values

    def distrust_still(
        self, before: dict[str, Value | None], after: dict[str, Value | None], *, loaded_bytes: int
    ) -> dict[str, str]:
        """Stop using memory counters that did not rise while ``loaded_bytes`` were put onto the device; says which."""
        found = {
            name: why
            for name in MEMORY
            if self.has(name) and (why := stillness(before.get(name), after.get(name), loaded_bytes)) is not None
        }
        self._distrusted |= found
        return found

    def close(self) -> None:
        for probe in self._probes:
            probe.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()


def stillness(before: Value | None, after: Value | None, loaded_bytes: int) -> str | None:
    """Why a memory counter is not believed after ``loaded_bytes`` were loaded; None where it is, or was not read.

    A counter that listed nothing before and something afterwards rose from nothing.
    """
    if after is None or loaded_bytes <= 0:
        return None
    rise = after - (before or 0)
    if rise >= LEAST_RISE * loaded_bytes:
        return None
    return f"not trusted: it moved by {rise / 1e6:.0f} MB while {loaded_bytes / 1e6:.0f} MB were loaded"
