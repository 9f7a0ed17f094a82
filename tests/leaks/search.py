"""Finds a canary in every form that a file, an archive or a screen can give it."""

from __future__ import annotations

import base64
import gzip
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

DEPTH = 4  #: archives in archives
_STREAM = re.compile(rb"stream\r?\n(.*?)\r?\nendstream", re.DOTALL)
_SPELLED = re.compile(rb"\\u00([0-9a-f]{2})|\\x([0-9a-f]{2})|%([0-9a-f]{2})|&#x0*([0-9a-f]{2});|&#0*(\d{2,3});", re.I)
_COLOUR = re.compile(rb"\x1b\[[0-9;]*[A-Za-z]")
_BLANKS = b" \t\r\n\v\f"
WIDTHS = ((2, "16 bit"), (4, "32 bit"), (8, "64 bit"))


@dataclass(frozen=True)
class Pattern:
    """One form of one canary. ``plain`` ones are looked for without blanks and capitals too."""

    name: str
    form: str
    wanted: bytes
    plain: bool = False


@dataclass(frozen=True)
class Search:
    """What is looked for: texts and sequences of token ids, by name."""

    texts: Mapping[str, str]
    ids: Mapping[str, Sequence[int]]

    def patterns(self) -> tuple[Pattern, ...]:
        """Every form of every canary."""
        found = [pattern for name, text in self.texts.items() for pattern in _of_text(name, text.encode())]
        return (*found, *(pattern for name, ids in self.ids.items() for pattern in _of_ids(name, ids)))

    def folder(self, root: Path) -> list[str]:
        """Where a canary stands below ``root``: in the name of a file, in it, in a member of it."""
        patterns = self.patterns()
        found = []
        for path in sorted(root.rglob("*")):
            named = path.relative_to(root).as_posix()
            found += [f"{named}, its name: {hit}" for hit in _hits(bytes(path.relative_to(root)), patterns)]
            if path.is_file() and not path.is_symlink():
                for member, content in _contents(path.read_bytes()):
                    found += [f"{named}{member}: {hit}" for hit in _hits(content, patterns)]
        return found

    def text(self, shown: str) -> list[str]:
        """The canaries that stand in ``shown``."""
        return _hits(shown.encode("utf-8", "surrogateescape"), self.patterns())


def _of_text(name: str, text: bytes) -> Iterator[Pattern]:
    yield Pattern(name, "as it is", text, plain=True)
    yield Pattern(name, "UTF-16", text.decode().encode("utf-16-le"))
    yield Pattern(name, "hexadecimal", text.hex().encode(), plain=True)
    for before in range(3):  # where it begins within three bytes
        whole = base64.b64encode(b"\0" * before + text)
        # The first and the last characters hold bits of its neighbours.
        inner = whole[-(-before * 8 // 6) : (before + len(text)) * 8 // 6]
        yield Pattern(name, "base64", inner)
        yield Pattern(name, "base64", inner.translate(bytes.maketrans(b"+/", b"-_")))


def _of_ids(name: str, ids: Sequence[int]) -> Iterator[Pattern]:
    for width, form in WIDTHS:
        yield Pattern(name, f"{form} numbers", b"".join(each.to_bytes(width, "little") for each in ids))
    yield Pattern(name, "a list of numbers", b",".join(str(each).encode() for each in ids), plain=True)


def _hits(content: bytes, patterns: Sequence[Pattern]) -> list[str]:
    joined = _joined(content)
    spelled = (
        _joined(_SPELLED.sub(_letter, content)) if any(sign in content for sign in (b"%", b"&#", b"\\")) else joined
    )
    found = []
    for each in patterns:
        if each.wanted in content:
            found.append(f"{each.name}, {each.form}")
        elif each.plain and any(_joined(each.wanted) in form for form in (joined, spelled)):
            found.append(f"{each.name}, {each.form}, broken or spelled out")
    return list(dict.fromkeys(found))


def _joined(content: bytes) -> bytes:
    """Without capitals, colours and blanks: a line that was broken is whole again."""
    return (_COLOUR.sub(b"", content) if b"\x1b" in content else content).lower().translate(None, _BLANKS)


def _letter(spelled: re.Match[bytes]) -> bytes:
    *hexadecimal, decimal = spelled.groups()
    code = next((int(each, 16) for each in hexadecimal if each), None)
    return bytes([(int(decimal) if code is None else code) % 256])


def _contents(content: bytes, member: str = "", depth: int = 0) -> Iterator[tuple[str, bytes]]:
    """The bytes, and those of everything that is packed in them."""
    yield member, content
    if depth == DEPTH:
        return
    if zipfile.is_zipfile(io.BytesIO(content)):
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for each in archive.namelist():
                yield from _contents(each.encode() + b"\n" + archive.read(each), f"{member}!{each}", depth + 1)
    elif content[:2] == b"\x1f\x8b":
        yield from _contents(gzip.decompress(content), f"{member}!gzip", depth + 1)
    elif content[:5] == b"%PDF-":
        for number, stream in enumerate(_STREAM.findall(content)):
            try:
                yield from _contents(zlib.decompress(stream), f"{member}!stream {number}", depth + 1)
            except zlib.error:  # it is not packed, and was searched with the file
                continue
