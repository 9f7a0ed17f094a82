"""The fixtures of an acceptance test. Registered only when a profile is active."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from pytest_rawrxd.errors import SuiteDefect, UsageProblem
from pytest_rawrxd.plugin.bound import Bound, Measured
from pytest_rawrxd.plugin.documents_test import DocumentsTest
from pytest_rawrxd.plugin.fault_test import FaultTest
from pytest_rawrxd.plugin.load_test import Loaded, LoadTest
from pytest_rawrxd.plugin.soak_test import SoakTest
from pytest_rawrxd.profile.metrics import OWN_DIMENSIONS
from pytest_rawrxd.profile.units import UNITS
from pytest_rawrxd.verdict.answers.own_quantity import QUANTITY

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
    decisions = _acceptance(request.config).decisions
    return Sla(lambda identifier: decisions.bound(request.node, identifier))


@pytest.fixture(scope="session")
def bench(request: pytest.FixtureRequest) -> Bench:
    """The live side of this session: engines are opened and measured here."""
    bench = _acceptance(request.config).bench
    if bench is None:
        raise UsageProblem("nothing is measured while tests are only collected")
    return bench


@pytest.fixture(scope="session")
def measured(request: pytest.FixtureRequest, bench: Bench) -> None:
    """Everything that the selected tests need, measured at the first one that asks.

    At once and interleaved, so that a machine that drifts does not favour a variant.
    """
    bench.measure(_acceptance(request.config).selected_criteria(request.session))


@pytest.fixture(scope="session")
def model(bench: Bench) -> Callable[[str], ModelFile]:
    """``model("Q4_K")``: the file that is tested as this variant."""
    return lambda variant: bench.rig.models[variant]


@pytest.fixture(scope="session")
def gpu(bench: Bench) -> Gpu | None:
    """The GPU that this lane measures; None in a rehearsal on the CPU."""
    return bench.gpu


@dataclass(frozen=True)
class Decoded:
    """What single-stream decoding of one cell showed, as quantities to compare with promises."""

    variant: str
    tokens: int
    backend: str | None = None

    def _measured(self, metric: str) -> Measured:
        where = {"variant": self.variant, "tokens": self.tokens}
        return Measured(metric, where | ({"backend": self.backend} if self.backend else {}))

    @property
    def throughput(self) -> Measured:
        """Tokens received per second of decode time, per fresh process."""
        return self._measured("decode_tps")

    @property
    def time_per_token(self) -> Measured:
        """Decode time per token received."""
        return self._measured("time_per_token")

    @property
    def gpu_speedup(self) -> Measured:
        """Throughput on the GPU over throughput of the same file on the CPU."""
        return self._measured("gpu_speedup")

    @property
    def memory(self) -> Measured:
        """Device memory of the engine process with the model held; resident memory on a CPU."""
        return Measured("vram_used", {"variant": self.variant})

    @property
    def fully_offloaded(self) -> Measured:
        """Whether the load log proves every layer on the GPU."""
        return Measured("fully_offloaded", {"variant": self.variant})


@pytest.fixture(scope="session")
def decode(request: pytest.FixtureRequest, measured: None) -> Callable[..., Decoded]:  # noqa: ARG001 - to ask is to measure
    """``decode(variant="Q4_K")``: what single-stream decoding of the cell that the profile judges showed.

    ``backend="cpu"`` is the same cell on the CPU, beside a GPU.
    """
    judged = _acceptance(request.config).profile.protocol.phase1.judged_tokens

    def observe(*, variant: str, tokens: int = judged, backend: str | None = None) -> Decoded:
        return Decoded(variant, tokens, backend)

    return observe


class Ladder:
    """What all variants beside each other show."""

    variants_measured = Measured("variants_measured")
    peak_determined = Measured("peak_determined", rehearsed="peak_answered")
    hybrid_known = Measured("hybrid_known")

    @staticmethod
    def champion(variant: str) -> Measured:
        """Whether ``variant`` alone is the fastest."""
        return Measured("champion", {"variant": variant}, rehearsed="champion_answered")

    @staticmethod
    def bottleneck(variant: str) -> Measured:
        """Whether memory bandwidth is the bottleneck, with ``variant`` as the reference."""
        return Measured("bottleneck_confirmed", {"variant": variant}, rehearsed="bottleneck_answered")


@pytest.fixture(scope="session")
def ladder(measured: None) -> Ladder:  # noqa: ARG001 - to ask is to measure
    """The variants, interleaved, compared with each other."""
    return Ladder()


class BandwidthTest:
    """What the sustained test of one stream showed."""

    duration = Measured("sustained_duration")
    memory = Measured("vram_used", {"during": "bandwidth"})
    temperature = Measured("gpu_temperature", {"during": "bandwidth"})
    utilisation = Measured("gpu_utilisation", {"during": "bandwidth"})


@pytest.fixture(scope="session")
def bandwidth_test(measured: None) -> BandwidthTest:  # noqa: ARG001 - to ask is to measure
    """One stream for minutes without a break, on the variant that the profile names or the largest that fits."""
    return BandwidthTest()


@pytest.fixture(scope="session")
def load_test(request: pytest.FixtureRequest, bench: Bench) -> LoadTest:
    """The load test, with every level that the selected tests need, measured at the first one that asks."""
    bench.measure_load(_acceptance(request.config).selected_criteria(request.session))
    return LoadTest()


@pytest.fixture(scope="session")
def load(load_test: LoadTest) -> Callable[..., Loaded]:  # noqa: ARG001 - to ask is to measure
    """``load(streams=12)``: what this number of streams showed."""
    return lambda *, streams: Loaded(streams)


@pytest.fixture(scope="session")
def soak(request: pytest.FixtureRequest, bench: Bench) -> SoakTest:
    """What the soak showed. It is run by a rehearsal, and by whoever asks for it with ``-m soak``.

    Any other session of an acceptance profile judges the soak of its run directory.
    """
    config = request.config
    asked = re.search(r"(?<!not )\bsoak\b", config.getoption("markexpr") or "") is not None
    if asked or bench.campaign.profile.kind == "rehearsal":
        bench.measure_soak()
    return SoakTest()


@pytest.fixture(scope="session")
def faults(bench: Bench) -> FaultTest:
    """The fault campaign of the profile, run at the first test that asks."""
    bench.measure_faults()
    return FaultTest()


@pytest.fixture(scope="session")
def output(measured: None) -> Callable[[str], Measured]:  # noqa: ARG001 - to ask is to measure
    """``output("performance_matrix")``: whether everything that this output shows was measured."""
    return lambda name: Measured("output_written", {"output": name})


@pytest.fixture(scope="session")
def documents(bench: Bench) -> DocumentsTest:  # noqa: ARG001 - only a session that can judge has documents
    """What the nine documents and the checklists of this run directory rest on."""
    return DocumentsTest()


@pytest.fixture(scope="session")
def alerts_early(bench: Bench) -> Measured:
    """Whether the alerts of this profile called somebody in time when a real server was slowed, frozen and killed."""
    bench.measure_monitoring()
    return Measured("alerts_early")


@pytest.fixture(scope="session")
def monitoring_report(alerts_early: Measured) -> Measured:  # noqa: ARG001 - to ask is to measure
    """Whether the monitoring document has everything that it shows."""
    return Measured("output_written", {"output": "monitoring_alerting"})


@pytest.fixture(scope="session")
def data_under_version_control() -> Measured:
    """Whether a commit holds the digests of everything this run rests on."""
    return Measured("data_under_version_control")


@pytest.fixture
def record_quantity(request: pytest.FixtureRequest, bench: Bench) -> Callable[[str, float, str], Measured]:
    """``record_quantity("cold_start", 1.2, "s")``: keep a value of your own as evidence, and compare what all show."""

    def record(name: str, value: float, unit: str) -> Measured:
        if unit not in known_units():
            raise SuiteDefect(f"{unit!r} is no unit", where=request.node.nodeid, possible=", ".join(known_units()))
        metric = f"own_{UNITS[unit].dimension.replace(' ', '_')}"
        bench.record(QUANTITY, {"name": name, "value": float(value), "unit": unit, "test": request.node.nodeid})
        return Measured(metric, {"name": name})

    return record


def known_units() -> list[str]:
    """The symbols of every unit that an own quantity may have."""
    return [unit.symbol for unit in UNITS.values() if unit.dimension in OWN_DIMENSIONS]
