"""A person is led through the guide, and what is signed decides: by another than the author, about this guide."""

import shutil
from datetime import UTC, date, datetime

import pytest
from fakes.charts import save_nothing
from matplotlib.figure import Figure

from pytest_rawrxd.cli import main
from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.measure.guide import STEPS
from pytest_rawrxd.places import package_data
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.report.render import render
from pytest_rawrxd.report.signing.attested import unattested
from pytest_rawrxd.report.signing.keys import generate, load_keys, load_signer
from pytest_rawrxd.report.signing.verify import verify
from pytest_rawrxd.report.walkthrough import walk
from pytest_rawrxd.verdict.answers.operator_walkthrough import operator_walkthrough
from pytest_rawrxd.verdict.answers.planned_maintenance import planned_maintenance
from pytest_rawrxd.verdict.judge import judge
from pytest_rawrxd.verdict.outcome import Verdict

ROLE = "DevOps Lead"
CRITERION = load_profile("rx7800xt").criteria["P3-OPERATOR"]
MAINTENANCE = load_profile("rx7800xt").criteria["SLA-MAINTENANCE"]


class Clock:
    """A clock that stands still."""

    def wall(self):
        return datetime(2026, 1, 10, 9, tzinfo=UTC)

    def monotonic_ns(self):
        return 1


@pytest.fixture
def run_dir(tmp_path):
    copy = tmp_path / "run"
    shutil.copytree(package_data("fixtures") / "recordings" / "h100-load-vulkan", copy)
    return copy


@pytest.fixture
def keys(tmp_path):
    """The walker's pair and the author's."""
    return generate(tmp_path / "walker", ROLE, None), generate(tmp_path / "author", "Technical Lead", None)


def walked(run_dir, keys, *, answers=None, author=None, role=ROLE, maintenance=("",)):
    (private, _), (_, authors) = keys
    said = iter([*(answers or ["y", ""] * len(STEPS)), *maintenance])
    shown = []
    walk(
        run_dir,
        role=role,
        signer=load_signer(private, str),
        author=author or authors,
        windows=False,
        ask=lambda _: next(said),
        say=shown.append,
        clock=Clock(),
    )
    return "\n".join(shown)


def judged(run_dir):
    return operator_walkthrough(Evidence.read(run_dir), CRITERION)[0]


def test_without_an_attestation_nothing_is_measured(run_dir):
    assert judged(run_dir).verdict is Verdict.NOT_MEASURED


def test_every_step_seen_by_another_than_the_author_is_a_pass(run_dir, keys):
    shown = walked(run_dir, keys)
    found = judged(run_dir)

    assert found.verdict is Verdict.PASS
    assert f"{ROLE} followed {len(STEPS)} steps" in found.reason
    for step in STEPS:
        assert step.bash.splitlines()[0] in shown


def test_a_step_that_could_not_be_done_breaks_it(run_dir, keys):
    answers = ["y", ""] * (len(STEPS) - 1) + ["n", "the server did not stop"]
    walked(run_dir, keys, answers=answers)

    assert judged(run_dir).verdict is Verdict.FAIL
    assert "the server did not stop" in judged(run_dir).reason


def test_an_answer_that_is_neither_yes_nor_no_is_asked_again(run_dir, keys):
    walked(run_dir, keys, answers=["maybe", "", "y", "port was taken"] + ["y", ""] * (len(STEPS) - 1))

    assert judged(run_dir).verdict is Verdict.PASS
    assert "1 with a deviation" in judged(run_dir).reason


def test_the_author_cannot_attest(run_dir, keys):
    (_, own), _ = keys
    with pytest.raises(UsageProblem, match="author"):
        walked(run_dir, keys, author=own)
    assert judged(run_dir).verdict is Verdict.NOT_MEASURED


def test_a_role_that_the_profile_does_not_name_cannot_attest(run_dir, keys):
    with pytest.raises(UsageProblem, match="no such role"):
        walked(run_dir, keys, role="Passer-by")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param(lambda data: data["statement"].update(at="2026-02-01"), "signature", id="another day"),
        pytest.param(lambda data: data["statement"]["steps"][0].update(done=False), "signature", id="another answer"),
        pytest.param(lambda data: data.update(author_key=data["public_key"]), "author's own key", id="the author"),
        pytest.param(lambda data: data.update(signature="00" * 64), "signature", id="no signature"),
        pytest.param(lambda data: data["statement"].update(run="another"), "another run", id="another run"),
        pytest.param(lambda data: data["statement"].update(guide="0" * 64), "has changed", id="another guide"),
        pytest.param(lambda data: data["statement"]["steps"].pop(), "every step", id="a step less"),
    ],
)
def test_what_was_changed_after_signing_is_invalid(run_dir, keys, change, said):
    walked(run_dir, keys)
    evidence = Evidence.read(run_dir)
    change(evidence.of("walkthrough")[-1].data)
    found = operator_walkthrough(evidence, CRITERION)[0]

    assert found.verdict is Verdict.INVALID
    assert said in found.reason


def test_a_guide_that_changes_afterwards_lifts_the_attestation(run_dir, keys, monkeypatch):
    walked(run_dir, keys)
    monkeypatch.setattr("pytest_rawrxd.verdict.answers.operator_walkthrough.guide_digest", lambda: "1" * 64)

    assert judged(run_dir).verdict is Verdict.INVALID


def folder_of(tmp_path, **files):
    """A verifier's folder of public keys: ``role_name=path`` is role-name.pub."""
    folder = tmp_path / "trusted"
    folder.mkdir()
    for name, path in files.items():
        shutil.copyfile(path, folder / f"{name.replace('_', '-')}.pub")
    return load_keys(folder)


@pytest.mark.parametrize("author", ["technical_lead", "guide_author"])
def test_a_walk_counts_for_whoever_knows_both_keys(run_dir, keys, tmp_path, author):
    (_, walker), (_, authors) = keys
    walked(run_dir, keys)
    trusted = folder_of(tmp_path, devops_lead=walker, **{author: authors})

    assert list(unattested(Evidence.read(run_dir), trusted)) == []


@pytest.mark.parametrize("role", ["guide_author", "technical_lead"])
def test_an_author_who_walks_with_a_key_of_his_making_is_found(run_dir, keys, tmp_path, role):
    """The walk itself shows two keys that differ; nobody knows the first as one of the DevOps Lead's."""
    (_, walker), (_, authors) = keys
    walked(run_dir, keys)
    found = list(unattested(Evidence.read(run_dir), folder_of(tmp_path, devops_lead=authors, **{role: walker})))

    assert [problem.what for problem in found] == [
        "no key of DevOps Lead in the folder of keys signed the walk through the guide"
    ]
    assert found[0].file.startswith("ledger/")


def test_a_walk_that_names_an_unknown_author_is_found_by_verify(run_dir, keys, tmp_path, monkeypatch):
    monkeypatch.setattr(Figure, "savefig", save_nothing)
    (_, walker), _ = keys
    walked(run_dir, keys)
    evidence = Evidence.read(run_dir)
    render(evidence, judge(evidence))
    found = verify(run_dir, folder_of(tmp_path, devops_lead=walker), today=date(2026, 1, 11))

    assert len(found.problems) == 1
    assert "author of the guide whose key is not in the folder" in found.problems[0].what


def test_without_a_walk_no_key_is_asked_for(run_dir, keys, tmp_path):
    _, (_, authors) = keys

    assert list(unattested(Evidence.read(run_dir), folder_of(tmp_path, technical_lead=authors))) == []


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        (("",), Verdict.NOT_MEASURED),  # nothing is declared
        (("0",), Verdict.PASS),
        (("1.9",), Verdict.PASS),
        (("2",), Verdict.INCONCLUSIVE),  # the roadmap says less than two hours
        (("2.1",), Verdict.FAIL),
        (("soon", "-1", "nan", "inf", "1.5"), Verdict.PASS),  # asked again until it is a time
    ],
)
def test_the_operator_declares_the_maintenance_at_the_end_of_the_walk(run_dir, keys, said, verdict):
    walked(run_dir, keys, maintenance=said)
    found, sources = planned_maintenance(Evidence.read(run_dir), MAINTENANCE)

    assert found.verdict is verdict
    assert bool(sources) is (verdict is not Verdict.NOT_MEASURED)
    assert (ROLE in found.reason) is bool(sources)


def test_a_declaration_that_was_changed_after_signing_is_invalid(run_dir, keys):
    walked(run_dir, keys, maintenance=["3"])
    evidence = Evidence.read(run_dir)
    evidence.of("walkthrough")[-1].data["statement"]["maintenance_hours"] = 1.0

    assert planned_maintenance(evidence, MAINTENANCE)[0].verdict is Verdict.INVALID


def test_without_a_walk_nothing_is_declared(run_dir):
    assert planned_maintenance(Evidence.read(run_dir), MAINTENANCE)[0].verdict is Verdict.NOT_MEASURED


def test_the_verb_asks_at_the_terminal_and_says_what_comes_next(run_dir, keys, monkeypatch, capsys):
    (private, _), (_, authors) = keys
    said = iter([*(["y", ""] * len(STEPS)), "1.5"])
    monkeypatch.setattr("builtins.input", lambda _: next(said))
    given = ["--role", ROLE, "--key", str(private), "--author-key", str(authors)]

    assert main(["walkthrough", str(run_dir), *given]) == 0
    assert f"rawrxd judge {run_dir}" in capsys.readouterr().out
    assert judged(run_dir).verdict is Verdict.PASS
    assert planned_maintenance(Evidence.read(run_dir), MAINTENANCE)[0].estimate == 1.5
