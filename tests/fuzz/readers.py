"""Readers of one file or one body: each takes bytes of a stranger and raises nothing but errors of ours."""

from __future__ import annotations

import asyncio
import functools
import io
import itertools
import math
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from fuzz.target import Target
from pytest_rawrxd.errors import EvidenceProblem, ModelProblem, ProfileProblem, RigTrouble, UsageProblem
from pytest_rawrxd.evidence.campaign import CARD, read_card
from pytest_rawrxd.evidence.canonical import canonical, file_digest, strict_loads
from pytest_rawrxd.evidence.foreign import read_result
from pytest_rawrxd.evidence.ledger import KEYS, read_ledger
from pytest_rawrxd.evidence.raw import MAX_BYTES, load_raw
from pytest_rawrxd.measure.canary.served import ServerChoir
from pytest_rawrxd.measure.canary.song import arrays_of, canaries
from pytest_rawrxd.measure.load.connection import READ_BYTES, Connection
from pytest_rawrxd.measure.load.exchange import Exchange
from pytest_rawrxd.measure.probe.told import told
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.profile.lint import lint, render
from pytest_rawrxd.profile.profile import Profile
from pytest_rawrxd.profile.waivers import read_waivers
from pytest_rawrxd.report.signing.envelope import read_signed
from pytest_rawrxd.report.signing.keys import load_keys
from pytest_rawrxd.report.sums import differences
from pytest_rawrxd.rig.engine import messages
from pytest_rawrxd.rig.engine.protocol import Generation, Request
from pytest_rawrxd.rig.engine.wire import Frame, WireError, read_frame
from pytest_rawrxd.rig.engine.work import generations_from_outcome
from pytest_rawrxd.rig.models.gguf_header import read_header
from pytest_rawrxd.rig.server.dialects import DIALECTS
from pytest_rawrxd.rig.server.found import find_server
from pytest_rawrxd.rig.server.framing import EventError
from pytest_rawrxd.rig.server.rawrxd import tokens_generated
from pytest_rawrxd.rig.server.response import Ask, Response
from pytest_rawrxd.rig.server.target import HttpTarget
from pytest_rawrxd.verdict.planning import plan

HTTP_LIMIT = 1 << 17
ASK = Ask("Tell me", 3, "some-model")


def _profile(data: bytes, place: Path) -> None:
    path = place / "mine.toml"
    path.write_bytes(data)
    profile = load_profile(str(path), search=(_shipped(),))
    render(lint(profile))
    plan(profile)  # a session asks it for its deadline before it begins
    assert Profile.from_resolved(strict_loads(canonical(profile.to_resolved()))) == profile


@functools.cache
def _shipped() -> Path:
    return Path(__file__).parents[2] / "fixtures" / "profiles"


@functools.cache
def _criteria() -> Any:
    return load_profile("rx7800xt", search=(_shipped(),)).criteria


def _waivers(data: bytes, _place: Path) -> None:
    for name, waiver in read_waivers(data, "waivers.toml", _criteria()).items():
        assert waiver.criterion == name
        assert all((waiver.owner, waiver.reason, waiver.ticket, waiver.compensating_measure))
        assert not _criteria()[name].informative


def _ledger(data: bytes, place: Path) -> None:
    (place / "s001-main.jsonl").write_bytes(data)
    for number, record in enumerate(read_ledger(place), 1):
        assert (record.seq, record.session, record.worker) == (number, "s001", "main")
        assert set(vars(record)) == set(KEYS)
        _finite(record.data)


def _card(data: bytes, place: Path) -> None:
    (place / CARD).write_bytes(data)
    campaign = read_card(place)
    _finite(campaign.identity.to_dict())
    assert len(campaign.identity.digest) == 64
    str(campaign.id).encode()


def _finite(value: Any) -> None:
    """Nothing that was read holds a number or a text that cannot be written again."""
    match value:
        case dict():
            for key, item in value.items():
                _finite(key)
                _finite(item)
        case list():
            for item in value:
                _finite(item)
        case float():
            assert math.isfinite(value)
        case str():
            value.encode()


def _raw(data: bytes, place: Path) -> None:
    path = place / "raw" / "s001" / "a.npz"
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    arrays = load_raw(place, {"file": "raw/s001/a.npz", "sha256": file_digest(path), "bytes": len(data)})
    assert all(isinstance(array, np.ndarray) and array.dtype.kind in "biuf" for array in arrays.values())
    assert sum(array.nbytes for array in arrays.values()) <= MAX_BYTES


def _foreign(data: bytes, _place: Path) -> None:
    for figure in read_result(data, "result.json").figures:
        assert figure.values
        assert all(isinstance(value, float) and math.isfinite(value) and value > 0 for value in figure.values)


def _envelope(data: bytes, place: Path) -> None:
    path = place / "phase1.technical-lead.test-result.json"
    path.write_bytes(data)
    signed = read_signed(path)
    # Whatever is accepted is byte by byte what it says, so that nothing unsigned travels along.
    assert canonical(signed.statement) == signed.envelope.payload
    assert canonical(signed.envelope.to_dict()) == data
    signed.keys_of(_keys())


@functools.cache
def _keys() -> Any:
    with tempfile.TemporaryDirectory() as folder:
        seed = Path(__file__).parent / "corpus" / "public-key" / "technical-lead.pub"
        (Path(folder) / "technical-lead.pub").write_bytes(seed.read_bytes())
        return load_keys(Path(folder))


def _public_key(data: bytes, place: Path) -> None:
    (place / "technical-lead.pub").write_bytes(data)
    assert len(load_keys(place).of("Technical Lead")) == 1


def _sums(data: bytes, place: Path) -> None:
    (place / "SHA256SUMS").write_bytes(data)
    (place / "campaign.json").write_bytes(b"{}")
    list(differences(place))


def _gguf(data: bytes, place: Path) -> None:
    path = place / "model.gguf"
    path.write_bytes(data)
    header = read_header(path)
    end = 0
    for tensor in sorted(header.tensors, key=lambda each: each.offset):
        assert end <= tensor.offset
        end = tensor.offset + tensor.bytes
        assert end <= len(data)
        assert tensor.name.isprintable()


def _reply(dialect: str, media: str, data: bytes, _place: Path) -> None:
    """Body behind a first line of numbers: the status, and where the network cut it."""
    head, _, body = data.partition(b"\n")
    numbers = [int(word) for word in head.split()[:8] if word.isdigit() and len(word) < 8]
    status = numbers[0] if numbers else 200
    edges = sorted({0, len(body), *(number % (len(body) + 1) for number in numbers[1:])})
    chunks = [body[start:stop] for start, stop in itertools.pairwise(edges)]
    reply = DIALECTS[dialect].read(
        Response(status=status, content_type=media, chunks=chunks, stamps_ns=list(range(len(chunks)))), ASK
    )
    assert reply.stamps_ns.shape == reply.tokens.shape
    assert (reply.tokens > 0).all()
    if not reply.failure and dialect != "rawrxd":
        assert status == 200
        assert int(reply.tokens.sum()) == ASK.max_tokens or reply.reported_tokens == ASK.max_tokens
    assert "\n" not in reply.detail or status != 200
    reply.detail.encode()


class _Wire:
    """A transport that sends nothing."""

    def write(self, data: bytes) -> None: ...
    def abort(self) -> None: ...
    def is_closing(self) -> bool:
        return False


def _http(data: bytes, _place: Path) -> None:
    """A response as it comes over a connection, cut where its first line says, and then the end of the connection."""
    head, _, whole = data.partition(b"\n")
    numbers = [int(word) for word in head.split()[:8] if word.isdigit() and len(word) < 8]
    edges = sorted({0, len(whole), *(number % (len(whole) + 1) for number in numbers)})
    kept = Exchange(0, 0)

    async def received() -> None:
        connection = Connection(time.perf_counter_ns)
        connection.connection_made(_Wire())  # type: ignore[arg-type]  # all of a transport that is used
        asked = asyncio.ensure_future(connection.ask(b"", kept, limit=HTTP_LIMIT, silence_s=60))
        await asyncio.sleep(0)
        for start, stop in itertools.pairwise(edges):
            for at in range(start, stop, READ_BYTES):
                part = whole[at : min(stop, at + READ_BYTES)]
                connection.get_buffer(-1)[: len(part)] = part
                connection.buffer_updated(len(part))
        connection.connection_lost(None)
        await asked

    asyncio.run(received())
    assert len(kept.chunks) == len(kept.stamps_ns)
    assert sum(map(len, kept.chunks)) <= HTTP_LIMIT + READ_BYTES
    assert kept.ended_ns
    assert kept.status is None or 200 <= kept.status < 1000
    for dialect in DIALECTS.values():
        dialect.read(kept.response(), ASK).detail.encode()


def _http_error(data: bytes, _place: Path) -> None:
    for status in (302, 400, 429, 500):
        for dialect in DIALECTS.values():
            reply = dialect.read(
                Response(status=status, content_type="application/json", chunks=[data], stamps_ns=[1]), ASK
            )
            assert reply.failure
            assert len(reply.detail) < len(data) + 1000
            reply.detail.encode()


def _told(data: bytes, _place: Path) -> None:
    """What a running server says about itself when it is found."""
    for kind in ("openai", "ollama", "rawrxd"):
        found = find_server(
            f"{kind}:http://127.0.0.1:9#model=x",
            environ={},
            on_cpu=True,
            probe=lambda _url, *, timeout_s: (200, data),
            listener=lambda _host, _port: None,
        )
        canonical(vars(found.info))
    tokens_generated(data)


def _sung(data: bytes, _place: Path) -> None:
    """The answer to a canary, in every dialect, and what a record keeps of it."""
    for dialect in DIALECTS:
        post = lambda *_: (200, data)  # noqa: E731 - what a server said
        choir = ServerChoir(HttpTarget(dialect, "http://127.0.0.1:9", "m"), 1.0, clock=lambda: 1, post=post)
        sung = choir.sing(canaries(1, seed=1), together=False)
        canonical({"texts": [each.text for each in sung]})
        for array in arrays_of(sung).values():
            assert not np.isnan(array).any()


def _well(data: bytes, _place: Path) -> None:
    """The health and the metrics of a server that is watched: health in the first line, and what it exports."""
    head, _, metrics = data.partition(b"\n")
    for dialect in ("llama-server", "rawrxd"):
        found = told(
            HttpTarget(dialect, "http://127.0.0.1:9"),
            now_s=1.0,
            timeout_s=1,
            probe=lambda url, *, timeout_s: (200, metrics if url.endswith("/metrics") else head),
        )
        assert found is None or all(map(math.isfinite, found.values()))


def _frame(data: bytes, _place: Path) -> None:
    """Frames as the suite reads them from an engine process, and what it makes of each kind."""
    stream = io.BytesIO(data)
    requests = [Request((1, 2), 3, "a"), Request((1,), 3, "b")]
    while (frame := read_frame(stream)) is not None:
        match frame.kind:
            case "hello":
                info = messages.understood(frame, messages.info_from_frame)
                canonical(asdict(info))
                info.sentence()
            case "loaded":
                report, _ = messages.understood(frame, messages.report_from_frame)
                canonical(asdict(report))
            case "devices":
                messages.understood(frame, messages.devices_from_frame)
            case "progress":
                messages.understood(frame, messages.progress_from_frame)
            case "tokens":
                messages.understood(frame, messages.tokens_from_frame)
            case "refused":
                str(messages.understood(frame, lambda each: messages.refused_from_frame(each, RigTrouble)))
            case "scored":
                scores = messages.understood(frame, messages.scores_from_frame)
                assert scores.negative_log_likelihood.dtype.kind == "f"
            case "generated":
                for each in messages.understood(frame, lambda f: _generations(f, requests)):
                    assert len(each.stamps_ns) == len(each.token_ids)


def _generations(frame: Frame, requests: Sequence[Request]) -> list[Generation]:
    return generations_from_outcome(messages.outcome_from_frame(frame), requests)


EVIDENCE = (EvidenceProblem,)
READERS = (
    Target("profile", _profile, (ProfileProblem,)),
    Target("waivers", _waivers, (UsageProblem,)),
    Target("ledger", _ledger, EVIDENCE),
    Target("card", _card, EVIDENCE),
    Target("raw", _raw, EVIDENCE),
    Target("foreign", _foreign, EVIDENCE),
    Target("envelope", _envelope, EVIDENCE),
    Target("public-key", _public_key, (UsageProblem,)),
    Target("sums", _sums, EVIDENCE),
    Target("gguf", _gguf, (ModelProblem,)),
    Target("sse-openai", functools.partial(_reply, "openai", "text/event-stream"), ()),
    Target("sse-llama", functools.partial(_reply, "llama-server", "text/event-stream"), ()),
    Target("ndjson-ollama", functools.partial(_reply, "ollama", "application/x-ndjson"), ()),
    Target("json-rawrxd", functools.partial(_reply, "rawrxd", "application/json"), ()),
    Target("http", _http, ()),
    Target("http-error", _http_error, ()),
    Target("told", _told, (EventError,)),
    Target("canary", _sung, ()),
    Target("health", _well, ()),
    Target("frame", _frame, (WireError,)),
)
