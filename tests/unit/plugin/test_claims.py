"""Claims are read from the source, so that a selection cannot hide a gap."""

import pytest

from pytest_rawrxd.errors import SuiteDefect
from pytest_rawrxd.plugin.claims import claims

MODULE = """
import pytest

@pytest.mark.phase1
@pytest.mark.sla("SLA-TPS-GUARANTEE", "P1-TPS-Q4_K")
def test_plain(): ...

@pytest.mark.parametrize("variant", [
    pytest.param("Q2_K", marks=pytest.mark.sla("P1-TPS-Q2_K")),
    pytest.param("Q4_K", marks=[pytest.mark.sla("P1-TPS-Q4_K")]),
])
def test_each(variant): ...

class TestGroup:
    @pytest.mark.sla("P1-PEAK")
    def test_method(self): ...

def test_without_claim(): ...
"""


def test_each_literal_id_is_found_with_its_test(tmp_path):
    (tmp_path / "phase1").mkdir()
    (tmp_path / "phase1" / "test_a.py").write_text(MODULE)

    assert claims([tmp_path], tmp_path) == {
        "P1-PEAK": ["phase1/test_a.py::test_method"],
        "P1-TPS-Q2_K": ["phase1/test_a.py::test_each"],
        "P1-TPS-Q4_K": ["phase1/test_a.py::test_each", "phase1/test_a.py::test_plain"],
        "SLA-TPS-GUARANTEE": ["phase1/test_a.py::test_plain"],
    }


def test_a_module_and_a_class_claim_for_all_of_their_tests(tmp_path):
    (tmp_path / "test_a.py").write_text(
        "import pytest\n"
        "pytestmark = [pytest.mark.phase1, pytest.mark.sla('A-1')]\n"
        "chosen = (lambda x: x)(1) if True else 2\n"
        "def helper(): ...\n"
        "def test_one(): ...\n"
        "@pytest.mark.sla('B-1')\n"
        "class TestGroup:\n"
        "    pytestmark = pytest.mark.sla('C-1')\n"
        "    def test_two(self): ...\n"
    )

    both = ["test_a.py::test_one", "test_a.py::test_two"]
    assert claims([tmp_path], tmp_path) == {
        "A-1": both,
        "B-1": ["test_a.py::test_two"],
        "C-1": ["test_a.py::test_two"],
    }


def test_a_claim_that_cannot_be_read_is_a_defect_of_the_suite(tmp_path):
    (tmp_path / "test_a.py").write_text("import pytest\n\n@pytest.mark.sla(NAME)\ndef test_a(): ...\n")

    with pytest.raises(SuiteDefect, match="literal") as caught:
        claims([tmp_path], tmp_path)
    assert caught.value.where == "test_a.py:3"
    assert caught.value.found == "NAME"
