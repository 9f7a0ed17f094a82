"""The search for canaries finds each form of one: what it does not find is not there."""

from __future__ import annotations

import base64
import gzip
import io
import subprocess
import sys
import time
import urllib.parse
import zipfile
import zlib

import numpy as np
import pytest
from leaks import planted
from leaks.search import Search
from leaks.session import CLIENT, overheard
from leaks.watch import Seen, Watch

WORD = planted.canary("a test")
IDS = [311, 7, 402, 90, 18, 255, 300, 12]
SEARCH = Search({"word": WORD}, {"answer": IDS})


def npz(**arrays):
    file = io.BytesIO()
    np.savez_compressed(file, **arrays)
    return file.getvalue()


def zipped(name, content):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def base64_behind(before):
    return base64.b64encode(b"x" * before + WORD.encode() + b"yz")


FORMS = {
    "text": f"key: {WORD}!".encode(),
    "capitals": WORD.upper().encode(),
    "a broken line": f"{WORD[:9]}\n    {WORD[9:]}".encode(),
    "colours": f"{WORD[:4]}\x1b[31m{WORD[4:]}\x1b[0m".encode(),
    "JSON": "".join(f"\\u{ord(letter):04x}" for letter in WORD).encode(),
    "repr": "".join(f"\\x{ord(letter):02x}" for letter in WORD).encode(),
    "a URL": "".join(f"%{ord(letter):02X}" for letter in WORD).encode(),
    "the query of a URL": urllib.parse.urlencode({"key": f"sk-{WORD}/+="}).encode(),
    "HTML": "".join(f"&#{ord(letter)};" for letter in WORD).encode(),
    "HTML in hexadecimal": "".join(f"&#x{ord(letter):x};" for letter in WORD).encode(),
    "hexadecimal": b"00" + WORD.encode().hex().encode() + b"ff",
    "base64": base64_behind(0),
    "base64, one byte behind": base64_behind(1),
    "base64, two bytes behind": base64_behind(2),
    "UTF-16": f"a{WORD}".encode("utf-16-le"),
    "an archive": zipped("a.txt", WORD),
    "the name of a member": zipped(f"{WORD}.txt", ""),
    "an archive in an archive": zipped("b.zip", zipped("a.txt", WORD)),
    "gzip": gzip.compress(WORD.encode()),
    "PDF": b"%PDF-1.7\nstream\n" + zlib.compress(b"Tj " + WORD.encode()) + b"\nendstream",
    "an array of bytes": npz(a=np.frombuffer(b"__" + WORD.encode(), np.uint8)),
    "an array of 16 bits": npz(ids=np.array([5, *IDS], np.uint16)),
    "an array of 32 bits": npz(ids=np.array([5, *IDS], np.int32)),
    "an array of 64 bits": npz(ids=np.array([*IDS, 9], np.int64)),
    "a list of numbers": ("[1, " + ", ".join(map(str, IDS)) + "]").encode(),
}


@pytest.mark.parametrize("content", FORMS.values(), ids=FORMS)
def test_every_form_of_a_canary_is_found(content, tmp_path):
    (tmp_path / "file").write_bytes(content)

    assert SEARCH.folder(tmp_path)


def test_the_name_of_a_file_is_searched_and_nothing_is_found_where_nothing_is(tmp_path):
    (tmp_path / "file").write_bytes(npz(ids=np.array(IDS[::-1], np.int32)) + b"nothing, c4nary")
    assert SEARCH.folder(tmp_path) == []

    (tmp_path / WORD).touch()
    assert SEARCH.folder(tmp_path) == [f"{WORD}, its name: word, as it is"]


def test_a_process_that_holds_a_secret_is_named(tmp_path):
    held = planted.environment()
    both = {name: held[name] for name in (planted.KEY, planted.KEYRING)}

    assert overheard([Seen(("git", "log"), {"PATH": "/bin"})]) == []
    assert overheard([Seen(("python", "-m", CLIENT), {"X": held[planted.KEY]})]) == []
    assert len(overheard([Seen(("git", "log"), {"X": held["HF_TOKEN"]})])) == 1
    assert len(overheard([Seen(("tool", held["HF_TOKEN"]), {})])) == 1
    assert len(overheard([Seen(("python", "-m", CLIENT), both)])) == 1


def test_the_environment_of_a_live_process_is_seen(tmp_path):
    inner = "import subprocess, sys; subprocess.run([sys.executable, '-c', 'input()'], env={'CANARY': 'x'})"
    with (
        subprocess.Popen([sys.executable, "-c", inner], stdin=subprocess.PIPE) as child,
        Watch(child.pid) as watch,
    ):
        while not any("CANARY" in each.environment for each in list(watch.seen.values())):
            assert child.poll() is None
            time.sleep(0.02)
        child.communicate(b"\n")
