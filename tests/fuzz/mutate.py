"""Inputs nobody meant: bytes that were changed, cut and joined, and JSON whose values are replaced one by one."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from typing import Any

WORDS = (
    *(b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\r", b"\n\n", b"\r\n", b"data: ", b"data: [DONE]\n\n", b": x\n"),
    *(b"NaN", b"-Infinity", b"1e999", b"-0.0", b"9" * 400, b"-1", b"18446744073709551615", b"9223372036854775808"),
    *(b"null", b"true", b"[]", b"{}", b'""', b"[" * 3000, b'{"a":' * 600, b'"\\ud800"', b'"\\u0000"', b"\xed\xa0\x80"),
    *(b"../../", b"/etc/passwd", b"C:\\x", b"raw/CON", b"\\\\host\\share", b"a" * 300, b"\x1b[2J", "\u202e".encode()),
    *(
        b"=",
        b"[[waiver]]\n",
        b"extends = ",
        b"<script>",
        b"'''",
        b'"""',
        b"#",
        b",",
        b"2026-02-30",
        b"1979-05-27T07:32:00",
    ),
)
VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63, -(2**63), 10**400, 0.0, -0.0, 1e-320, 1e308, -1e308),
    *("", "0", "x" * 300, "\x00", "\x1b[31m", "\u202e", "../../etc/passwd", "C:\\Windows", "raw/NUL.npz", "\ud800"),
    *([], {}, [[]], [None], [{}], {"": None}, ["a", "b"], [1.5] * 40, {"file": "raw/../campaign.json"}, "2026-13-45"),
)
COUNTS = (0, 1, 127, 128, 255, 256, 65535, 2**31 - 1, 2**31, 2**32 - 1, 2**63, 2**64 - 1)
NUMBERS = (b"NaN", b"Infinity", b"1e999", b"-1e999")


def mutated(seeds: Sequence[bytes], chance: random.Random) -> bytes:
    """One input from ``seeds``: structured where it is JSON, bytes otherwise, one to eight changes."""
    data = chance.choice(seeds)
    if chance.random() < 0.6 and (changed := _structured(data, chance)) is not None:
        return changed if chance.random() < 0.9 else _bytes(changed, seeds, chance)
    for _ in range(1 << chance.randrange(4)):
        data = _bytes(data, seeds, chance)
    return data


def _bytes(data: bytes, seeds: Sequence[bytes], chance: random.Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    stop = min(len(data), start + chance.choice((1, 1, 2, 4, 8, 64, 1024)))
    other = chance.choice(seeds)
    width = chance.choice((1, 2, 4, 8))
    number = chance.choice(COUNTS) % (1 << 8 * width)
    changes = (
        lambda: data[:start] + bytes([chance.randrange(256)]) + data[start + 1 :],
        lambda: data[:start] + data[stop:],
        lambda: data[:stop] + data[start:],
        lambda: data[:start] + chance.choice(WORDS) + data[start:],
        lambda: data[:start] + chance.choice(WORDS) + data[stop:],
        lambda: data[:start],
        lambda: data[:start] + other[chance.randrange(len(other) + 1) :],
        lambda: data[:start] + number.to_bytes(width, "little") + data[start + width :],
    )
    return chance.choice(changes)()


def _structured(data: bytes, chance: random.Random) -> bytes | None:
    """``data`` with values of one of its JSON lines replaced, removed or doubled; None where it has no such line."""
    lines = data.split(b"\n")
    at = chance.choice([number for number, line in enumerate(lines) if line] or [0])
    head, brace, rest = lines[at].partition(b"{")
    try:
        found = json.loads(brace + rest)
    except (ValueError, RecursionError):
        return None
    for _ in range(1 << chance.randrange(3)):
        found = replaced(found, chance)
    text = json.dumps(found, separators=(",", ":")).encode()
    if chance.random() < 0.05:
        text = text.replace(b"0", chance.choice(NUMBERS), 1)
    lines[at] = head + text
    return b"\n".join(lines)


def replaced(value: Any, chance: random.Random) -> Any:
    """``value`` with one place, chosen by depth and not by size, made something else."""
    if not isinstance(value, dict | list) or not value or chance.random() < 0.15:
        return chance.choice(VALUES)
    key: Any = chance.choice(list(value)) if isinstance(value, dict) else chance.randrange(len(value))
    new = dict(value) if isinstance(value, dict) else list(value)
    draw = chance.random()
    if draw < 0.1:
        del new[key]
    elif draw < 0.15 and isinstance(new, list):
        new.append(new[key])
    else:
        new[key] = replaced(value[key], chance)
    return new
