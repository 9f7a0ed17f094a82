"""A wrong profile is refused with file, line, key, what was found and what is possible: the exact words."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_rawrxd.errors import ProfileProblem
from pytest_rawrxd.profile import Profile, load_profile
from pytest_rawrxd.profile.metrics import METRICS

Refused = Callable[[str], str]

ROADMAP = load_profile("rx7800xt")
DROPPABLE_TABLES = 8  #: what else "drop" may name

REFUSALS = {
    "an unknown key": (
        '[criteria.P2-LAT-P95]\nat_mots = "50 ms"\n',
        "unknown key 'at_mots'\n"
        "  where: mine.toml:3, criteria.P2-LAT-P95.at_mots\n"
        '  found: at_mots = "50 ms"\n'
        "  possible: at_most? One of: title, source, kind, metric, phase, where, at_most, at_least, within, equals, "
        "bound_of, expected, quantile, confidence, informative, not_applicable",
    ),
    "an unknown table": (
        "[hardwear]\nx = 1\n",
        "unknown key 'hardwear'\n"
        "  where: mine.toml:2, hardwear\n"
        '  found: hardwear = {"x": 1}\n'
        "  possible: hardware? One of: title, kind, extends, drop, target, hardware, models, protocol, gates, roles, "
        "energy, uses, criteria",
    ),
    "a single run that is to say how runs spread": (
        "[gates.min_runs]\nfloor = 1\n",
        "bad number\n  where: mine.toml:3, gates.min_runs.floor\n  found: floor = 1\n  possible: at least 2",
    ),
    "a wrong unit": (
        '[criteria.P2-LAT-P95]\n\nat_most = "50 MiB"\n',
        "wrong unit: MiB measures data, inter_token_latency is time\n"
        "  where: mine.toml:4, criteria.P2-LAT-P95.at_most\n"
        '  found: at_most = "50 MiB"\n'
        "  possible: at_most in ns, us, ms, s, min, h, or bound_of another criterion",
    ),
    "an unknown unit": (
        '[criteria.P2-LAT-P95]\nat_most = "50 msec"\n',
        "unknown unit\n"
        "  where: mine.toml:3, criteria.P2-LAT-P95.at_most\n"
        '  found: at_most = "50 msec"\n'
        "  possible: ns, us, ms, s, min, h",
    ),
    "a wrong unit in the protocol": (
        '[protocol.soak]\nduration = "48 GB"\n',
        "wrong unit: GB measures data, not time\n"
        "  where: mine.toml:3, protocol.soak.duration\n"
        '  found: duration = "48 GB"\n'
        "  possible: a number and one of the units ns, us, ms, s, min, h",
    ),
    "a number without a unit": (
        "[criteria.P2-LAT-P95]\nat_most = 50\n",
        "a number without a unit: inter_token_latency is time\n"
        "  where: mine.toml:3, criteria.P2-LAT-P95.at_most\n"
        "  found: at_most = 50\n"
        "  possible: at_most in ns, us, ms, s, min, h, or bound_of another criterion",
    ),
    "a missing bound": (
        '[criteria.P2-NEW]\ntitle = "t"\nsource = "s"\nkind = "floor"\nmetric = "aggregate_tps"\n'
        "where = { streams = 12 }\n",
        "missing bound\n"
        "  where: mine.toml:2, criteria.P2-NEW\n"
        "  found: nothing\n"
        "  possible: at_least in tok/s, or bound_of another criterion",
    ),
    "two bounds": (
        '[criteria.P2-AGG]\nat_least = "1 tok/s"\nbound_of = "P2-EFF-12"\n',
        "2 bounds: at_least, bound_of\n"
        "  where: mine.toml:4, criteria.P2-AGG.bound_of\n"
        '  found: bound_of = "P2-EFF-12"\n'
        "  possible: at_least in tok/s, or bound_of another criterion",
    ),
    "NaN": (
        "[criteria.P2-LAT-P95]\nat_most = nan\n",
        "bad number: a bound is finite and has a unit\n"
        "  where: mine.toml:3, criteria.P2-LAT-P95.at_most\n"
        "  found: at_most = NaN\n"
        '  possible: a quantity as in "50 ms", a count as in 6, or a place as in "protocol.soak.duration"',
    ),
    "infinity": (
        "[gates]\nconfidence = inf\n",
        "bad number\n"
        "  where: mine.toml:3, gates.confidence\n"
        "  found: confidence = Infinity\n"
        "  possible: a finite number",
    ),
    "a negative speed": (
        '[criteria.P2-AGG]\nat_least = "-800 tok/s"\n',
        "bad number: aggregate_tps is never negative\n"
        "  where: mine.toml:3, criteria.P2-AGG.at_least\n"
        '  found: at_least = "-800 tok/s"\n'
        "  possible: zero or more",
    ),
    "more than all": (
        '[criteria.SLA-AVAIL]\nat_least = "100.1 %"\n',
        "bad number: availability is never above 100%\n"
        "  where: mine.toml:3, criteria.SLA-AVAIL.at_least\n"
        '  found: at_least = "100.1 %"\n'
        "  possible: 100 % or less",
    ),
    "a band upside down": (
        '[criteria.P1-TPS-Q2_K]\nwithin = ["120 tok/s", "100 tok/s"]\n',
        "lower end not below the upper end\n"
        "  where: mine.toml:3, criteria.P1-TPS-Q2_K.within\n"
        '  found: within = ["120 tok/s", "100 tok/s"]\n'
        "  possible: [100 tok/s, 120 tok/s] in this order",
    ),
    "a key given twice": (
        '[criteria.P2-AGG]\nat_least = "800 tok/s"\nat_least = "700 tok/s"\n',
        "the key criteria.P2-AGG.at_least is given twice\n"
        "  where: mine.toml:4, criteria.P2-AGG.at_least\n"
        "  found: the first is in line 3\n"
        "  possible: one of the two",
    ),
    "a wrong type": (
        "title = 7\n",
        "wrong type\n  where: mine.toml:2, title\n  found: title = 7\n  possible: a text in quotes",
    ),
    "no TOML": (
        'title = "x\n',
        "the profile is no TOML: Illegal character '\\n'\n"
        "  where: mine.toml:2\n"
        '  found: title = "x\n'
        "  possible: TOML 1.0: key = value, one a line, text in quotes",
    ),
    "an unknown metric": (
        '[criteria.P2-AGG]\nmetric = "agregate_tps"\n',
        "unknown metric 'agregate_tps'\n"
        "  where: mine.toml:3, criteria.P2-AGG.metric\n"
        '  found: metric = "agregate_tps"\n'
        f"  possible: aggregate_tps? One of {len(METRICS)}, nearest: aggregate_tps",
    ),
    "a rule that cannot judge the metric": (
        '[criteria.P2-UTIL]\nkind = "floor"\n',
        "gpu_utilisation is not judged as 'floor'\n"
        "  where: mine.toml:3, criteria.P2-UTIL.kind\n"
        '  found: kind = "floor"\n'
        "  possible: utilisation",
    ),
    "a bound the rule cannot use": (
        '[criteria.P2-AGG]\nat_most = "800 tok/s"\n',
        "kind 'floor' takes no at_most\n"
        "  where: mine.toml:3, criteria.P2-AGG.at_most\n"
        '  found: at_most = "800 tok/s"\n'
        "  possible: at_least in tok/s, or bound_of another criterion",
    ),
    "a borrowed bound that is not there": (
        '[criteria.P2-UTIL]\nbound_of = "SLA-UTILS"\n',
        "the bound leads nowhere: there is no criterion 'SLA-UTILS'\n"
        "  where: mine.toml:3, criteria.P2-UTIL.bound_of\n"
        '  found: bound_of = "SLA-UTILS"\n'
        f"  possible: SLA-UTIL? One of {len(ROADMAP.criteria)}, nearest: "
        "SLA-UTIL, SLA-USERS, SLA-AVAIL, P2-SOAK-UTIL, P2-UTIL",
    ),
    "a borrowed bound of another dimension": (
        '[criteria.P2-LAT-P95-10]\nbound_of = "P2-AGG"\n',
        "kind 'quantile' takes no at_least\n"
        "  where: mine.toml:3, criteria.P2-LAT-P95-10.bound_of\n"
        '  found: bound_of = "P2-AGG"\n'
        "  possible: at_most in ns, us, ms, s, min, h, or bound_of another criterion",
    ),
    "a place of the protocol that is not there": (
        '[criteria.P2-SOAK-HOURS]\nat_least = "protocol.soak.length"\n',
        "the bound leads nowhere\n"
        "  where: mine.toml:3, criteria.P2-SOAK-HOURS.at_least\n"
        '  found: at_least = "protocol.soak.length"\n'
        "  possible: the dotted place of a duration or a count of the protocol",
    ),
    "streams that nothing is measured at": (
        "[criteria.P2-AGG]\nwhere = { streams = 11 }\n",
        "nothing is measured at 11 streams\n"
        "  where: mine.toml:3, criteria.P2-AGG.where.streams\n"
        "  found: streams = 11\n"
        "  possible: 1, 4, 8, 10, 12, 15, 16",
    ),
    "a missing condition": (
        "[criteria.P2-AGG]\nwhere = {}\n",
        "aggregate_tps needs where.streams\n"
        "  where: mine.toml:3, criteria.P2-AGG.where\n"
        "  found: where = {}\n"
        "  possible: where = { streams = ... }",
    ),
    "a cell without runs": (
        '[protocol.phase1.matrix]\nQ4_K = ["256x5", "256"]\n',
        "not a cell of the matrix\n"
        "  where: mine.toml:3, protocol.phase1.matrix.Q4_K[1]\n"
        '  found: "256"\n'
        '  possible: tokens x runs, as in "256x5"',
    ),
    "an unknown variant": (
        '[protocol.phase1.matrix]\nQ5_K = ["256x5"]\n',
        "unknown name 'Q5_K'\n"
        "  where: mine.toml:3, protocol.phase1.matrix.Q5_K\n"
        "  found: 'Q5_K'\n"
        "  possible: Q5_K_M? One of: Q2_K, Q4_K, Q5_K_M, Q6_K, Q8_0, Hybrid",
    ),
    "an id of no phase": (
        '[criteria.P4-X]\ntitle = "t"\nsource = "s"\nkind = "fact"\nmetric = "hybrid_known"\nequals = true\n',
        "'P4-X' is no id of a criterion\n"
        "  where: mine.toml:2, criteria.P4-X\n"
        "  found: P4-X\n"
        "  possible: P1-, P2-, P3- or SLA- and letters, digits, - and _",
    ),
    "an excuse in an acceptance profile": (
        '[criteria.SLA-TEMP]\nnot_applicable = "GPU temperature"\n',
        "an acceptance profile excuses nothing\n"
        "  where: mine.toml:3, criteria.SLA-TEMP.not_applicable\n"
        '  found: not_applicable = "GPU temperature"\n'
        "  possible: drop the criterion, or kind = 'rehearsal'",
    ),
    "an excuse outside the closed list": (
        'kind = "rehearsal"\n[criteria.P2-AGG]\nnot_applicable = "too slow"\n',
        "no such entry in the closed list\n"
        "  where: mine.toml:4, criteria.P2-AGG.not_applicable\n"
        '  found: not_applicable = "too slow"\n'
        "  possible: One of: absolute expectations, GPU temperature, GPU utilisation, offload proof, data under "
        "version control, walkthrough by a non-author, 48 h horizon",
    ),
    "an excuse for another metric": (
        'kind = "rehearsal"\n[criteria.P2-AGG]\nnot_applicable = "GPU temperature"\n',
        "'GPU temperature' does not excuse aggregate_tps as floor\n"
        "  where: mine.toml:4, criteria.P2-AGG.not_applicable\n"
        '  found: not_applicable = "GPU temperature"\n'
        "  possible: one of gpu_temperature",
    ),
    "a gate that is left out": (
        'drop = ["gates.cv_max"]\n',
        "missing key 'cv_max'\n"
        "  where: mine.toml:2, gates.cv_max\n"
        "  found: nothing\n"
        "  possible: Spread over runs above which the machine is too noisy.",
    ),
    "nothing to drop": (
        'drop = ["P1-TPS-Q2_K", "P1-TPS-Q4K"]\n',
        "the base has no 'P1-TPS-Q4K' to drop\n"
        "  where: mine.toml:2, drop[1]\n"
        "  found: 'P1-TPS-Q4K'\n"
        f"  possible: P1-TPS-Q4_K? One of {len(ROADMAP.criteria) + DROPPABLE_TABLES}, nearest: "
        "P1-TPS-Q4_K, P1-TPS-Q6_K, P1-TPS-Q5_K_M, "
        "P1-TPS-Q8_0, P1-LAT-Q4_K",
    ),
}


@pytest.mark.parametrize(("text", "words"), REFUSALS.values(), ids=REFUSALS)
def test_a_wrong_profile_is_refused_in_these_words(refused: Refused, text: str, words: str) -> None:
    assert refused(text) == words


def test_everything_that_is_wrong_is_said_at_once_in_the_order_of_the_file(refused: Refused) -> None:
    words = refused(
        'titel = "x"\n'
        '[protocol.phase2]\nlevels = "12"\n'
        '[criteria.P2-AGG]\nat_least = "800 ms"\n'
        '[criteria.P2-LAT-P95]\nmetric = "latency"\n'
    )
    assert [block.splitlines()[1].strip() for block in words.split("\n\n")] == [
        "where: mine.toml:2, titel",
        "where: mine.toml:4, protocol.phase2.levels",
        "where: mine.toml:6, criteria.P2-AGG.at_least",
        "where: mine.toml:8, criteria.P2-LAT-P95.metric",
    ]


def test_a_problem_carries_the_others(write: Callable[[str], Path]) -> None:
    write('extends = "rx7800xt"\none = 1\ntwo = 2\n')
    with pytest.raises(ProfileProblem) as problem:
        load_profile("mine.toml")
    assert problem.value.what == "unknown key 'one'"
    assert [other.what for other in problem.value.others] == ["unknown key 'two'"]


def test_lines_are_right_behind_strings_that_look_like_tables(refused: Refused) -> None:
    words = refused(
        'title = """\n[criteria.X]\nat_most = 1\n"""\n'
        "[criteria.P2-LAT-P95]\nsource = '''\nat_most = \"2 s\"\n'''\nat_most = \"1 MB\"\n"
    )
    assert "where: mine.toml:10, criteria.P2-LAT-P95.at_most" in words


def test_a_wrong_bound_is_reported_where_it_stands_and_not_where_it_is_borrowed(refused: Refused) -> None:
    assert refused('[criteria.P2-LAT-P95]\nat_most = "1 MB"\n').count("  where:") == 1


def test_bounds_that_borrow_from_each_other_are_a_circle(refused: Refused) -> None:
    words = refused('[criteria.P2-LAT-P95]\nbound_of = "P2-LAT-P95-10"\n')
    assert words.startswith(
        "the bound leads nowhere: a circle: P2-LAT-P95 -> P2-LAT-P95-10 -> P2-LAT-P95\n"
        "  where: mine.toml:3, criteria.P2-LAT-P95.bound_of\n"
    )
    assert words.count("  where:") == 1


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ('[protocol.phase2]\nblock = "121 s"\n', "longer than a run"),
        ('[protocol.soak]\nrestart_every = "49 h"\n', "longer than the soak"),
        ('[protocol.soak]\nsettle = "12 h"\n', "as long as a process life"),
        ("[protocol.phase1.processes]\nfloor = 4\n", "fewer processes than gates.min_runs.floor"),
        ("[protocol.phase2]\nlevel_runs = 4\n", "fewer processes than gates.min_runs.floor"),
        ("[protocol.faults]\ninjections = 9\n", "fewer than gates.min_injections"),
        ("[protocol.supervision]\n", "neither a command nor hooks"),
        (
            '[protocol.supervision]\ncommand = ["a"]\nhooks = { start = ["a"], stop = ["a"], pid = ["a"] }\n',
            "both a command and hooks",
        ),
        (
            '[protocol.supervision]\ncommand = ["a"]\nurl = "http://example.com:80"\n',
            "faults are injected into this machine only",
        ),
        ('[protocol.faults]\nkinds = ["timeout", "timeout", "out_of_memory"]\n', "fewer kinds than"),
        ("[protocol.phase2]\nstreams = 11\n", "not among the levels"),
        ('[protocol.soak]\nidle = ["10 min", "5 min"]\n', "lower end above the upper end"),
        ("[protocol.soak]\nburst_requests = [100, 50]\n", "lower end above the upper end"),
        ('[protocol.phase2]\nlevel_duration = "0 s"\n', "number out of range"),
        ('[gates]\ncv_max = "101 %"\n', "number out of range"),
        ('drop = "P2-TTFT"\n', "wrong type"),
        ('[criteria.P1-PEAK]\nequals = "1 yes/no"\n', "unknown unit"),
        ("[roles]\nsign_off = []\n", "too few values"),
        ('[protocol.soak]\nidle = ["5 min"]\n', "too few values"),
        ('[protocol.soak]\nidle = ["5 min", "6 min", "7 min"]\n', "too many values"),
        ('title = ""\n', "an empty text"),
        ('[criteria.P2-UTIL]\nbound_of = "UTIL"\n', "no id of a criterion"),
        ("[protocol.faults]\nrequests = 99999999999999999999\n", "bad number"),
        ('[models.declared.Q4_K]\nexception = "mixture of experts"\n', "an exception without a reason"),
        ("[criteria.P2-AGG]\nquantile = 0.5\n", "quantile without kind quantile"),
        ("[criteria.P2-AGG]\nphase = 1\n", "the id says phase 2"),
        ("[criteria.P2-CORRECT]\nequals = 1\n", "kind 'zero' has one bound"),
        ("[criteria.P1-PEAK]\nequals = 1\n", "a number: peak_determined is yes or no"),
    ],
)
def test_numbers_that_do_not_go_together_are_refused(refused: Refused, text: str, what: str) -> None:
    assert what in refused(text)


@pytest.mark.parametrize(
    "text",
    [
        '[protocol.phase2]\nblock = "2 min"\n',
        '[protocol.soak]\nrestart_every = "48 h"\n',
        "[protocol.phase1.processes]\nfloor = 5\n",
        "[protocol.faults]\ninjections = 10\n",
        '[criteria.SLA-AVAIL]\nat_least = "100 %"\n',
        '[gates]\ncv_max = "100 %"\n',
    ],
)
def test_numbers_at_their_limit_are_taken(extended: Callable[[str], Profile], text: str) -> None:
    assert extended(text).kind == "acceptance"


def test_an_empty_profile_lacks_every_section(write: Callable[[str], Path]) -> None:
    write("")
    with pytest.raises(ProfileProblem) as problem:
        load_profile("mine.toml")
    assert [each.what for each in (problem.value, *problem.value.others)] == [
        f"missing key {key!r}"
        for key in ("title", "kind", "target", "models", "protocol", "gates", "roles", "criteria")
    ]


def test_a_file_that_is_not_utf8_is_refused_with_its_line(write: Callable[[str], Path]) -> None:
    write("").write_bytes(b"a = 1\nb = '\xff'\n")
    with pytest.raises(ProfileProblem, match=r"(?s)not UTF-8.*mine\.toml:2.*byte 0xff"):
        load_profile("mine.toml")
