"""The order in which this suite's own tests run on several workers: the scheduler of tests/conftest.py."""

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

CONFTEST = (Path(__file__).resolve().parents[1] / "conftest.py").read_text(encoding="utf-8")


@pytest.fixture
def session(pytester):
    def run(files):
        pytester.makeconftest(CONFTEST)
        pytester.makefile(".py", **files)
        return pytester.runpytest_subprocess("-n", "2", "-p", "no:cacheprovider", "-v", timeout=100)

    return run


def sound(count):
    return "\n".join(f"def test_{number}(): pass" for number in range(count))


@pytest.mark.parametrize("where", [0, 2, 4])
def test_a_session_ends_where_a_worker_died_and_every_other_test_has_run(where, session):
    deadly = sound(5).replace(f"def test_{where}(): pass", f"def test_{where}(): import os; os._exit(3)")

    result = session({f"test_{name}": sound(3) for name in "abcd"} | {"test_deadly": deadly, "test_last": sound(2)})

    result.assert_outcomes(passed=4 * 3 + 4 + 2, failed=1)
    result.stdout.fnmatch_lines([f"*worker * crashed while running 'test_deadly.py::test_{where}'*"])


def test_the_tests_of_a_file_share_a_worker(session):
    who = "import os\ndef test_{n}(worker_id): open('{file}', 'a').write(worker_id + '\\n')\n"
    files = {f"test_{name}": "".join(who.format(n=n, file=name) for n in range(4)) for name in "abc"}

    session(files).assert_outcomes(passed=12)

    assert all(len(set(Path(name).read_text().split())) == 1 for name in "abc")
