"""Which rule judges which metric."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.profile import Criterion
from pytest_rawrxd.verdict.outcome import Finding
from pytest_rawrxd.verdict.throughput import decode_tps

#: A rule reads the evidence of one criterion and returns its finding with the ids of the records it used.
Rule = Callable[[Evidence, Criterion], tuple[Finding, tuple[str, ...]]]

RULES: Mapping[str, Rule] = MappingProxyType({"decode_tps": decode_tps})
