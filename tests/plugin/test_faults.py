"""The fault campaign of a session whose engine is no service."""

from pytest_rawrxd.places import package_data


def test_an_engine_that_nobody_can_restart_leaves_its_faults_not_measured(acceptance):
    acceptance.write_profile(
        base="""extends = "embedded"
title = "a rehearsal of the rehearsal"
kind = "rehearsal"
"""
    )
    module = package_data("acceptance") / "phase2" / "test_faults.py"
    acceptance.write_test(module.read_text(encoding="utf-8"), module.name)

    acceptance.run("-k", "lost or recovers")

    entry = acceptance.verdicts()["P2-LOSS"]
    assert entry["verdict"] == "NOT MEASURED"
    assert entry["reason"].startswith("no faults were injected: ")
