"""A profile does not ask for more of anything than a judge can go through: a run of a stranger brings its own."""

import pytest

from pytest_rawrxd.errors import ProfileProblem
from pytest_rawrxd.profile import load_profile

HEAD = 'extends = "embedded"\ntitle = "mine"\nkind = "rehearsal"\n'


@pytest.mark.parametrize(
    ("section", "line", "says"),
    [
        ("soak", 'checkpoint_every = "0.301 ms"', None),
        ("soak", 'checkpoint_every = "0.29 ms"', "more than 200,000 times checkpoint_every in 60 s"),
        ("soak", 'review_every = "60 ms"', None),
        ("soak", 'review_every = "59 ms"', "more than 1,000 times review_every in 60 s"),
        ("soak", 'duration = "100000 h"', "more than 200,000 times burst_every in 100000 h"),
        ("monitoring", 'sla_window = "1000000 s"', None),
        ("monitoring", 'sla_window = "1000001 s"', "more than 1,000,000 scrapes in sla_window"),
    ],
)
def test_there_is_a_most_of_what_a_judge_goes_through(tmp_path, section, line, says):
    path = tmp_path / "mine.toml"
    path.write_text(f"{HEAD}[protocol.{section}]\n{line}\n")

    if says is None:
        assert load_profile(str(path)).name == "mine"
        return
    with pytest.raises(ProfileProblem) as caught:
        load_profile(str(path))
    assert says in str(caught.value)
