"""What of a profile a machine can show: each obstacle names its criteria and its reason."""

import pytest
from fakes.checkup import CARD as CARD_OF_PC
from fakes.checkup import checkup, models, readings

from pytest_rawrxd.measure.capability import capability, placements
from pytest_rawrxd.measure.checkup import Shown
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.rig.disk import FREE_BYTES
from pytest_rawrxd.rig.engine.protocol import Device, EngineInfo
from pytest_rawrxd.rig.vulkan import Vulkan, VulkanDevice

ROADMAP = load_profile("rx7800xt")
EMBEDDED = load_profile("embedded")
TEMPERATURE = ["P1-BW-TEMP", "P2-SOAK-TEMP", "SLA-TEMP"]
MEMORY = ["P2-VRAM-LOAD", "P2-SOAK-DRIFT", "P2-SOAK-HOURLY", "P2-SOAK-DELTA"]
CARD = VulkanDevice("a card", "discrete", "1.3.9")
SILENT = (Device("Vulkan0", "a card", "gpu", "vulkan", None, None, "free equals total"),)


def test_the_roadmaps_machine_in_good_order_can_answer_everything():
    able = capability(ROADMAP, checkup())

    assert (able.refused, able.lacking, able.notes) == ((), {}, ())
    assert able.declared == ("P3-OPERATOR", "SLA-MAINTENANCE")


def test_a_missing_signal_takes_its_criteria_with_it():
    able = capability(ROADMAP, checkup(readings=readings(temperature_c="no sensor")))

    assert able.lacking == dict.fromkeys(TEMPERATURE, "temperature_c is not available: no sensor")


def test_a_signal_that_one_of_two_measured_cards_lacks_is_lacking():
    two = ROADMAP.model_copy(update={"hardware": ROADMAP.hardware.model_copy(update={"gpus": 2})})
    good, silent = (Shown(readings(**absent), {}) for absent in ({}, {"temperature_c": "no sensor"}))

    able = capability(two, checkup(gpus=(CARD_OF_PC, CARD_OF_PC), shown=(good, silent)))

    assert able.lacking == dict.fromkeys(TEMPERATURE, "temperature_c of GPU 1 is not available: no sensor")
    assert capability(ROADMAP, checkup(shown=(good, silent))).lacking == {}
    hidden = Shown(readings(clock_reasons="not told"), {})
    assert capability(two, checkup(gpus=(CARD_OF_PC, CARD_OF_PC), shown=(good, hidden))).notes == (
        "clock_reasons of GPU 1 is not available (not told): throttling shows only where clocks and throughput fall "
        "together",
    )


@pytest.mark.parametrize(
    ("absent", "devices", "lacks"),
    [
        (["memory_used_bytes"], SILENT, []),
        (["process_memory_bytes"], SILENT, []),
        (["memory_used_bytes", "process_memory_bytes"], SILENT, MEMORY),
        (["memory_used_bytes", "process_memory_bytes"], None, []),
    ],
    ids=["the process's is enough", "the device's is enough", "neither", "the engine tells its own"],
)
def test_memory_has_three_sources(absent, devices, lacks):
    changes = {"devices": devices} if devices else {}
    able = capability(ROADMAP, checkup(readings=readings(**dict.fromkeys(absent, "not told")), **changes))

    assert list(able.lacking) == lacks


def test_an_engine_on_the_processor_shows_no_gpu():
    able = capability(ROADMAP, checkup(engine=EngineInfo("rawrxd", "1", "", "cpu", "", "")))

    assert set(TEMPERATURE + MEMORY) <= set(able.lacking)
    assert "computes on the CPU" in able.lacking["SLA-TEMP"]
    assert able.notes == ("the engine computes with cpu, the target with vulkan: a run is a REHEARSAL",)


def test_a_rehearsal_on_the_processor_needs_no_gpu():
    processor = EngineInfo("llama.cpp", "1", "", "cpu", "", "")
    found = checkup(gpus=(), engine=processor, models=None, readings=readings(temperature_c="no GPU"), devices=())
    able = capability(EMBEDDED, found)

    assert (able.refused, able.lacking, able.notes) == ((), {}, ())


def test_a_variant_without_a_file_takes_its_criteria_with_it():
    able = capability(ROADMAP, checkup(models=models(Q2_K=3, Q4_K=5)))

    assert set(able.lacking.values()) == {
        f"there is no file of {variant}" for variant in ("Q5_K_M", "Q6_K", "Q8_0", "Hybrid")
    }
    assert able.lacking["P1-VRAM-Q6_K"] == "there is no file of Q6_K"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"engine": None, "reasons": {"engine": "no module llama_cpp"}}, "no engine: no module llama_cpp"),
        ({"gpus": ()}, "the profile measures 1 GPU, this machine shows 0"),
        ({"models": None, "reasons": {"models": "no folder is named"}}, "no models: no folder is named"),
        ({"disk_free": FREE_BYTES - 1}, "537 MB free on the disk, a run needs 537 MB"),
    ],
)
def test_what_stops_a_run_before_it_begins(changes, said):
    assert capability(ROADMAP, checkup(**changes)).refused == (said,)


def test_just_enough_room_is_enough():
    assert capability(ROADMAP, checkup(disk_free=FREE_BYTES)).refused == ()


@pytest.mark.parametrize(("share", "noted"), [(0.1, False), (0.101, True)])
def test_a_busy_host_is_noted_above_the_profiles_gate(share, noted):
    notes = capability(ROADMAP, checkup(foreign_share=share)).notes

    said = "other programs use 10.1 % of the processor, the profile allows 10 %: runs would be INVALID"
    assert notes == ((said,) if noted else ())


@pytest.mark.parametrize(
    ("vulkan", "reasons", "said"),
    [
        (
            Vulkan("1.4.1", (VulkanDevice("a card", "discrete", "1.3.9"),)),
            {},
            "Vulkan 1.4 is promised, a card offers 1.3.9",
        ),
        (
            Vulkan("1.4.1", (VulkanDevice("llvmpipe", "cpu", "1.4.9"), CARD)),
            {},
            "Vulkan 1.4 is promised, a card offers 1.3.9",
        ),
        (Vulkan("1.4.1", ()), {}, "Vulkan 1.4 is promised: no driver offers a device"),
        (None, {"vulkan": "no Vulkan loader"}, "Vulkan 1.4 is promised: no Vulkan loader"),
    ],
)
def test_a_vulkan_older_than_promised_is_noted(vulkan, reasons, said):
    assert capability(ROADMAP, checkup(vulkan=vulkan, reasons=reasons)).notes == (said,)


def test_another_engine_is_a_rehearsal_and_blind_gates_are_named():
    absent = readings(clock_reasons="not told", shared_used_bytes="not told")
    notes = capability(
        ROADMAP, checkup(engine=EngineInfo("llama.cpp", "1", "", "vulkan", "", ""), readings=absent)
    ).notes

    assert [note.split(":")[-1].strip() for note in notes] == [
        "a run is a REHEARSAL",
        "throttling shows only where clocks and throughput fall together",
        "a model that spills into the host's memory is not noticed",
    ]


def test_a_model_that_does_not_fit_is_noted_with_its_arithmetic():
    notes = capability(ROADMAP, checkup(models=models(Q2_K=3, Q4_K=5, Q5_K_M=6, Q6_K=7, Q8_0=17, Hybrid=4))).notes

    assert len(notes) == 1
    assert notes[0].startswith("Q8_0 does not fit: weights 17.00 GB + KV 0.27 GB + headroom 0.50 GB > usable 16.40 GB")


def test_the_load_tests_variant_needs_room_for_all_its_streams():
    placed = placements(ROADMAP, checkup())

    assert "KV 0.81 GB" in placed["Q4_K"].arithmetic
    assert "KV 0.27 GB" in placed["Q2_K"].arithmetic


@pytest.mark.parametrize(("version", "noted"), [("1.3.9", True), ("1.4.0", False)])
def test_beside_a_graphics_unit_in_the_processor_the_card_is_meant(version, noted):
    integrated = VulkanDevice("AMD Radeon Graphics (RADV RAPHAEL)", "integrated", "1.4.303" if noted else "1.3.9")
    card = VulkanDevice("AMD Radeon RX 7800 XT (RADV NAVI32)", "discrete", version)

    assert bool(capability(ROADMAP, checkup(vulkan=Vulkan("1.4.303", (integrated, card)))).notes) is noted
