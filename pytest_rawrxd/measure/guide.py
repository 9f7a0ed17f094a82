"""The steps of the operator's guide: what is typed in either shell, and what has to be seen. One list for the guide,
for the test that runs it, and for the person who walks through it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Final


@dataclass(frozen=True)
class Step:
    """One step; ``seen`` is a regular expression that its output matches, ``result`` says the same in words."""

    name: str
    title: str
    bash: str
    powershell: str
    seen: str
    result: str


#: What an operator fills in before the first step: the name of a variable, and what it stands for.
SETTINGS: Final = (
    ("RUN_DIR", "the run directory that was signed"),
    ("PROFILE", "the profile that it was judged by"),
    ("MODEL", "the model file of the chosen variant"),
    ("SERVER", "the server program, llama-server for example"),
    ("PORT", "a free port of this machine"),
    ("STREAMS", "how many users are served at once"),
    ("TRIES", "how many seconds the server may take to load"),
)

STEPS: Final = (
    Step(
        "install",
        "Check the installation",
        "rawrxd --version",
        "rawrxd --version",
        r"^rawrxd ",
        "the version of the suite",
    ),
    Step(
        "machine",
        "Look at the machine",
        "rawrxd doctor",
        "rawrxd doctor",
        r"^Machine",
        "processor, GPU and telemetry of this machine; compare them with the setup instructions",
    ),
    Step(
        "evidence",
        "Check that the run is what its evidence gives",
        'rawrxd report "$RUN_DIR" --docs',
        'rawrxd report "$env:RUN_DIR" --docs',
        r"EXECUTIVE_SUMMARY\.md",
        "the path of each document; a run that was changed is refused by name of the file",
    ),
    Step(
        "variant",
        "Choose the variant",
        'rawrxd choose "$RUN_DIR" --prefer speed',
        'rawrxd choose "$env:RUN_DIR" --prefer speed',
        r"(Q2_K|Q4_K|Q5_K_M|Q6_K|Q8_0|Hybrid)",
        "one variant and the reason; name bounds for another workload",
    ),
    Step(
        "model",
        "Check the model file",
        'sha256sum "$MODEL"',
        "(Get-FileHash -Algorithm SHA256 $env:MODEL).Hash",
        r"(?i)[0-9a-f]{64}",
        "the digest that the setup instructions list for the variant",
    ),
    Step(
        "start",
        "Start the server",
        '"$SERVER" --model "$MODEL" --host localhost --port "$PORT" --parallel "$STREAMS" > server.log 2>&1 &\n'
        "echo $! > server.pid\n"
        'echo "started $(cat server.pid)"',
        "$server = Start-Process -PassThru -RedirectStandardError server.log -FilePath $env:SERVER "
        '-ArgumentList "--model", "`"$($env:MODEL)`"", "--host", "localhost", "--port", $env:PORT, '
        '"--parallel", $env:STREAMS\n'
        "$server.Id | Out-File server.pid\n"
        'Write-Output "started $($server.Id)"',
        r"started \d+",
        "the process id; the log of the server is in server.log",
    ),
    Step(
        "ready",
        "Wait until it answers",
        'curl --fail --silent --show-error --retry "$TRIES" --retry-delay 1 --retry-all-errors '
        '"http://localhost:$PORT/health"',
        # The retries of Invoke-RestMethod do not cover a port that nobody listens on yet.
        "$health = $null\n"
        "[int]$tries = $env:TRIES\n"
        "while ($null -eq $health -and $tries-- -gt 0) {\n"
        '    try { $health = Invoke-RestMethod -Uri "http://localhost:$($env:PORT)/health" }\n'
        "    catch { Start-Sleep -Seconds 1 }\n"
        "}\n"
        'if ($null -eq $health) { throw "the server does not answer" }\n'
        "$health",
        r"ok",
        "its health, once the model is loaded",
    ),
    Step(
        "answer",
        "Ask for an answer",
        'curl --fail --silent --show-error --header "Content-Type: application/json" '
        '--data \'{"prompt": "Hello", "max_tokens": 8}\' "http://localhost:$PORT/v1/completions"',
        "Invoke-RestMethod -Method Post -ContentType application/json "
        '-Body \'{"prompt": "Hello", "max_tokens": 8}\' -Uri "http://localhost:$($env:PORT)/v1/completions"',
        r"choices|text",
        "a completion",
    ),
    Step(
        "alerts",
        "Write the alert rules",
        'rawrxd alerts "$PROFILE" -o alerts',
        'rawrxd alerts "$env:PROFILE" -o alerts',
        r"alerts",
        "the rules for Prometheus, their tests and the dashboard",
    ),
    Step(
        "stop",
        "Stop the server",
        'kill "$(cat server.pid)" && echo stopped',
        "Stop-Process -Id (Get-Content server.pid); Write-Output stopped",
        r"stopped",
        "the word stopped; running requests end first",
    ),
)


def guide_digest() -> str:
    """The SHA-256 of the steps as they are now: a walk through other steps attests nothing about these."""
    content = json.dumps([asdict(step) for step in STEPS], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()
