"""The acceptance session: preflight, the running campaign, and the verdict at its end."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import traceback
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_rawrxd import __version__
from pytest_rawrxd.errors import RawrxdError, RigTrouble, UsageProblem
from pytest_rawrxd.evidence.campaign import Evidence, SessionLock, check_joinable, open_campaign, read_card
from pytest_rawrxd.evidence.cards import CARDS, Card
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.measure.soak.resume import check_resumable
from pytest_rawrxd.plugin import options
from pytest_rawrxd.plugin.baseline import baseline
from pytest_rawrxd.plugin.bench import Bench
from pytest_rawrxd.plugin.capture import fresh_line, uncaptured
from pytest_rawrxd.plugin.card_tests import CardTests
from pytest_rawrxd.plugin.claims import claims
from pytest_rawrxd.plugin.decisions import Decisions
from pytest_rawrxd.plugin.followers import Followers
from pytest_rawrxd.plugin.lanes import Lanes, WorkerSeed
from pytest_rawrxd.plugin.load_hosts import open_hosts
from pytest_rawrxd.plugin.marks import marked
from pytest_rawrxd.plugin.preflight import SCRIPTED, Added, Rig, check_lanes, prepare
from pytest_rawrxd.plugin.progress import Progress
from pytest_rawrxd.plugin.refusals import workers
from pytest_rawrxd.profile import Criterion, Profile
from pytest_rawrxd.report.dossier import RunView
from pytest_rawrxd.report.plain import spelled_out
from pytest_rawrxd.report.render import render
from pytest_rawrxd.report.terminal import table
from pytest_rawrxd.rig.cpu import FamilyCpu
from pytest_rawrxd.rig.gpu import Gpu, find_gpus, lease
from pytest_rawrxd.rig.gpu.pin import check_alone, pinned
from pytest_rawrxd.rig.models.cache import default_cache
from pytest_rawrxd.rig.proxies import proxies
from pytest_rawrxd.rig.rendezvous import Rendezvous
from pytest_rawrxd.rig.vulkan import VulkanDevice, read_vulkan
from pytest_rawrxd.verdict.judge import judge
from pytest_rawrxd.verdict.selfcheck import SelfCheck, self_check
from pytest_rawrxd.verdict.soak import unfinished_soak
from pytest_rawrxd.verdict.state import accepted

if TYPE_CHECKING:
    from pytest_rawrxd.measure.hosts.coordinator import LoadHosts

DEFAULT_ENGINE = "llama-cpp-python"
LANE_WAIT_S = 60.0  #: for the worker of the same lane that died, or the test that waits for its end
UNTIL_IT_ENDS = -1.0  #: a lane's lock is let go by the system when its worker ends, in whatever way


def list_vulkan() -> tuple[VulkanDevice, ...]:
    """The devices of this machine's Vulkan loader, in its order; none where it cannot be asked."""
    try:
        return read_vulkan(os.environ).devices
    except RigTrouble:
        return ()


class Acceptance:
    """The plugin object of one acceptance session, in the controller and in each worker."""

    def __init__(self, config: pytest.Config, profile: Profile, seed: WorkerSeed | None) -> None:
        self.config = config
        self.profile = profile
        self.seed = seed
        self.run_dir = seed.run_dir if seed else self._run_dir()
        self.bench: Bench | None = None
        self.verdicts: dict[str, Any] | None = None
        self.view: RunView | None = None
        self.trouble: str | None = None
        self.checked: SelfCheck | None = None
        self._stack = ExitStack()
        self._session = seed.session if seed else ""
        self._reported: set[str] = set()
        self._interrupted = False
        self._concluded = False
        if seed is None and config.pluginmanager.hasplugin("xdist"):
            config.pluginmanager.register(Lanes(self.seed_for), "rawrxd-lanes")
        self.followers = Followers(config, self._progress().say)
        lane = seed.lane if seed else 0
        self.decisions = Decisions(profile, self.run_dir, self._record, self.followers.verdict, lane=lane)
        config.pluginmanager.register(self.decisions, "rawrxd-decisions")

    def _run_dir(self) -> Path:
        named, resumed = options.setting(self.config, "run-dir"), options.setting(self.config, "resume")
        if named and resumed and Path(named.value).resolve() != Path(resumed.value).resolve():
            raise pytest.UsageError(f"--sla-resume {resumed.value} goes on in that directory, not in {named.value}")
        if chosen := resumed or named:
            return Path(chosen.value)
        stamp = SYSTEM.wall().strftime("%Y%m%d-%H%M%S")
        return self.config.rootpath / "reports" / f"{self.profile.name}-{stamp}"

    @property
    def engine_spec(self) -> str:
        named = options.setting(self.config, "engine")
        return named.value if named else DEFAULT_ENGINE

    # -- before -------------------------------------------------------------------------------------------------

    def pytest_report_header(self) -> list[str]:
        kind = "REHEARSAL, cannot be signed as accepted" if self.profile.kind == "rehearsal" else "acceptance"
        lines = [f"rawrxd: profile {self.profile.name} ({kind})", f"rawrxd: run directory {self.run_dir}"]
        if self.checked is not None:
            lines.append(f"rawrxd: self-check: {self.checked.sentence()}")
        return lines

    def pytest_sessionstart(self) -> None:
        if self.config.option.collectonly:
            return
        if self.seed:
            kept = self._keep_to_one_gpu(self.seed)
            rig = self._prepare(self._progress())
            if kept is not None and rig.server is None:
                check_alone(rig.devices, kept)
            campaign = read_card(self.run_dir)
            several = len(self.seed.cards) > 0
            self._stack.enter_context(self._lane_held(self.seed.lane, wait_s=LANE_WAIT_S))
            self.bench = self._stack.enter_context(
                Bench(
                    campaign,
                    self._session,
                    self.seed.worker,
                    rig,
                    self._progress(),
                    kept=self.followers.evidence,
                    lane=self.seed.lane,
                    lanes=self.seed.lanes,
                    device=self.seed.cards[self.seed.lane].device if several else None,
                    cpu=FamilyCpu(os.getppid()) if self.seed.lanes > 1 else None,
                    meeting=self._meeting if self.seed.lanes == len(self.seed.cards) else None,
                )
            )
            self._test_on(self.seed.cards, self.seed.lanes)
            return
        progress = self._progress()
        try:
            earlier, claimed = baseline(self.config, self.run_dir), self._claims()
            if options.setting(self.config, "resume"):
                check_resumable(unfinished_soak(Evidence.read(self.run_dir)), self.run_dir)
            self._stack.enter_context(SessionLock(self.run_dir))
            rig = self._prepare(progress)
            check_lanes(rig, self.profile, workers(self.config), vulkan=list_vulkan)
            identity = rig.identity(self.profile)
            check_joinable(self.run_dir, identity)
            hosts = self._load_hosts(rig)
            campaign = open_campaign(self.run_dir, identity, self.profile, SYSTEM)
            self._session = campaign.new_session()
            told = self.followers.evidence
            cards = rig.cards(self.profile)
            device = cards[0].device if cards and not workers(self.config) else None  # workers measure, we do not
            bench = Bench(campaign, self._session, "main", rig, progress, kept=told, hosts=hosts, device=device)
            self.bench = self._stack.enter_context(bench)
            self._test_on(cards, 1)
            if cards:
                shutil.rmtree(self._meeting_place, ignore_errors=True)
                self._stack.callback(shutil.rmtree, self._meeting_place, ignore_errors=True)
        except RawrxdError as problem:  # nothing is measured yet, so nothing is lost
            self._stack.close()
            raise pytest.UsageError(spelled_out(str(problem))) from problem
        finally:
            progress.end()
        self.bench.note(
            "session.start",
            {
                **({CARDS: [card.to_dict() for card in self.decisions.cards]} if self.decisions.cards else {}),
                "argv": list(self.config.invocation_params.args),
                "suite": f"pytest-rawrxd {__version__}",
                "profile": {"name": self.profile.name, "digest": self.profile.digest, "kind": self.profile.kind},
                "proxies_not_used": list(proxies(os.environ)),
            },
        )
        self.bench.note("claims", {"tests": claimed})
        self.checked = self_check()
        self.bench.note("self-check", self.checked.to_dict())
        if earlier is not None:
            self.bench.note("baseline", earlier)

    def _test_on(self, cards: tuple[Card, ...], lanes: int) -> None:
        """Let each test that is collected from now on be about one of ``cards``; ``lanes`` of them are measured."""
        if not cards:
            return
        self.decisions.cards, self.decisions.lanes = cards, lanes
        tests = CardTests(self.profile, cards, lanes, self._in_quiet)
        self.config.pluginmanager.register(tests, "rawrxd-card-tests")

    def _lane_held(self, lane: int, *, wait_s: float) -> AbstractContextManager[None]:
        """Held by the worker of a lane as long as it lives, so that others can wait for its end."""
        return lease(f"lane {lane} of {self.run_dir.resolve()}", default_cache().root / "locks", wait_s=wait_s)

    @cached_property
    def _meeting(self) -> Rendezvous | None:
        """Where the lanes of several cards say where they are; None of one lane."""
        seed = self.seed
        if seed is None or not seed.cards or seed.lanes < 2:
            return None
        return Rendezvous(
            self._meeting_place,
            seed.lane,
            seed.lanes,
            is_alive=self._is_alive,
            sleep=SYSTEM.sleep,
            now_ns=SYSTEM.monotonic_ns,
        )

    @property
    def _meeting_place(self) -> Path:
        """Of this run directory, in which one session measures at a time. The controller empties it."""
        name = hashlib.sha256(str(self.run_dir.resolve()).encode()).hexdigest()[:16]
        return default_cache().root / "locks" / f"meeting-{name}"

    def _is_alive(self, lane: int) -> bool:
        try:
            with self._lane_held(lane, wait_s=0):
                return False
        except RigTrouble:
            return True

    def _in_quiet(self, session: pytest.Session) -> None:
        """When every other lane has ended: measure what needs every core."""
        if self._meeting is not None:
            self._meeting.leave()  # who waits for the others' end comes to nothing that they begin
            self._meeting.outlast(self._until_ended, back_within_s=LANE_WAIT_S)
        if self.bench is not None:
            self.bench.measure_in_quiet(self.selected_criteria(session))

    def _until_ended(self, lane: int) -> None:
        with self._lane_held(lane, wait_s=UNTIL_IT_ENDS):
            pass

    def _keep_to_one_gpu(self, seed: WorkerSeed) -> Gpu | None:
        """Let engines of this process see the GPU of its lane alone; None where the profile has one lane."""
        if not seed.cards or self.engine_spec.startswith(SCRIPTED):
            return None
        gpu = find_gpus()[seed.lane]
        os.environ.update(pinned(gpu, read_card(self.run_dir).identity.engine["backend"], vulkan=list_vulkan))
        return gpu

    def _prepare(self, progress: Progress) -> Rig:
        models = options.setting(self.config, "models")
        return prepare(
            self.profile,
            self.engine_spec,
            Path(models.value) if models else None,
            self.run_dir,
            lambda what: progress.show(0, 1, what),
            added=Added.of(
                self.config.hook.pytest_rawrxd_engine(config=self.config),
                self.config.hook.pytest_rawrxd_gpu(config=self.config),
            ),
        )

    def _load_hosts(self, rig: Rig) -> LoadHosts | None:
        named = options.setting(self.config, "load-hosts")
        if named is None:
            return None
        return self._stack.enter_context(open_hosts(named.value, self.profile, rig, lanes=workers(self.config)))

    def _claims(self) -> dict[str, list[str]]:
        folders = [Path(folder) for folder in self.config.getini("sla_acceptance")]
        if not folders:
            folders = [p for a in self.config.args if (p := Path(a.split("::")[0])).is_dir()]
        return claims(folders, self.config.rootpath)

    def _progress(self) -> Progress:
        return Progress(SYSTEM, lambda: uncaptured(self.config), lambda: fresh_line(self.config))

    def seed_for(self, worker: str, lane: int) -> str:
        """What ``worker`` has to be told, as text: xdist ends the session on anything it cannot serialise."""
        told = {
            "profile": self.profile.to_resolved(),
            "run_dir": str(self.run_dir.resolve()),
            "session": self._session,
            "worker": worker,
            "lane": lane,
            "lanes": workers(self.config),
            "cards": [card.to_dict() for card in self.decisions.cards],
        }
        return json.dumps(told)

    # -- during -------------------------------------------------------------------------------------------------

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self._reported.add(report.nodeid.split("[")[0])

    def selected_criteria(self, session: pytest.Session) -> list[Criterion]:
        """The criteria that the selected tests claim, in the profile's order."""
        wanted = {identifier for item in session.items for identifier in marked(item)}
        return [criterion for criterion in self.profile.criteria.values() if criterion.id in wanted]

    def _record(self, kind: str, data: dict[str, Any]) -> str:
        if self.bench is None:
            raise UsageProblem("nothing is recorded while tests are only collected")
        return self.bench.record(kind, data)

    # -- after --------------------------------------------------------------------------------------------------

    def pytest_keyboard_interrupt(self) -> None:
        self._interrupted = True

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        self.conclude(session)
        judged = self.seed is None and self.bench is not None and self.trouble is None
        if judged and exitstatus == pytest.ExitCode.OK and not self._accepted():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def conclude(self, session: pytest.Session) -> None:
        """End the measuring, judge and write the pages: once, for whichever reporter needs the verdicts first."""
        if self.bench is None or self._concluded:
            return
        self._concluded = True
        if self.seed is None:
            self.bench.note("session.end", {"why": "interrupted" if self._interrupted else "finished"})
        if self._meeting is not None:
            self._meeting.leave()
        self._stack.close()
        if self.seed is not None:
            return
        try:
            evidence = Evidence.read(self.run_dir)
            self.verdicts = judge(evidence)
            self.view = render(evidence, self.verdicts)
            self.config.hook.pytest_rawrxd_signoff(config=self.config, run_dir=self.run_dir, verdicts=self.verdicts)
        except Exception as problem:  # the evidence is safe on disk, and a defect of ours must not look like a verdict
            self.trouble = str(problem) if isinstance(problem, RawrxdError) else traceback.format_exc()
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def state_lines(self) -> list[str]:
        """The state of each phase in a sentence, for formats that have room for no more."""
        if self.view is None:
            return [self.trouble or "no verdict"]
        return [
            f"Phase {phase.number}: {'REHEARSAL ' if phase.rehearsal else ''}{phase.said} – {phase.sentence}"
            for phase in self.view.phases
        ]

    def _phases(self) -> set[int]:
        """The phases that this session ran a test of."""
        entries = self.verdicts["criteria"] if self.verdicts else ()
        return {entry["phase"] for entry in entries if self._reported.intersection(entry["claimed_by"])}

    def _accepted(self) -> bool:
        if self.verdicts is None:
            return False
        entries = self.verdicts["criteria"]
        phases = self._phases()
        rehearsal = any(state["rehearsal"] for state in self.verdicts["state"].values())
        validity = self.verdicts["validity"]
        return bool(phases) and accepted(entries, phases, rehearsal=rehearsal, validity=validity)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        writer = terminalreporter
        if self.trouble is not None:
            said = "no verdict" if self.view is None else "the verdict is written, and nobody was told"
            writer.section(said, sep="=", red=True)
            writer.write_line(spelled_out(self.trouble))
        if self.view is not None:
            writer.section("sign-off", sep="=")
            tw = self.config.get_terminal_writer()
            encoding = getattr(sys.__stdout__, "encoding", None)
            phases = self._phases()
            writer.write(table(self.view, width=tw.fullwidth, colour=tw.hasmarkup, encoding=encoding, phases=phases))
            writer.write_line(f"evidence and pages: {self.run_dir}")
