"""Two scripted cards: a conftest for sessions with lanes, in which each card plays a scene of its own.

``--sla-engine scripted-cards:steady,slow`` gives the first lane the first scene and the second lane the second.
"""

UUIDS = ("GPU-a", "GPU-b")
CONFTEST = """
import json
from pathlib import Path

from pytest_rawrxd.rig.engine.choose import OPENERS
from pytest_rawrxd.rig.gpu import Gpu

HERE = Path(__file__).parent


def pytest_rawrxd_gpu(config):
    return [Gpu("a scripted card", uuid, 16 << 30, "1", "scripted") for uuid in {uuids}]


def pytest_rawrxd_engine(config):
    sent = getattr(config, "workerinput", {{}}).get("rawrxd")
    lane = json.loads(sent)["lane"] if sent else 0
    return {{"scripted-cards": lambda scenes, setup: OPENERS["scripted"](scenes.split(",")[lane], setup)}}


def pytest_runtest_setup(item):
    if item.name.endswith("[host]"):
        (HERE / "host-has-come").touch()
"""


def conftest(uuids: tuple[str, ...] = UUIDS) -> str:
    """The text of a conftest with cards of these UUIDs."""
    return CONFTEST.format(uuids=uuids)
