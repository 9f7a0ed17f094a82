"""A run of a stranger that is compared, planned with or followed: a record of a wrong shape is refused in words."""

import json

import pytest
from fuzz.runs import evidence_of, recorded

from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.measure.clock import SYSTEM
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.report.soak_status import status_lines
from pytest_rawrxd.verdict.pilot import pilot
from pytest_rawrxd.verdict.sides import campaign_side, model_files

PILOT, SOAK = "h100-pilot-vulkan", "embedded-phase2"
READERS = {
    "compare": (PILOT, "decode.run", campaign_side),
    "the models of compare": (PILOT, "model", model_files),
    "plan --new": (PILOT, "machine", lambda evidence: pilot([evidence], load_profile("rx7800xt"))),
    "soak status": (SOAK, "soak.begin", lambda evidence: status_lines(evidence, SYSTEM.wall())),
}


@pytest.mark.parametrize(("base", "kind", "read"), READERS.values(), ids=READERS)
def test_a_record_of_a_wrong_shape_is_refused_in_words(base, kind, read, tmp_path):
    seq = next(number for number, record in enumerate(recorded(base), 1) if record["kind"] == kind)
    lines = [{"base": base}, {"seq": seq, "kind": kind, "data": {"variant": ["Q4_K"], "tokens": {}}}]
    evidence = evidence_of("\n".join(map(json.dumps, lines)).encode(), tmp_path)

    with pytest.raises(EvidenceProblem, match="not of the shape that a session writes"):
        read(evidence)
