"""The records of the monitoring drill, and what each holds."""

from __future__ import annotations

from typing import Final

RULES = "monitoring.rules"  #: what promtool and amtool found: alerts, cases, routes; ``failed`` is their refusal
DRILL = "monitoring.drill"  #: one fault: its instants, what shows that it took effect, who was called
MISSING = "monitoring.missing"  #: why there was no drill, and what it would take
CONTROL: Final = "none"  #: the fault of the control
FAULTS = (CONTROL, "degrade", "freeze", "kill")
