"""A profile on top of another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pytest_rawrxd.errors import ProfileProblem
from pytest_rawrxd.profile import Profile, load_profile

Extended = Callable[[str], Profile]


def test_tables_merge_key_by_key(extended: Extended) -> None:
    base, mine = load_profile("rx7800xt"), extended('[gates]\ncv_max = "6 %"\n')
    assert str(mine.gates.cv_max) == "6 %"
    assert mine.gates.model_copy(update={"cv_max": base.gates.cv_max}) == base.gates
    assert mine.criteria == base.criteria


def test_one_field_of_a_criterion_can_be_replaced(extended: Extended) -> None:
    base, mine = load_profile("rx7800xt"), extended('[criteria.P2-AGG]\ntitle = "mine"\n')
    assert mine.criteria["P2-AGG"] == base.criteria["P2-AGG"].model_copy(update={"title": "mine"})


def test_a_new_bound_replaces_the_whole_bound(extended: Extended) -> None:
    mine = extended(
        '[criteria.P2-LAT-P95-10]\nat_most = "60 ms"\n[criteria.P1-TPS-Q2_K]\nwithin = "50 tok/s +- 10 %"\n'
    )
    own, band = mine.criteria["P2-LAT-P95-10"], mine.criteria["P1-TPS-Q2_K"]
    assert (own.limit, own.bound_of, own.bound_at) == (60, None, "mine.toml:3")
    assert (band.limit, band.expected) == ((45, 55), 50)


def test_a_condition_is_replaced_whole(extended: Extended) -> None:
    mine = extended('[criteria.SLA-VRAM]\nwhere = { variant = "Q4_K" }\n')
    assert mine.criteria["SLA-VRAM"].where == {"variant": "Q4_K"}


def test_a_borrowed_bound_follows_its_owner(extended: Extended) -> None:
    mine = extended('[criteria.P2-LAT-P95]\nat_most = "60 ms"\n')
    borrowed = mine.criteria["P2-LAT-P95-16"]
    assert (borrowed.limit, borrowed.bound_of, borrowed.bound_at) == (60, "P2-LAT-P95", "mine.toml:3")


def test_a_bound_in_the_protocol_follows_the_protocol(extended: Extended) -> None:
    mine = extended('[protocol.soak]\nduration = "72 h"\n')
    hours = mine.criteria["P2-SOAK-HOURS"]
    assert (hours.limit, hours.unit, hours.bound_at) == (72, "h", "mine.toml:3")


def test_criteria_and_places_can_be_dropped(extended: Extended) -> None:
    mine = extended('drop = ["P2-TTFT", "hardware.gpu", "models.family"]\n')
    assert "P2-TTFT" not in mine.criteria
    assert (mine.hardware.gpu, mine.hardware.gpus, mine.models.family) == (None, 1, None)


def test_a_dropped_criterion_can_be_written_anew(extended: Extended) -> None:
    mine = extended(
        'drop = ["P2-TTFT"]\n[criteria.P2-TTFT]\ntitle = "t"\nsource = "s"\nkind = "quantile"\nquantile = 0.9\n'
        'metric = "time_to_first_token"\nwhere = { streams = 12 }\nat_most = "2 s"\n'
    )
    assert mine.criteria["P2-TTFT"].limit == 2
    assert mine.criteria["P2-TTFT"].informative is False


def test_a_borrower_cannot_outlive_its_owner(refused: Callable[[str], str]) -> None:
    assert "there is no criterion 'P2-MTTR'" in refused('drop = ["P2-MTTR"]\n')


def test_a_chain_of_three_merges_from_the_root(write: Callable[[str], Path]) -> None:
    write('extends = "rx7800xt"\ntitle = "middle"\n[gates]\ncv_max = "6 %"\n')
    Path("top.toml").write_text('extends = "mine"\ntitle = "top"\n', encoding="utf-8")
    top = load_profile("top.toml")
    assert (top.name, top.title, str(top.gates.cv_max)) == ("top", "top", "6 %")
    assert top.files == ("top.toml", "mine.toml", "fixtures/profiles/rx7800xt.toml")


def test_a_base_can_be_a_path_beside_the_profile(write: Callable[[str], Path]) -> None:
    write('extends = "sub/base.toml"\n')
    Path("sub").mkdir()
    Path("sub/base.toml").write_text('extends = "rx7800xt"\ntitle = "base"\n', encoding="utf-8")
    assert load_profile("mine.toml").title == "base"


def test_a_circle_of_profiles_is_refused(write: Callable[[str], Path]) -> None:
    write('\nextends = "other"\n')
    Path("other.toml").write_text('extends = "mine"\n', encoding="utf-8")
    with pytest.raises(ProfileProblem) as problem:
        load_profile("mine.toml")
    assert str(problem.value) == (
        "a profile extends itself\n"
        "  where: other.toml:1, extends\n"
        "  found: mine -> other -> mine\n"
        "  possible: a chain that ends in a whole profile"
    )


def test_an_unknown_base_is_named_with_its_line(refused: Callable[[str], str], write: Callable[[str], Path]) -> None:
    write('title = "x"\nextends = "rx7800tx"\n')
    with pytest.raises(ProfileProblem) as problem:
        load_profile("mine.toml")
    assert str(problem.value).startswith(
        "the base of the profile is missing: there is no profile named 'rx7800tx'\n  where: mine.toml:2, extends\n"
    )
    assert "possible: rx7800xt? One of:" in str(problem.value)


@pytest.mark.parametrize(
    "base",
    [
        "../other.toml",
        "/etc/passwd",
        "/x.toml",
        "C:/x.toml",
        "..",
        "a/../../x.toml",
        "\\\\\\\\host\\\\x.toml",
        "x" * 300,
    ],
)
def test_a_base_outside_the_folder_of_its_profile_is_not_read(write, base):
    write(f'extends = "{base}"\n')

    with pytest.raises(ProfileProblem, match="lies outside its folder"):
        load_profile("mine.toml")
