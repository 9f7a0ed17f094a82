"""``--sla-baseline RUN_DIR``: an earlier run whose figures are recorded, so that a rebuilt page shows the same."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pytest_rawrxd.errors import EvidenceProblem, UsageProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.plugin import options
from pytest_rawrxd.verdict.sides import campaign_side

if TYPE_CHECKING:
    import pytest


def baseline(config: pytest.Config, run_dir: Path) -> dict[str, Any] | None:
    """What a session records of its baseline, None without one. Raises UsageProblem for one that cannot be read."""
    named = options.setting(config, "baseline")
    if named is None:
        return None
    path = Path(named.value)
    if path.resolve() == run_dir.resolve():
        raise UsageProblem("a run is no baseline of itself", where=named.source, found=named.value)
    try:
        side = campaign_side(Evidence.read(path))
    except EvidenceProblem as problem:
        raise UsageProblem(
            f"the baseline cannot be read: {problem.what}",
            where=named.source,
            found=problem.found or named.value,
            possible=problem.possible or "the run directory of an earlier session",
        ) from problem
    if not side.samples:
        raise UsageProblem("the baseline measured nothing", where=named.source, found=named.value)
    return side.to_dict()
