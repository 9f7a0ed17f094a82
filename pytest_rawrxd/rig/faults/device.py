"""The GPU is not there when the process starts again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import ClassVar

from pytest_rawrxd.rig.faults.fault import Base, Proof
from pytest_rawrxd.rig.server.managed import backend_of
from pytest_rawrxd.rig.target.service import UNCHANGED, Change, weights_on

#: Each stack looks at its own name; an empty or impossible list shows it no device.
HIDDEN: Mapping[str, str] = MappingProxyType(
    {
        "GGML_VK_VISIBLE_DEVICES": "",
        "CUDA_VISIBLE_DEVICES": "-1",
        "HIP_VISIBLE_DEVICES": "-1",
        "ROCR_VISIBLE_DEVICES": "-1",
    }
)
#: The loader is told of one driver, which is not there: Vulkan itself fails to begin.
NO_DRIVER: Mapping[str, str] = MappingProxyType({**HIDDEN, "VK_DRIVER_FILES": "no-such-driver.json"})


@dataclass
class HideDevice(Base):
    """The process is killed, and the next one sees no GPU; then an operator shows it again and restarts."""

    name: ClassVar[str] = "device hidden"
    hidden: ClassVar[Mapping[str, str]] = HIDDEN
    before: dict[str, int] = field(default_factory=dict)

    def inject(self) -> None:
        self.before = on_gpu(self.site.supervisor.load_log)
        process = self.site.process
        self.begin()
        self.site.supervisor.change = Change(environ=self.hidden)
        process.kill()

    def proof(self) -> Proof:
        if not self.before:
            return Proof(False, "no weights were on a GPU before: hiding it changes nothing")
        if self.saw("ready") is None:
            return Proof(self.saw("ended") is not None and self.failed, "the process does not start without its GPU")
        now = weights_on(self.site.supervisor.load_log)
        left = on_gpu(self.site.supervisor.load_log)
        said = f"weights were on {', '.join(self.before)}, are on {', '.join(now) or 'nothing that the log names'}"
        return Proof(bool(now) and not left, said)

    @property
    def failed(self) -> bool:
        """Whether a process started without its GPU has ended again."""
        events = [event.kind for event in self.site.supervisor.since(self.began_ns)]
        return "started" in events and "ended" in events[events.index("started") :]

    def undo(self) -> None:
        if self.site.supervisor.change is not UNCHANGED:
            self.site.supervisor.change = UNCHANGED
            self.site.supervisor.restart()


@dataclass
class BreakDriver(HideDevice):
    """The process is killed, and the next one finds no Vulkan driver; then an operator restores it and restarts."""

    name: ClassVar[str] = "driver missing"
    hidden: ClassVar[Mapping[str, str]] = NO_DRIVER


def on_gpu(log: tuple[str, ...]) -> dict[str, int]:
    """The devices of the load log that are no CPU, with their bytes of weights."""
    return {
        device: size
        for device, size in weights_on(log).items()
        if backend_of(device) != "cpu" and not device.endswith("_Host")
    }
