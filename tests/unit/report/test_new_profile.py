"""A pilot on another card becomes a profile that loads strictly and that the card keeps."""

from __future__ import annotations

import tomllib
from pathlib import Path

import numpy as np
import pytest

from pytest_rawrxd.profile import Profile, load_profile
from pytest_rawrxd.profile.toml import comment, table
from pytest_rawrxd.report.new_profile import profile_toml
from pytest_rawrxd.verdict.pilot import Pilot
from pytest_rawrxd.verdict.pilot.bound import Bound, Figure
from pytest_rawrxd.verdict.pilot.planning import Measured
from pytest_rawrxd.verdict.pilot.single import Variant

BASE = load_profile("rx7800xt")


def variant(name: str) -> Variant:
    values = np.array([127.0, 128.0, 129.0, 128.0, 128.0])
    return Variant(name, Figure(f"{name}, 256 tokens", "tok/s", values, ("pilot-1",), BASE.gates), 5.0)


def made(**given: object) -> Pilot:
    values = {
        "runs": ("pilot-1",),
        "item": "llama.cpp b1, cuda",
        "engine": "llama.cpp",
        "backend": "cuda",
        "gpu": "NVIDIA GeForce RTX 4090",
        "gpus": 1,
        "boards": 1,
        "vram_gib": 23.988,
        "variants": (variant("Q4_K"), variant("Q8_0")),
        "unusable": {"Q2_K": "2 processes, at least 3"},
        "bounds": {
            "P1-TPS-Q4_K": Bound("within", (124.0, 132.0), "tok/s", "Pilot pilot-1: Q4_K", "k2 5.094", 128.0),
            "P2-LAT-P50-10": Bound("at_most", (9.5,), "ms", "Pilot pilot-1: P75 at 10 streams", "k1 4.203"),
            "P2-EFF-8": Bound("at_least", (41.25,), "%", "Pilot pilot-1: efficiency", "k1 4.203", 45.0),
        },
        "refuted": {"P1-BOTTLENECK": "Pilot pilot-1: REFUTED"},
        "kept": {"P2-AGG": "no run of 12 streams", "P2-EXP-AGG": "no run of 12 streams", "P1-TPS-Q2_K": "none of it"},
        "measured": {"memory_page": Measured("6 MiB", "Pilot pilot-1: movement")},
        "unmeasured": {"planning_design_effect": "no run of 12 streams with 10 usable blocks"},
        "otherwise": ("pilot-1: protocol.phase2.level_duration was 6 s, here it is 2 min",),
        **given,
    }
    return Pilot(**values)


def load(text: str, folder: Path) -> Profile:
    path = folder / "other.toml"
    path.write_text(text, encoding="utf-8")
    return load_profile(str(path))


def test_the_profile_loads_strictly_and_has_the_measured_bounds(tmp_path: Path) -> None:
    profile = load(profile_toml(made(), BASE), tmp_path)

    assert profile.kind == "acceptance"
    assert profile.models.variants == ("Q4_K", "Q8_0")
    assert profile.hardware.gpu == "NVIDIA GeForce RTX 4090"
    assert profile.hardware.peak_bandwidth is None
    assert (profile.target.engine, profile.target.backend) == ("llama.cpp", "cuda")
    criteria = profile.criteria
    assert (criteria["P1-TPS-Q4_K"].limit, criteria["P1-TPS-Q4_K"].expected) == ((124.0, 132.0), 128.0)
    assert (criteria["P2-LAT-P50-10"].limit, criteria["P2-LAT-P50-10"].bound_of) == (9.5, None)
    assert (criteria["P2-EFF-8"].limit, criteria["P2-EFF-8"].expected) == (41.25, 45.0)
    assert criteria["P1-MATRIX"].limit == 2
    assert criteria["P1-BOTTLENECK"].informative
    assert not {"P1-TPS-Q2_K", "P1-CHAMPION", "P1-HYBRID"} & criteria.keys()
    assert criteria["P2-AGG"].limit == BASE.criteria["P2-AGG"].limit
    assert str(profile.gates.memory_page) == "6 MiB"
    assert profile.gates.planning_design_effect == BASE.gates.planning_design_effect


def test_what_follows_a_bound_follows_the_new_one(tmp_path: Path) -> None:
    bounds = {"P2-LAT-P95": Bound("at_most", (16.78,), "ms", "Pilot pilot-1: P97.5", "k1 4.203")}

    criteria = load(profile_toml(made(bounds=bounds), BASE), tmp_path).criteria

    assert {criteria[name].limit for name in ("P2-LAT-P95", "SLA-LAT-P95", "P2-SOAK-P95")} == {16.78}


def test_the_rule_its_source_and_the_figures_stand_in_the_file() -> None:
    text = profile_toml(made(), BASE)

    assert "ISO 16269-6:2014" in text
    assert "Howe" in text
    assert "#   floor        mean - k1 s, at least 3 % below the mean, / (1 + 1.645 x 0.1 %)" in text
    assert "# Q4_K        5         128  0.7071  0.5524 %  4.203  5.094" in text
    assert "# Q2_K: no bounds, 2 processes, at least 3" in text
    assert "# k2 5.094\n[criteria.P1-TPS-Q4_K]\nsource = " in text
    assert max(map(len, text.splitlines())) <= 120


def test_what_the_pilot_cannot_support_is_listed_by_its_reason() -> None:
    text = profile_toml(made(), BASE)

    assert "# Bounds that stay as rx7800xt has them, and why the pilot supports no other:\n" in text
    assert "#   no run of 12 streams: P2-AGG, P2-EXP-AGG\n" in text
    assert "# gates.planning_design_effect stays rx7800xt's: no run of 12 streams with 10 usable blocks.\n" in text
    assert (
        "# A pilot was not measured as rx7800xt measures:\n"
        "#   pilot-1: protocol.phase2.level_duration was 6 s, here it is 2 min\n"
    ) in text
    assert "none of it" not in text  # its criterion is dropped with the variant


def test_a_base_of_the_same_card_keeps_its_hardware(tmp_path: Path) -> None:
    roadmap = load_profile("h100-roadmap")

    profile = load(profile_toml(made(gpu=roadmap.hardware.gpu), roadmap), tmp_path)

    assert profile.hardware == roadmap.hardware
    assert profile.protocol.phase2 == roadmap.protocol.phase2


@pytest.mark.parametrize("names", [("Q4_K",), ("Q2_K",), ("Q2_K", "Q4_K", "Q5_K_M", "Q6_K", "Q8_0", "Hybrid")])
def test_any_set_of_variants_gives_a_profile_that_loads(tmp_path: Path, names: tuple[str, ...]) -> None:
    found = load(profile_toml(made(variants=tuple(map(variant, names)), bounds={}), BASE), tmp_path)

    assert found.models.variants == names
    assert found.protocol.phase2.variant in names
    assert found.protocol.bandwidth.variant in names


def test_a_machine_without_a_gpu_leaves_the_hardware_out(tmp_path: Path) -> None:
    found = load(profile_toml(made(gpu=None, gpus=0, vram_gib=None, backend="cpu"), BASE), tmp_path)

    assert found.hardware.gpu is None
    assert found.lanes == 1


HOSTILE = 'x"\n[target]\nitem = "signed"\x00\u202e\\'


def test_a_hostile_name_cannot_write_toml(tmp_path: Path) -> None:
    hostile = Bound("within", (124.0, 132.0), "tok/s", HOSTILE, HOSTILE)
    text = profile_toml(
        made(
            item=HOSTILE,
            engine=HOSTILE,
            gpu=HOSTILE,
            runs=(HOSTILE,),
            unusable={"Q2_K": HOSTILE},
            bounds={"P1-TPS-Q4_K": hostile},
            refuted={"P1-BOTTLENECK": HOSTILE},
            kept={"P2-AGG": HOSTILE},
            measured={"memory_page": Measured("6 MiB", HOSTILE)},
        ),
        BASE,
    )

    found = load(text, tmp_path)
    assert found.target.item.startswith('x"\n[target]')
    assert found.target.backend == "cuda"
    assert found.criteria["P1-BOTTLENECK"].source == HOSTILE


def test_texts_survive_a_round_trip_and_comments_stay_one_line() -> None:
    text = table(("a", "b c"), {"t": HOSTILE, "n": 3, "yes": True, "list": ["x", HOSTILE] * 9}, [HOSTILE])

    assert tomllib.loads(text) == {"a": {"b c": {"t": HOSTILE, "n": 3, "yes": True, "list": ["x", HOSTILE] * 9}}}
    assert "\n" not in comment(HOSTILE)
