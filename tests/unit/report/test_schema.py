"""The schema accepts what the judge writes and refuses what it must not."""

from __future__ import annotations

import copy

import jsonschema
import pytest

from pytest_rawrxd.report.schema import schema
from pytest_rawrxd.verdict.outcome import Verdict


@pytest.fixture(scope="module")
def validator():
    jsonschema.Draft202012Validator.check_schema(schema())
    return jsonschema.Draft202012Validator(schema())


def test_the_sample_campaign_is_valid(validator, sample):
    validator.validate(sample.make_verdicts([*sample.phase1_criteria(), sample.p95()]))


def test_the_verdicts_are_spelled_as_in_the_code():
    spelled = schema()["properties"]["criteria"]["items"]["properties"]["verdict"]["enum"]
    assert set(spelled) == set(Verdict)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda v: v.pop("state"), id="no state"),
        pytest.param(lambda v: v.update(generated="2025-12-10"), id="unknown key"),
        pytest.param(lambda v: v["criteria"][0].update(verdict="OK"), id="verdict OK"),
        pytest.param(lambda v: v["criteria"][0].pop("reason"), id="no reason"),
        pytest.param(lambda v: v["criteria"][0].update(estimate="113.4"), id="number as text"),
        pytest.param(lambda v: v["criteria"][0].update(limit=[1, 2, 3]), id="three edges"),
        pytest.param(lambda v: v["criteria"][0].update(verdict="WAIVED", waiver=None), id="waived without waiver"),
        pytest.param(lambda v: v["criteria"][0].update(verdict="NOT MEASURED", reason=""), id="no reason given"),
        pytest.param(lambda v: v["criteria"][0].update(id="TPS"), id="id without phase"),
        pytest.param(lambda v: v["state"]["1"].update(state="ACCEPTED"), id="foreign state"),
        pytest.param(lambda v: v["state"]["1"].update(state="APPROVED WITH 0 WAIVERS"), id="zero waivers"),
        pytest.param(lambda v: v["state"].update({"4": v["state"]["1"]}), id="phase 4"),
        pytest.param(lambda v: v["profile"].update(digest="abc"), id="digest"),
    ],
)
def test_a_broken_file_is_refused(validator, sample, change):
    verdicts = copy.deepcopy(sample.make_verdicts())
    change(verdicts)
    assert not validator.is_valid(verdicts)
