"""What GitHub's own pages say of a run: a summary and an annotation for each criterion that is not met."""

import pytest

from pytest_rawrxd.report.github import job_summary, step_outputs, workflow_commands


@pytest.fixture(scope="session")
def summary(view):
    return job_summary(view)


def test_the_summary_says_each_phase_with_its_measured_criteria(view, summary):
    for phase in view.phases:
        assert phase.title in summary
    measured = [each.id for phase in view.phases for each in phase.criteria if each.evidence]
    assert measured
    for identifier in measured:
        assert f"| {identifier.replace('_', chr(92) + '_')} |" in summary


def test_every_criterion_that_is_not_met_is_annotated_and_no_other(view):
    told = [line.split("title=")[1].split("::")[0] for line in workflow_commands(view).splitlines()]
    # NOT CLAIMED, NOT MEASURED and INCONCLUSIVE are no better than FAIL: each keeps a phase from being signed.
    wanted = [
        f"{each.id} {each.verdict}"
        for phase in view.phases
        if any(each.evidence for each in phase.criteria)
        for each in phase.criteria
        if each.verdict.value not in {"PASS", "WAIVED", "NOT APPLICABLE"}
    ]

    assert wanted
    assert told == wanted


def test_a_failure_is_an_error_and_what_decides_nothing_a_notice(view):
    levels = {
        line.split("title=")[1].split(" ")[0]: line.split(" ")[0] for line in workflow_commands(view).splitlines()
    }
    for phase in view.phases:
        for each in phase.criteria:
            if each.id in levels and each.informative:
                assert levels[each.id] == "::notice"
            elif each.id in levels and each.verdict.value in {"FAIL", "INVALID"}:
                assert levels[each.id] == "::error"


def test_no_line_of_an_explanation_begins_a_command_of_its_own(view):
    commands = workflow_commands(view)

    assert "%0A" in commands  # explanations have several lines
    assert all(line.startswith(("::error ", "::warning ", "::notice ")) for line in commands.splitlines())


def test_a_later_job_is_told_whether_this_can_be_an_acceptance(view, sample):
    verdicts = sample.make_verdicts()
    verdicts["state"] = {number: {**state, "rehearsal": False} for number, state in verdicts["state"].items()}

    assert step_outputs(view) == "rehearsal=true\n"
    assert step_outputs(sample.make_view(verdicts)) == "rehearsal=false\n"
