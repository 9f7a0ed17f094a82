"""What a commit holds is read from its blobs, whatever lies on the disk."""

import shutil
import subprocess

import pytest

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.rig.git import committed, git_environment

GIT = shutil.which("git")

pytestmark = pytest.mark.skipif(GIT is None, reason="no git on this machine")


@pytest.fixture
def repository(tmp_path, monkeypatch):
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE"):
        monkeypatch.delenv(name, raising=False)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "a tester")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tester@example.org")
    folder = tmp_path / "repository"
    (folder / "signed" / "run" / "charts").mkdir(parents=True)
    git(folder, "init", "--quiet", "--initial-branch=main")
    return folder


def git(folder, *arguments):
    return subprocess.run([GIT, "-C", folder, *arguments], check=True, capture_output=True, text=True).stdout.strip()


def commit(folder):
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message=x")
    return git(folder, "rev-parse", "HEAD")


def test_the_committed_bytes_count_and_not_those_on_the_disk(repository):
    copy = repository / "signed" / "run"
    (copy / "a.csv").write_bytes(b"1\n2\n\0")
    (copy / "charts" / "empty.svg").write_bytes(b"")
    (repository / "other").write_bytes(b"not in the folder")
    head = commit(repository)
    (copy / "a.csv").write_bytes(b"changed")
    (copy / "untracked.csv").write_bytes(b"3")

    found = committed(copy)

    assert found.commit == head
    assert found.remote_branches == ()
    assert found.files == {"a.csv": b"1\n2\n\0", "charts/empty.svg": b""}


def test_a_branch_that_was_pushed_is_named(repository, tmp_path):
    (repository / "signed" / "run" / "a.csv").write_bytes(b"1")
    commit(repository)
    git(repository, "init", "--quiet", "--bare", str(tmp_path / "remote"))
    git(repository, "remote", "add", "origin", str(tmp_path / "remote"))
    git(repository, "push", "--quiet", "origin", "main")

    assert committed(repository / "signed" / "run").remote_branches == ("origin/main",)


def test_a_folder_that_was_never_committed_holds_nothing(repository):
    (repository / "other").write_bytes(b"x")
    commit(repository)

    assert committed(repository / "signed" / "run").files == {}


def test_without_a_commit_it_is_refused(repository):
    with pytest.raises(UsageProblem, match="git has no commit with the published copy"):
        committed(repository / "signed" / "run")


def test_without_git_it_is_refused(tmp_path):
    def missing(*_, **__):
        raise FileNotFoundError("git")

    with pytest.raises(UsageProblem, match="git cannot be asked"):
        committed(tmp_path, run=missing)


def test_git_is_told_where_a_repository_lies_and_no_secret():
    asked = {"PATH": "/bin", "HOME": "/home/me", "GIT_DIR": "/repository", "GIT_CONFIG_GLOBAL": "/etc/mine"}
    secrets = {
        "GITHUB_TOKEN": "x",
        "GIT_CONFIG_COUNT": "1",
        "GIT_CONFIG_VALUE_0": "AUTHORIZATION: x",
        "GIT_ASKPASS": "x",
    }

    given = git_environment({**asked, **secrets})

    assert given.items() >= asked.items()
    assert not secrets.keys() & given.keys()
