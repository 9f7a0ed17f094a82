"""A lane among the others of its session: the one card that its engines see, and where the others are."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from contextlib import AbstractContextManager
from functools import cached_property
from pathlib import Path

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.evidence.cards import Card
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.plugin.lanes import WorkerSeed
from pytest_rawrxd.plugin.preflight import SCRIPTED
from pytest_rawrxd.rig.gpu import Gpu, find_gpus, lease
from pytest_rawrxd.rig.gpu.pin import pinned
from pytest_rawrxd.rig.models.cache import default_cache
from pytest_rawrxd.rig.rendezvous import Rendezvous
from pytest_rawrxd.rig.vulkan import VulkanDevice, read_vulkan

WAIT_S = 60.0  #: for the worker of the same lane that died, and for the one in the place of a dead one
UNTIL_IT_ENDS = -1.0  #: a lane's lock is let go by the system when its worker ends, in whatever way


def list_vulkan() -> tuple[VulkanDevice, ...]:
    """The devices of this machine's Vulkan loader, in its order; none where it cannot be asked."""
    try:
        return read_vulkan(os.environ).devices
    except RigTrouble:
        return ()


def keep_to_one_gpu(lane: int, cards: Sequence[Card], engine_spec: str, backend: str) -> Gpu | None:
    """Let engines of this process see the GPU of ``lane`` alone; None where one device or a script is tested."""
    if not cards or engine_spec.startswith(SCRIPTED):
        return None
    gpu = next(gpu for gpu in find_gpus() if gpu.uuid == cards[lane].device)
    os.environ.update(pinned(gpu, backend, vulkan=list_vulkan))
    return gpu


class LaneLife:
    """What the worker of ``seed`` and its controller (without one) know of the lanes that measure into ``run_dir``."""

    def __init__(self, run_dir: Path, seed: WorkerSeed | None) -> None:
        self._run_dir = run_dir.resolve()
        self._seed = seed
        self._locks = default_cache().root / "locks"
        # One session at a time measures into a run directory.
        self._place = self._locks / f"meeting-{hashlib.sha256(str(self._run_dir).encode()).hexdigest()[:16]}"

    def held(self, lane: int, *, wait_s: float = WAIT_S) -> AbstractContextManager[None]:
        """Held by the worker of a lane as long as it lives, so that others can wait for its end."""
        return lease(f"lane {lane} of {self._run_dir}", self._locks, wait_s=wait_s)

    def forget(self) -> None:
        """Remove what lanes of an earlier session have said."""
        shutil.rmtree(self._place, ignore_errors=True)

    @property
    def meeting(self) -> Rendezvous | None:
        """Where all cards of the host can be loaded at once; None where this session has not a lane for each."""
        whole = self._seed is not None and self._seed.lanes == len(self._seed.cards)
        return self._rendezvous if whole else None

    def leave(self) -> None:
        """Say that this lane comes to nothing any more."""
        if self._rendezvous is not None:
            self._rendezvous.leave()

    def outlast(self) -> None:
        """Return when every other lane has ended."""
        if self._rendezvous is not None:
            self._rendezvous.leave()  # who waits for the others' end comes to nothing that they begin
            self._rendezvous.outlast(self._until_ended, back_within_s=WAIT_S)

    @cached_property
    def _rendezvous(self) -> Rendezvous | None:
        seed = self._seed
        if seed is None or not seed.cards or seed.lanes < 2:
            return None
        return Rendezvous(
            self._place,
            seed.lane,
            seed.lanes,
            is_alive=self._is_alive,
            sleep=SYSTEM.sleep,
            now_ns=SYSTEM.monotonic_ns,
        )

    def _is_alive(self, lane: int) -> bool:
        try:
            with self.held(lane, wait_s=0):
                return False
        except RigTrouble:
            return True

    def _until_ended(self, lane: int) -> None:
        with self.held(lane, wait_s=UNTIL_IT_ENDS):
            pass
