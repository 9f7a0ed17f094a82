"""What a maker of an engine adds: the kind ``warp`` for --sla-engine, its GPU, and where verdicts are sent."""

from pytest_rawrxd.rig.engine.choose import OPENERS
from pytest_rawrxd.rig.gpu import Gpu


def open_warp(scene, setup):
    """``--sla-engine warp:SCENE``. A maker returns an engine of his own here, see pytest_rawrxd/rig/engine/protocol.py.

    Warp is make-believe, so that this example runs anywhere: it has the scheduling and the virtual clock of the
    scripted engine, whose name it therefore keeps in its identity.
    """
    return OPENERS["scripted"](scene or "steady", setup)


def pytest_rawrxd_engine(config):
    return {"warp": open_warp}


def pytest_rawrxd_gpu(config):
    """A card that neither NVML nor amdgpu nor the Windows registry knows."""
    return [Gpu(name="Warp W1", uuid="warp-0", vram_bytes=16 << 30, driver="7.1", source="warpctl")]


def pytest_rawrxd_verdict(config, test, entry):
    """A long run can be followed from outside: one line a criterion."""
    with (config.rootpath / "verdicts.log").open("a", encoding="utf-8") as log:
        log.write(f"{entry['id']} {entry['verdict']}\n")
