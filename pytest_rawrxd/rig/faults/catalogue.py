"""Which faults there are of each kind that a profile can name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from pytest_rawrxd.rig.faults.connection import BadConnections, BadRequests
from pytest_rawrxd.rig.faults.device import BreakDriver, HideDevice
from pytest_rawrxd.rig.faults.fault import Fault, Site
from pytest_rawrxd.rig.faults.journal import JournalFull
from pytest_rawrxd.rig.faults.memory import ContextExhaustion, MemoryLimit
from pytest_rawrxd.rig.faults.model_file import CorruptModel, MissingModel
from pytest_rawrxd.rig.faults.process import Freeze, Kill
from pytest_rawrxd.rig.faults.timeout import Cancellation, ShortDeadline
from pytest_rawrxd.rig.target.service import can_limit_memory

MakeFault = Callable[[Site], Fault]

#: Kind -> its faults, used in turn by the injections of that kind.
FAULTS: Mapping[str, tuple[MakeFault, ...]] = MappingProxyType(
    {
        "process_crash": (Kill,),
        "freeze": (Freeze,),
        "out_of_memory": (ContextExhaustion, MemoryLimit) if can_limit_memory() else (ContextExhaustion,),
        "device_unavailable": (HideDevice, BreakDriver),
        "timeout": (ShortDeadline,),
        "model_file": (CorruptModel, MissingModel),
        "connection": (BadConnections,),
        "malformed": (BadRequests,),
        "cancellation": (Cancellation,),
        "journal_full": (JournalFull,),
    }
)


def planned(kinds: tuple[str, ...], injections: int) -> list[tuple[str, MakeFault]]:
    """``injections`` faults: the kinds in turn, and of each kind its faults in turn."""
    turns = [(kinds[number % len(kinds)], number // len(kinds)) for number in range(injections)]
    return [(kind, FAULTS[kind][turn % len(FAULTS[kind])]) for kind, turn in turns]
