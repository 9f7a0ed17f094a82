"""A server that answers what the operator's guide asks for, with the options of llama-server; it holds no model."""

import argparse
import json
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path


class Answers(BaseHTTPRequestHandler):
    """Health, and one completion that is as long as asked for."""

    def do_GET(self):
        self._say(200 if self.path == "/health" else 404, {"status": "ok"})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        known = self.path == "/v1/completions" and self.headers["Content-Type"] == "application/json"
        self._say(200 if known else 404, {"choices": [{"text": "word " * asked["max_tokens"]}]})

    def _say(self, status, value):
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--model", type=Path, required=True)
    options.add_argument("--host", required=True)
    options.add_argument("--port", type=int, required=True)
    options.add_argument("--parallel", type=int, required=True)
    chosen = options.parse_args()
    if not chosen.model.is_file():
        options.error(f"there is no model {chosen.model}")
    HTTPServer((chosen.host, chosen.port), Answers).serve_forever()
