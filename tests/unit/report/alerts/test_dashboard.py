"""The dashboard: a panel for each row of the SLA, and Grafana's own published model of a dashboard understands it."""

from __future__ import annotations

import enum
import json
import sys
import typing
import warnings

import pytest
from grafana_foundation_sdk.cog import plugins
from grafana_foundation_sdk.cog.encoder import JSONEncoder

from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.profile.units import Quantity, convert
from pytest_rawrxd.report.alerts.dashboard import dashboard_json, queries
from pytest_rawrxd.report.alerts.plan import watch_of

with warnings.catch_warnings():
    # Grafana 13 writes a second schema and goes on importing the first, which older ones need.
    warnings.filterwarnings("ignore", "Prefer using dashboardv2", DeprecationWarning)
    from grafana_foundation_sdk.models.dashboard import Dashboard

NAMES = ("rx7800xt", "production", "embedded", "h100-roadmap")
BASES = {"time": "s", "data": "B", "ratio": "ratio", "temperature": "degC", "count": "count", "token rate": "tok/s"}


@pytest.fixture(params=NAMES)
def watch(request):
    return watch_of(load_profile(request.param))


@pytest.fixture(scope="module", autouse=True)
def every_kind_of_panel():
    plugins.register_default_plugins()


# -- Grafana's model ---------------------------------------------------------------------------------------------------


def lost(ours, theirs, path="dashboard"):
    """What Grafana's model, having read ``ours``, does not write again as it was: keys that it does not know."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key, value in ours.items():
            yield from lost(value, theirs[key], f"{path}.{key}") if key in theirs else [f"{path}.{key}"]
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for place, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            yield from lost(mine, other, f"{path}[{place}]")
    elif ours != theirs:
        yield path


def wrong(value, hint, path="dashboard"):
    """Where ``value``, an object of the model, holds something of another type than the model declares."""
    if not fits(value, hint):
        yield path
        return
    if isinstance(value, list):
        for place, each in enumerate(value):
            yield from wrong(each, object, f"{path}[{place}]")
    if hasattr(type(value), "from_json"):
        names = vars(sys.modules[type(value).__module__])
        for name, declared in typing.get_type_hints(type(value), globalns=names).items():
            yield from wrong(getattr(value, name), declared, f"{path}.{name}")


def fits(value, hint):
    origin, inside = typing.get_origin(hint), typing.get_args(hint)
    if origin in {typing.Union, typing.Literal}:
        return any(fits(value, one) for one in inside) if origin is typing.Union else value in inside
    if origin is list:
        return isinstance(value, list) and all(fits(each, inside[0]) for each in value)
    if origin is not None or hint is object or getattr(hint, "_is_protocol", False):
        return origin is None or isinstance(value, origin)
    if issubclass(hint, enum.Enum):
        return value in {one.value for one in hint}
    # In JSON a whole number is a number, and true is none.
    kinds = (int, float) if hint is float else hint
    return isinstance(value, kinds) and isinstance(value, bool) is (hint is bool)


def read(document):
    found = Dashboard.from_json(document)
    return found, json.loads(JSONEncoder().encode(found))


def test_grafanas_model_knows_every_key_and_value_of_the_dashboard(watch):
    document = json.loads(dashboard_json(watch))

    found, again = read(document)

    assert list(lost(document, again)) == []
    assert list(wrong(found, Dashboard)) == []
    kinds = {type(panel.options).__module__.rpartition(".")[2] for panel in found.panels}
    assert kinds == {"timeseries", "text"}, "each panel was read by the model of its own kind"


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda panel: panel.update(titel="x"), "dashboard.panels[0].titel"),
        (
            lambda panel: panel["options"]["legend"].update(position="left"),
            "dashboard.panels[0].options.legend.position",
        ),
        (lambda panel: panel["fieldConfig"]["defaults"]["custom"].update(thresholdStyle={}), "custom.thresholdStyle"),
        (lambda panel: panel["targets"][0].update(expression="up"), "dashboard.panels[0].targets[0].expression"),
    ],
)
def test_a_key_that_grafana_does_not_know_is_found(change, where):
    document = json.loads(dashboard_json(watch_of(load_profile("rx7800xt"))))
    change(document["panels"][0])

    _, again = read(document)

    assert [each for each in lost(document, again) if each.endswith(where)]


@pytest.mark.parametrize(
    ("change", "where"),
    [
        (lambda panel: panel.update(id="one"), "panels[0].id_val"),
        (lambda panel: panel["gridPos"].update(w=8.5), "panels[0].grid_pos.w"),
        (lambda panel: panel["options"]["tooltip"].update(mode="several"), "options.tooltip.mode"),
        (lambda panel: panel["fieldConfig"]["defaults"]["custom"]["thresholdsStyle"].update(mode="dots"), "style.mode"),
        (lambda panel: panel["fieldConfig"]["defaults"]["thresholds"]["steps"][1].update(value="50"), "steps[1].value"),
    ],
)
def test_a_value_that_grafana_does_not_take_is_found(change, where):
    document = json.loads(dashboard_json(watch_of(load_profile("rx7800xt"))))
    change(document["panels"][0])

    found, _ = read(document)

    assert [each for each in wrong(found, Dashboard) if each.endswith(where)]


# -- ours --------------------------------------------------------------------------------------------------------------


def test_each_row_of_the_sla_is_a_panel_with_its_bound_as_a_line(watch):
    panels = json.loads(dashboard_json(watch))["panels"]

    assert [panel["title"].split(":")[0] for panel in panels] == [row.criterion.id for row in watch.rows]
    for panel, row in zip(panels, watch.rows, strict=True):
        if panel["type"] == "text":
            assert not row.alerts
            assert row.why_none in panel["options"]["content"]
            assert row.criterion.id not in queries(watch)
            continue
        assert panel["targets"][0]["expr"] == queries(watch)[row.criterion.id]
        defaults = panel["fieldConfig"]["defaults"]
        lines = [step["value"] for step in defaults["thresholds"]["steps"]]
        limits = row.criterion.limit if isinstance(row.criterion.limit, tuple) else (row.criterion.limit,)
        base = BASES[Quantity(1, row.criterion.unit).dimension]
        assert defaults["custom"]["thresholdsStyle"]["mode"] == "line"
        assert {round(convert(limit, row.criterion.unit, base), 6) for limit in limits} <= {
            round(line, 6) for line in lines if line is not None
        }
        assert lines[0] is None
        assert lines[1:] == sorted(lines[1:])


def test_panels_lie_beside_each_other_and_never_over_each_other(watch):
    cells = set()
    for panel in json.loads(dashboard_json(watch))["panels"]:
        place = panel["gridPos"]
        own = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert place["x"] + place["w"] <= 24
        assert not own & cells
        cells |= own
