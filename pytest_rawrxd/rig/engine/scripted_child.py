"""A scripted engine in a process of its own: ``python -m pytest_rawrxd.rig.engine.scripted_child SCENE SEED``.

Its crash is a real SIGABRT and its hang a real silence, so that the whole way of the news can be proven.
"""

from __future__ import annotations

import os
import sys
import threading
from typing import NoReturn

from pytest_rawrxd.rig.engine.scenes import SCENES
from pytest_rawrxd.rig.engine.scripted import ScriptedLlama
from pytest_rawrxd.rig.engine.serve import serve, take_pipes


def main() -> None:
    scene, seed = SCENES[sys.argv[1]], int(sys.argv[2])
    incoming, outgoing = take_pipes()
    serve(lambda: ScriptedLlama(scene, seed=seed, fault=_break), incoming, outgoing)


def _break(fault: str) -> NoReturn:
    if fault == "hang":
        while True:
            threading.Event().wait()
    os.abort()


if __name__ == "__main__":
    main()
