"""Stands for systemd, Docker or the service manager of Windows: keeps one small HTTP server running.

supervised.py start|stop|pid|keep FOLDER PORT
"""

import contextlib
import os
import subprocess
import sys
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import psutil


class Page(BaseHTTPRequestHandler):
    """A ready page."""

    def do_GET(self):
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_):
        """Silence."""


def main(action, folder, port):
    pid, keeper = Path(folder) / "pid", Path(folder) / "keeper"
    quiet = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
    again = [sys.executable, __file__, "serve", folder, port]
    if action == "serve":
        HTTPServer(("127.0.0.1", int(port)), Page).serve_forever()
    elif action == "keep":
        keeper.write_text(str(os.getpid()))
        while True:
            with subprocess.Popen(again, **quiet) as child:
                pid.write_text(str(child.pid))
                child.wait()
            pid.write_text("0")
    elif action == "start":
        subprocess.Popen([*again[:2], "keep", folder, port], start_new_session=True, **quiet)
        while not pid.exists() or pid.read_text() in {"", "0"}:
            time.sleep(0.01)
    elif action == "stop":
        for file in (keeper, pid):
            with contextlib.suppress(OSError, ValueError, psutil.Error):
                psutil.Process(int(file.read_text())).kill()
        pid.write_text("0")
    else:
        print(pid.read_text() if pid.exists() else "0")


if __name__ == "__main__":
    main(*sys.argv[1:])
