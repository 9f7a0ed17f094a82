"""Phase 3 as its user meets it: the shipped acceptance tests, on a run in which nothing real was measured."""

import pytest

from pytest_rawrxd.places import package_data


@pytest.fixture
def phase3(acceptance):
    """A session with the acceptance tests of phase 3 that ship."""
    for module in sorted((package_data("acceptance") / "phase3").glob("test_*.py")):
        acceptance.write_test(module.read_text(encoding="utf-8"), module.name)
    return acceptance


def of_phase_3(session):
    return {name: entry for name, entry in session.verdicts().items() if entry["phase"] == 3}


def test_an_engine_that_plays_a_script_completes_no_document(phase3):
    """It decodes, promptly and within its promise, and the documents of it are still none."""
    done = phase3.run()
    found = of_phase_3(phase3)

    assert done.ret == 1
    assert phase3.verdicts()["SLA-TPS-GUARANTEE"]["verdict"] == "PASS"
    assert [name for name, entry in found.items() if not entry["claimed_by"] and name != "P3-OPERATOR"] == []
    for name, entry in found.items():
        assert entry["verdict"] == ("NOT APPLICABLE" if name == "P3-OPERATOR" else "NOT MEASURED"), name
    assert "plays a script" in found["P3-MEASURED"]["reason"]
    assert not (phase3.run_dir / "docs").exists()


def test_an_acceptance_asks_for_the_walk_and_the_declaration(phase3):
    """What a rehearsal is excused from stays open there, and the release with it."""
    (phase3.pytester.path / "acceptance" / "test_guarantee.py").unlink()  # nothing has to be measured for this
    runbook = package_data("acceptance") / "phase2" / "test_written_down.py"
    phase3.write_test(runbook.read_text(encoding="utf-8"), runbook.name)
    phase3.write_profile(
        base='title = "the roadmap against a scripted engine"\nextends = "rx7800xt"\nkind = "acceptance"\n'
    )
    assert phase3.run().ret == 1
    found = phase3.verdicts()

    for name in ("P3-OPERATOR", "SLA-MAINTENANCE"):
        assert found[name]["verdict"] == "NOT MEASURED"
        assert "rawrxd walkthrough" in found[name]["next"]
    assert found["P3-RELEASE"]["verdict"] == "NOT MEASURED"
