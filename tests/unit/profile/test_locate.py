"""Each key's line, in every shape that TOML has."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pytest_rawrxd.places import package_data
from pytest_rawrxd.profile.locate import Path, Repeated, dotted, locate


def leaves(value: Any, path: Path = ()) -> Iterator[Path]:
    items: Any = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        yield (*path, key)
        yield from leaves(item, (*path, key))


EVERY_SHAPE = '''\
# a comment with = and [brackets] and "quotes"
title = "one # two [three]"
text = """
[not.a.table]
key = 1 \\""" still text
""" # the string ends here
literal = \'\'\'
also = "no key"
\'\'\'
quotes = """ends in two quotes"""""
dotted.key = 1
dotted . "spaced key" = 2
inline = { a = 1, b = { c = [ 1, 2 ] }, "d.e" = "}" }
array = [
  "first", # with a comment ]
  [ "nested" ],

  { x = 1, y = 2 },
]
when = 2026-01-15T10:00:00Z
below = 1

[table]
key = 1
[ table . sub ]
key = 2
[[many]]
name = "one"
[many.inner]
deep = true
[[many]]
name = "two"
'''

LINES = {
    ("title",): 2,
    ("text",): 3,
    ("literal",): 7,
    ("quotes",): 10,
    ("dotted",): 11,
    ("dotted", "key"): 11,
    ("dotted", "spaced key"): 12,
    ("inline", "a"): 13,
    ("inline", "b", "c", 1): 13,
    ("inline", "d.e"): 13,
    ("array",): 14,
    ("array", 0): 15,
    ("array", 1, 0): 16,
    ("array", 2): 18,
    ("array", 2, "y"): 18,
    ("when",): 20,
    ("below",): 21,
    ("table",): 23,
    ("table", "key"): 24,
    ("table", "sub"): 25,
    ("table", "sub", "key"): 26,
    ("many", 0): 27,
    ("many", 0, "name"): 28,
    ("many", 0, "inner", "deep"): 30,
    ("many", 1): 31,
    ("many", 1, "name"): 32,
}


@pytest.mark.parametrize(
    ("path", "line"), LINES.items(), ids=lambda value: dotted(value) if isinstance(value, tuple) else ""
)
def test_a_key_stands_in_its_line(path: Path, line: int) -> None:
    assert locate(EVERY_SHAPE).lines[path] == line


def test_every_key_of_every_shape_is_found() -> None:
    assert set(leaves(tomllib.loads(EVERY_SHAPE))) == set(locate(EVERY_SHAPE).lines)


@pytest.mark.parametrize("name", ["rx7800xt", "production", "embedded"])
def test_every_key_of_a_shipped_profile_is_found_in_a_line_that_names_it(name: str) -> None:
    text = (package_data("fixtures") / "profiles" / f"{name}.toml").read_text(encoding="utf-8")
    lines = text.splitlines()
    found = locate(text).lines
    assert set(leaves(tomllib.loads(text))) == set(found)
    assert all(str(path[-1]) in lines[line - 1] for path, line in found.items() if isinstance(path[-1], str))


def test_windows_line_ends_count_as_one() -> None:
    assert locate("a = 1\r\nb = 2\r\n").lines == {("a",): 1, ("b",): 2}


def test_a_sub_table_before_its_table_leaves_the_table_its_own_line() -> None:
    assert locate("[a.b]\nx = 1\n[a]\ny = 2\n").lines["a",] == 3


@pytest.mark.parametrize(
    ("text", "repeated"),
    [
        ("a = 1\nb = 2\na = 3\n", Repeated(("a",), 1, 3)),
        ("[t]\nx = 1\n\n[t]\ny = 2\n", Repeated(("t",), 1, 4)),
        ('a = """\n\n"""\na = """\n"""\n', Repeated(("a",), 1, 4)),
        ("t = { x = 1, x = 2 }\n", Repeated(("t", "x"), 1, 1)),
        ('[t]\n"x" = 1\nx = 2\n', Repeated(("t", "x"), 2, 3)),
    ],
)
def test_a_key_that_stands_twice_is_found_in_both_places(text: str, repeated: Repeated) -> None:
    assert locate(text).repeated == (repeated,)


def test_a_table_of_many_is_no_repetition() -> None:
    assert locate(EVERY_SHAPE).repeated == ()


@pytest.mark.parametrize("text", ["a", "a =", "a = [1", "[a", "= 1", "a = { b = 1", 'a = "x'])
def test_what_is_no_toml_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="in line 1"):
        locate(text)


@settings(deadline=None)
@given(st.text(alphabet="a=\"[]{},.#\n' 1", max_size=40))
def test_any_text_that_tomllib_reads_has_all_its_keys_found(text: str) -> None:
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return
    assert set(leaves(data)) == set(locate(text).lines)
