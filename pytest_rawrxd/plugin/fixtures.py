"""The fixtures of an acceptance test. Registered only when a profile is active."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.plugin.bound import Bound, Measured

if TYPE_CHECKING:
    from pytest_rawrxd.plugin.acceptance import Acceptance
    from pytest_rawrxd.plugin.bench import Bench
    from pytest_rawrxd.rig.gpu import Gpu
    from pytest_rawrxd.rig.models.folder import ModelFile

ACCEPTANCE = "rawrxd-acceptance"


def _acceptance(config: pytest.Config) -> Acceptance:
    plugin: Acceptance = config.pluginmanager.getplugin(ACCEPTANCE)
    return plugin


class Sla:
    """The promises of the active profile, by criterion id: ``sla["P2-LAT-P95"]``."""

    def __init__(self, bound: Callable[[str], Bound]) -> None:
        self._bound = bound

    def __getitem__(self, identifier: str) -> Bound:
        return self._bound(identifier)


@pytest.fixture
def sla(request: pytest.FixtureRequest) -> Sla:
    """The bounds that this test's ``sla`` mark claims."""
    acceptance = _acceptance(request.config)
    return Sla(lambda identifier: acceptance.bound(request.node, identifier))


@pytest.fixture(scope="session")
def bench(request: pytest.FixtureRequest) -> Bench:
    """The live side of this session: engines are opened and measured here."""
    bench = _acceptance(request.config).bench
    if bench is None:
        raise UsageProblem("nothing is measured while tests are only collected")
    return bench


@pytest.fixture(scope="session")
def model(bench: Bench) -> Callable[[str], ModelFile]:
    """``model("Q4_K")``: the file that is tested as this variant."""
    return lambda variant: bench.rig.models[variant]


@pytest.fixture(scope="session")
def gpu(bench: Bench) -> Gpu | None:
    """The GPU that is measured; None in a rehearsal on the CPU."""
    return bench.rig.gpus[0] if bench.rig.gpus else None


@pytest.fixture(scope="session")
def quality(bench: Bench) -> None:
    """Has every variant scored on the shipped text against the most precise file present, once in a campaign.

    For tests whose page or table shows quality beside speed; ``measure.quality`` says what is recorded.
    """
    bench.measure_quality()


@dataclass(frozen=True)
class Decoded:
    """What single-stream decoding of one cell showed, as quantities to compare with promises."""

    variant: str
    tokens: int

    def _measured(self, metric: str, **where: Any) -> Measured:
        return Measured(metric, {"variant": self.variant, "tokens": self.tokens, **where})

    @property
    def throughput(self) -> Measured:
        """Tokens received per second of decode time, per fresh process."""
        return self._measured("decode_tps")

    @property
    def time_per_token(self) -> Measured:
        """Decode time per token received."""
        return self._measured("time_per_token")


@pytest.fixture(scope="session")
def decode(request: pytest.FixtureRequest, bench: Bench) -> Callable[..., Decoded]:
    """``decode(variant="Q4_K")``: measure single-stream decoding of the cell that the profile judges.

    The first call measures every cell that the selected tests need, interleaved, so that a machine that drifts does not
    favour a variant; later calls find their cell measured.
    """
    acceptance = _acceptance(request.config)

    judged = acceptance.profile.protocol.phase1.judged_tokens

    def measure(*, variant: str, tokens: int = judged) -> Decoded:
        bench.measure_cells(acceptance.selected_criteria(request.session))
        return Decoded(variant, tokens)

    return measure
