"""Recorded machines are read again: each signal from the source that the doctor named there, or absent as it was."""

import json
from pathlib import Path

import pytest

from pytest_rawrxd.measure.checkup import from_dict
from pytest_rawrxd.rig.telemetry import open_probes
from pytest_rawrxd.rig.telemetry.recording import place_of, replayed
from pytest_rawrxd.rig.telemetry.sources import sources

MACHINES = sorted(path.parent for path in (Path(__file__).parents[3] / "machines").glob("*/doctor.json"))


def test_there_are_machines():
    assert MACHINES


@pytest.mark.parametrize("folder", MACHINES, ids=lambda folder: folder.name)
def test_a_recorded_machine_reads_as_its_doctor_said(folder):
    found = from_dict(json.loads((folder / "doctor.json").read_text(encoding="utf-8")), Path("reports"))
    system = found.host.os.split()[0]
    for index, (gpu, shown) in enumerate(zip(found.gpus or (None,), found.shown, strict=True)):
        reads_as_it_was_said(sources(gpu, replayed(place_of(folder, index), system)), gpu, shown)


def reads_as_it_was_said(candidates, gpu, shown):
    of_gpu = [reading for reading in shown.readings if reading.signal.of == "device"]
    with open_probes((), gpu=gpu, candidates=candidates) as telemetry:
        telemetry.read()  # the doctor reads twice
        values = telemetry.read()
        assert {reading.signal.name: telemetry.source(reading.signal.name) for reading in of_gpu} == {
            reading.signal.name: reading.source for reading in of_gpu
        }
        assert {name for name, value in values.items() if value is None} >= {
            reading.signal.name for reading in of_gpu if reading.source is None
        }
        for reading in of_gpu:
            known = shown.values.get(reading.signal.name) is not None
            assert (values[reading.signal.name] is not None) is known, reading.signal.name
