"""Every part of a rehearsal in one run directory, on real engines, with canary secrets in every place.

The whole of it, with real models and every report, is ``ci/leaks.py``.
"""

from __future__ import annotations

import importlib.util
import json
from collections import Counter

import pytest
from leaks import planted
from leaks.search import Search
from leaks.served import with_keys
from leaks.session import CLIENT, ROOT, acceptance, laid, overheard, search, started, watched
from leaks.words import write_models

from pytest_rawrxd.report.publish import publish
from pytest_rawrxd.rig.server.program import PACKAGE

MISSING = [name for name in (PACKAGE, "llama_cpp") if importlib.util.find_spec(name) is None]
PROFILE = ROOT / "tests" / "leaks" / "short.toml"
#: What a run of every part holds, and a page of each that shows it.
KINDS = ("decode.run", "bandwidth.run", "load.run", "soak.burst", "fault.window", "fault.drill", "monitoring.drill")
PAGES = ("signoff-phase1.html", "signoff-phase2.html", "signoff-phase3.html", "evidence.html", "stability_48h.html")
VARIANTS = ("Q2_K", "Q4_K")


@pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")
def test_no_canary_leaves_its_place_in_a_run_of_every_part(tmp_path):
    places = laid(tmp_path)
    models = write_models(places.told / "models", tmp_path, *VARIANTS)
    profile = places.left / "short.toml"
    with with_keys(models["Q4_K"], places.told, streams=12, cells=128) as (beside, _keyring):
        profile.write_text(PROFILE.read_text(encoding="utf-8").replace("BESIDE", beside), encoding="utf-8")
        chosen = ["--sla-profile", str(profile), "--sla-models", str(places.told / "models"), "-p", "leaks.hasty"]
        cache = {"RAWRXD_CACHE": str(places.left / "cache")}
        outcome = watched(acceptance(places, *chosen), places, deadline_s=280, **cache)

    # Every part took place, and the key was used: what is looked for below could have been there.
    assert outcome.status == 1, outcome.shown[-3000:]  # models of noise keep few promises
    ledgers = [path.read_bytes() for path in (places.run_dir / "ledger").iterdir()]
    records = [json.loads(line) for ledger in ledgers for line in ledger.splitlines()]
    counts = Counter(record["kind"] for record in records)
    assert {kind for kind in KINDS if not counts[kind]} == set(), counts
    served = [record["data"] for record in records if record["kind"] == "load.run" and record["data"]["beside"]]
    assert {tuple(each["finish_reasons"]) for each in served} == {("length",)}
    clients = [planted.holders(each.environment) for each in started(places) if CLIENT in " ".join(each.command)]
    assert {planted.KEY} in clients
    for page in PAGES:
        assert (places.run_dir / page).is_file(), page
    for report in ("junit.xml", "report.html"):
        assert (places.left / report).is_file()
    assert list((places.left / "allure").glob("*-result.json"))
    looked_for = search(places)
    assert {"decode.run", "load.run"} <= {name.split()[-2] for name in looked_for.ids}
    assert outcome.processes

    publish(places.run_dir, places.left / "published")
    assert looked_for.folder(places.left) == []
    assert looked_for.text(outcome.shown) == []
    assert overheard([*started(places), *outcome.processes]) == []
    assert Search({"what the run is of": "Q4_K"}, {}).folder(places.run_dir)  # the search finds what is there
