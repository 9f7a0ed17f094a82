"""Vulkan on a CPU: Mesa's lavapipe as the device, so that a machine without a GPU can lose one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

FOLDERS = tuple(Path(root, "vulkan", "icd.d") for root in ("/usr/share", "/etc", "/usr/local/share"))


def lavapipe_environment(folders: Iterable[Path] = FOLDERS) -> dict[str, str] | None:
    """What makes ggml take lavapipe as its device; None where its driver is not installed.

    ggml leaves a CPU device out unless ``GGML_VK_VISIBLE_DEVICES`` names it. One thread: on a busy machine lavapipe's
    threads wait for each other, and a token that takes 0.1 s has taken 10.
    """
    drivers = [path for folder in folders for path in sorted(folder.glob("lvp_icd*.json"))]
    if not drivers:
        return None
    return {"VK_DRIVER_FILES": str(drivers[0]), "GGML_VK_VISIBLE_DEVICES": "0", "LP_NUM_THREADS": "1"}
