"""Other packages that follow a run through our hooks: what they raise is said once and ends no measurement."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pluggy
    import pytest

    from pytest_rawrxd.evidence.ledger import Record

Say = Callable[[str], None]


class Followers:
    """Passes records and verdicts on. ``say`` takes the line about a hook that raised, the first time it does."""

    def __init__(self, config: pytest.Config, say: Say) -> None:
        self._config = config
        self._say = say
        self._failed: set[str] = set()

    def evidence(self, record: Record) -> None:
        self._call(self._config.hook.pytest_rawrxd_evidence, record=record)

    def verdict(self, item: pytest.Item, entry: dict[str, Any]) -> None:
        self._call(item.ihook.pytest_rawrxd_verdict, test=item.nodeid, entry=entry)

    def _call(self, hook: pluggy.HookCaller, **told: Any) -> None:
        try:
            hook(config=self._config, **told)
        except Exception as raised:  # the run is what matters, and it is kept already
            if hook.name not in self._failed:
                self._failed.add(hook.name)
                self._say(f"rawrxd: hook {hook.name} raised {type(raised).__name__}: {raised}; the run goes on")
