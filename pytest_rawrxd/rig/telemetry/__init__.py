"""What can be read of a machine while an engine works on it: one schema, whoever answers."""

from pytest_rawrxd.rig.telemetry.opened import Telemetry, open_probes
from pytest_rawrxd.rig.telemetry.signal import SIGNALS, Reading, Signal, Value

__all__ = ["SIGNALS", "Reading", "Signal", "Telemetry", "Value", "open_probes"]
