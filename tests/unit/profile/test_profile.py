"""A resolved profile travels as plain JSON and shows when it was changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path

import pytest
import rfc8785
from pydantic import ValidationError

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.profile import Profile, load_profile


@pytest.mark.parametrize("name", ["rx7800xt", "production", "embedded"])
def test_a_profile_survives_the_way_through_json(name: str) -> None:
    profile = load_profile(name)
    back = Profile.from_resolved(json.loads(json.dumps(profile.to_resolved())))
    assert back == profile
    assert list(back.criteria) == list(profile.criteria)


def test_a_changed_bound_in_a_stored_profile_is_noticed() -> None:
    stored = load_profile("embedded").to_resolved()
    stored["criteria"]["P2-AGG"]["limit"] = 1.0
    with pytest.raises(EvidenceProblem, match="the stored profile 'embedded' was changed"):
        Profile.from_resolved(stored)


def test_a_stored_profile_of_another_schema_is_refused() -> None:
    with pytest.raises(EvidenceProblem, match="another schema"):
        Profile.from_resolved({**load_profile("embedded").to_resolved(), "schema": "pytest-rawrxd/profile/0"})


def test_a_stored_profile_that_lost_a_part_is_refused() -> None:
    stored = load_profile("embedded").to_resolved()
    del stored["gates"]["cv_max"]
    with pytest.raises(EvidenceProblem, match=r"the stored profile cannot be read[\s\S]*gates\.cv_max"):
        Profile.from_resolved(stored)


def test_the_digest_does_not_depend_on_where_the_file_lies(write: Callable[[str], Path]) -> None:
    text = 'extends = "rx7800xt"\ntitle = "t"\n'
    write(text)
    Path("sub").mkdir()
    Path("sub/mine.toml").write_text(f"# moved\n\n{text}", encoding="utf-8")
    assert load_profile("mine.toml").digest == load_profile("sub/mine.toml").digest


@pytest.mark.parametrize(
    "text", ['title = "other"\n', '[criteria.P2-AGG]\nat_least = "801 tok/s"\n', '[gates]\ncv_max = "5.1 %"\n']
)
def test_the_digest_depends_on_what_is_promised(extended: Callable[[str], Profile], text: str) -> None:
    digest = extended("").digest
    assert len(digest) == 64
    assert extended(text).digest != digest


def test_a_profile_cannot_be_changed() -> None:
    profile = load_profile("rx7800xt")
    with pytest.raises(ValidationError):
        profile.title = "mine"  # type: ignore[misc]


def test_there_is_a_lane_for_each_gpu(extended: Callable[[str], Profile]) -> None:
    assert load_profile("embedded").lanes == 1
    assert extended("[hardware]\ngpus = 2\n").lanes == 2


def test_what_is_declared_about_a_variant_is_found(extended: Callable[[str], Profile]) -> None:
    models = extended('[models.declared.Q4_K]\nweights_per_token = "6 GB"\n').models
    assert str(models.declaration("Q4_K").weights_per_token) == "6 GB"
    assert models.declaration("Q2_K").weights_per_token is None


def test_a_stored_profile_without_a_newer_field_is_read_with_its_default_and_keeps_its_digest() -> None:
    """Its digest is that of what is stored, as the version that wrote it computed it."""
    stored = load_profile("rx7800xt").to_resolved()
    del stored["protocol"]["phase2"]["open_loop"]
    content = {key: value for key, value in stored.items() if key not in {"schema", "digest", "files"}}
    criteria = stored["criteria"].items()
    content["criteria"] = {name: {k: v for k, v in each.items() if k != "bound_at"} for name, each in criteria}
    stored["digest"] = hashlib.sha256(rfc8785.dumps(content)).hexdigest()

    read = Profile.from_resolved(stored)

    assert str(read.protocol.phase2.open_loop) == "70 %"
    assert read.digest == stored["digest"]
