"""Every number of every document is walked back to its evidence, by other code than that which printed it."""

import json
import re
from dataclasses import replace

import numpy as np
import pytest

from pytest_rawrxd.errors import SuiteDefect
from pytest_rawrxd.evidence.campaign import Evidence
from pytest_rawrxd.evidence.cards import Card
from pytest_rawrxd.profile.operation import Use
from pytest_rawrxd.report import number
from pytest_rawrxd.report.nine import text_page
from pytest_rawrxd.report.nine.fact import Fact
from pytest_rawrxd.report.nine.trace import COMMANDS, DIGIT, NAMES, cell, inline, printed, untraced
from pytest_rawrxd.report.nine.write import _environment, _finalize, nine_documents
from pytest_rawrxd.report.render import view_of
from pytest_rawrxd.verdict.judge import judge

#: What stays of a document when every fact is cut out may have digits in these words alone.
CLOSED_LIST = {
    "Q2_K", "Q4_K", "Q5_K_M", "Q6_K", "Q8_0", "P50", "P95", "P99", "1M", "v1.0", "SHA-256", "SHA256", "sha256sum",
    "RFC", "2119", "48", "2>&1", "8}'", "1", "0",
}  # fmt: skip


SECONDS = {"ms": 0.001, "s": 1, "min": 60, "h": 3600}


def texts(documents):
    return {name: text for name, text in documents.items() if name.endswith((".md", ".txt"))}


def numbers(documents):
    found = next(text for name, text in documents.items() if name.endswith("numbers.json"))
    return json.loads(found)


def places(evidence):
    """Everything that a fact may name as its source."""
    profile = evidence.campaign.profile
    promised = {criterion.bound_at.replace(" ", "_") for criterion in profile.criteria.values()}
    return {"campaign.json", *promised, *(record.id for record in evidence.records)}


def test_every_fact_of_every_document_names_evidence_that_is_there(recorded, documents):
    evidence, _ = recorded
    known, listed = places(evidence), numbers(documents)

    for name, text in texts(documents).items():
        found = list(printed(text))
        assert found, name
        for each in found:
            assert each.source in known, (name, each)
            assert len(listed[each.key]["sources"]) == each.more + 1, (name, each)
            assert {source.replace(" ", "_") for source in listed[each.key]["sources"]} <= known
            if each.text is not None:
                assert each.text == cell(listed[each.key]["text"]), (name, each)


def test_nothing_with_a_digit_is_printed_that_is_no_fact(documents):
    """The walk of this test knows Markdown fences and notes, and nothing of how a document is written."""
    listed = numbers(documents)
    strangers = set()
    for name, text in texts(documents).items():
        if name.endswith(".txt"):
            words = {word for fact in listed.values() for word in fact["text"].split()}
            body = re.sub(r" \[[0-9]+\]$", "", text.split("\nNotes:")[0], flags=re.MULTILINE)
            left = [word for word in body.split() if word not in words]
        else:
            body = re.sub(r"<!-- e: .*?<!-- / -->", " ", text, flags=re.DOTALL)
            for fact in re.findall(r"^\s*%% e: (\S+)", body, re.MULTILINE):
                body = body.replace(listed[fact]["text"], " ")
            left = re.sub(r"^\s*%% e: .*$", " ", body, flags=re.MULTILINE).split()
        strangers |= {word.strip('|*`,.;:()[]"') for word in left if DIGIT.search(word)}
    criteria = re.compile(r"(P[123]|SLA)-[A-Z][A-Za-z0-9_-]*")
    files = re.compile(r"(.*/)?[A-Za-z0-9_-]+\.(md|svg|json)\)?(\)\.)?$|.*\]\(.*|.*/v1/completions|REHEARSAL-Q2K.*")
    paths = {word for word in strangers if criteria.fullmatch(word) or files.match(word)}
    assert strangers - paths <= CLOSED_LIST | {"phase1", "phase2", "phase3", "Phase", "2", "3"}


def test_the_closed_list_is_closed():
    """Whoever adds a name adds it here too, and says why it is no number."""
    assert len(NAMES) == 9 + 10
    assert len(COMMANDS.split("|")) == 8


def test_measured_values_are_those_that_judging_again_gives(recorded, documents):
    evidence, _ = recorded
    listed = numbers(documents)
    again = {entry["id"]: entry for entry in judge(evidence)["criteria"]}
    compared = 0
    for key, found in listed.items():
        kind, identifier, what = (*key.split("/"), "")[:3]
        if kind != "criterion" or what != "measured" or not found["known"]:
            continue
        entry = again[identifier]
        assert set(found["sources"]) == set(entry["evidence"])
        if isinstance(entry["estimate"], float) and entry["unit"] != "yes/no":
            digits, unit = re.match(r"(−?[\d,.]+) ?(\S*)", found["text"]).groups()
            value = float(digits.replace(",", "").replace("−", "-"))
            scale = 100 if entry["unit"] == "share" else 1
            if {unit, entry["unit"]} <= SECONDS.keys():  # a time far below its bound has a smaller unit
                scale = SECONDS[entry["unit"]] / SECONDS[unit]
            assert value == pytest.approx(entry["estimate"] * scale, rel=0.02), key
            compared += 1
    assert compared > 3


def test_rates_are_those_of_the_raw_stamps(recorded, documents):
    """Tokens over time, from the arrays alone: no warm-up is cut here, so the two agree within three per cent."""
    evidence, _ = recorded
    listed = numbers(documents)
    for key, found in listed.items():
        if not (key.startswith("variant/") and key.endswith("/tps") and found["known"]):
            continue
        rates = []
        for record in (each for each in evidence.records if each.id in found["sources"]):
            arrays = evidence.raw(record.data["raw"])
            spans = [np.diff(part) for part in np.split(arrays["stamps_ns"], arrays["offsets"][1:-1])]
            gaps = np.concatenate(spans)
            rates.append(1e9 / gaps.mean())
        assert float(found["text"].split()[0]) == pytest.approx(np.mean(rates), rel=0.03), key


def test_a_missing_value_says_why_where_it_would_stand(documents):
    listed = numbers(documents)
    missing = [fact for fact in listed.values() if not fact["known"]]

    assert missing
    for fact in missing:
        assert re.match(r"not (measured|applicable): \S", fact["text"]), fact


def test_a_number_without_a_source_is_seen(documents):
    for name, text in texts(documents).items():
        facts = {
            key: Fact(**{**found, "sources": tuple(found["sources"])}) for key, found in numbers(documents).items()
        }
        markdown = name.endswith(".md")
        assert untraced(text, facts, markdown=markdown) == []
        assert untraced(f"{text}\nabout 80 tok/s\n", facts, markdown=markdown) == ["about 80 tok/s"]


@pytest.mark.parametrize("value", [80, 80.5, "80 tok/s", None, Fact("k", "80 tok/s", ("s001-main-1",))])
def test_a_template_cannot_print_a_value_past_the_filter(value):
    with pytest.raises(SuiteDefect, match="without its source"):
        _environment().from_string("{{ value }}").render(value=value)


def test_a_fact_is_printed_with_key_and_source():
    fact = Fact("variant/Q4_K/tps", "80 tok/s", ("s001-main-1", "s001-main-2"))

    assert inline(fact) == "<!-- e: variant/Q4_K/tps s001-main-1 +1 -->80 tok/s<!-- / -->"
    with pytest.raises(SuiteDefect):
        _finalize(number.number(80.0, "tok/s"))


def test_a_variant_that_is_all_there_is_and_decodes_nothing_has_an_empty_bar():
    assert text_page._bar(0.0, [0.0]) == text_page.REST * text_page.BAR


def test_a_long_name_is_not_cut_inside_a_word():
    page, name = text_page.Page(), "engine-" + "x9" * text_page.WIDTH
    page.put(f"gpu  {name}", Fact("gpu", name, ("r-1",)))

    assert any(name in line for line in page.lines)


def test_a_use_with_an_odd_name_is_traced_like_every_other(recorded):
    """A profile may call a use what it likes; a key with a blank in it would be read as another one."""
    evidence, _ = recorded
    use = Use(title='Up to 5 "users"', prefer="speed")
    profile = evidence.campaign.profile.model_copy(update={"uses": {"my 5 users": use}})
    asked = Evidence(replace(evidence.campaign, profile=profile), evidence.records)
    files = nine_documents(view_of(asked, judge(asked)), charts=())

    listed = json.loads(next(content for name, content in files.items() if name.endswith("numbers.json")))
    assert listed["use/my-5-users/title"]["text"] == use.title
    report = next(content.decode() for name, content in files.items() if "Q2K" in name)
    assert "use/my-5-users/title" in {each.key for each in printed(report)}


def test_documents_of_one_of_several_cards_say_whose_figures_they_show(recorded):
    _, view = recorded
    one, of_several = (
        nine_documents(each, charts=()) for each in (view, replace(view, card=Card(1, "GPU-b", "the second card")))
    )

    pages = [name for name in one if name.endswith(".md") and b"# " in one[name]]
    assert len(pages) >= 8
    for name in pages:
        assert b"Several cards" not in one[name], name
        said = re.sub("<!--.*?-->", "", of_several[name].decode())
        assert "Several cards were tested: figures are those of gpu1 (the second card, GPU-b)" in said, name
