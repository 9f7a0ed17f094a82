"""Every reader of what a stranger may hand us, by name."""

from __future__ import annotations

from types import MappingProxyType

from fuzz.readers import READERS
from fuzz.runs import RUNS

TARGETS = MappingProxyType({target.name: target for target in (*READERS, *RUNS)})
