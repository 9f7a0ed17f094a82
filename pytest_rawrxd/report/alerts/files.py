"""The folder that ``rawrxd alerts`` writes, and its proof."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pytest_rawrxd.errors import RigTrouble
from pytest_rawrxd.report.alerts.dashboard import FILE, dashboard_json
from pytest_rawrxd.report.alerts.documents import RULES, labels, rules_yaml, tests_yaml
from pytest_rawrxd.report.alerts.plan import Watch
from pytest_rawrxd.report.alerts.routing import CONFIG, RECEIVERS, ROUTING, Routing, config_yaml, routing_yaml
from pytest_rawrxd.rig.monitoring.tools import Tools

PROBE, ALERTMANAGER = "127.0.0.1:9778", "127.0.0.1:9093"


def alert_files(
    watch: Watch,
    *,
    runbook: str,
    routing: Routing | None = None,
    probe: str = PROBE,
    alertmanager: str = ALERTMANAGER,
) -> Mapping[str, str]:
    """Every file by name; the same profile gives the same bytes."""
    return {
        RULES: rules_yaml(watch, runbook),
        **tests_yaml(watch, runbook),
        ROUTING: routing_yaml(routing or Routing()),
        CONFIG: config_yaml(watch.terms, probe=probe, alertmanager=alertmanager),
        FILE: dashboard_json(watch),
    }


def write_files(files: Mapping[str, str], folder: Path) -> None:
    """Write ``files`` into ``folder``, which is made where it is not there; another profile's tests leave it."""
    folder.mkdir(parents=True, exist_ok=True)
    for stale in folder.glob("rawrxd.rules*.test.yml"):
        stale.unlink()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def check_files(watch: Watch, folder: Path, tools: Tools) -> dict[str, int]:
    """What promtool and amtool found in order: rules, cases and routes. Raises RigTrouble for the first that is not."""
    tools.check_rules(folder, RULES)
    tools.check_config(folder, CONFIG)
    tools.check_routing(folder, ROUTING)
    if failed := tools.test_rules(folder, sorted(path.name for path in folder.glob("*.test.yml"))):
        raise RigTrouble("the tests of these alerts fail", where=str(folder), found=", ".join(failed))
    for alert in watch.alerts:
        reached = tools.route(folder, ROUTING, {"alertname": alert.name, **labels(alert, watch.terms)})
        if reached != RECEIVERS[alert.severity]:
            raise RigTrouble(
                f"{alert.name} reaches the wrong receiver", found=reached, possible=RECEIVERS[alert.severity]
            )
    return {
        "alerts": len(watch.alerts),
        "cases": sum(len(alert.cases) for alert in watch.alerts),
        "routes": len(watch.alerts),
    }
