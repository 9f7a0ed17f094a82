"""What an engine process may know."""

import os

from pytest_rawrxd.rig.engine.environment import FIXED, child_environment


def test_paths_and_gpu_settings_pass_and_the_rest_stays() -> None:
    environ = {
        "PATH": "/bin",
        "Path": "C:\\bin",
        "VK_DRIVER_FILES": "nvidia.json",
        "VK_ICD_FILENAMES": "old name of the same",
        "GGML_VK_VISIBLE_DEVICES": "0",
        "LLAMA_CPP_LIB_PATH": "engine/llama_cpp/lib",
        "LD_LIBRARY_PATH": "cuda/lib64",
        "PYTHONPATH": "engine",
        "__EGL_VENDOR_LIBRARY_FILENAMES": "nvidia.json",
        "__GL_SHADER_DISK_CACHE_PATH": "cache",
        "CUDA_VISIBLE_DEVICES": "1",
        "EDITOR": "vi",
        "CI_JOB": "7",
    }

    seen = child_environment(environ)

    assert {name for name in environ if name in seen} == set(environ) - {"EDITOR", "CI_JOB"}


def test_packages_on_the_path_are_found_behind_the_suite_itself() -> None:
    seen = child_environment({"PYTHONPATH": "engine"})["PYTHONPATH"].split(os.pathsep)

    assert seen[-1] == "engine"


def test_nothing_that_looks_like_a_secret_passes() -> None:
    secrets = {"OPENAI_API_KEY": "x", "GGML_TOKEN": "x", "XDG_SECRET": "x", "LLAMA_API_KEY": "x", "CUDA_PASSWORD": "x"}
    secrets |= dict.fromkeys(("LLAMA_PASSPHRASE", "AMD_PASSWD", "XDG_SESSION_COOKIE", "NVIDIA_CREDENTIALS"), "x")

    assert not secrets.keys() & child_environment(secrets).keys()


def test_the_fixed_settings_win() -> None:
    assert child_environment({"OMP_WAIT_POLICY": "active"}).items() >= FIXED.items()
