"""The page that is signed: safe, complete, the same twice."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pytest

from pytest_rawrxd.report.bundle import bundle
from pytest_rawrxd.report.curves import phase1_thumbnails, rate_bounds
from pytest_rawrxd.report.dossier import Phase
from pytest_rawrxd.report.page import css_string
from pytest_rawrxd.report.sign import SIGNS
from pytest_rawrxd.report.signoff import approval_options, render_signoff, unproven
from pytest_rawrxd.verdict.outcome import State, Verdict

HOSTILE = "</td><script>alert(1)</script><img src=x onerror=alert(1)>\u202eevil\x1b[31m{{ 7*7 }}"


class Tags(HTMLParser):
    """Collects tags with their attributes, and the text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.text: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text.append(data)

    def all(self, tag):
        return [attrs for name, attrs in self.found if name == tag]


@pytest.fixture(scope="session")
def files(view):
    return bundle(view)


@pytest.fixture(scope="session")
def page(files):
    return files["signoff-phase1.html"].decode()


def test_a_second_rendering_is_byte_identical(files, sample):
    again = bundle(sample.make_view())
    assert {name for name in files if files[name] != again[name]} == set()


def test_the_bundle_holds_every_named_output_of_phase_1(files):
    assert {
        "signoff-phase1.html",
        "performance_matrix.csv",
        "performance_statistics.csv",
        "performance_matrix.html",
        "bandwidth_analysis.html",
        "hybrid_feasibility.html",
        "charts/tps-vs-memory.svg",
        "charts/tps-vs-memory.png",
        "charts/latency-distributions.svg",
        "charts/efficiency-frontier.svg",
    } <= files.keys()


def test_every_verdict_has_its_symbol_and_its_spelling(page):
    for verdict, sign in SIGNS.items():
        assert re.search(rf'<span aria-hidden="true">{re.escape(sign.symbol)}</span> {verdict}<', page), verdict


def test_the_page_says_state_sentence_counters_and_rehearsal(page, view):
    phase = view.phase(1)
    text = " ".join(Tags(page).text)
    assert phase.sentence in text
    assert "REJECTED" in text
    assert page.count("REHEARSAL – can never be signed as accepted") >= 2
    assert css_string("REHEARSAL – can never be signed as accepted") in page
    for role in view.profile.roles:
        assert role in text


def test_a_real_acceptance_carries_no_rehearsal_banner_and_can_be_accepted(sample):
    view = sample.make_view(sample.make_verdicts(state="APPROVED", rehearsal=False))
    page = render_signoff(view, 1)
    assert "REHEARSAL" not in page
    assert "☐ accept<" in page


@pytest.mark.parametrize(
    ("state", "rehearsal", "open_for_acceptance"),
    [
        (State.APPROVED, False, True),
        (State.APPROVED_WITH_WAIVERS, False, True),
        (State.INCOMPLETE, False, False),
        (State.REJECTED, False, False),
        (State.APPROVED, True, False),
    ],
)
def test_acceptance_can_be_ticked_only_where_the_state_allows_it(state, rehearsal, open_for_acceptance):
    phase = Phase(1, state, str(state), rehearsal, "", dict.fromkeys(Verdict, 0), 0, ())
    assert any(option.startswith("accept") for option in approval_options(phase)) is open_for_acceptance


def test_hostile_text_stays_text(sample):
    criterion = sample.criterion("P1-X", title=HOSTILE, source=HOSTILE, reason=HOSTILE, next=HOSTILE, bound_at=HOSTILE)
    verdicts = sample.make_verdicts([criterion], sentence=HOSTILE)
    verdicts["run"]["id"] = HOSTILE
    verdicts["profile"]["title"] = HOSTILE
    verdicts["target"]["item"] = HOSTILE
    page = render_signoff(sample.make_view(verdicts), 1)
    tags = Tags(page)
    assert not tags.all("script")
    assert not tags.all("img")
    assert "\u202e" not in page
    assert "\x1b" not in page
    assert "{{ 7*7 }}" in page
    assert len(tags.all("style")) == 1


@pytest.mark.parametrize("text", ['"}body{display:none}', "</style><script>", "\\", "\n"])
def test_a_css_string_cannot_be_left(text):
    assert re.fullmatch(r"(?:[A-Za-z0-9 .-]|\\[0-9a-f]{6} )*", css_string(text))


@pytest.mark.parametrize("name", ["signoff-phase1", "performance_matrix", "bandwidth_analysis", "hybrid_feasibility"])
def test_no_page_can_load_or_run_anything(files, name):
    page = files[f"{name}.html"].decode()
    tags = Tags(page)
    (policy,) = [meta["content"] for meta in tags.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    (style,) = re.findall(r"<style>(.*?)</style>", page, flags=re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    assert policy.startswith("default-src 'none'; ")
    assert f"style-src-elem 'sha256-{digest}'" in policy
    assert not re.search(r"https?:|//[a-z]|@import|javascript:", page)
    assert not [tag for tag, _ in tags.found if tag in {"script", "link", "iframe", "object", "embed", "img", "form"}]
    assert not [key for _, attrs in tags.found for key in attrs if key.startswith("on")]


def test_the_page_can_be_read_without_seeing_it(page):
    tags = Tags(page)
    assert tags.all("html") == [{"lang": "en"}]
    assert all(attrs.get("scope") for attrs in tags.all("th"))
    assert (
        page.count('role="img"') == page.count("<title>") - 1 + page.count("aria-label=") - page.count("<section") - 1
    )
    identities = [attrs["id"] for _, attrs in tags.found if "id" in attrs]
    assert len(identities) == len(set(identities))


def test_every_text_colour_has_contrast_on_white_and_on_its_own_ground(page):
    colours = dict(re.findall(r"--([a-z-]+):#([0-9a-f]{6})", page))
    for sign in SIGNS.values():
        for ground in ("ffffff", colours[f"{sign.css}-back"]):
            assert contrast(colours[sign.css], ground) >= 4.5, (sign.css, ground)
    assert contrast(colours["soft"], colours["head"]) >= 4.5


def contrast(one: str, other: str) -> float:
    """WCAG 2 contrast ratio."""

    def luminance(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def test_criteria_that_share_a_reason_are_one_line(sample):
    rows = [sample.criterion(f"P1-{n}", reason="no acceptance test claims this criterion") for n in range(40)]
    rows.append(sample.criterion("P1-NOTE", reason="shown only", informative=True))
    (group,) = unproven(sample.make_view(sample.make_verdicts(rows)).phase(1))
    assert len(group.ids) == 40


def test_a_campaign_that_measured_nothing_still_has_a_page(sample):
    view = sample.make_view(sample.make_verdicts([sample.criterion("P1-X", reason="nothing ran")]))
    bare = type(view).build(
        {**view.verdicts, "run": {**view.verdicts["run"], "suite": None, "started": None, "ended": None}},
        records=(),
        load_raw=view.load_raw,
        profile=view.profile,
    )
    assert "No curve" in bundle(bare)["signoff-phase1.html"].decode()
    assert phase1_thumbnails(bare) == ()
    assert "performance_matrix.csv" not in bundle(bare)


def test_what_decides_comes_first_then_what_does_not_apply_then_what_informs(view):
    ids = [judged.id for judged in view.phase(1).criteria]
    assert ids[-2:] == ["P1-GPU-TEMP", "P1-SPEEDUP"]


def test_a_bound_that_does_not_apply_is_not_drawn(sample):
    rows = [{**row, "verdict": "NOT APPLICABLE"} for row in sample.phase1_criteria()]
    assert rate_bounds(sample.make_view(sample.make_verdicts(rows))) == {}
    assert rate_bounds(sample.make_view()).keys() == set(sample.LADDER)


def test_a_yes_says_what_it_rests_on(page):
    assert "Q8_0 reads 0.68 of the measured bandwidth" in " ".join(Tags(page).text)


def test_a_no_says_what_was_required(sample):
    fact = {"kind": "fact", "unit": "yes/no", "direction": "==", "limit": True, "estimate": 0.0, "verdict": "FAIL"}
    verdicts = sample.make_verdicts([sample.criterion("P1-X", **fact, reason="offloaded 28 of 33 layers")])

    text = " ".join(" ".join(Tags(render_signoff(sample.make_view(verdicts), 1)).text).split())

    assert "no , required yes offloaded 28 of 33 layers" in text


def test_what_is_not_applicable_is_one_line_and_is_reasoned_in_section_6(sample):
    excused = {"verdict": "NOT APPLICABLE", "reason": "no GPU"}
    informative = {**excused, "informative": True}
    criteria = [sample.criterion("P1-A", **excused), sample.criterion("P1-B", **informative), sample.criterion("P1-C")]

    page = render_signoff(sample.make_view(sample.make_verdicts(criteria)), 1)

    table, rest = page.split("2 Approval")
    assert "2 more" in table
    assert "P1-C" in table
    assert "P1-A" not in table
    assert "P1-A, P1-B" in rest


@pytest.mark.parametrize(("estimate", "margin"), [(60.0, "+500 %"), (150.0, "&gt;+999 %")])
def test_a_margin_beyond_all_measure_is_cut(sample, estimate, margin):
    floor = {"kind": "floor", "direction": ">=", "limit": 10, "estimate": estimate, "verdict": "PASS"}
    verdicts = sample.make_verdicts([sample.criterion("P1-X", **floor)])

    assert margin in render_signoff(sample.make_view(verdicts), 1)


BROKEN = {
    "rule": "V-HOST",
    "severity": "error",
    "protects": "throughput and latency",
    "message": "other programs used the processor",
    "found": "Q4_K, <b>process</b> 3: 40 %",
    "fix": "stop other work on the machine",
    "phases": [1],
    "evidence": ["s001-main-4"],
}


def test_a_validity_error_stands_on_page_one_and_what_broke_is_listed(sample):
    verdicts = sample.make_verdicts() | {"validity": [BROKEN, {**BROKEN, "rule": "V-NOISE", "severity": "warning"}]}
    page = render_signoff(sample.make_view(verdicts), 1)

    first, second = page.split('aria-label="Proof"')
    assert "this phase cannot be signed" in first
    assert "V-NOISE" not in first
    assert "&lt;b&gt;process&lt;/b&gt; 3" in first
    assert "V-NOISE" in second
    assert "V-HOST" in second


def test_an_error_of_another_phase_leaves_page_one_alone(sample):
    page = render_signoff(sample.make_view(sample.make_verdicts() | {"validity": [{**BROKEN, "phases": [2]}]}), 1)

    assert "cannot be signed</b>" not in page.split('aria-label="Proof"')[0]


def test_evidence_without_a_broken_rule_says_so(sample):
    assert "breaks no validity rule" in render_signoff(sample.make_view(sample.make_verdicts()), 1)


def test_a_comparison_is_secondary_on_the_page(sample):
    comparison = {
        "baseline": "before <b>",
        "candidate": "after",
        "subject": ["engine.version: 'b1' is now 'b2'"],
        "differences": ["driver: 'd1' is now '<i>d2</i>'"],
        "rows": [
            {
                "metric": "decode_tps",
                "unit": "tok/s",
                "where": {"tokens": 256, "variant": "Q4_K"},
                "baseline": {"n": 10, "mean": 80.0},
                "candidate": None,
                "estimate": None,
                "lower": None,
                "upper": None,
                "verdict": "INCONCLUSIVE",
                "reason": "not interleaved",
                "next": "run alternately",
                "mismatches": [],
            }
        ],
    }
    page = render_signoff(sample.make_view(sample.make_verdicts() | {"comparisons": [comparison]}), 1)

    first, second = page.split('aria-label="Proof"')
    assert "decides no criterion: after against before &lt;b&gt;" in second
    assert "decode_tps (variant Q4_K, tokens 256)" in second
    assert "Differs: driver: &#39;d1&#39; is now &#39;&lt;i&gt;d2&lt;/i&gt;&#39;" in second
    assert "against before" not in first
