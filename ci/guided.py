"""One target fuzzed by coverage: `python ci/guided.py TARGET --seconds 60`, as `ci/fuzz.py --guided` calls it.

atheris (libFuzzer) keeps every input that reaches a new branch of ours and goes on from there. Half of the changes are
those of the other job, which knows JSON; the other half are libFuzzer's own. Needs `uv sync --group fuzz`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import logging
import random
import sys
from pathlib import Path

import atheris

#: The other job by its file: how an input is tried, and where a finding is kept. Its name is that of the targets' room.
LOADED = importlib.util.spec_from_file_location("fuzz_job", Path(__file__).with_name("fuzz.py"))
assert LOADED is not None and LOADED.loader is not None  # noqa: S101, PT018 - it lies beside this file
job = importlib.util.module_from_spec(LOADED)
with atheris.instrument_imports(include=["pytest_rawrxd"]):
    LOADED.loader.exec_module(job)

STEP_S = 120  #: libFuzzer's own limit of one input, beyond that of the job
MOST_BYTES = 65_536


def main() -> None:
    """Fuzz one target; findings stand in the file of ``--told``, whatever libFuzzer's exit says."""
    verb = argparse.ArgumentParser()
    verb.add_argument("target", choices=job.TARGETS)
    verb.add_argument("--seconds", type=int, default=60)
    verb.add_argument("--seed", type=int, default=1)
    verb.add_argument(
        "--told", type=Path, required=True, help="findings, one line of JSON each, in a folder of its own"
    )
    given = verb.parse_args()
    logging.disable(logging.CRITICAL)
    target = job.TARGETS[given.target]
    seeds = target.seeds()
    scratch = given.told.parent  # removed by whoever called: libFuzzer ends the process
    corpus, place = scratch / "corpus", scratch / "place"
    corpus.mkdir()
    place.mkdir()
    for number, seed in enumerate(seeds):
        (corpus / str(number)).write_bytes(seed)
    found: set[str] = set()

    def one(data: bytes) -> None:
        wrong = job.try_input(target, data, place)
        job.empty(place)
        if wrong and wrong not in found:
            found.add(wrong)
            with given.told.open("a", encoding="utf-8") as told:
                told.write(json.dumps([f"{target.name} {wrong}", job.keep(target, data)]) + "\n")

    def changed(data: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)  # noqa: S311 - no secret
        if chance.random() < 0.5 and data:
            return job.mutated([data, *seeds], chance)[:most]
        return bytes(atheris.Mutate(data, most))

    limits = [f"-max_total_time={given.seconds}", f"-timeout={STEP_S}", "-rss_limit_mb=4096", f"-max_len={MOST_BYTES}"]
    quiet = ["-print_final_stats=1", "-verbosity=0", f"-seed={given.seed}", f"-artifact_prefix={scratch}/"]
    atheris.Setup([sys.argv[0], *limits, *quiet, str(corpus)], one, custom_mutator=changed)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
