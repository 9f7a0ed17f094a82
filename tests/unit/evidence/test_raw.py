"""Raw arrays come back as they were, or not at all."""

import numpy as np
import pytest

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.evidence.canonical import file_digest
from pytest_rawrxd.evidence.raw import load_raw, save_raw

ARRAYS = {"stamps_ns": np.arange(5, dtype=np.int64), "token_ids": np.array([3, 1], dtype=np.int32)}


@pytest.fixture
def ref(tmp_path):
    return vars(save_raw(tmp_path, "s001", "main-00001-decode.run", ARRAYS))


def test_arrays_come_back_with_their_types(tmp_path, ref):
    found = load_raw(tmp_path, ref)

    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


@pytest.mark.parametrize("at", [0, 40, -1])
def test_one_changed_byte_is_found(tmp_path, ref, at):
    path = tmp_path / ref["file"]
    body = bytearray(path.read_bytes())
    body[at] ^= 1
    path.write_bytes(body)

    with pytest.raises(EvidenceProblem, match="changed after it was recorded"):
        load_raw(tmp_path, ref)


def test_a_missing_file_is_named(tmp_path, ref):
    (tmp_path / ref["file"]).unlink()

    with pytest.raises(EvidenceProblem, match="missing") as caught:
        load_raw(tmp_path, ref)
    assert caught.value.where == ref["file"]


@pytest.mark.parametrize(
    "name",
    ["/etc/passwd", "raw/../campaign.json", "campaign.json", "raw", "raw//x", "raw/C:x", "raw\\x", "", "raw/con\x00"],
)
def test_a_path_out_of_the_raw_folder_is_refused(tmp_path, ref, name):
    (tmp_path / "campaign.json").write_text("{}")

    with pytest.raises(EvidenceProblem, match=r"below raw/|missing"):
        load_raw(tmp_path, {**ref, "file": name})


def test_a_link_out_of_the_run_directory_is_refused(tmp_path, ref):
    outside = tmp_path.parent / f"{tmp_path.name}-outside.npz"
    (tmp_path / ref["file"]).rename(outside)
    (tmp_path / ref["file"]).symlink_to(outside)

    with pytest.raises(EvidenceProblem, match="missing"):
        load_raw(tmp_path, ref)


def test_a_pickle_is_never_read(tmp_path):
    path = tmp_path / "raw" / "s001" / "x.npz"
    path.parent.mkdir(parents=True)
    np.savez(path, evil=np.array([object()], dtype=object))
    with pytest.raises(EvidenceProblem, match="cannot be read"):
        load_raw(tmp_path, {"file": "raw/s001/x.npz", "sha256": file_digest(path), "bytes": path.stat().st_size})


def test_an_archive_that_unpacks_to_more_than_a_run_writes_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("pytest_rawrxd.evidence.raw.MAX_BYTES", 100)
    ref = vars(save_raw(tmp_path, "s001", "big", {"zeros": np.zeros(1000)}))

    with pytest.raises(EvidenceProblem, match="larger than a run can write"):
        load_raw(tmp_path, ref)
