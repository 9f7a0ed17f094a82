"""An acceptance session, from the promise to the exit code, as its user meets it."""

import pytest

from pytest_rawrxd.evidence.waivers import record_waivers
from pytest_rawrxd.measure.clock import SYSTEM

KEPT = "SLA-TPS-GUARANTEE*PASS*"


def test_a_kept_promise_ends_with_0_and_a_page(acceptance):
    result = acceptance.run()

    assert result.ret == 0
    result.stdout.fnmatch_lines(["*profile small (REHEARSAL*", f"*{KEPT}", "*REHEARSAL INCOMPLETE*"])
    assert acceptance.verdicts()["SLA-TPS-GUARANTEE"]["verdict"] == "PASS"
    page = (acceptance.run_dir / "signoff-phase1.html").read_text()
    assert "REHEARSAL" in page
    assert "SLA-TPS-GUARANTEE" in page


def test_a_broken_promise_is_a_failed_assertion_with_the_whole_story(acceptance):
    acceptance.write_profile('[criteria.SLA-TPS-GUARANTEE]\nat_least = "100 tok/s"\n')

    result = acceptance.run()

    assert result.ret == 1
    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(
        [
            "E*assert SLA-TPS-GUARANTEE: *measured * tok/s [[]*[]], required >= 100 tok/s",
            "E*missed by * tok/s (*%); 5 runs, confidence * %",
            "E*bound from *small.toml:9",
        ]
    )
    assert acceptance.verdicts()["SLA-TPS-GUARANTEE"]["verdict"] == "FAIL"


@pytest.mark.parametrize(
    ("engine", "verdict", "says"),
    [
        ("scripted:crash", "INVALID", "*Invalid: SLA-TPS-GUARANTEE*"),
        ("scripted:eos", "INVALID", "*a generation ended before its token limit*ended by stop*"),
        ("scripted:zero-variance", "INVALID", "*same raw duration*"),
        ("scripted:hang", "INVALID", "*Invalid: SLA-TPS-GUARANTEE*"),
    ],
)
def test_evidence_that_cannot_be_used_is_no_failed_promise(acceptance, engine, verdict, says):
    result = acceptance.run(engine=engine)

    assert result.ret == 1
    result.stdout.fnmatch_lines([says])
    assert acceptance.verdicts()["SLA-TPS-GUARANTEE"]["verdict"] == verdict


def test_a_crash_of_the_engine_is_recorded_and_the_session_goes_on(acceptance):
    acceptance.write_test("def test_after(): pass\n", "test_later.py")

    result = acceptance.run(engine="scripted:crash")

    result.assert_outcomes(failed=1, passed=1)
    troubles = acceptance.records("trouble")
    assert troubles
    assert troubles[0]["data"]["type"] == "EngineCrashed"
    assert acceptance.verdicts()["SLA-TPS-GUARANTEE"]["evidence"] == [trouble["id"] for trouble in troubles]


def test_a_second_session_joins_the_same_campaign(acceptance):
    assert acceptance.run().ret == 0
    assert acceptance.run().ret == 0

    entry = acceptance.verdicts()["SLA-TPS-GUARANTEE"]
    assert entry["n"] == 10
    assert {identifier[:4] for identifier in entry["evidence"]} == {"s001", "s002"}


def test_another_engine_does_not_join_the_campaign(acceptance):
    assert acceptance.run().ret == 0
    before = acceptance.records("session.start")

    result = acceptance.run(engine="scripted:slow")

    assert result.ret == 4
    result.stderr.fnmatch_lines(["*belongs to another identity*", "*engine.*steady*slow*"])
    assert acceptance.records("session.start") == before


def test_a_selection_leaves_the_rest_not_measured(acceptance):
    acceptance.write_profile(
        """
        [criteria.P1-TPS-OTHER]
        title = "Another variant is fast enough"
        source = "a test of the instrument"
        kind = "floor"
        metric = "decode_tps"
        where = { variant = "Q2_K", tokens = 64 }
        at_least = "1 tok/s"
        """
    )
    acceptance.write_test(
        """
import pytest

@pytest.mark.phase1
@pytest.mark.sla("P1-TPS-OTHER")
def test_other(): ...
""",
        "test_other.py",
    )

    result = acceptance.run("-k", "guarantee")

    assert result.ret == 1
    assert acceptance.verdicts()["SLA-TPS-GUARANTEE"]["verdict"] == "PASS"
    assert acceptance.verdicts()["P1-TPS-OTHER"]["verdict"] == "NOT MEASURED"


def test_a_test_that_forgets_its_claim_is_a_defect_of_the_suite(acceptance):
    acceptance.write_test('import pytest\n\n@pytest.mark.sla("SLA-TPS-GUARANTEE")\ndef test_guarantee(sla): ...\n')

    result = acceptance.run()

    assert result.ret == 1
    result.stdout.fnmatch_lines(["*SuiteDefect: a test ended without deciding the criteria it claims*"])


@pytest.mark.parametrize(
    ("comparison", "says"),
    [
        ('decode(variant="Q4_K").throughput <= sla["SLA-TPS-GUARANTEE"]', "*compared with the wrong operator*"),
        ('decode(variant="Q2_K").throughput >= sla["SLA-TPS-GUARANTEE"]', "*another quantity than the profile names*"),
        (
            'decode(variant="Q4_K").time_per_token >= sla["SLA-TPS-GUARANTEE"]',
            "*another quantity than the profile names*",
        ),
        ('decode(variant="Q4_K").throughput >= sla["P1-MATRIX"]', "*does not claim P1-MATRIX*"),
    ],
)
def test_a_comparison_with_the_wrong_thing_is_a_defect_of_the_suite(acceptance, comparison, says):
    acceptance.write_test(
        f'import pytest\n\n@pytest.mark.sla("SLA-TPS-GUARANTEE")\ndef test_it(decode, sla):\n    assert {comparison}\n'
    )

    result = acceptance.run()

    assert result.ret == 1
    result.stdout.fnmatch_lines([f"*SuiteDefect: {says}"])


def test_what_a_rehearsal_cannot_do_is_skipped_with_its_reason(acceptance):
    acceptance.write_test(
        """
import pytest

@pytest.mark.sla("P1-TPS-Q4_K")
def test_expectation(): raise AssertionError("must not run")
""",
        "test_expectation.py",
    )

    result = acceptance.run("-rs")

    assert result.ret == 0
    result.stdout.fnmatch_lines(["*P1-TPS-Q4_K: NOT APPLICABLE*"])
    assert acceptance.verdicts()["P1-TPS-Q4_K"]["verdict"] == "NOT APPLICABLE"


def test_a_session_in_which_everything_was_skipped_is_not_accepted(acceptance):
    acceptance.write_test(
        """
import pytest

@pytest.mark.sla("SLA-TPS-GUARANTEE")
@pytest.mark.skip(reason="why not")
def test_it(): ...
"""
    )

    assert acceptance.run().ret == 1
    # It was no dead process: a reader is told what kept the test from its comparison.
    assert "test_it was skipped: why not" in acceptance.verdicts()["SLA-TPS-GUARANTEE"]["reason"]


def test_a_waived_breach_fails_no_test_and_no_session(acceptance):
    acceptance.write_profile('[criteria.SLA-TPS-GUARANTEE]\nat_least = "100 tok/s"\n')
    assert acceptance.run().ret == 1
    waiver = (
        '[[waiver]]\ncriterion = "SLA-TPS-GUARANTEE"\nowner = "o"\nreason = "r"\nticket = "T-1"\n'
        'expiry = 2999-12-31\ncompensating_measure = "c"\n'
    )
    record_waivers(acceptance.run_dir, waiver.encode(), SYSTEM.wall().date(), SYSTEM)

    result = acceptance.run()

    assert result.ret == 0
    result.assert_outcomes(passed=1)
    assert acceptance.verdicts()["SLA-TPS-GUARANTEE"]["verdict"] == "WAIVED"


def test_a_skipped_test_decides_nothing_though_its_evidence_is_there(acceptance):
    acceptance.run()
    path = acceptance.pytester.path / "acceptance" / "test_guarantee.py"
    path.write_text(path.read_text().replace("    assert decode", "    pytest.skip('why not')\n    assert decode"))

    assert acceptance.run().ret == 1
    entry = acceptance.verdicts()["SLA-TPS-GUARANTEE"]
    assert (entry["verdict"], entry["next"]) == ("NOT MEASURED", "run it into the same run directory")
    assert entry["reason"].endswith("::test_guarantee was skipped: why not")


def test_only_collecting_measures_nothing(acceptance):
    result = acceptance.run("--collect-only")

    assert result.ret == 0
    assert not acceptance.run_dir.exists()


def test_an_interrupted_session_reports_what_was_finished(acceptance):
    acceptance.write_test("def test_later(): raise KeyboardInterrupt\n", "test_later.py")

    result = acceptance.run(alone=True)

    assert result.ret == 2
    assert acceptance.verdicts()["SLA-TPS-GUARANTEE"]["verdict"] == "PASS"
    assert acceptance.records("session.end")[0]["data"]["why"] == "interrupted"


def test_a_killed_session_keeps_everything_written_so_far(acceptance):
    acceptance.write_test("import os\n\ndef test_later(): os._exit(9)\n", "test_later.py")

    assert acceptance.run(alone=True).ret == 9
    assert not (acceptance.run_dir / "verdicts.json").exists()

    assert acceptance.pytester.run("rawrxd", "judge", str(acceptance.run_dir)).ret == 0
    assert acceptance.verdicts()["SLA-TPS-GUARANTEE"]["verdict"] == "PASS"


def test_a_worker_measures_for_its_controller(acceptance):
    result = acceptance.run("-n", "1", alone=True)

    assert result.ret == 0
    entry = acceptance.verdicts()["SLA-TPS-GUARANTEE"]
    assert entry["verdict"] == "PASS"
    assert all(identifier.startswith("s001-gw0-") for identifier in entry["evidence"])


def test_judging_again_needs_no_engine_and_changes_no_byte(acceptance):
    acceptance.run(alone=True)
    before = {path: path.read_bytes() for path in acceptance.run_dir.rglob("*") if path.is_file()}

    result = acceptance.pytester.run("rawrxd", "judge", str(acceptance.run_dir))

    assert result.ret == 0
    result.stdout.fnmatch_lines([f"*{KEPT}"])
    assert {path: path.read_bytes() for path in acceptance.run_dir.rglob("*") if path.is_file()} == before
