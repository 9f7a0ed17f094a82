"""Which test claims which criterion, read from the source: a selection by -k or -m must not hide a gap."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from pytest_rawrxd.errors import SuiteDefect


def claims(folders: Iterable[Path], root: Path) -> dict[str, list[str]]:
    """Criterion id -> tests below ``folders`` that carry it in an ``sla`` mark, as ``path::function``.

    Raises SuiteDefect where a mark's argument is not a literal string: it could not be found by reading.
    """
    found: dict[str, set[str]] = {}
    for folder in folders:
        for path in sorted(folder.rglob("test_*.py")):
            name = path.resolve().relative_to(root).as_posix() if path.resolve().is_relative_to(root) else path.name
            for identifier, function in _claims_of(ast.parse(path.read_text(encoding="utf-8")), name):
                found.setdefault(identifier, set()).add(f"{name}::{function}")
    return {identifier: sorted(tests) for identifier, tests in sorted(found.items())}


def _claims_of(scope: ast.AST, name: str, inherited: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """The claims of every test in ``scope``, with those that its module and its classes make for all of theirs."""
    if isinstance(scope, ast.Module | ast.ClassDef):
        own = [node.value for node in scope.body if isinstance(node, ast.Assign) and _is_pytestmark(node)]
        inherited += _claimed([*own, *getattr(scope, "decorator_list", ())], name)
    for node in ast.iter_child_nodes(scope):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for identifier in (*inherited, *_claimed(node.decorator_list, name)):
                if node.name.startswith("test"):
                    yield identifier, node.name
        else:
            yield from _claims_of(node, name, inherited)


def _is_pytestmark(node: ast.Assign) -> bool:
    return any(isinstance(target, ast.Name) and target.id == "pytestmark" for target in node.targets)


def _claimed(marks: Iterable[ast.expr], name: str) -> tuple[str, ...]:
    found = []
    for node in (each for mark in marks for each in ast.walk(mark)):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "sla"):
            continue
        for argument in node.args:
            if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
                raise SuiteDefect(
                    "an sla mark takes literal criterion ids",
                    where=f"{name}:{node.lineno}",
                    found=ast.unparse(argument),
                    possible='pytest.mark.sla("P1-TPS-Q4_K")',
                )
            found.append(argument.value)
    return tuple(found)
