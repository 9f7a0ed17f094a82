"""The monitoring of a session: the rules of its profile proven, and the drill on a real server of the suite's own."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pytest_rawrxd.errors import RigTrouble, UsageProblem
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.drill import Drill, DrillTerms
from pytest_rawrxd.measure.monitoring import MISSING, RULES
from pytest_rawrxd.measure.probe.process import probing
from pytest_rawrxd.measure.probe.terms import ProbeTerms
from pytest_rawrxd.measure.sink import Sink
from pytest_rawrxd.measure.throttle import Aim
from pytest_rawrxd.plugin.preflight import SCRIPTED, Rig
from pytest_rawrxd.profile import Profile
from pytest_rawrxd.report.alerts.dashboard import queries
from pytest_rawrxd.report.alerts.files import alert_files, check_files, write_files
from pytest_rawrxd.report.alerts.plan import Watch, watch_of
from pytest_rawrxd.report.alerts.prove import prove
from pytest_rawrxd.report.alerts.routing import CONFIG, ROUTING, Routing
from pytest_rawrxd.report.alerts.terms import monitoring_of
from pytest_rawrxd.rig.engine.protocol import LoadOptions
from pytest_rawrxd.rig.monitoring.receiver import Receiver
from pytest_rawrxd.rig.monitoring.stack import Stack
from pytest_rawrxd.rig.monitoring.tools import Tools, find_tools
from pytest_rawrxd.rig.placement import ALL_LAYERS
from pytest_rawrxd.rig.server.found import FoundProgram, FoundServer, find_server
from pytest_rawrxd.rig.server.managed import ManagedServer, free_port
from pytest_rawrxd.rig.server.probe import get
from pytest_rawrxd.verdict.alert_budget import KINDS, SLOW, budgets, detection, speed, telling

SLOWED_TO = (0.3, 0.6, 0.8)  #: of the slowest speed that the SLA allows, where a lesser degradation called nobody
LEAST = 0.5  #: of the same, below which a lesser degradation is corrected: raising it interrupts the early warning
STAGE = 1.5  #: times as long as an alert may take: for the lesser degradation
STREAMS = 2  #: one for the probe, one that a hanging request cannot take from it
MOST_WAIT_S = 900.0  #: for an alert, where the budget is hours
RECOVERY_S = 60.0  #: at most, until no alert of an earlier fault fires

Say = Callable[[str], None]


def measure_monitoring(profile: Profile, rig: Rig, sink: Sink, say: Say) -> None:
    """Prove the rules and run the drill, each recorded; what it would take where it cannot be done."""
    try:
        watch = watch_of(profile)
        tools = find_tools()
        program = _server(profile, rig)
    except (RigTrouble, UsageProblem) as problem:
        why = f"{problem.what}: {problem.found}" if problem.found else problem.what
        sink.record(MISSING, {"why": why, "possible": problem.possible or "another machine"})
        return
    about = {"prometheus": tools.version(tools.prometheus), "alertmanager": tools.version(tools.alertmanager)}
    with TemporaryDirectory(prefix="rawrxd-monitoring-", ignore_cleanup_errors=True) as folder:
        say("proving the alert rules")
        sink.record(RULES, {**about, **_proof(watch, Path(folder, "rules"), tools)})
        try:
            _drill(
                watch,
                rig,
                program=program,
                folder=Path(folder, "drill"),
                tools=tools,
                sink=sink,
                about={**about, "server": program.info.version},
                say=say,
            )
        except RigTrouble as trouble:
            sink.record(MISSING, {"why": f"the drill broke off: {trouble}", "possible": "run it again"})


def _server(profile: Profile, rig: Rig) -> FoundProgram:
    """A llama-server that the suite may freeze and kill: the one under test, or one for the drill alone."""
    if rig.engine_spec.startswith(SCRIPTED):
        raise RigTrouble("nothing real is there to be drilled", found=rig.engine_spec, possible="a real engine")
    under_test: FoundServer | None = rig.server or rig.beside.get("llama-server")
    found = under_test or find_server("llama-server", environ=os.environ, on_cpu=profile.target.backend == "cpu")
    if not isinstance(found, FoundProgram):
        raise RigTrouble(
            "a server that somebody else started is not frozen or killed",
            found=found.target.base_url,
            possible="--sla-engine llama-server, which the suite starts",
        )
    if profile.protocol.phase2.variant not in rig.models:
        raise RigTrouble(
            "there is no model to drill with", found=profile.protocol.phase2.variant, possible="a file of this variant"
        )
    return found


def _proof(watch: Watch, folder: Path, tools: Tools) -> dict[str, Any]:
    """What promtool and amtool say about the files, and how many wrong rules the rules' tests notice."""
    write_files(alert_files(watch, runbook=monitoring_of(watch.profile).runbook), folder)
    alerts, cases = len(watch.alerts), sum(len(alert.cases) for alert in watch.alerts)
    rows = {row.criterion.id: [alert.name for alert in row.alerts] or row.why_none for row in watch.rows}
    found: dict[str, Any] = {"alerts": alerts, "cases": cases, "rows": rows, "failed": None}
    try:
        check_files(watch, folder, tools)
        found["mutants"] = _mutants(watch, folder, tools)
    except RigTrouble as trouble:
        found["failed"] = str(trouble)
    return found


def _mutants(watch: Watch, folder: Path, tools: Tools) -> dict[str, Any]:
    score = prove(watch.alerts, watch.terms, tools, folder)
    return {
        "killed": score.killed,
        "equivalent": [[mutant.alert.key, mutant.change, mutant.equivalent] for mutant in score.equivalent],
        "unnoticed": [[mutant.alert.key, mutant.change] for mutant in (*score.survivors, *score.wrongly_equivalent)],
    }


def _drill(
    watch: Watch,
    rig: Rig,
    *,
    program: FoundProgram,
    folder: Path,
    tools: Tools,
    sink: Sink,
    about: dict[str, Any],
    say: Say,
) -> None:
    profile, protocol = watch.profile, watch.profile.protocol
    terms = ProbeTerms.of(profile)
    model = rig.models[protocol.phase2.variant]
    options = LoadOptions(
        n_ctx=STREAMS * protocol.phase2.context_per_stream,
        n_streams=STREAMS,
        n_gpu_layers=0 if profile.target.backend == "cpu" else ALL_LAYERS,
        n_threads=max(1, rig.host.cores - 1),  # Prometheus and the probe have to look at it while it computes
        prefill_chunk=protocol.phase2.prefill_chunk,
    )
    arguments = (*program.arguments, "--metrics")
    with ExitStack() as stack:
        receiver = stack.enter_context(Receiver())
        server = stack.enter_context(
            ManagedServer(program.program, model.path, options, environ=os.environ, arguments=arguments)
        )
        say("starting the server of the drill")
        server.wait_ready(deadline_s=protocol.load_deadline.to("s"))
        aimed = replace(terms, url=server.base_url, target=server.target(), pid=server.pid)
        probe = stack.enter_context(probing(aimed, environ=os.environ))
        ports = free_port(), free_port()
        routing = Routing(receiver.url, receiver.url, group_wait_s=0.1, group_interval_s=1.0)
        files = alert_files(
            watch,
            runbook=monitoring_of(profile).runbook,
            routing=routing,
            probe=f"127.0.0.1:{probe}",
            alertmanager=f"127.0.0.1:{ports[1]}",
        )
        write_files(files, folder)
        prometheus = stack.enter_context(
            Stack(tools, folder, config=CONFIG, routing=ROUTING, ports=ports, environ=os.environ)
        )
        health, deadline_s = f"{server.base_url}/health", terms.health_deadline_s

        def answers() -> bool:
            answer = get(health, timeout_s=deadline_s)
            return answer is not None and answer[0] == 200

        Drill(drill_terms(watch), server.pid, prometheus, receiver, answers, SYSTEM, sink, about, queries(watch)).run(
            say
        )


def drill_terms(watch: Watch) -> DrillTerms:
    """How the drill of this profile goes; an alert is waited for until its budget is spent."""
    profile = watch.profile
    allowed = budgets(profile)
    asked = speed(profile)
    if asked is None or set(allowed) != set(KINDS.values()):
        raise RigTrouble(
            "the SLA says nothing of a server that is slow or down",
            found=", ".join(allowed) or "no budget",
            possible="SLA rows for latency, recovery and availability",
        )
    # Nearer to the bound: a busy machine's windows scatter by a third, and one above the warning begins its hold anew.
    between = math.cbrt(asked.early * asked.bound**2)
    return DrillTerms(
        clean_s=monitoring_of(profile).clean.to("s"),
        window_s=watch.terms.window_s,
        scrape_s=watch.terms.scrape_s,
        quiet_s=RECOVERY_S + watch.terms.window_s + watch.terms.hold_s,
        wait_s={fault: min(allowed[kind], MOST_WAIT_S) for fault, kind in KINDS.items()},
        counts={fault: telling(profile, kind) for fault, kind in KINDS.items()},
        early=asked.early,
        aims=(
            Aim(LEAST * asked.bound, between, math.sqrt(between * asked.early)),
            Aim(*(part * asked.bound for part in SLOWED_TO)),
        ),
        stage_s=STAGE * detection(profile)[SLOW],
        health_deadline_s=watch.terms.health_deadline_s,
    )
