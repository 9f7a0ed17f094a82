"""How long judging a whole Phase 1 takes: six variants, every cell and process that rx7800xt asks for, quality and all.

    uv run python benchmarks/judging.py [--keep DIR] [--times N]

The run directory is made here by the code that makes a real one, from engines in virtual time; only the machine, the
models and their scores are invented. Wanted: verdicts within 5 s, with pages and charts 15 s, each in a process of its
own, imports included.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

import numpy as np

from pytest_rawrxd.evidence.campaign import Campaign, Evidence, open_campaign
from pytest_rawrxd.evidence.identity import Identity
from pytest_rawrxd.evidence.ledger import LedgerWriter
from pytest_rawrxd.evidence.recorder import Recorder
from pytest_rawrxd.measure.bandwidth import ReadBandwidth
from pytest_rawrxd.measure.cells import needed_cells
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.decode import REFERENCE, SUSTAINED, Cell, Conditions, measure_cell
from pytest_rawrxd.measure.interleave import interleaved
from pytest_rawrxd.measure.memory import SystemMemory
from pytest_rawrxd.measure.prompts import prompts
from pytest_rawrxd.measure.quality import Terms, measure_quality, shipped_text
from pytest_rawrxd.places import package_data
from pytest_rawrxd.plugin.claims import claims
from pytest_rawrxd.profile import Profile, load_profile
from pytest_rawrxd.rig.engine.protocol import EngineInfo, LoadOptions, TokenIds
from pytest_rawrxd.rig.engine.scenes import SCENES
from pytest_rawrxd.rig.engine.scripted import ScriptedEngine
from pytest_rawrxd.rig.host import read_host
from pytest_rawrxd.rig.models.folder import ModelFile
from pytest_rawrxd.rig.models.manifest import Manifest, Provenance
from pytest_rawrxd.rig.models.quality import Scores, scored_positions
from pytest_rawrxd.rig.telemetry import open_probes
from pytest_rawrxd.verdict.selfcheck import self_check

WANTED_S = {"verdicts": 5.0, "with pages and charts": 15.0}
#: Variant -> tok/s, GB read per token, share of top tokens kept.
LADDER = {
    "Q2_K": (113.4, 3.1, 0.71),
    "Q4_K": (80.6, 4.6, 0.92),
    "Q5_K_M": (69.2, 5.4, 0.955),
    "Q6_K": (60.7, 6.3, 0.978),
    "Q8_0": (47.9, 8.2, 0.994),
    "Hybrid": (97.3, 3.9, 0.83),
}
CPU_TPS = 28.0
LAYERS = 32
MATRICES = ("attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down")
VERDICTS = """
import sys
from pathlib import Path
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.verdict.judge import judge, verdict_bytes
verdict_bytes(judge(Evidence.read(Path(sys.argv[1]))))
"""
WHOLE = "import sys; from pytest_rawrxd.cli import main; main(['judge', sys.argv[1]])"


class Scorer:
    """An engine that invents scores: ``kept`` of the positions keep their top token."""

    pid = None

    def __init__(self, model: ModelFile) -> None:
        self.variant = model.manifest.variant
        self.info = engine_info()

    def __enter__(self) -> Scorer:
        return self

    def __exit__(self, *exc: object) -> None:
        """Nothing to close."""

    def load(self, model: Path, options: LoadOptions, *, deadline_s: float) -> None:
        """Nothing to load."""

    def tokenize(self, text: str) -> list[int]:
        return list(text.encode())

    def score(self, chunks: TokenIds, *, against: Path | None = None, **_: object) -> Scores:
        random = np.random.default_rng(len(self.variant))
        shape = len(chunks), len(scored_positions(chunks.shape[1]))
        likelihood = random.gamma(2, 1.4, shape)
        if against is None:
            return Scores(likelihood)
        kept = LADDER[self.variant][2]
        return Scores(likelihood, random.exponential(1 - kept, shape), random.random(shape) < kept)


class Idle:
    """A processor that nobody uses: this one is busy inventing."""

    def busy_s(self) -> float:
        return 0.0

    def own_s(self, _pids: Sequence[int]) -> float:
        return 0.0


class OnCpu(ScriptedEngine):
    """The engine of a CPU reference."""

    @property
    def info(self) -> EngineInfo:
        return replace(super().info, backend="cpu")


def engine_info() -> EngineInfo:
    return ScriptedEngine(SCENES["steady"], seed=0).info


def model(variant: str) -> ModelFile:
    """A model of 32 layers that reads what LADDER says."""
    read = round(LADDER.get(variant, (0, 16.0, 1))[1] * 1e9)
    types = {f"blk.{layer}.{name}.weight": tensor_type(variant, name) for layer in range(LAYERS) for name in MATRICES}
    manifest = Manifest(
        variant=variant,
        recipe=variant,
        file=f"BigDaddyG-{variant}.gguf",
        bytes=read + 1_000_000,
        sha256=variant.encode().hex().ljust(64, "0"),
        architecture="llama",
        parameters=8_000_000_000,
        layers=LAYERS,
        embedding_length=4096,
        heads=32,
        kv_heads=8,
        vocabulary=128_256,
        context_length=8192,
        tied_embeddings=False,
        experts=None,
        experts_used=None,
        weight_bytes=read,
        weight_bytes_per_token=read,
        kv_bytes_per_token=131_072,
        fallback_tensors=0,
        tensor_types={},
        tensors=types,
        provenance=Provenance("invented for a benchmark"),
    )
    return ModelFile(Path(manifest.file), manifest)


def tensor_type(variant: str, name: str) -> str:
    if variant == "Hybrid":
        return "Q5_K" if name.startswith("attn") else "Q3_K" if name == "ffn_down" else "Q2_K"
    return variant.removesuffix("_M")


@contextmanager
def recorder(run_dir: Path, profile: Profile, models: list[ModelFile]) -> Iterator[tuple[Campaign, Recorder]]:
    """A campaign in ``run_dir`` and what writes into its first session."""
    identity = Identity(
        profile=profile.digest,
        models={each.manifest.variant: each.manifest.sha256 for each in models},
        engine=asdict(engine_info()),
        driver="invented",
        machine=read_host().identity(),
    )
    campaign = open_campaign(run_dir, identity, profile, SYSTEM)
    with LedgerWriter(
        run_dir / "ledger", session="s001", worker="main", identity=identity.digest, clock=SYSTEM
    ) as ledger:
        yield campaign, Recorder(run_dir, "s001", "main", ledger)


def make(run_dir: Path) -> None:
    """Write the evidence of one session that measured all of Phase 1."""
    profile = load_profile("rx7800xt")
    models = [model(variant) for variant in profile.models.variants]
    with recorder(run_dir, profile, models) as (_, sink):
        about = {"name": profile.name, "digest": profile.digest, "kind": profile.kind}
        sink.record("session.start", {"argv": [], "suite": "benchmark", "profile": about})
        acceptance = package_data("acceptance")
        sink.record("claims", {"tests": claims([acceptance], acceptance.parent)})
        sink.record("self-check", self_check().to_dict())
        bandwidth = ReadBandwidth(bytes_per_s=5.66e11, working_set=1 << 30, threads=16, repeats=5)
        measured = {name: asdict(bandwidth) for name in ("read_bandwidth", "device_bandwidth")}
        sink.record("machine", {**read_host().to_dict(), "gpus": [], **measured})
        for each in models:
            sink.record("model", each.manifest.to_dict())
        phase1 = [criterion for criterion in profile.criteria.values() if criterion.phase == 1]
        cells = {**needed_cells(profile, phase1), Cell("Q8_0", profile.protocol.phase1.judged_tokens, SUSTAINED): 1}
        for number, (cell, process) in enumerate(interleaved(cells)):
            decode(profile, cell, process, number, sink)
        waiting = iter([model("F16"), *models])
        measure_quality(
            models,
            model("F16"),
            Terms(LoadOptions(n_ctx=512), profile.protocol.quality.context, profile.protocol.quality.chunks, 1, 1),
            text=shipped_text(),
            start=lambda: Scorer(next(waiting)),
            sink=sink,
            scratch=run_dir,
        )
        sink.record("session.end", {"why": "finished"})


def decode(profile: Profile, cell: Cell, process: int, seed: int, sink: Recorder) -> None:
    """Record one process of one cell, measured in virtual time."""
    protocol = profile.protocol
    seconds = protocol.bandwidth.duration if cell.kind == SUSTAINED else protocol.phase1.min_duration
    rate = CPU_TPS if cell.kind == REFERENCE else LADDER[cell.variant][0]
    scene = replace(SCENES["steady"], step_ms=1000 / rate, run_spread=0.004)
    with (OnCpu if cell.kind == REFERENCE else ScriptedEngine)(scene, seed=seed) as engine:
        measure_cell(
            engine,
            Path(cell.variant),
            cell,
            process,
            Conditions(
                options=LoadOptions(n_ctx=protocol.phase1.context, n_gpu_layers=99),
                prompts=prompts(seed=protocol.seed),
                prompt_tokens=protocol.phase1.prompt_tokens,
                min_requests=2,
                min_seconds=seconds.to("s"),
                load_deadline_s=600,
                request_deadline_s=600,
                cores=1,
            ),
            model_sha256=model(cell.variant).manifest.sha256,
            sink=sink,
            cpu=Idle(),
            memory=SystemMemory(open_probes((), gpu=None)),
            own_pids=[],
            clock=SYSTEM,
        )


def seconds(script: str, run_dir: Path) -> float:
    """Return how long a fresh Python takes for ``script``."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", script, str(run_dir)], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def main() -> None:
    """Make the run, judge it, print the times."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--keep", type=Path, metavar="DIR", help="a new folder for the run; default: thrown away")
    parser.add_argument("--times", type=int, default=3, help="how often each is timed; the median is printed")
    chosen = parser.parse_args()
    with TemporaryDirectory() as temporary:
        run_dir = chosen.keep or Path(temporary) / "phase1"
        began = time.perf_counter()
        make(run_dir)
        evidence = Evidence.read(run_dir)
        size = sum(path.stat().st_size for path in run_dir.rglob("*") if path.is_file())
        print(f"{len(evidence.records)} records, {size / 1e6:.1f} MB, made in {time.perf_counter() - began:.0f} s")
        for (name, wanted), script in zip(WANTED_S.items(), (VERDICTS, WHOLE), strict=True):
            taken = median(seconds(script, run_dir) for _ in range(chosen.times))
            print(f"{name:24}{taken:6.1f} s, at most {wanted:.0f} s wanted: {'kept' if taken <= wanted else 'missed'}")


if __name__ == "__main__":
    main()
