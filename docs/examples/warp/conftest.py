"""What a maker of an engine adds: the kind ``warp`` for --sla-engine, its GPU, and where a run is told to.

Each function is one of our hooks; docs/reference/hooks.md describes all six.
"""

import json

from pytest_rawrxd.errors import UsageProblem

from pytest_rawrxd.rig.engine.choose import OPENERS
from pytest_rawrxd.rig.gpu import Gpu

CARD = Gpu(name="Warp W1", uuid="warp-0", vram_bytes=16 << 30, driver="7.1", source="warpctl")


def open_warp(scene, setup):
    """``--sla-engine warp:SCENE``. A maker returns an engine of his own here, see pytest_rawrxd/rig/engine/protocol.py.

    Warp is make-believe, so that this example runs anywhere: it has the scheduling and the virtual clock of the
    scripted engine, whose name it therefore keeps in its identity.
    """
    return OPENERS["scripted"](scene or "steady", setup)


def pytest_rawrxd_profile(config, profile):
    """Before anything is measured: a promise about a card that is not sold is none."""
    if profile.hardware.gpu not in {None, CARD.name}:
        raise UsageProblem("Warp runs on its own card", found=profile.hardware.gpu, possible=CARD.name)


def pytest_rawrxd_engine(config):
    return {"warp": open_warp}


def pytest_rawrxd_gpu(config):
    """A card that neither NVML nor amdgpu nor the Windows registry knows."""
    return [CARD]


def pytest_rawrxd_evidence(config, record):
    """The links of the hash chain, as a service outside the measuring machine would keep them."""
    with (config.rootpath / "chain.log").open("a", encoding="utf-8") as log:
        log.write(f"{record.id} {record.prev}\n")


def pytest_rawrxd_verdict(config, test, entry):
    """A long run can be followed from outside: one line a criterion."""
    with (config.rootpath / "verdicts.log").open("a", encoding="utf-8") as log:
        log.write(f"{entry['id']} {entry['verdict']}\n")


def pytest_rawrxd_signoff(config, run_dir, verdicts):
    """When everything is written: the state of each phase, for whoever waits for it."""
    states = {phase: state["state"] for phase, state in verdicts["state"].items()}
    (config.rootpath / "state.json").write_text(json.dumps(states), encoding="utf-8")
