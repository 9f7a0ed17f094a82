"""``rawrxd alerts PROFILE -o DIR``: alert rules with their tests, routing and a dashboard, from the profile."""

from __future__ import annotations

import argparse
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.report.alerts.files import ALERTMANAGER, PROBE, alert_files, check_files, write_files
from pytest_rawrxd.report.alerts.plan import watch_of
from pytest_rawrxd.report.alerts.prove import prove
from pytest_rawrxd.report.alerts.routing import Routing
from pytest_rawrxd.report.alerts.terms import monitoring_of
from pytest_rawrxd.rig.monitoring.tools import find_tools


def add(verbs: Any) -> None:
    verb = verbs.add_parser("alerts", help="write Prometheus rules, their tests, routing and a Grafana dashboard")
    verb.add_argument("profile", metavar="PROFILE", help="what is promised, a name or a path")
    verb.add_argument("-o", "--output", metavar="DIR", type=Path, required=True, help="where the files go")
    verb.add_argument("--page", metavar="URL", help="webhook that critical alerts call")
    verb.add_argument("--ticket", metavar="URL", help="webhook that warnings call")
    verb.add_argument("--probe", metavar="HOST:PORT", default=PROBE, help=f"where the probe listens; default: {PROBE}")
    verb.add_argument("--alertmanager", metavar="HOST:PORT", default=ALERTMANAGER, help=f"default: {ALERTMANAGER}")
    verb.add_argument("--runbook", metavar="URL", help="what runbook_url leads to; default: the profile's")
    verb.add_argument("--check", action="store_true", help="prove the files with promtool and amtool")
    verb.add_argument("--mutants", action="store_true", help="also try the tests with every mutant of the rules")
    verb.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    profile = load_profile(arguments.profile)
    watch = watch_of(profile)
    files = alert_files(
        watch,
        runbook=arguments.runbook or monitoring_of(profile).runbook,
        routing=Routing(page=arguments.page, ticket=arguments.ticket),
        probe=arguments.probe,
        alertmanager=arguments.alertmanager,
    )
    write_files(files, arguments.output)
    print(f"{len(watch.alerts)} alerts of {profile.name} in {arguments.output}: {', '.join(files)}")
    for row in watch.rows:
        if row.why_none is not None:
            print(f"  no alert for {row.criterion.id}: {row.why_none}")
    for name in set(watch.terms.early_of) - set(profile.criteria):
        print(f"  protocol.monitoring.early_of names {name}, which {profile.name} does not promise")
    for severity, url in (("critical", arguments.page), ("warning", arguments.ticket)):
        if url is None:
            print(f"  nobody hears {severity} alerts yet: --{'page' if severity == 'critical' else 'ticket'} URL")
    if arguments.check or arguments.mutants:
        tools = find_tools()
        found = check_files(watch, arguments.output, tools)
        print("promtool and amtool agree: " + ", ".join(f"{count} {what}" for what, count in found.items()))
    if arguments.mutants:
        with TemporaryDirectory(prefix="rawrxd-mutants-") as scratch:
            score = prove(watch.alerts, watch.terms, tools, Path(scratch))
        print(score.sentence)
        for mutant in score.equivalent:
            print(f"  equivalent: {mutant.alert.key}, {mutant.change}: {mutant.equivalent}")
        for mutant in (*score.survivors, *score.wrongly_equivalent):
            print(f"  NOT NOTICED: {mutant.alert.key}, {mutant.change}")
        return 1 if score.survivors or score.wrongly_equivalent else 0
    return 0
