"""``rawrxd judge --waivers``: kept in the run, dated, and the same bytes each time."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from fakes.charts import save_nothing
from fakes.scripted_run import Scripted
from matplotlib.figure import Figure

from pytest_rawrxd.cli import judge, main
from pytest_rawrxd.evidence.canonical import strict_loads
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.profile.profile import digest_of

PROMISED = "SLA-TPS-GUARANTEE"
WAIVER = f"""
[[waiver]]
criterion = "{PROMISED}"
owner = "Technical Lead"
reason = "late"
ticket = "RX-1"
expiry = 2026-02-28
compensating_measure = "two cards"
"""


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """A run whose one claimed promise is broken, and its waivers."""
    monkeypatch.setattr(Figure, "savefig", save_nothing)
    profile = load_profile("embedded")
    floor = profile.criteria[PROMISED].model_copy(update={"limit": 1000.0})
    profile = profile.model_copy(update={"criteria": {PROMISED: floor}})
    run = Scripted(
        tmp_path / "run", profile.model_copy(update={"digest": digest_of(profile)}), {"cpu": "a", "gpus": []}, {}
    )
    run.session()
    (tmp_path / "waivers.toml").write_text(WAIVER)
    return run.path


def today(monkeypatch, day):
    instant = datetime.fromisoformat(day).replace(tzinfo=UTC)
    monkeypatch.setattr(judge, "SYSTEM", replace(SYSTEM, wall=lambda: instant))


def files(run):
    return {path: path.read_bytes() for path in run.rglob("*") if path.is_file()}


def state(run):
    return strict_loads((run / "verdicts.json").read_bytes())["state"]["1"]["state"]


def test_a_waiver_is_used_kept_and_gives_the_same_bytes_again(broken, monkeypatch):
    today(monkeypatch, "2026-02-28")
    assert main(["judge", str(broken)]) == 1
    assert state(broken) == "REJECTED"

    assert main(["judge", str(broken), "--waivers", str(broken.parent / "waivers.toml")]) == 0
    assert state(broken) == "APPROVED WITH 1 WAIVER"
    before = files(broken)

    (broken.parent / "waivers.toml").unlink()
    assert main(["judge", str(broken)]) == 0
    assert files(broken) == before


def test_the_same_waivers_on_the_same_day_record_nothing_new(broken, monkeypatch):
    today(monkeypatch, "2026-02-28")
    given = ["judge", str(broken), "--waivers", str(broken.parent / "waivers.toml")]
    assert main(given) == 0
    before = files(broken)

    assert main(given) == 0
    assert files(broken) == before


def test_the_day_after_its_last_the_verdict_keeps_its_day_and_the_command_says_so(broken, monkeypatch, capsys):
    today(monkeypatch, "2026-02-28")
    assert main(["judge", str(broken), "--waivers", str(broken.parent / "waivers.toml")]) == 0
    before = files(broken)
    today(monkeypatch, "2026-03-01")

    assert main(["judge", str(broken)]) == 1
    assert f"{PROMISED} (2026-02-28)" in capsys.readouterr().err
    assert files(broken) == before

    assert main(["judge", str(broken), "--today", "2026-03-01"]) == 1
    assert state(broken) == "REJECTED"


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["--waivers", "waivers.toml"], "does not promise"),
        (["--waivers", "nowhere.toml"], "cannot be read"),
        (["--today", "2026-03-01"], "this run has none"),
        (["--today", "tomorrow"], "--today"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error_and_records_nothing(broken, monkeypatch, capsys, more, says):
    monkeypatch.chdir(broken.parent)
    (broken.parent / "waivers.toml").write_text(WAIVER.replace("GUARANTEE", "GARANTEE"))
    before = files(broken)

    assert main(["judge", str(broken), *more]) == 4
    assert says in capsys.readouterr().err
    assert files(broken) == before
