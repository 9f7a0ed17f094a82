"""Hosts of a test's own making: network namespaces with an address each, that reach this one and nothing else."""

import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import FileLock

NET = "10.213"
IP = shutil.which("ip")


def why_not():
    """Why no namespaces can be made here; None where they can."""
    if sys.platform != "linux" or IP is None:
        return "network namespaces need Linux and the program ip"
    if os.geteuid() != 0:
        return "network namespaces need root"
    name = f"rx{os.getpid()}try"
    made = subprocess.run([IP, "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode:
        return f"no network namespace can be made here: {made.stderr.strip()}"
    _ip("netns", "del", name)
    return None


@contextmanager
def hosts(count):
    """``count`` hosts as the words that run a command on each; this machine is ``10.213.1.1`` for all of them."""
    with ExitStack() as stack:
        # Addresses and names of wires are the machine's: another session of these tests has its turn before or after.
        stack.enter_context(FileLock(Path(tempfile.gettempdir()) / "rawrxd-test-hosts.lock", timeout=600))
        found = []
        for number in range(1, count + 1):
            name = f"rx{os.getpid()}n{number}"
            _ip("netns", "add", name)
            stack.callback(_ip, "netns", "del", name)  # takes both ends of the wire with it
            _ip("link", "add", f"rxv{number}", "type", "veth", "peer", "name", "eth0", "netns", name)
            _ip("addr", "add", f"{NET}.{number}.1/30", "dev", f"rxv{number}")
            _ip("link", "set", f"rxv{number}", "up")
            for words in (
                ("addr", "add", f"{NET}.{number}.2/30", "dev", "eth0"),
                ("link", "set", "eth0", "up"),
                ("link", "set", "lo", "up"),
                ("route", "add", "default", "via", f"{NET}.{number}.1"),
            ):
                _ip("-n", name, *words)
            found.append((IP, "netns", "exec", name))
        yield found


def _ip(*words):
    subprocess.run([IP, *words], check=True, capture_output=True)
