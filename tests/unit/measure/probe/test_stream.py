"""A probe request as it runs: what has arrived is exported before the request ends, and never more than one runs."""

import asyncio
import json
from dataclasses import replace

from pytest_rawrxd.measure.probe import names
from pytest_rawrxd.measure.probe.exporter import Exporter
from pytest_rawrxd.measure.probe.exposition import Exposition
from pytest_rawrxd.measure.probe.stream import probe_once
from pytest_rawrxd.measure.probe.terms import ProbeTerms
from pytest_rawrxd.profile import load_profile
from pytest_rawrxd.rig.server.failure import Failure
from pytest_rawrxd.rig.server.target import HttpTarget

TERMS = replace(ProbeTerms.of(load_profile("rx7800xt")), deadline_s=20.0, tokens=3, every_s=0.001)


def event(**fields):
    return f"data: {json.dumps(fields)}\n\n".encode()


class Server:
    """llama-server's stream of three tokens; ``gate`` holds the last one back."""

    def __init__(self):
        self.gate, self.open, self.most, self.served = asyncio.Event(), 0, 0, 0

    async def __call__(self, reader, writer):
        self.open += 1
        self.most = max(self.most, self.open)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        for number in (1, 2):
            writer.write(event(content="a", tokens=[number], tokens_predicted=number, stop=False))
            await writer.drain()
            await asyncio.sleep(0.01)
        await self.gate.wait()
        writer.write(event(content="a", tokens=[3], tokens_predicted=3, stop=False))
        writer.write(event(content="", tokens=[], tokens_predicted=3, stop=True, stop_type="limit"))
        await writer.drain()
        writer.close()
        self.open -= 1
        self.served += 1


def test_a_gap_is_exported_while_its_request_still_runs():
    async def scene():
        server, shown = Server(), Exposition(TERMS)
        async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            target = HttpTarget("llama-server", f"http://127.0.0.1:{port}")
            running = asyncio.create_task(probe_once(target, TERMS, 0, shown, environ={}))
            while not shown.registry.get_sample_value(names.TOKENS):
                await asyncio.sleep(0.01)
            before = shown.registry.get_sample_value(names.REQUESTS), running.done()
            server.gate.set()
            return before, await running, shown

    before, failure, shown = asyncio.run(asyncio.wait_for(scene(), 20))

    assert before == (0, False)
    assert failure is Failure.NONE
    assert shown.registry.get_sample_value(f"{names.GAP}_count") == 2
    assert shown.registry.get_sample_value(f"{names.FIRST_TOKEN}_count") == 1


def test_the_target_never_sees_two_probe_requests_at_once():
    async def scene():
        server, shown = Server(), Exposition(TERMS)
        server.gate.set()
        async with await asyncio.start_server(server, "127.0.0.1", 0) as listening:
            port = listening.sockets[0].getsockname()[1]
            target = HttpTarget("llama-server", f"http://127.0.0.1:{port}")
            exporter = Exporter(replace(TERMS, target=target), shown, {}, probe=lambda url, *, timeout_s: None)
            running = asyncio.create_task(exporter.run())
            while server.served < 5:
                await asyncio.sleep(0.01)
            exporter.stop.set()
            await running
            return server, shown

    server, shown = asyncio.run(asyncio.wait_for(scene(), 20))

    assert server.most == 1
    assert shown.registry.get_sample_value(names.REQUESTS) >= 5
    assert shown.registry.get_sample_value(names.UP) == 0, "its health did not answer"
