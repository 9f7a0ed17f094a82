"""The shipped profiles hold what the roadmap promises."""

from __future__ import annotations

import math
import re

import pytest

from pytest_rawrxd.places import package_data
from pytest_rawrxd.profile import Criterion, Profile, load_profile
from pytest_rawrxd.profile.exemptions import EXEMPTIONS
from pytest_rawrxd.profile.kinds import RULES
from pytest_rawrxd.profile.metrics import METRICS, OWN
from pytest_rawrxd.profile.units import UNITS

NAMES = ("rx7800xt", "production", "embedded", "h100-roadmap", "h100-roadmap-cuda", "h100-pilot", "h100", "h100-cuda")
VARIANTS = ("Q2_K", "Q4_K", "Q5_K_M", "Q6_K", "Q8_0", "Hybrid")
PROFILES = {name: load_profile(name) for name in NAMES}


@pytest.fixture(params=NAMES)
def profile(request: pytest.FixtureRequest) -> Profile:
    return PROFILES[request.param]


@pytest.fixture
def roadmap() -> dict[str, Criterion]:
    return PROFILES["rx7800xt"].criteria


#: id: limit and unit, as the roadmap and its companion documents have them
PROMISED = {
    "P1-TPS-Q2_K": ((100, 120), "tok/s"),
    "P1-TPS-Q4_K": ((78.3706, 81.5694), "tok/s"),
    "P1-TPS-Q5_K_M": ((60, 75), "tok/s"),
    "P1-TPS-Q6_K": ((40, 60), "tok/s"),
    "P1-TPS-Q8_0": ((50, 65), "tok/s"),
    "P1-TPS-Hybrid": ((85, 95), "tok/s"),
    "P1-VRAM-Q2_K": ((8, 10), "GB"),
    "P1-VRAM-Q4_K": ((12, 14), "GB"),
    "P1-VRAM-Q5_K_M": ((15, 16), "GB"),
    "P1-VRAM-Q6_K": (16, "GB"),
    "P1-VRAM-Q8_0": (18, "GB"),
    "P1-VRAM-Hybrid": ((10, 12), "GB"),
    "P1-LAT-Q2_K": (8.7, "ms"),
    "P1-LAT-Q4_K": (12.51, "ms"),
    "P1-LAT-Q5_K_M": (14.6, "ms"),
    "P1-LAT-Q6_K": (19.1, "ms"),
    "P1-LAT-Q8_0": (17.2, "ms"),
    "P1-LAT-Hybrid": (11.2, "ms"),
    "P1-MATRIX": (6, "count"),
    "P1-SPEEDUP": (2.86, "x"),
    "P1-TPS-CPU": (28, "tok/s"),
    "P1-BW-SUSTAINED": (5, "min"),
    "P1-BW-VRAM": (16, "GB"),
    "P1-BW-TEMP": (85, "degC"),
    "P2-LAT-P50": (13, "ms"),
    "P2-LAT-P95": (50, "ms"),
    "P2-LAT-P99": (100, "ms"),
    "P2-LAT-SPIKE": (200, "ms"),
    "P2-LAT-STALL": (0.5, "%"),
    "P2-LAT-TW95": (50, "ms"),
    "P2-AGG": (800, "tok/s"),
    "P2-EFF-12": (75, "%"),
    "P2-REQUESTS": (10000, "count"),
    "P2-CRASH-LOAD": (0, "count"),
    "P2-EXP-MEAN": ((15, 20), "ms"),
    "P2-EXP-P95": ((25, 35), "ms"),
    "P2-EXP-P99": ((40, 60), "ms"),
    "P2-EXP-AGG": ((800, 1000), "tok/s"),
    "P2-SOAK-HOURS": (48, "h"),
    "P2-SOAK-CRASH": (0, "count"),
    "P2-SOAK-DRIFT": ((-50, 50), "MB"),
    "P2-SOAK-DELTA": (100, "MB"),
    "P2-SOAK-LAT": ((-5, 5), "%"),
    "P2-LOSS": (5, "%"),
    "P2-MTTR": (2, "min"),
    "P3-DOCS": (9, "count"),
    "SLA-TPS-GUARANTEE": (75, "tok/s"),
    "SLA-TPS-TARGET": (80, "tok/s"),
    "SLA-TPS-PEAK": (85, "tok/s"),
    "SLA-LAT-P50": (13, "ms"),
    "SLA-LAT-P95": (50, "ms"),
    "SLA-LAT-P99": (100, "ms"),
    "SLA-LAT-MAX": (200, "ms"),
    "SLA-AVAIL": (99.5, "%"),
    "SLA-MTTR": (2, "min"),
    "SLA-MAINTENANCE": (2, "h"),
    "SLA-VRAM": (14, "GB"),
    "SLA-UTIL": ((90, 98), "%"),
    "SLA-TEMP": (85, "degC"),
    "SLA-USERS": (12, "count"),
    "SLA-QUEUE": (100, "count"),
    "SLA-TIMEOUT": (5, "min"),
}


@pytest.mark.parametrize(("name", "promise"), PROMISED.items())
def test_the_roadmap_stands_as_written(roadmap: dict[str, Criterion], name: str, promise: tuple[object, str]) -> None:
    assert (roadmap[name].limit, roadmap[name].unit) == promise


@pytest.mark.parametrize(
    ("tokens_per_second", "memory"),
    [([115, 79.97, 69, 52, 58, 89], [9, 13, 15, 17, 18, 11])],
)
def test_the_expected_values_of_the_table_are_kept(
    roadmap: dict[str, Criterion], tokens_per_second: list[float], memory: list[float]
) -> None:
    assert [roadmap[f"P1-TPS-{variant}"].expected for variant in VARIANTS] == tokens_per_second
    assert [roadmap[f"P1-VRAM-{variant}"].expected for variant in VARIANTS] == memory


def test_latency_holds_at_each_level_that_the_roadmap_names(roadmap: dict[str, Criterion]) -> None:
    for quantile in ("P50", "P95", "P99"):
        limits = {roadmap[f"P2-LAT-{quantile}{level}"].limit for level in ("", "-10", "-15", "-16")}
        assert len(limits) == 1
        assert [roadmap[f"P2-LAT-{quantile}{level}"].where["streams"] for level in ("", "-10", "-15", "-16")] == [
            12,
            10,
            15,
            16,
        ]


def test_efficiency_holds_from_eight_to_sixteen_streams(roadmap: dict[str, Criterion]) -> None:
    for streams in (8, 10, 12, 15, 16):
        criterion = roadmap[f"P2-EFF-{streams}"]
        assert (criterion.limit, criterion.unit, criterion.where) == (75, "%", {"streams": streams})


def test_the_matrix_is_that_of_the_phase_plan() -> None:
    matrix = {
        variant: [str(cell) for cell in cells] for variant, cells in PROFILES["rx7800xt"].protocol.phase1.matrix.items()
    }
    assert matrix == {
        "Q2_K": ["256x5", "512x3", "1024x2"],
        "Q4_K": ["256x5", "512x3", "1024x2"],
        "Q5_K_M": ["256x5", "512x3"],
        "Q6_K": ["256x5", "512x3"],
        "Q8_0": ["256x3"],
        "Hybrid": ["256x5"],
    }


def test_each_number_of_the_roadmap_stands_once() -> None:
    """A criterion that shares metric, rule and limit with another borrows its bound, or is another variant or fact."""
    seen: dict[object, str] = {}
    for criterion in PROFILES["rx7800xt"].criteria.values():
        if criterion.bound_of is not None or isinstance(criterion.limit, bool) or criterion.limit == 0:
            continue
        key = (criterion.metric, criterion.kind, criterion.quantile, criterion.direction, criterion.limit)
        assert seen.setdefault(key, criterion.id) == criterion.id


def test_every_bound_stands_in_the_line_it_names(profile: Profile) -> None:
    lines = {
        f"fixtures/profiles/{name}.toml": (package_data("fixtures") / "profiles" / f"{name}.toml")
        .read_text(encoding="utf-8")
        .splitlines()
        for name in NAMES
    }
    for criterion in profile.criteria.values():
        file, _, line = criterion.bound_at.rpartition(":")
        text = lines[file][int(line) - 1]
        number = criterion.expected if isinstance(criterion.limit, tuple) and "+-" in text else criterion.limit
        first = number[0] if isinstance(number, tuple) else number
        assert re.search(rf"\b{str(first).lower() if isinstance(first, bool) else f'{first:g}'}\b", text), criterion


def test_every_criterion_is_complete(profile: Profile) -> None:
    for criterion in profile.criteria.values():
        metric = METRICS[criterion.metric]
        assert criterion.title
        assert criterion.source
        assert UNITS[criterion.unit].dimension == metric.dimension
        assert criterion.kind in metric.kinds
        assert 0 < criterion.confidence < 1


def test_the_roadmap_uses_every_rule_and_every_metric_but_the_rehearsals_and_other_people_s() -> None:
    criteria = PROFILES["rx7800xt"].criteria.values()
    assert {criterion.kind for criterion in criteria} == set(RULES)
    assert set(METRICS) - {metric.name for metric in OWN} - {criterion.metric for criterion in criteria} == {
        "peak_answered",
        "champion_answered",
        "bottleneck_answered",
        "server_latency",  # of a fleet: the roadmap's machine is one card
        "server_spread",
        "fleet_loss",
        "host_tps",
    }


def test_titles_and_ids_are_unique_within_a_phase(profile: Profile) -> None:
    titles = [(criterion.phase, criterion.title) for criterion in profile.criteria.values()]
    assert len(titles) == len(set(titles))


def test_informative_are_the_expectations_only(roadmap: dict[str, Criterion]) -> None:
    assert {name for name, criterion in roadmap.items() if criterion.informative} == {
        *(f"P1-LAT-{variant}" for variant in VARIANTS),
        "P1-SPEEDUP",
        "P1-TPS-CPU",
        "P1-BW-UTIL",
        "P2-TTFT",
        "P2-EXP-MEAN",
        "P2-EXP-P95",
        "P2-EXP-P99",
        "P2-EXP-AGG",
        "SLA-TPS-TARGET",
        "SLA-TPS-PEAK",
    }


def test_the_gates_are_those_of_the_rules() -> None:
    gates = PROFILES["rx7800xt"].gates
    assert [str(value) for value in (gates.cv_max, gates.throttle_share_max, gates.quantile_guard)] == [
        "5 %",
        "1 %",
        "80 %",
    ]
    assert (gates.min_runs.floor, gates.min_runs.equivalence, gates.min_blocks, gates.confidence) == (5, 10, 10, 0.95)


def test_production_keeps_every_row_of_the_sla_and_only_the_production_variant() -> None:
    production, roadmap = PROFILES["production"], PROFILES["rx7800xt"]
    assert production.kind == "acceptance"
    assert production.models.variants == ("Q4_K",)
    rows = {name: criterion for name, criterion in roadmap.criteria.items() if name.startswith("SLA-")}
    assert {name: criterion for name, criterion in production.criteria.items() if name.startswith("SLA-")} == rows
    assert not [name for name in production.criteria if name.startswith(("P1-TPS", "P1-VRAM", "P1-LAT", "P2-EXP"))]


def test_the_rehearsal_drops_no_criterion() -> None:
    assert list(PROFILES["embedded"].criteria) == list(PROFILES["rx7800xt"].criteria)


def test_the_rehearsal_promises_nothing_about_a_gpu() -> None:
    embedded = PROFILES["embedded"]
    assert embedded.kind == "rehearsal"
    assert embedded.hardware.model_dump(exclude_defaults=True) == {}
    assert embedded.lanes == 1
    assert embedded.target.backend == "cpu"


def test_the_rehearsal_uses_every_excuse_and_no_other() -> None:
    embedded = PROFILES["embedded"]
    excused = {criterion.not_applicable for criterion in embedded.criteria.values() if criterion.not_applicable}
    assert excused == {exemption.reason for exemption in EXEMPTIONS.values()}
    assert len(EXEMPTIONS) == 7


def test_what_the_rehearsal_excuses_is_counted() -> None:
    excused = [name for name, criterion in PROFILES["embedded"].criteria.items() if criterion.not_applicable]
    assert len(excused) == 34
    assert "SLA-TPS-GUARANTEE" not in excused


def test_an_acceptance_profile_excuses_nothing() -> None:
    for name in ("rx7800xt", "production", "h100-roadmap", "h100-roadmap-cuda"):
        assert not [criterion for criterion in PROFILES[name].criteria.values() if criterion.not_applicable]


def test_the_rehearsal_of_phase_1_decodes_for_less_than_a_minute() -> None:
    """Planned decode time alone: loading and making the models come on top."""
    single = PROFILES["embedded"].protocol.phase1
    needed = {
        variant: max(single.processes.peak, single.processes.floor if variant == "Q4_K" else 0) for variant in VARIANTS
    }
    judged = sum(needed.values())
    shown = sum(
        cell.runs for variant in VARIANTS for cell in single.cells(variant) if cell.tokens != single.judged_tokens
    )
    assert (judged + shown) * single.min_duration.to("s") < 60


def test_another_card_softens_no_bound_of_the_roadmap_but_the_lengths_of_its_protocol() -> None:
    def promises(name: str) -> dict[str, tuple[object, ...]]:
        return {
            criterion.id: (criterion.kind, criterion.where, criterion.direction, criterion.limit, criterion.confidence)
            for criterion in PROFILES[name].criteria.values()
        }

    roadmap, vulkan, cuda = (promises(name) for name in ("rx7800xt", "h100-roadmap", "h100-roadmap-cuda"))
    assert vulkan == cuda
    # 10,000 requests of 256 tokens are an hour and more of such a card, which is lent by the minute.
    assert [name for name, promise in roadmap.items() if vulkan[name] != promise] == ["P1-BW-SUSTAINED", "P2-REQUESTS"]


def test_another_card_takes_fewer_values_and_believes_none_more_easily() -> None:
    """Fewer values make wider intervals; what makes a value unusable is the same."""
    roadmap = PROFILES["rx7800xt"].gates
    for name in ("h100-roadmap", "h100-roadmap-cuda"):
        gates = PROFILES[name].gates
        assert gates.model_copy(update={"min_runs": roadmap.min_runs}) == roadmap
        assert (gates.min_runs.floor, gates.min_runs.equivalence, gates.min_runs.peak) == (roadmap.min_runs.floor, 5, 5)


def test_the_pilot_excuses_expectations_and_what_minutes_cannot_show() -> None:
    pilot = PROFILES["h100-pilot"]

    assert pilot.kind == "rehearsal"
    excused = {criterion.not_applicable for criterion in pilot.criteria.values() if criterion.not_applicable}
    assert excused == {
        EXEMPTIONS[name].reason
        for name in (
            "absolute expectations",
            "data under version control",
            "walkthrough by a non-author",
            "48 h horizon",
        )
    }
    assert not pilot.criteria["P1-OFFLOAD"].not_applicable
    assert not pilot.criteria["P1-BW-TEMP"].not_applicable


def test_phase_1_and_load_of_another_card_fit_into_a_quarter_of_an_hour() -> None:
    """With what an H100 took with Vulkan, the slower of two: 4 s for a process of one stream to start, load and warm,
    5 s for one of many, and 5.5 s for a life of twelve requests; a level ends with the lives that began in it."""
    protocol = PROFILES["h100-roadmap"].protocol
    cells = [cell for variant in VARIANTS for cell in protocol.phase1.cells(variant)]
    single = sum(cell.runs for cell in cells) * (4 + protocol.phase1.min_duration.to("s"))
    load = protocol.phase2
    levels = load.level_runs * len(load.levels) * (5 + math.ceil(load.level_duration.to("s") / 5.5) * 5.5)
    main = load.processes * 5 + load.requests / load.streams * 5.5
    assert single + protocol.bandwidth.duration.to("s") + levels + main < 15 * 60


def test_a_pilot_is_measured_as_the_profiles_that_it_serves() -> None:
    """A level of another length reads other rates: its bounds would be those of something else."""
    pilot, roadmap = PROFILES["h100-pilot"], PROFILES["h100-roadmap"]

    assert pilot.protocol == roadmap.protocol
    assert pilot.gates == roadmap.gates
