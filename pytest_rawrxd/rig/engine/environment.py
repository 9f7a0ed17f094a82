"""What an engine process may know of the suite's environment: paths, locale, and the knobs of GPU stacks."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import pytest_rawrxd

NAMES = frozenset(
    {
        *(
            "PATH",
            "HOME",
            "LANG",
            "LANGUAGE",
            "TZ",
            "TMPDIR",
            "TMP",
            "TEMP",
            "LD_LIBRARY_PATH",
            "VIRTUAL_ENV",
            "DISPLAY",
        ),
        *("SYSTEMROOT", "WINDIR", "SYSTEMDRIVE", "COMSPEC", "PATHEXT", "USERPROFILE", "APPDATA", "LOCALAPPDATA"),
        *("PROGRAMDATA", "PROGRAMFILES", "NUMBER_OF_PROCESSORS", "PYTHONPATH", "PYTHONHOME", "LLAMA_CPP_LIB_PATH"),
    }
)
PREFIXES = (
    *("LC_", "XDG_", "VK_", "GGML_", "LLAMA_", "CUDA_", "NVIDIA_", "HIP_", "ROCR_", "ROCM_", "HSA_", "GPU_", "AMD_"),
    *(
        "__EGL_",
        "__GL_",
        "__GLX_",
        "__VK_",
        "EGL_",
        "RADV_",
        "MESA_",
        "LP_",
        "DRI_",
        "OMP_",
        "GOMP_",
        "KMP_",
        "COVERAGE_PROCESS_",
    ),
)
SECRETS = ("KEY", "TOKEN", "SECRET", "PASSWORD", "PASSWD", "PASSPHRASE", "CREDENTIAL", "COOKIE")
#: Set for every engine. libgomp reads its policy when it loads: threads that spin took a busy machine from 150 to
#: 4 tok/s. A backtrace through gdb hangs a crash for seconds; faulthandler names the Python line instead.
FIXED = {"OMP_WAIT_POLICY": "passive", "GGML_NO_BACKTRACE": "1", "PYTHONFAULTHANDLER": "1", "PYTHONUTF8": "1"}


def child_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """The allowed part of ``environ`` with the fixed settings; a name that looks like a secret never passes."""
    allowed = {name: value for name, value in environ.items() if _allowed(name.upper())}
    root = Path(pytest_rawrxd.__file__).parents[1]
    if root.name not in ("site-packages", "dist-packages"):  # a checkout that is not installed
        allowed["PYTHONPATH"] = os.pathsep.join(filter(None, [str(root), allowed.get("PYTHONPATH")]))
    return allowed | FIXED


def _allowed(name: str) -> bool:
    return (name in NAMES or name.startswith(PREFIXES)) and not any(word in name for word in SECRETS)
