"""An open verdict says what to run next: read from the source of every rule, and tried on what rules are given."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import pytest_rawrxd.verdict
from pytest_rawrxd.errors import EvidenceProblem
from pytest_rawrxd.measure.histogram import record
from pytest_rawrxd.verdict.availability import availability
from pytest_rawrxd.verdict.bottleneck import bottleneck
from pytest_rawrxd.verdict.counts import spike, value_range, zero
from pytest_rawrxd.verdict.drift import drift, hourly_floor, settled, total_delta
from pytest_rawrxd.verdict.efficiency import efficiency
from pytest_rawrxd.verdict.equivalence import equivalence
from pytest_rawrxd.verdict.floor import floor
from pytest_rawrxd.verdict.latency_slope import latency_slope
from pytest_rawrxd.verdict.loss import loss
from pytest_rawrxd.verdict.outcome import Finding, Interval, Verdict
from pytest_rawrxd.verdict.pairs import compare
from pytest_rawrxd.verdict.peak import champion, peak
from pytest_rawrxd.verdict.quantile import quantile, share_of_time
from pytest_rawrxd.verdict.recovery import recovery
from pytest_rawrxd.verdict.utilisation import utilisation
from pytest_rawrxd.verdict.validity import CATALOGUE

ROOM = Path(pytest_rawrxd.verdict.__file__).parent
SETTLED = {"PASS", "FAIL", "NOT_APPLICABLE", "NOT_MEASURED", "WAIVED"}
NEXT_AT = 10  #: position of ``next`` among the fields of a Finding


def findings() -> Iterator[tuple[str, ast.Call]]:
    """Every place in the rules where a Finding is made."""
    for path in sorted(ROOM.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Finding":
                yield f"{path.relative_to(ROOM).as_posix()}:{node.lineno}", node


def is_settled(verdict: ast.expr) -> bool:
    """Whether an expression names verdicts, all of them settled."""
    if isinstance(verdict, ast.IfExp):
        return is_settled(verdict.body) and is_settled(verdict.orelse)
    return isinstance(verdict, ast.Attribute) and verdict.attr in SETTLED


def says_next(call: ast.Call) -> bool:
    given_next = [keyword.value for keyword in call.keywords if keyword.arg == "next"] or call.args[NEXT_AT:]
    return bool(given_next) and not (isinstance(given_next[0], ast.Constant) and not given_next[0].value)


def test_the_fields_of_a_finding_are_where_this_test_looks_for_them() -> None:
    assert list(Finding.__dataclass_fields__).index("next") == NEXT_AT


def test_every_finding_that_may_be_open_is_given_its_next_step() -> None:
    found = list(findings())

    assert len(found) > 30
    assert [at for at, call in found if not is_settled(call.args[0]) and not says_next(call)] == []


def test_every_invalid_finding_is_given_its_next_step() -> None:
    """``invalid()`` takes it by name, so that it cannot be forgotten; an empty one would be as bad."""
    for path in sorted(ROOM.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "invalid":
                [step] = [keyword.value for keyword in node.keywords if keyword.arg == "next_step"]
                assert not (isinstance(step, ast.Constant) and not step.value), f"{path.name}:{node.lineno}"


def test_every_validity_rule_has_a_fix() -> None:
    assert all(rule.fix for rule in CATALOGUE)


SEEDS = st.integers(0, 2**32 - 1)
SPREADS = st.sampled_from([0.0, 1e-12, 0.001, 0.02, 0.2])
SIZES = st.sampled_from([0, 1, 2, 3, 5, 9, 10, 12, 40])
LEVELS = st.sampled_from([0.5, 0.99, 1.0, 1.0009, 1.001645, 1.02, 1.5])
RECOVERY = Interval(1.0, 0.5, 2.0, 12)


def rules(values: np.ndarray, other: np.ndarray, level: float) -> Iterator[Callable[[], Finding]]:
    """Every rule, on samples around its limit."""
    many = np.tile(np.maximum(values, 1e-6), 200) if values.size else values
    gaps = record((many * 10_000_000).astype(np.int64), block=np.arange(many.size) // 100, bounds_ns=[10**7, 10**8])
    hours = np.arange(many.size) / 12
    held = settled(hours, 1000 * many, hours // 12)
    names = ["a", "b", "c"]
    yield lambda: floor(values, limit=level)
    yield lambda: equivalence(values, limits=(0.98 * level, 1.02 * level))
    yield lambda: quantile(gaps, quantile=0.5, bound=10.0, steps=500, minutes=5)
    yield lambda: quantile(gaps, quantile=0.95, bound=10.0, steps=500, by_time=True)
    yield lambda: share_of_time(gaps, above_ms=100.0, limit_percent=0.5, steps=500)
    yield lambda: spike(count=0, longest=9.0, limit=10.0, values=int(many.size), hours=float(values.size))
    yield lambda: spike(count=0, longest=9.0, limit=10.0, values=7, hours=0.0)
    yield lambda: zero(0, hours=float(values.size))
    yield lambda: value_range(level, direction="<=", limit=1.0, unit="GB")
    yield lambda: drift(held)
    yield lambda: hourly_floor(held)
    yield lambda: total_delta(held)
    yield lambda: latency_slope(np.arange(values.size), values)
    yield lambda: utilisation(90 * level * np.minimum(values, 1.0))
    yield lambda: availability(int(values.size), 48 * level, recovery_minutes=RECOVERY)
    yield lambda: availability(0, 0.0, recovery_minutes=RECOVERY)
    yield lambda: loss([1] * values.size, [50] * values.size, exposed=[int(10 * level)] * values.size)
    yield lambda: recovery(2 * level * values, (names * 20)[: values.size])
    yield lambda: efficiency(9 * level * values, values, streams=12)
    yield lambda: compare(values, other * level)
    yield lambda: compare(values, other * level, same_identity=False)
    yield lambda: compare(values, other, order=["A", "B"] * values.size)
    yield lambda: peak({"a": values, "b": level * other})
    yield lambda: champion({"a": values, "b": level * other}, "a")
    yield lambda: bottleneck(
        dict.fromkeys(names, values), {"a": 1e9, "b": 2e9, "c": 3e9}, read_bandwidth=1e12, reference="c"
    )


@settings(max_examples=25, deadline=None)
@given(seed=SEEDS, size=SIZES, spread=SPREADS, level=LEVELS)
def test_no_rule_leaves_an_open_verdict_without_a_next_step(seed: int, size: int, spread: float, level: float) -> None:
    random = np.random.default_rng(seed)
    values, other = (1 + spread * np.abs(random.normal(0, 1, size)) for _ in range(2))

    for at, rule in enumerate(rules(values, other, level)):
        try:
            found = rule()
        except EvidenceProblem:
            continue
        open_ = found.verdict in (Verdict.INCONCLUSIVE, Verdict.INVALID)
        assert bool(found.next) is open_ or found.verdict is Verdict.NOT_MEASURED, (at, found)


@pytest.mark.parametrize("verdict", ["PASS", "FAIL"])
def test_the_reader_of_the_source_tells_settled_from_open(verdict: str) -> None:
    def call(source: str) -> ast.Call:
        node = ast.parse(source).body[0]
        assert isinstance(node, ast.Expr)
        assert isinstance(node.value, ast.Call)
        return node.value

    assert is_settled(call(f"Finding(Verdict.{verdict}, 'x')").args[0])
    assert not is_settled(call("Finding(Verdict.INVALID, 'x')").args[0])
    assert not is_settled(call("Finding(verdict, 'x')").args[0])
    assert says_next(call("Finding(verdict, 'x', next=step)"))
    assert not says_next(call("Finding(verdict, 'x', next='')"))
    assert not says_next(call("Finding(verdict, 'x')"))
