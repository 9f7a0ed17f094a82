"""From a profile and a rig to the conditions of one measurement: length, context, where the layers go."""

from __future__ import annotations

from dataclasses import replace

from pytest_rawrxd.measure.concurrency import LoadTerms, requests_for
from pytest_rawrxd.measure.decode import REFERENCE, SUSTAINED, Cell, Conditions
from pytest_rawrxd.measure.levels import MAIN, Level
from pytest_rawrxd.measure.prompts import prompts
from pytest_rawrxd.measure.quality import Terms
from pytest_rawrxd.measure.soak.plan import SoakTerms, schedule_of
from pytest_rawrxd.plugin.preflight import Rig
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.rig.engine.protocol import LoadOptions
from pytest_rawrxd.rig.placement import ALL_LAYERS, Placement, place, usable_bytes
from pytest_rawrxd.rig.server.found import FoundProgram


def conditions(profile: Profile, rig: Rig, cell: Cell) -> Conditions:
    """How ``cell`` is measured in one process on this rig."""
    protocol = profile.protocol.phase1
    placement = placements(profile, rig).get(cell.variant)
    layers = placement.gpu_layers if placement else ALL_LAYERS
    on_cpu = profile.target.backend == "cpu" or cell.kind == REFERENCE
    seconds = profile.protocol.bandwidth.duration if cell.kind == SUSTAINED else protocol.min_duration
    return Conditions(
        options=LoadOptions(
            n_ctx=_context(profile, cell.tokens),
            n_gpu_layers=0 if on_cpu else layers,
            n_threads=rig.host.cores,
            prefill_chunk=protocol.prefill_chunk,
        ),
        prompts=prompts(seed=profile.protocol.seed),
        prompt_tokens=protocol.prompt_tokens,
        min_requests=1 + protocol.warm_up_requests,
        min_seconds=seconds.to("s"),
        load_deadline_s=profile.protocol.load_deadline.to("s"),
        request_deadline_s=profile.protocol.request_deadline.to("s"),
        cores=rig.host.cores,
        placement=None if on_cpu else placement,
    )


def terms(profile: Profile, rig: Rig) -> Terms:
    """How the variants of this rig are scored for quality."""
    protocol = profile.protocol
    context = protocol.quality.context
    return Terms(
        options=LoadOptions(
            n_ctx=context,
            n_gpu_layers=0 if profile.target.backend == "cpu" else ALL_LAYERS,
            n_threads=rig.host.cores,
            prefill_chunk=context // 2,
            warm_up=False,
            sampling="argmax",
        ),
        context=context,
        chunks=protocol.quality.chunks,
        load_deadline_s=protocol.load_deadline.to("s"),
        chunk_deadline_s=protocol.request_deadline.to("s"),
    )


def load_terms(profile: Profile, rig: Rig, level: Level, run: int) -> LoadTerms:
    """How ``level`` is measured in its process number ``run``, from 1."""
    protocol, load = profile.protocol, profile.protocol.phase2
    cells = level.streams * load.context_per_stream
    on_cpu = profile.target.backend == "cpu"
    placement = None if on_cpu else _place(profile, rig, load.variant, cells)
    level_seconds = load.level_duration.to("s")
    if level.part == MAIN:
        share, rest = divmod(load.requests, load.processes)
        requests = share + (run <= rest)
    else:
        requests = requests_for(level_seconds, streams=level.streams, tokens=load.tokens)
    return LoadTerms(
        # The main run comes first: what it made the driver compile for deep contexts is there for every later process.
        options=replace(load_options(profile, rig, level.streams), warm_depth=level.part == MAIN),
        texts=prompts(seed=protocol.seed),
        prompt_tokens=load.prompt_tokens,
        tokens=load.tokens,
        requests=requests,
        seconds=None if level.part == MAIN else level_seconds,
        level_seconds=level_seconds,
        load_deadline_s=protocol.load_deadline.to("s"),
        request_deadline_s=protocol.request_deadline.to("s"),
        cores=rig.host.cores,
        seed=(protocol.seed, level.streams, run, int(level.part == MAIN)),
        placement=placement,
        arrivals=load.arrivals,
    )


def load_options(profile: Profile, rig: Rig, streams: int) -> LoadOptions:
    """How the variant of phase 2 is loaded for ``streams`` streams."""
    load = profile.protocol.phase2
    cells = streams * load.context_per_stream
    placement = None if profile.target.backend == "cpu" else _place(profile, rig, load.variant, cells)
    return _options(profile, rig, streams, cells, placement)


def _options(profile: Profile, rig: Rig, streams: int, cells: int, placement: Placement | None) -> LoadOptions:
    on_cpu = profile.target.backend == "cpu"
    return LoadOptions(
        n_ctx=cells,
        n_streams=streams,
        n_gpu_layers=0 if on_cpu else placement.gpu_layers if placement else ALL_LAYERS,
        n_threads=rig.host.cores,
        prefill_chunk=profile.protocol.phase2.prefill_chunk,
    )


def soak_terms(profile: Profile, rig: Rig) -> SoakTerms:
    """How the soak is run on this rig."""
    protocol, schedule = profile.protocol, schedule_of(profile)
    load = protocol.phase2
    cells = schedule.streams * max(load.context_per_stream, load.prompt_tokens + schedule.tokens)
    on_cpu = profile.target.backend == "cpu"
    placement = None if on_cpu else _place(profile, rig, schedule.variant, cells)
    return SoakTerms(
        **vars(schedule),
        prompt_tokens=load.prompt_tokens,
        load_deadline_s=protocol.load_deadline.to("s"),
        request_deadline_s=protocol.request_deadline.to("s"),
        texts=prompts(seed=protocol.seed),
        options=_options(profile, rig, schedule.streams, cells, placement),
        placement=placement,
    )


def placements(profile: Profile, rig: Rig) -> dict[str, Placement]:
    """Where each variant goes on the device under test; nothing on a CPU, or where nobody says how large it is."""
    longest = {variant: max(cell.tokens for cell in profile.protocol.phase1.cells(variant)) for variant in rig.models}
    found = {variant: _place(profile, rig, variant, _context(profile, tokens)) for variant, tokens in longest.items()}
    return {variant: placement for variant, placement in found.items() if placement is not None}


def _place(profile: Profile, rig: Rig, variant: str, cells: int) -> Placement | None:
    usable, model = usable_bytes(profile, rig.devices), rig.models.get(variant)
    if usable is None or model is None:
        return None
    headroom = profile.hardware.headroom
    if isinstance(rig.server, FoundProgram):  # each server of a fleet holds the model
        usable /= rig.server.servers
    return place(model.manifest, cells=cells, usable=usable, headroom=headroom.to("B") if headroom is not None else 0.0)


def _context(profile: Profile, tokens: int) -> int:
    protocol = profile.protocol.phase1
    return max(protocol.context, protocol.prompt_tokens + tokens)
