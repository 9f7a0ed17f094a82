"""Every verb that reads a run of a stranger, over one whose every word steers a terminal: nothing of it does."""

import json
import unicodedata

import pytest
from fakes.charts import save_nothing
from fuzz.runs import lay, recorded
from matplotlib.figure import Figure

from pytest_rawrxd.cli import main
from pytest_rawrxd.report.plain import HIDDEN, spelled_out

WORDS = "\x1b[31m\x1b]0;PWNED\x07\u202e\u2066\u200b\x9b2J"
#: What a reader sees of them.
SEEN = spelled_out(WORDS)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    """A soak, faults and monitoring whose lines, names and title hold the words."""
    changes = [
        {"base": "embedded-phase2", "profile": {"title": f"t{WORDS}", "target.item": f"i{WORDS}", "name": f"n{WORDS}"}}
    ]
    for record in recorded("embedded-phase2"):
        told = dict(record["data"])
        match record["kind"]:
            case "soak.checkpoint" | "soak.review":
                told["line"] += WORDS
            case "soak.gap" | "fault.drill":
                told["trouble"] = WORDS
                told["name"] += WORDS
            case "session.start":
                told["suite"] += WORDS
            case _:
                continue
        changes.append({"seq": record["seq"], "kind": record["kind"], "data": told})
    return lay("\n".join(map(json.dumps, changes)).encode(), tmp_path_factory.mktemp("hostile"))


VERBS = {
    "judge": ["judge", "RUN"],
    "verify": ["verify", "RUN"],
    "compare": ["compare", "RUN", "RUN"],
    "report": ["report", "RUN", "--github"],
    "documents": ["report", "RUN", "--docs"],
    "choose": ["choose", "RUN"],
    "status": ["soak", "status", "RUN"],
    "review": ["soak", "review", "RUN"],
    "collect": ["soak", "collect", "RUN"],
    "publish": ["publish", "RUN", "--to", "TO"],
    "unknown": ["verify", f"no{WORDS}"],
    "option": ["verify", "RUN", f"--no{WORDS}"],
    "expected": ["verify", "RUN", "--expect", f"engine.version={WORDS}"],
}


@pytest.mark.parametrize("verb", VERBS)
def test_nothing_that_is_printed_steers_the_terminal(verb, run_dir, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(Figure, "savefig", save_nothing)
    places = {"RUN": str(run_dir), "TO": str(tmp_path / "signed")}

    code = main([places.get(word, word) for word in VERBS[verb]])

    told = "".join(capsys.readouterr())
    steering = {character for character in told if unicodedata.category(character) in HIDDEN} - {"\n", "\t"}
    assert not steering
    assert code in (0, 1, 4)
    assert "Traceback" not in told


@pytest.mark.parametrize("verb", ["status", "unknown", "option"])
def test_the_words_are_seen_as_what_they_are(verb, run_dir, capsys):
    main([{"RUN": str(run_dir)}.get(word, word) for word in VERBS[verb]])

    assert SEEN in "".join(capsys.readouterr())
