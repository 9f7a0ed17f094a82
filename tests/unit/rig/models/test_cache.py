from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from filelock import FileLock

from pytest_rawrxd.errors import ModelProblem
from pytest_rawrxd.rig.models import cache as cache_module
from pytest_rawrxd.rig.models.cache import SPARE_BYTES, Cache, default_cache
from pytest_rawrxd.rig.models.digest import sha256_of


class Maker:
    def __init__(self, content: bytes = b"weights") -> None:
        self.content = content
        self.calls = 0

    def __call__(self, target: Path) -> dict[str, object]:
        self.calls += 1
        target.write_bytes(self.content)
        return {"steps": 3}


def test_what_was_built_is_not_built_again(cache):
    make = Maker()

    first = cache.build("m.gguf", {"a": 1}, need_bytes=7, make=make)
    second = cache.build("m.gguf", {"a": 1}, need_bytes=7, make=make)

    assert make.calls == 1
    assert first == second
    assert first.path.read_bytes() == b"weights"
    assert first.record["steps"] == 3
    assert first.record["sha256"] == sha256_of(first.path, cache)


@pytest.mark.parametrize(("name", "inputs"), [("m.gguf", {"a": 2}), ("n.gguf", {"a": 1}), ("m.gguf", {})])
def test_other_inputs_are_another_entry(cache, name, inputs):
    first = cache.build("m.gguf", {"a": 1}, need_bytes=7, make=Maker())

    assert cache.build(name, inputs, need_bytes=7, make=Maker()).path != first.path


def test_an_entry_of_another_size_is_built_again(cache):
    entry = cache.build("m.gguf", {}, need_bytes=7, make=Maker())
    entry.path.write_bytes(b"weight")

    assert cache.build("m.gguf", {}, need_bytes=7, make=Maker()).path.read_bytes() == b"weights"


def test_an_entry_without_its_record_is_built_again(cache):
    entry = cache.build("m.gguf", {}, need_bytes=7, make=Maker())
    (entry.path.parent / "entry.json").write_text("{")
    make = Maker()

    cache.build("m.gguf", {}, need_bytes=7, make=make)

    assert make.calls == 1


def test_a_build_that_fails_leaves_nothing_behind(cache):
    def fail(target: Path) -> dict[str, object]:
        target.write_bytes(b"half")
        raise ModelProblem("the quantiser gave up")

    with pytest.raises(ModelProblem, match="gave up"):
        cache.build("m.gguf", {}, need_bytes=7, make=fail)

    assert [path.name for path in cache.root.rglob("*") if path.is_file() and path.name != "lock"] == []
    assert cache.build("m.gguf", {}, need_bytes=7, make=Maker()).path.read_bytes() == b"weights"


def test_what_a_killed_process_left_is_removed(cache):
    folder = cache.build("m.gguf", {}, need_bytes=7, make=Maker()).path.parent
    (folder / "entry.json").unlink()
    left = folder / "m.999999.tmp"
    left.write_bytes(b"half")

    cache.build("m.gguf", {}, need_bytes=7, make=Maker())

    assert not left.exists()


@pytest.mark.parametrize(("spare", "fits"), [(0, True), (1, True), (-1, False)])
def test_the_disk_must_hold_what_is_built_and_something_beside(tmp_path, spare, fits):
    cache = Cache(tmp_path, free_bytes=lambda _: 10**9 + SPARE_BYTES + spare)
    make = Maker()

    if fits:
        cache.build("m.gguf", {}, need_bytes=10**9, make=make)
    else:
        with pytest.raises(ModelProblem, match=r"1\.07 GB free, 1\.07 GB needed") as caught:
            cache.build("m.gguf", {}, need_bytes=10**9, make=make)
        assert "RAWRXD_CACHE" in (caught.value.possible or "")

    assert make.calls == fits


def test_a_lock_that_is_never_given_up_is_named(cache, monkeypatch):
    monkeypatch.setattr(cache_module, "LOCK_DEADLINE_S", 0.0)
    folder = cache.build("m.gguf", {}, need_bytes=7, make=Maker()).path.parent
    (folder / "entry.json").unlink()

    with FileLock(folder / "lock"), pytest.raises(ModelProblem, match="another process holds") as caught:
        cache.build("m.gguf", {}, need_bytes=7, make=Maker())

    assert caught.value.where == str(folder)


BUILDER = """
import sys
from pathlib import Path
from pytest_rawrxd.rig.models.cache import Cache

def make(target):
    target.write_bytes(b"w" * (8 << 20))
    with (Path(sys.argv[1]) / "made").open("a") as log:
        log.write("once ")
    return {}

print("ready", flush=True)
sys.stdin.readline()
print(Cache(Path(sys.argv[1])).build("m.gguf", {"a": 1}, need_bytes=7, make=make).record["sha256"])
"""


def test_two_processes_that_want_the_same_model_build_it_once(tmp_path):
    started = [
        subprocess.Popen(
            [sys.executable, "-c", BUILDER, str(tmp_path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(2)
    ]
    for process in started:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in started:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    answers = [process.communicate(timeout=60)[0] for process in started]

    assert (tmp_path / "made").read_text() == "once "
    assert answers[0] == answers[1] != ""


def test_a_cache_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("in the way")

    with pytest.raises(ModelProblem, match="cache folder cannot be made") as caught:
        Cache(tmp_path / "file").build("m.gguf", {}, need_bytes=7, make=Maker())

    assert "RAWRXD_CACHE" in (caught.value.possible or "")


@pytest.mark.parametrize(
    ("environ", "platform", "expected"),
    [
        ({"RAWRXD_CACHE": "chosen"}, "linux", Path("chosen")),
        ({"XDG_CACHE_HOME": "xdg"}, "linux", Path("xdg/pytest-rawrxd")),
        ({}, "linux", Path.home() / ".cache" / "pytest-rawrxd"),
        ({"LOCALAPPDATA": "local"}, "win32", Path("local/pytest-rawrxd/Cache")),
        ({}, "win32", Path.home() / "AppData" / "Local" / "pytest-rawrxd" / "Cache"),
        ({}, "darwin", Path.home() / "Library" / "Caches" / "pytest-rawrxd"),
    ],
)
def test_the_cache_lies_where_the_user_or_the_system_says(environ, platform, expected):
    assert default_cache(environ, platform).root == expected


def test_a_digest_is_remembered_until_the_file_changes(cache, tmp_path):
    path = tmp_path / "m.gguf"
    path.write_bytes(b"one")
    first = sha256_of(path, cache)
    status = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    # Same size and time: what is remembered is believed.
    assert sha256_of(path, cache) == first

    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
    assert sha256_of(path, cache) != first


def test_a_digest_note_that_was_damaged_is_not_believed(cache, tmp_path):
    path = tmp_path / "m.gguf"
    path.write_bytes(b"one")
    first = sha256_of(path, cache)
    for note in (cache.root / "digests").iterdir():
        note.write_text("[]")

    assert sha256_of(path, cache) == first


def test_the_digest_of_an_absent_file_is_a_model_problem(cache, tmp_path):
    with pytest.raises(ModelProblem, match="cannot be read"):
        sha256_of(tmp_path / "absent.gguf", cache)
