"""Makes one variant from a more precise file with llama.cpp's own quantiser, in a child process.

The quantiser may abort its process, and importing llama_cpp would load an engine beside the one under test.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

import psutil

from pytest_rawrxd.errors import QuantiserFailed
from pytest_rawrxd.rig.engine.environment import child_environment
from pytest_rawrxd.rig.models.cache import Cache, Entry, Progress
from pytest_rawrxd.rig.models.gguf_header import Header, read_header
from pytest_rawrxd.rig.models.recipes import MADE_BY, UNQUANTISED, more_bits_layers, recipe
from pytest_rawrxd.rig.models.roles import role_of
from pytest_rawrxd.rig.models.variant import identify, is_tied

VERSION = 1  #: raise it when the result changes and none of the other inputs below does
DEADLINE_S = 3600.0
LOG_LINES = 8

Run = Callable[..., "subprocess.CompletedProcess[str]"]


def quantised(
    source: Header, source_sha256: str, variant: str, cache: Cache, progress: Progress, *, run: Run = subprocess.run
) -> Entry:
    """The file of one variant made from ``source``, from the cache or made.

    Raises QuantiserFailed when the quantiser fails or makes something else than ``variant``.
    """
    inputs = {
        "source": source_sha256,
        "recipe": MADE_BY[variant],
        "overrides": overrides(source, variant),
        "quantiser": f"llama-cpp-python {binding_version()}",
        "version": VERSION,
    }
    name = f"{_stem(source.path)}-{MADE_BY[variant]}.gguf"

    def make(target: Path) -> None:
        progress(f"{variant}: quantising {source.path.name}")
        quantise(source, target, variant, run=run)

    return cache.build(name, inputs, need_bytes=_most_bytes(source, variant), make=make)


def quantise(source: Header, target: Path, variant: str, *, run: Run = subprocess.run) -> None:
    """Write ``variant`` of ``source`` to ``target`` and check by its tensors that it is what was asked."""
    already = identify(source).variant not in UNQUANTISED
    command = [
        sys.executable,
        "-m",
        "pytest_rawrxd.rig.models.quantise_child",
        str(source.path),
        str(target),
        f"--recipe={recipe(MADE_BY[variant]).base if variant == 'Hybrid' else MADE_BY[variant]}",
        f"--threads={psutil.cpu_count(logical=False) or 1}",
        *(["--requantise"] if already else []),
        *(f"--override={pattern}={kind}" for pattern, kind in overrides(source, variant)),
    ]
    try:
        done = run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=DEADLINE_S,
            check=False,
            env=child_environment(os.environ),
        )
    except subprocess.TimeoutExpired as error:
        raise QuantiserFailed(
            f"the quantiser did not finish {variant}",
            where=str(source.path),
            found=f"still running after {DEADLINE_S:.0f} s",
            possible="a smaller model, or a folder that has the variant already",
        ) from error
    if done.returncode != 0:
        raise QuantiserFailed(
            f"the quantiser could not make {variant}",
            where=str(source.path),
            found=f"exit code {done.returncode}: {_last_lines(done.stderr)}",
            possible="another source file, or more memory and disk space",
        )
    found = identify(read_header(target))
    if found.variant != variant:
        raise QuantiserFailed(
            f"the quantiser made something else than {variant}",
            where=str(source.path),
            found=f"{found.variant}, recipe {found.recipe}",
            possible="a llama-like model with attention q, k, v, output and a gated feed-forward",
        )


def binding_version() -> str:
    """Version of llama-cpp-python, which is not imported. A tree on PYTHONPATH is no distribution: its source says it.

    Raises QuantiserFailed where there is neither.
    """
    try:
        return version("llama-cpp-python")
    except PackageNotFoundError:
        spec = find_spec("llama_cpp")
        source = Path(spec.origin).read_text("utf-8") if spec and spec.origin else ""
        if said := re.search(r'^__version__ = "([^"]+)"', source, re.MULTILINE):
            return said[1]
        raise QuantiserFailed(
            "there is no quantiser",
            where="llama_cpp",
            found="no distribution llama-cpp-python and no package llama_cpp that says its version",
            possible="llama-cpp-python installed, or its tree on PYTHONPATH",
        ) from None


def overrides(source: Header, variant: str) -> list[tuple[str, str]]:
    """(regex, type) pairs that make a Hybrid of the Q2_K recipe; nothing for a variant with a recipe of its own.

    Attention as Q5_K_M has it, v at Q6_K in the layers where that recipe spends more bits. All else is left to the
    Q2_K recipe, feed-forward down (Q3_K) too: taking that from it costs more than better attention gains
    (docs/decisions/0004-the-hybrid-keeps-the-q2-k-recipe.md).
    """
    if variant != "Hybrid":
        return []
    architecture = source.text("general.architecture")
    more_bits = "|".join(map(str, more_bits_layers(source.count(f"{architecture}.block_count") or 0)))
    value = "attn_(v|qkv|kv_b)"
    return [
        *([(rf"^blk\.({more_bits})\.{value}\.weight$", "Q6_K")] if more_bits else []),
        (rf"\.{value}\.weight$", "Q5_K"),
        (r"\.attn_(q|k|output)\.weight$", "Q5_K"),
    ]


def _most_bytes(source: Header, variant: str) -> int:
    made_by, tied = recipe(MADE_BY[variant]), is_tied(source)
    tensors = sum(made_by.most_bytes(tensor, role_of(tensor), tied=tied) for tensor in source.tensors)
    header = source.file_bytes - sum(tensor.bytes for tensor in source.tensors)
    return tensors + header


def _stem(path: Path) -> str:
    """The file name without the type that it ends in."""
    return re.sub(r"[-_.](B?F16|F32|I?Q\d\w*)$", "", path.stem, flags=re.IGNORECASE)


def _last_lines(text: str) -> str:
    lines: Sequence[str] = [line.strip() for line in text.splitlines() if line.strip()]
    return " | ".join(lines[-LOG_LINES:]) or "it said nothing"
