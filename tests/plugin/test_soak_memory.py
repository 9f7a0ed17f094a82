"""The suite while it watches a soak: small, and no larger at its end, at a rate of records that no soak reaches."""

from __future__ import annotations

from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.places import package_data
from pytest_rawrxd.verdict.soak import soak_run
from pytest_rawrxd.verdict.soak_memory import instrument

PROMISED_MB = 150
FLAT_MB = 5  #: over the records of 48 hours: a page cache of the allocator, no leak
RECORDS = 10_000  #: of the roadmap's soak: 5,200 bursts, 2,900 blocks, 576 samples, checkpoints

HIGH_RATE = """
title = "a soak at a high rate"
kind = "rehearsal"
extends = "embedded"

[protocol.soak]
duration = "6 s"
tokens = 4
burst_every = "0.01 s"
burst_requests = [4, 8]
idle_every = "3 s"
idle = ["0.01 s", "0.02 s"]
restart_every = "2 s"
settle = "0.5 s"
sample_every = "0.05 s"
thermal_every = "0.05 s"
checkpoint_every = "0.5 s"
review_every = "3 s"
downtime_max = "90 %"

[protocol.phase2]
block = "0.05 s"
"""


def test_the_suite_stays_small_and_flat_over_the_records_of_two_days(acceptance):
    acceptance.write_profile(base=HIGH_RATE)
    (acceptance.pytester.path / "acceptance" / "test_guarantee.py").unlink()
    module = package_data("acceptance") / "phase2" / "test_soak.py"
    acceptance.write_test(module.read_text(encoding="utf-8"), module.name)

    acceptance.run("-q", "-p", "no:cacheprovider", engine="scripted-process:steady", alone=True)

    run = soak_run(Evidence.read(acceptance.run_dir))
    written = sum(map(len, run.records.values()))
    found = instrument(run)
    assert written > RECORDS / 20
    assert found.most < PROMISED_MB
    assert (abs(found.change) + found.half) * RECORDS / written < FLAT_MB, found
