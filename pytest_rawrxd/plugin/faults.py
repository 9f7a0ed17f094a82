"""The fault campaign of a session: which service is hurt, and what it is started with."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from pytest_rawrxd.errors import UsageProblem
from pytest_rawrxd.evidence.ledger import LedgerWriter, read_ledger
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.faults.campaign import DEVICE, MISSING, run_campaign, run_device_drill
from pytest_rawrxd.measure.faults.terms import FaultTerms, Memory, Surroundings
from pytest_rawrxd.measure.load.run import run_load
from pytest_rawrxd.measure.prompts import prompts
from pytest_rawrxd.measure.sink import Sink
from pytest_rawrxd.plugin.conditions import load_options
from pytest_rawrxd.plugin.preflight import Rig
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.profile.protocol import Supervision
from pytest_rawrxd.rig.engine.protocol import LoadOptions
from pytest_rawrxd.rig.faults.fault import Site
from pytest_rawrxd.rig.gpu.lavapipe import lavapipe_environment
from pytest_rawrxd.rig.models.synthetic import Shape, write_synthetic
from pytest_rawrxd.rig.server.fleet import of_one, started
from pytest_rawrxd.rig.server.found import FoundProgram, FoundRemote, find_server, is_server
from pytest_rawrxd.rig.server.managed import free_port
from pytest_rawrxd.rig.target.service import AttachedService, CommandService, LlamaServerService, Service, filled
from pytest_rawrxd.rig.target.supervisor import Policy, Supervisor

PROBE_PATH = "/health"
#: Every token of it is printable, and a device that is a CPU in disguise is quick with it.
SMALL = Shape("small", 2, 256, 4, 4, 512, 512, 1024)
SMALL_TOKENS = 4
STAND_IN = "lavapipe"
DISGUISED_S = 10.0  #: a device that is a CPU in disguise compiles for seconds before it answers
SMALL_OPTIONS = LoadOptions(n_ctx=256, n_streams=2, n_gpu_layers=99, n_threads=1, prefill_chunk=8)


class ScratchJournal:
    """A ledger as the suite's own, for the fault that fills its disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ledger = LedgerWriter(folder, session="drill", worker="main", identity="", clock=SYSTEM)
        self.write, self.fileno, self.close = self._ledger.write, self._ledger.fileno, self._ledger.close

    def readable(self) -> int:
        """How many records can be read back."""
        return len(read_ledger(self._folder))


@dataclass(frozen=True)
class Target:
    """A service with what a site says of it."""

    service: Service
    options: LoadOptions
    dialect: str
    model: Path | None
    policy: Policy
    served_as: str | None = None
    others: tuple[str, ...] = ()  #: the rest of the fleet, which nobody hurts
    balanced: int = 1  #: servers behind the service's own address
    beside: FoundProgram | None = None  #: what the rest of a fleet of the suite's own is started from

    @property
    def servers(self) -> int:
        """How many servers the load goes to."""
        return self.balanced + len(self.others)

    @contextmanager
    def whole(self, *, deadline_s: float) -> Iterator[Target]:
        """This target with its whole fleet, the rest of which the suite starts where it is its own."""
        if self.beside is None or self.model is None:
            yield self
            return
        rest = self.beside.servers - 1
        with started(self.beside, self.model, self.options, servers=rest, environ=os.environ) as servers:
            for server in servers:
                server.wait_ready(deadline_s=deadline_s)
            yield replace(self, others=tuple(server.base_url for server in servers))


def measure_faults(profile: Profile, rig: Rig, sink: Sink, memory: Memory, show: Callable[[str], None]) -> None:
    """Run the campaign of ``profile``, or record why there is none."""
    faults = profile.protocol.faults
    terms = fault_terms(profile)
    spec = faults.target or rig.engine_spec
    with ExitStack() as stack:
        scratch = Path(stack.enter_context(TemporaryDirectory(prefix="rawrxd-faults-", ignore_cleanup_errors=True)))
        try:
            target = find_target(profile, rig, spec)
        except UsageProblem as problem:
            sink.record(MISSING, {"target": spec, "why": problem.what, "kinds": [*faults.kinds, *faults.drills]})
            return
        target = stack.enter_context(target.whole(deadline_s=terms.ready_s))
        describe = partial(surroundings, spec=spec, profile=profile, sink=sink, memory=memory, show=show)
        run_campaign(partial(open_site, target, terms, profile, scratch), terms, describe(target))
        if DEVICE in faults.drills:
            drill_device(profile, target, terms, scratch, describe)


def drill_device(
    profile: Profile, target: Target, terms: FaultTerms, scratch: Path, describe: Callable[[Target], Surroundings]
) -> None:
    """Take the device of ``target``, or of what stands in for it on a CPU, away and give it back."""
    around = describe(target)
    try:
        target, stands_in = _device_target(profile, target, scratch)
    except UsageProblem as problem:
        around.sink.record(MISSING, {"target": around.about["target"], "why": problem.what, "kinds": [DEVICE]})
        return
    # The first answer of a process waits until its device's kernels are compiled, 37 s on an idle lavapipe, over 60 s
    # beside other work: as a part of loading it may take as long as a load.
    terms = replace(terms, deadline_s=max(terms.deadline_s, terms.ready_s))
    if stands_in is not None:
        terms, around = replace(terms, tokens=SMALL_TOKENS), describe(target)
        around = replace(around, about={**around.about, "stands_in": stands_in})
    run_device_drill(partial(open_site, target, terms, profile, scratch), terms, around)


def _device_target(profile: Profile, target: Target, scratch: Path) -> tuple[Target, str | None]:
    """What loses its device: the target, or on a CPU a small model on lavapipe. UsageProblem without either."""
    if profile.target.backend != "cpu":
        return target, None
    environment = lavapipe_environment()
    if environment is None or not isinstance(target.service, LlamaServerService):
        raise UsageProblem("no Vulkan driver for the CPU is installed (Debian: mesa-vulkan-drivers)")
    environ = {**os.environ, **environment}
    found = find_server("llama-server", environ=environ, on_cpu=False)
    if not isinstance(found, FoundProgram) or found.info.backend != "vulkan":
        raise UsageProblem("this llama-server has no Vulkan backend")
    model = scratch / "small.gguf"
    write_synthetic(model, SMALL)
    service = replace(
        target.service, model=model, options=SMALL_OPTIONS, environ=environ, port=free_port(), info=found.info
    )
    policy = replace(target.policy, silence_s=max(target.policy.silence_s, DISGUISED_S))
    return Target(service, SMALL_OPTIONS, target.dialect, model, policy), STAND_IN


def surroundings(
    target: Target, spec: str, profile: Profile, *, sink: Sink, memory: Memory, show: Callable[[str], None]
) -> Surroundings:
    """What every record of the campaign says of its target, and where it goes."""
    about: dict[str, Any] = {
        "target": spec,
        "variant": profile.protocol.phase2.variant,
        "engine": asdict(target.service.info),
        "owned": target.service.owned,
        "servers": target.servers,
        "policy": asdict(target.policy),
        "options": asdict(target.options),
    }
    return Surroundings(sink, partial(run_load, environ=os.environ), memory, about, show)


def fault_terms(profile: Profile) -> FaultTerms:
    """The numbers of the profile's campaign."""
    protocol, faults, load = profile.protocol, profile.protocol.faults, profile.protocol.phase2
    return FaultTerms(
        kinds=faults.kinds,
        drills=faults.drills,
        injections=faults.injections,
        requests=faults.requests,
        streams=faults.streams,
        tokens=faults.tokens or load.tokens,
        texts=prompts(seed=protocol.seed),
        prompt_tokens=load.prompt_tokens,
        window_s=faults.window.to("s"),
        retries=faults.retries,
        retry_after_s=faults.retry_after.to("s"),
        hold_s=faults.hold.to("s"),
        deadline_s=protocol.request_deadline.to("s"),
        ready_s=protocol.load_deadline.to("s"),
        queue=faults.queue,
        seed=protocol.seed,
    )


def find_target(profile: Profile, rig: Rig, spec: str) -> Target:
    """The service that ``spec`` or the profile's supervision names. UsageProblem where nothing can be supervised."""
    protocol, supervision = profile.protocol, profile.protocol.supervision
    model = rig.models.get(protocol.phase2.variant)
    options = load_options(profile, rig, protocol.faults.streams)
    policy = Policy(
        supervision.ready if supervision else PROBE_PATH,
        protocol.load_deadline.to("s"),
        protocol.faults.silence.to("s"),
        supervision is None or supervision.restart == "always",
        supervision.restart_wait.to("s") if supervision else 0.5,
    )
    if supervision is not None:
        service = _supervised(supervision, rig, model.path if model else None, options)
        path = model.path if model else None
        others, balanced = rest_of_fleet(rig, service.base_url), servers_behind(rig, service.base_url)
        return Target(service, options, supervision.dialect, path, policy, supervision.model, others, balanced)
    if not is_server(spec):
        raise UsageProblem(
            "the engine in process is no service: nobody restarts it",
            where="protocol.faults.target",
            found=spec,
            possible="llama-server, or a [protocol.supervision] with a command or hooks",
        )
    found = rig.server if spec == rig.engine_spec and rig.server else None
    on_cpu = profile.target.backend == "cpu"
    found = found or rig.beside.get(spec) or find_server(spec, environ=os.environ, on_cpu=on_cpu)
    if not isinstance(found, FoundProgram):
        raise UsageProblem(
            "somebody else started this server: nobody here can restart it",
            where=spec,
            possible="[protocol.supervision] with the command or the hooks of its supervisor",
        )
    if model is None:
        raise UsageProblem("the model that faults are tested with is missing", where=protocol.phase2.variant)
    options = of_one(options, found.servers)
    service = LlamaServerService(
        found.program, model.path, options, dict(os.environ), free_port(), found.info, found.arguments
    )
    beside = found if found.servers > 1 else None
    return Target(service, options, "llama-server", model.path, policy, beside=beside)


def servers_behind(rig: Rig, url: str) -> int:
    """How many servers answer at ``url``: several where it is the balancer under test."""
    target = rig.server.target if isinstance(rig.server, FoundRemote) else None
    if target is None or target.server_header is None or urlsplit(target.base_url).netloc != urlsplit(url).netloc:
        return 1
    return target.servers


def rest_of_fleet(rig: Rig, supervised: str) -> tuple[str, ...]:
    """The servers of the fleet under test beside the one that is hurt, at the same path; none without a fleet."""
    target = rig.server.target if isinstance(rig.server, FoundRemote) else None
    if target is None or not target.others:
        return ()
    mine = urlsplit(supervised)
    hosts = {urlsplit(base).netloc: urlsplit(base).scheme for base in (target.base_url, *target.others)}
    if mine.netloc not in hosts:
        raise UsageProblem(
            "the server that is supervised is none of the fleet",
            where="protocol.supervision.url",
            found=supervised,
            possible=", ".join(hosts),
        )
    return tuple(f"{scheme}://{host}{mine.path}" for host, scheme in hosts.items() if host != mine.netloc)


def _supervised(supervision: Supervision, rig: Rig, model: Path | None, options: LoadOptions) -> Service:
    port = str(free_port())
    values: Mapping[str, str] = {
        "port": port,
        "context": str(options.n_ctx),
        "streams": str(options.n_streams),
        **({"model": str(model)} if model else {}),
    }
    url = filled(supervision.url, values).rstrip("/")
    if supervision.hooks is not None:
        hooks = supervision.hooks
        deadline = hooks.deadline.to("s")
        return AttachedService(hooks.start, hooks.stop, hooks.pid, dict(os.environ), url, rig.engine, deadline)
    end_s = supervision.stop_deadline.to("s")
    return CommandService(supervision.command, values, dict(os.environ), url, rig.engine, end_s)


@contextmanager
def open_site(target: Target, terms: FaultTerms, profile: Profile, scratch: Path) -> Iterator[Site]:
    """The target running under its supervisor, as faults see it."""
    port = int(target.service.base_url.rpartition(":")[2])
    with Supervisor(target.service, target.policy) as supervisor:
        yield Site(
            supervisor,
            port,
            target.dialect,
            target.options.n_streams,
            target.options.n_ctx,
            terms.tokens,
            terms.deadline_s,
            scratch,
            target.model,
            profile.protocol.faults.cancellations,
            ScratchJournal,
            target.served_as,
            others=target.others,
        )
