"""What is missing is found before anything is started."""

import sys
from types import SimpleNamespace

import pytest

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.plugin.preflight import FREE_BYTES, check_disk, check_gpus, models_folder
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.rig.gpu import Gpu
from pytest_rawrxd.rig.server.target import CommandTarget
from pytest_rawrxd.rig.tool import find_tool

CARD = Gpu(name="a card", uuid="GPU-1", vram_bytes=16 << 30, driver="1", source="test")


@pytest.mark.parametrize(("free", "enough"), [(FREE_BYTES - 1, False), (FREE_BYTES, True), (FREE_BYTES + 1, True)])
def test_a_full_disk_is_refused_before_evidence_is_lost(tmp_path, free, enough):
    def usage(folder):
        assert folder == tmp_path
        return SimpleNamespace(free=free)

    if enough:
        check_disk(tmp_path / "new" / "run", usage)
    else:
        with pytest.raises(UsageProblem, match="not enough disk space"):
            check_disk(tmp_path / "new" / "run", usage)


@pytest.mark.parametrize(
    ("profile", "engine", "gpus", "refused"),
    [
        ("rx7800xt", "llama-cpp-python", (), True),
        ("rx7800xt", "llama-cpp-python", (CARD,), False),
        ("rx7800xt", "scripted:steady", (), False),
        ("embedded", "llama-cpp-python", (), False),
    ],
)
def test_a_profile_about_a_gpu_needs_one(profile, engine, gpus, refused):
    loaded = load_profile(profile)
    if refused:
        with pytest.raises(UsageProblem, match="measures 1 GPU, this machine shows 0"):
            check_gpus(loaded, engine, gpus)
    else:
        check_gpus(loaded, engine, gpus)


def test_models_in_several_folders_have_no_common_one(tmp_path):
    tool = find_tool(CommandTarget((sys.executable, "{models}")))
    one, other = (SimpleNamespace(path=tmp_path / name / "m.gguf") for name in ("a", "b"))

    assert models_folder(tool, {"Q2_K": one}) == tmp_path / "a"
    with pytest.raises(UsageProblem, match="in one folder"):
        models_folder(tool, {"Q2_K": one, "Q4_K": other})
    with pytest.raises(UsageProblem, match="in one folder"):
        models_folder(tool, {})
