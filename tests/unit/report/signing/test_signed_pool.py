"""The verdict on several runs as one is signed like that on one: it names every run, and none of them may change."""

import base64
import hashlib
import json
import shutil
from datetime import timedelta

import pytest
from fakes.charts import save_nothing
from fakes.scripted_run import BEGAN, Scripted
from matplotlib.figure import Figure

from pytest_rawrxd.cli import main
from pytest_rawrxd.errors import CampaignProblem, EvidenceProblem, UsageProblem
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.canonical import file_digest
from pytest_rawrxd.evidence.joined import pool
from pytest_rawrxd.evidence.pooled import pool_bytes, read_pool, runs_of
from pytest_rawrxd.report.pool import write_pool
from pytest_rawrxd.report.publish import publish
from pytest_rawrxd.report.render import render
from pytest_rawrxd.report.signing.sign import sign
from pytest_rawrxd.report.signing.told import told
from pytest_rawrxd.report.signing.verify import verify
from pytest_rawrxd.verdict.judge import judge

from .conftest import AT, ROLES, TODAY, Run, acceptance


class Pool(Run):
    """A pool, signed by its keys, and the runs that it was made of."""

    def __init__(self, path, keys, runs):
        super().__init__(path, keys)
        self.runs = runs

    def check(self, *places):
        return verify(self.path, self.keys, today=TODAY, places=places)


@pytest.fixture(scope="module")
def pooled_once(tmp_path_factory, keys_once):
    """The runs of two hosts, one of them judged alone, and their pool, signed by all roles."""
    folder = tmp_path_factory.mktemp("pooled")
    runs = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Figure, "savefig", save_nothing)
        for number, name in enumerate(("a", "b")):
            machine = {"cpu": "a", "gpus": [{"name": "a card", "uuid": f"GPU-{number}"}]}
            run = Scripted(folder / name, acceptance(), machine, {})
            run.session(seed=number, at=BEGAN + timedelta(hours=number))
            runs.append(run.path)
        alone = Evidence.read(runs[0])
        render(alone, judge(alone))
        together = pool([Evidence.read(run) for run in runs])
        write_pool(together, judge(together), folder / "fleet")
        found = Pool(folder / "fleet", keys_once, runs)
        found.sign()
    return folder


@pytest.fixture
def signed(pooled_once, keys_once, tmp_path, monkeypatch):
    monkeypatch.setattr(Figure, "savefig", save_nothing)
    shutil.copytree(pooled_once, tmp_path / "work")
    return Pool(tmp_path / "work" / "fleet", keys_once, [tmp_path / "work" / name for name in ("a", "b")])


def named(found):
    return {problem.file for problem in found.problems}


def test_a_signed_pool_holds_and_says_which_runs_it_stands_on(signed):
    found = signed.check()

    assert found.problems == ()
    assert found.phases[0].is_accepted
    runs = read_pool(signed.path)
    assert [run.name for run in found.runs] == ["a", "b"]
    lines = list(told(found))
    assert lines[:3] == [
        "pool of 2 runs, each with its card, ledgers and raw files:",
        *(f"  {run.name}: {run.digest}" for run in runs),
    ]
    assert "note: b has no SHA256SUMS: it was never judged alone, and its evidence is what counts here" in lines


def test_what_is_signed_names_each_run_by_the_digest_of_its_evidence(signed):
    runs = read_pool(signed.path)
    for path in (signed.path / "signatures").glob("*.json"):
        statement = json.loads(base64.b64decode(json.loads(path.read_bytes())["payload"]))
        says = statement["predicate"]["pkg:pypi/pytest-rawrxd#signed/1"]
        assert says["run"] == "a + b"
        assert says["pooled"] == [{"name": run.name, "digest": {"sha256": run.digest}} for run in runs]


def test_the_digest_of_a_run_is_that_of_the_lines_which_sha256sum_writes(signed):
    run = read_pool(signed.path)[0]
    lines = [f"{file_digest(signed.runs[0] / name)}  {name}\n" for name in sorted(run.files)]

    assert run.digest == hashlib.sha256("".join(lines).encode()).hexdigest()
    assert set(run.files) == {"campaign.json", "ledger/s001-main.jsonl"}


ALTERED = [
    "a/campaign.json",
    "a/ledger/s001-main.jsonl",
    "b/ledger/s001-main.jsonl",
    "a/raw",
    "b/raw",
    "a/verdicts.json",
]
ALTERED += ["fleet/pool.json", "fleet/verdicts.json", "fleet/SHA256SUMS", "fleet/signoff-phase1.html"]


@pytest.mark.parametrize("name", ALTERED)
def test_one_changed_byte_in_the_pool_or_in_any_of_its_runs_is_found_and_named(signed, name):
    work = signed.path.parent
    path = next((work / name).rglob("*.npz")) if name.endswith("raw") else work / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0x01
    path.write_bytes(content)

    found = signed.check()

    expected = path.relative_to(work).as_posix().removeprefix("fleet/")
    assert expected in named(found), found.problems
    assert not any(phase.is_accepted for phase in found.phases)


def test_a_run_that_gained_a_session_is_not_the_one_that_was_signed(signed):
    host = Scripted(signed.runs[1], acceptance(), {"cpu": "a", "gpus": [{"name": "a card", "uuid": "GPU-1"}]}, {})
    host.session(seed=9, at=BEGAN + timedelta(days=1))

    assert "b/ledger/s002-main.jsonl" in named(signed.check())


def test_another_pool_of_the_same_runs_is_not_what_was_signed(signed):
    """Who re-orders or leaves out a run writes other pages: the signatures are not about them."""
    shutil.move(signed.path / "signatures", signed.path.parent / "kept")
    together = pool([Evidence.read(run) for run in reversed(signed.runs)])
    write_pool(together, judge(together), signed.path)
    shutil.move(signed.path.parent / "kept", signed.path / "signatures")

    found = signed.check()

    assert {"SHA256SUMS", "verdicts.json"} <= named(found)
    assert not found.phases[0].is_accepted


def test_runs_are_found_by_their_digests_wherever_they_were_moved_to(signed, tmp_path):
    (tmp_path / "far").mkdir()
    moved = [run.rename(tmp_path / "far" / f"renamed-{run.name}") for run in signed.runs]

    assert signed.check(tmp_path / "far").problems == ()
    assert signed.check(*moved).problems == ()
    missing = signed.check(moved[0])

    assert named(missing) == {"pool.json"}
    assert "a run of this pool is not where its runs were looked for (no b, " in missing.problems[0].what
    assert not missing.phases


def test_the_whole_run_is_taken_where_a_changed_copy_lies_beside_it(signed):
    shutil.copytree(signed.runs[0], signed.path.parent / "0-copy")
    ledger = signed.path.parent / "0-copy" / "ledger" / "s001-main.jsonl"
    ledger.write_bytes(ledger.read_bytes()[:-1])

    assert signed.check().problems == ()


def test_a_pool_that_does_not_hold_is_not_signed(signed):
    shutil.rmtree(signed.path / "signatures")
    raw = next(signed.runs[1].rglob("*.npz"))
    raw.write_bytes(raw.read_bytes()[:-1])

    with pytest.raises(CampaignProblem, match="not what its evidence gives") as refused:
        signed.sign("Technical Lead")

    assert "b/raw/" in str(refused.value)


def test_a_signed_pool_is_not_written_over(signed):
    before = (signed.path / "pool.json").read_bytes()
    together = pool([Evidence.read(run) for run in reversed(signed.runs)])

    with pytest.raises(EvidenceProblem, match="signed, and judging it again gives other files"):
        write_pool(together, judge(together), signed.path)

    assert (signed.path / "pool.json").read_bytes() == before


@pytest.mark.parametrize(
    "content",
    [b"{}", b'{"runs":[]}', b"no json", b'{"runs":[{"name":"a"}],"schema":"pytest-rawrxd/pool/1"}', b'{"runs":7}'],
)
def test_a_forged_list_of_runs_is_named_and_nothing_is_accepted(signed, content):
    (signed.path / "pool.json").write_bytes(content)

    found = signed.check()

    assert "pool.json" in named(found)
    assert not any(phase.is_accepted for phase in found.phases)


def test_a_list_of_one_run_is_no_pool(signed):
    evidence = Evidence.read(signed.runs[0])
    (signed.path / "pool.json").write_bytes(pool_bytes(runs_of(evidence)))

    with pytest.raises(EvidenceProblem, match="not as it was written"):
        read_pool(signed.path)


def test_the_verbs_sign_verify_and_publish_take_a_pool(signed, tmp_path, capsys):
    shutil.rmtree(signed.path / "signatures")
    runs = [str(run.rename(tmp_path / run.name)) for run in signed.runs]
    key = str(signed.keys_folder / "technical-lead.key")
    folder, keys = str(signed.path), str(signed.keys_folder)

    assert main(["sign", folder, "--role", "Technical Lead", "--key", key, "--phase", "1", "--runs", *runs]) == 0
    assert main(["verify", folder, "--keys", keys, "--runs", *runs]) == 0
    assert main(["verify", folder, "--keys", keys]) == 1
    said = capsys.readouterr().out
    assert "pool of 2 runs" in said
    assert "REFUSED" in said

    assert main(["judge", folder]) == 4
    assert (
        f"a pool is judged from its runs\n  where: {folder}\n  possible: rawrxd judge a b -o" in capsys.readouterr().err
    )
    assert main(["report", folder, "--allure", "--runs", *runs]) == 4
    assert main(["publish", folder, "--to", str(tmp_path / "signed"), "--runs", *runs]) == 0
    listed = (tmp_path / "signed" / "fleet" / "evidence.sha256").read_text().splitlines()
    assert {line.partition("  ")[2].partition("/")[0] for line in listed} == {"a", "b"}
    assert {"pool.json", "verdicts.json", "SHA256SUMS", "signatures"} <= {
        path.name for path in (tmp_path / "signed" / "fleet").iterdir()
    }


def test_a_pool_whose_run_was_changed_is_not_published(signed, tmp_path):
    ledger = signed.runs[0] / "ledger" / "s001-main.jsonl"
    ledger.write_bytes(ledger.read_bytes()[:-1])

    with pytest.raises(EvidenceProblem, match="a run was changed after it was pooled"):
        publish(signed.path, tmp_path / "signed")


def test_a_rehearsal_in_a_pool_is_no_acceptance_either(tmp_path, keys_once, monkeypatch):
    monkeypatch.setattr(Figure, "savefig", save_nothing)
    runs = []
    for number, name in enumerate(("a", "b")):
        run = Scripted(tmp_path / name, acceptance(kind="rehearsal"), {"cpu": "a", "gpus": []}, {})
        run.session(seed=number, at=BEGAN + timedelta(hours=number))
        runs.append(run.path)
    together = pool([Evidence.read(run) for run in runs])
    write_pool(together, judge(together), tmp_path / "fleet")
    found = Pool(tmp_path / "fleet", keys_once, runs)

    with pytest.raises(UsageProblem, match="a REHEARSAL can never be signed as accepted"):
        sign(found.path, ROLES[0], found.signer(ROLES[0]), phase=1, accept=True, at=AT, today=TODAY)
