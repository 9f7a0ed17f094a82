"""The acceptance session: preflight, the running campaign, and the verdict at its end."""

from __future__ import annotations

import json
import os
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from pytest_rawrxd import __version__
from pytest_rawrxd.errors import RawrxdError, UsageProblem
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
from pytest_rawrxd.plugin.conclusion import Conclusion
from pytest_rawrxd.plugin.decisions import Decisions
from pytest_rawrxd.plugin.followers import Followers
from pytest_rawrxd.plugin.lane_life import LaneLife, keep_to_one_gpu, list_vulkan
from pytest_rawrxd.plugin.lanes import Lanes, WorkerSeed
from pytest_rawrxd.plugin.load_hosts import open_hosts
from pytest_rawrxd.plugin.marks import marked
from pytest_rawrxd.plugin.preflight import Added, Rig, check_lanes, prepare
from pytest_rawrxd.plugin.progress import Progress
from pytest_rawrxd.plugin.refusals import workers
from pytest_rawrxd.profile import Criterion, Profile
from pytest_rawrxd.report.plain import spelled_out
from pytest_rawrxd.rig.cpu import FamilyCpu
from pytest_rawrxd.rig.gpu.pin import check_alone
from pytest_rawrxd.rig.proxies import proxies
from pytest_rawrxd.verdict.selfcheck import SelfCheck, self_check
from pytest_rawrxd.verdict.soak import unfinished_soak

if TYPE_CHECKING:
    from pytest_rawrxd.measure.hosts.coordinator import LoadHosts

DEFAULT_ENGINE = "llama-cpp-python"


class Acceptance:
    """The plugin object of one acceptance session, in the controller and in each worker."""

    def __init__(self, config: pytest.Config, profile: Profile, seed: WorkerSeed | None) -> None:
        self.config = config
        self.profile = profile
        self.seed = seed
        self.run_dir = seed.run_dir if seed else self._run_dir()
        self.bench: Bench | None = None
        self.conclusion = Conclusion(self.run_dir)
        self.checked: SelfCheck | None = None
        self._stack = ExitStack()
        self._session = seed.session if seed else ""
        self._interrupted = False
        self._concluded = False
        if seed is None and config.pluginmanager.hasplugin("xdist"):
            config.pluginmanager.register(Lanes(self.seed_for), "rawrxd-lanes")
        self.followers = Followers(config, self._progress().say)
        lane = seed.lane if seed else 0
        self._lane = LaneLife(self.run_dir, seed)
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
            campaign = read_card(self.run_dir)
            rig = self._prepared_for(self.seed.lane, self.seed.cards, campaign.identity.engine["backend"])
            self._stack.enter_context(self._lane.held(self.seed.lane))
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
                    device=self.seed.cards[self.seed.lane].device if self.seed.cards else None,
                    cpu=FamilyCpu(os.getppid()) if self.seed.lanes > 1 else None,
                    meeting=self._lane.meeting,
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
            alone = bool(cards) and not workers(self.config)  # where there are workers, they measure
            device = cards[0].device if alone else None
            rig = self._prepared_for(0, cards, rig.engine.backend) if alone else rig
            bench = Bench(campaign, self._session, "main", rig, progress, kept=told, hosts=hosts, device=device)
            self.bench = self._stack.enter_context(bench)
            self._test_on(cards, 1)
            self._lane.forget()
            self._stack.callback(self._lane.forget)
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

    def _in_quiet(self, session: pytest.Session) -> None:
        """When every other lane has ended: measure what needs every core."""
        self._lane.outlast()
        if self.bench is not None:
            self.bench.measure_in_quiet(self.selected_criteria(session))

    def _prepared_for(self, lane: int, cards: tuple[Card, ...], backend: str) -> Rig:
        """What one lane measures: engines that it starts see the GPU of the lane and no other."""
        kept = keep_to_one_gpu(lane, cards, self.engine_spec, backend)
        rig = self._prepare(self._progress())
        if kept is not None and rig.server is None:
            check_alone(rig.devices, kept)
        return rig

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
        self.conclusion.reported(report.nodeid)

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
        judged = self.seed is None and self.bench is not None and self.conclusion.trouble is None
        if judged and exitstatus == pytest.ExitCode.OK and not self.conclusion.accepted():
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def conclude(self, session: pytest.Session) -> None:
        """End the measuring, judge and write the pages: once, for whichever reporter needs the verdicts first."""
        if self.bench is None or self._concluded:
            return
        self._concluded = True
        if self.seed is None:
            self.bench.note("session.end", {"why": "interrupted" if self._interrupted else "finished"})
        self._lane.leave()
        self._stack.close()
        if self.seed is not None:
            return
        if not self.conclusion.judge(self._tell):
            session.exitstatus = pytest.ExitCode.INTERNAL_ERROR

    def _tell(self, verdicts: dict[str, Any]) -> None:
        self.config.hook.pytest_rawrxd_signoff(config=self.config, run_dir=self.run_dir, verdicts=verdicts)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        self.conclusion.write(self.config, terminalreporter)
