"""``rawrxd models``: make a ladder of models out of random numbers, or say what a folder holds."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.profile import Profile, load_profile
from pytest_rawrxd.rig.host import usable_cores
from pytest_rawrxd.rig.models.cache import default_cache
from pytest_rawrxd.rig.models.folder import survey
from pytest_rawrxd.rig.models.manifest import Manifest
from pytest_rawrxd.rig.models.random_ladder import write_random_ladder
from pytest_rawrxd.rig.models.recipes import LADDER
from pytest_rawrxd.rig.models.synthetic import SHAPES
from pytest_rawrxd.rig.placement import place

ROW = "{:<8} {:<22} {:>9} {:>12} {:<8} {}"


def add(verbs: Any) -> None:
    verb = verbs.add_parser("models", help="make models of random numbers, or say what a folder of models holds")
    actions = verb.add_subparsers(title="actions", metavar="ACTION", required=True)
    synth = actions.add_parser("synth", help="write the variants of a model of any size in seconds: speed, no meaning")
    synth.add_argument("--shape", choices=SHAPES, required=True, help="size of the model")
    synth.add_argument("--variants", metavar="LIST", default="all", help=f"all, or some of {','.join(LADDER)}")
    synth.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="where the files go")
    synth.add_argument("--workers", metavar="N", type=int, help="files written at once; default: one a core")
    synth.set_defaults(run=_synth)
    shown = actions.add_parser("list", help="which variant each file of a folder is, by its tensors")
    shown.add_argument("folder", metavar="DIR", type=Path, help="the folder with the .gguf files")
    shown.add_argument("--profile", metavar="PROFILE", help="say whether each one fits this profile's device")
    shown.set_defaults(run=_list)


def _synth(arguments: argparse.Namespace) -> int:
    variants = LADDER if arguments.variants == "all" else tuple(arguments.variants.split(","))
    if unknown := [variant for variant in variants if variant not in LADDER]:
        raise UsageProblem(f"no such variant: {', '.join(unknown)}", where="--variants", possible=", ".join(LADDER))
    written = write_random_ladder(
        arguments.output,
        SHAPES[arguments.shape],
        variants,
        cache=default_cache(),
        progress=lambda said: print(said, flush=True),
        workers=arguments.workers or usable_cores(),
    )
    print(f"{len(written)} variants in {arguments.output}")
    return 0


def _list(arguments: argparse.Namespace) -> int:
    profile = load_profile(arguments.profile) if arguments.profile else None
    found = survey(arguments.folder)
    print(ROW.format("variant", "recipe", "file", "read a token", "fits", "name"))
    for variant in (*LADDER, *(known for known in found.models if known not in LADDER)):
        if variant in found.models:
            print(_row(found.models[variant].manifest, profile))
    for name, mixture in found.others.items():
        print(f"{name}: {mixture}")
    print(f"missing: {', '.join(found.missing) or 'none'}")
    return 0


def _row(manifest: Manifest, profile: Profile | None) -> str:
    return ROW.format(
        manifest.variant,
        manifest.recipe,
        f"{manifest.bytes / 1e9:.3f} GB",
        f"{manifest.weight_bytes_per_token / 1e9:.3f} GB",
        _fits(manifest, profile),
        manifest.file,
    )


def _fits(manifest: Manifest, profile: Profile | None) -> str:
    if profile is None or profile.hardware.vram_usable is None:
        return "-"
    headroom = profile.hardware.headroom
    placed = place(
        manifest,
        cells=profile.protocol.phase1.context,
        usable=profile.hardware.vram_usable.to("B"),
        headroom=headroom.to("B") if headroom is not None else 0.0,
    )
    return "yes" if placed.fits else "no"
