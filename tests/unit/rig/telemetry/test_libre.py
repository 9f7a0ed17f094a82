"""LibreHardwareMonitor's web server tells temperature, clocks and power.

The tree is constructed after what its data.json looks like; nobody's machine was recorded for it.
"""

import json

import pytest

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.rig.telemetry.libre import LibreProbe

NAME = "AMD Radeon RX 7800 XT"
SENSORS = [
    ("temperature", "GPU Core", "61,5 °C"),
    ("temperature", "GPU Hot Spot", "78 °C"),
    ("clock", "GPU Core", "2430,0 MHz"),
    ("clock", "GPU Memory", "1218.5 MHz"),
    ("power", "GPU Package", "212,0 W"),
    ("fan", "GPU Fan", "0 RPM"),
]


def device(name=NAME, index=0, sensors=SENSORS):
    kinds = dict.fromkeys(kind for kind, _, _ in sensors)
    groups = [
        {
            "Text": kind,
            "Children": [
                {"Text": text, "Value": value, "SensorId": f"/gpu-amd/{index}/{kind}/{place}", "Children": []}
                for place, (of, text, value) in enumerate(sensors)
                if of == kind
            ],
        }
        for kind in kinds
    ]
    return {"Text": name, "Children": groups}


def fetch(*devices):
    processor = {
        "Text": "AMD Ryzen",
        "Children": [
            {
                "Text": "Temperatures",
                "Children": [
                    {"Text": "GPU Core", "Value": "99 °C", "SensorId": "/amdcpu/0/temperature/2", "Children": []}
                ],
            }
        ],
    }
    tree = {"Text": "Sensor", "Children": [{"Text": "DESKTOP", "Children": [processor, *devices]}]}
    return lambda: json.dumps(tree).encode()


def test_numbers_of_every_language_are_read():
    probe = LibreProbe(NAME, fetch(device()))

    assert probe.absent == {}
    assert probe.read(()) == {
        "temperature_c": 61.5,
        "hotspot_c": 78,
        "core_clock_mhz": 2430,
        "memory_clock_mhz": 1218.5,
        "power_mw": 212_000,
    }


def test_a_missing_sensor_is_absent():
    probe = LibreProbe(NAME, fetch(device(sensors=SENSORS[:1])))

    assert probe.signals == ("temperature_c",)
    assert probe.absent["hotspot_c"] == "no sensor GPU Hot Spot"


def test_the_gpu_is_found_by_its_name_among_several():
    probe = LibreProbe(
        NAME, fetch(device("AMD Radeon(TM) Graphics", 0, [("temperature", "GPU Core", "40 °C")]), device(index=1))
    )

    assert probe.read(())["temperature_c"] == 61.5


def test_the_only_gpu_may_carry_another_name_and_of_two_none():
    assert LibreProbe("Radeon", fetch(device())).read(())["temperature_c"] == 61.5
    with pytest.raises(RigTrouble, match="another GPU") as trouble:
        LibreProbe("Radeon", fetch(device("A"), device("B", 1)))
    assert trouble.value.found == "it shows A, B"


@pytest.mark.parametrize("tree", [[], None, 5, {"Children": None}, {"Children": [None, {"Children": "x"}]}])
def test_a_tree_of_another_make_shows_no_gpu(tree):
    with pytest.raises(RigTrouble, match="another GPU") as trouble:
        LibreProbe(NAME, lambda: json.dumps(tree).encode())

    assert trouble.value.found == "it shows no GPU"


def test_a_value_that_is_no_number_is_no_reading():
    probe = LibreProbe(NAME, fetch(device(sensors=[("temperature", "GPU Core", "-"), ("power", "GPU Package", "5 W")])))

    assert probe.read(()) == {"power_mw": 5000}


@pytest.mark.parametrize("answer", [OSError("refused"), b"<html>"])
def test_without_the_monitor_the_reason_says_how_to_start_it(answer):
    def told():
        if isinstance(answer, Exception):
            raise answer
        return answer

    with pytest.raises(RigTrouble, match="does not answer") as trouble:
        LibreProbe(NAME, told)

    assert "Remote Web Server" in trouble.value.found
