"""Servers that misbehave, chosen by the first part of the path: ``http://127.0.0.1:PORT/SCRIPT/v1/completions``.

Run as a script, with the address to listen on: says ``{"port", "tls_port"}`` on stdout and ends when stdin closes.
What they send is constructed; the good stream has the form of llama-server's OpenAI endpoint, which the contract tests
run for real.
"""

import asyncio
import itertools
import json
import ssl
import struct
import sys
from pathlib import Path
from socket import SO_LINGER, SOL_SOCKET

SSE = "text/event-stream"


async def answer(writer, status=200, media=SSE, headers="", body=None):
    """A head, and a whole body where one is given; streams go on with ``chunk``."""
    framing = "Transfer-Encoding: chunked" if body is None else f"Content-Length: {len(body)}"
    writer.write(
        f"HTTP/1.1 {status} X\r\nContent-Type: {media}\r\n{framing}\r\n{headers}Connection: close\r\n\r\n".encode()
    )
    if body is not None:
        writer.write(body)
    await writer.drain()


async def chunk(writer, data, pause=0.004):
    """One chunk, and time for the client to receive it alone."""
    data = data.encode() if isinstance(data, str) else data
    writer.write(b"%x\r\n%s\r\n" % (len(data), data))
    await writer.drain()
    await asyncio.sleep(pause)


async def end(writer):
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def event(text="a", finish=None, **more):
    return f"data: {json.dumps({'choices': [{'index': 0, 'text': text, 'finish_reason': finish}], **more})}\n\n"


def last(tokens):
    usage = {"completion_tokens": tokens, "prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 0}}
    return f"data: {json.dumps({'choices': [], 'usage': usage})}\n\n"


DONE = "data: [DONE]\n\n"


async def tokens(writer, count):
    for _ in range(count):
        await chunk(writer, event())


async def good(writer, ask):
    await answer(writer)
    count = ask.get("max_tokens", 0)  # a question who answers here asks for none
    await tokens(writer, count)
    await chunk(writer, event("", "length"))
    await chunk(writer, last(count) + DONE)
    await end(writer)


TURNS = itertools.count()


async def balanced(writer, ask):
    """A balancer of two servers that says which one answered."""
    await answer(writer, headers=f"X-Server: node-{next(TURNS) % 2}\r\n")
    await tokens(writer, ask["max_tokens"])
    await chunk(writer, event("", "length"))
    await chunk(writer, last(ask["max_tokens"]) + DONE)
    await end(writer)


async def echo_key(writer, ask):
    await answer(writer, 401, "application/json", body=json.dumps({"error": f"unknown key {ask['key']}"}).encode())


async def echo_prompt(writer, ask):
    """Generates its own question; every third time it quotes it in an error, or in an event that is none."""
    number = int(ask["prompt"].split()[0][0], 16) % 3 if ask.get("prompt") else 0
    if number == 1:
        body = json.dumps({"error": {"message": f"cannot continue {ask['prompt']}"}}).encode()
        await answer(writer, 400, "application/json", body=body)
        return
    await answer(writer)
    count = ask.get("max_tokens", 0)
    for _ in range(count):
        await chunk(writer, event(ask["prompt"]), 0)
    await chunk(writer, "data: {" + ask["prompt"] + "\n\n" if number == 2 else event("", "length") + last(count) + DONE)
    await end(writer)


async def unauthorized(writer, ask):
    await answer(writer, 401, "application/json", body=b'{"error": {"message": "invalid API key"}}')


async def missing(writer, ask):
    await answer(writer, 404, "application/json", body=b'{"error": {"message": "File Not Found", "code": 404}}')


async def busy(writer, ask):
    await answer(writer, 429, "application/json", "Retry-After: 7\r\n", b'{"error": "too many requests"}')


async def loading(writer, ask):
    await answer(writer, 503, "application/json", body=b'{"error": {"message": "Loading model", "code": 503}}')


async def broken(writer, ask):
    await answer(writer, 500, "text/plain", body=b"boom")


async def refused(writer, ask):
    await answer(writer, 400, "application/json", body=b'{"error": {"message": "unknown field ignore_eos"}}')


async def redirect(writer, ask):
    await answer(writer, 307, "text/plain", "Location: http://elsewhere.invalid/v1\r\n", b"")


async def html(writer, ask):
    await answer(writer, 200, "text/html; charset=utf-8", body=b"<html><body>Welcome</body></html>")


async def no_model(writer, ask):
    await answer(writer, 200, "application/json", body=b'{"error": "no model loaded"}')


async def error_in_stream(writer, ask):
    await answer(writer)
    await tokens(writer, 2)
    await chunk(writer, 'data: {"error": {"message": "Compute error."}}\n\n' + DONE)
    await end(writer)


async def invalid_json(writer, ask):
    await answer(writer)
    await tokens(writer, 2)
    await chunk(writer, 'data: {"choices": [{"text": \n\n' + DONE)
    await end(writer)


async def not_a_number(writer, ask):
    await answer(writer)
    await chunk(writer, 'data: {"choices": [], "usage": {"completion_tokens": NaN}}\n\n' + DONE)
    await end(writer)


async def endless(writer, ask):
    await answer(writer)
    while True:
        await chunk(writer, event())


async def early_end(writer, ask):
    """llama-cpp-python's server when another request arrives: 200, a clean end, no end marker."""
    await answer(writer)
    await tokens(writer, 2)
    await end(writer)


async def cut(writer, ask):
    await answer(writer)
    await tokens(writer, 2)


async def short(writer, ask):
    await answer(writer)
    await tokens(writer, 2)
    await chunk(writer, event("", "stop") + last(2) + DONE)
    await end(writer)


async def long(writer, ask):
    await answer(writer)
    await tokens(writer, ask["max_tokens"] + 1)
    await chunk(writer, event("", "length") + last(ask["max_tokens"] + 1) + DONE)
    await end(writer)


async def no_reason(writer, ask):
    await answer(writer)
    await tokens(writer, ask["max_tokens"])
    await chunk(writer, last(ask["max_tokens"]) + DONE)
    await end(writer)


async def stall(writer, ask):
    await answer(writer)
    await tokens(writer, 2)
    await asyncio.sleep(60)


async def silent(writer, ask):
    await asyncio.sleep(60)


async def held_open(writer, ask):
    await answer(writer)
    await tokens(writer, ask["max_tokens"])
    await chunk(writer, event("", "length") + last(ask["max_tokens"]) + DONE)
    await asyncio.sleep(60)


async def loris(writer, ask):
    """One byte of a head at a time: bytes keep coming, a response never does."""
    for byte in b"HTTP/1.1 200 OK\r\n" + b"X-Slow: yes\r\n" * 1000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(0.02)


async def pairs(writer, ask):
    """Two tokens in every chunk, and keep-alive chunks without any."""
    await answer(writer)
    for _ in range(ask["max_tokens"] // 2):
        await chunk(writer, event() + event())
        await chunk(writer, ": ping\n\n")
    await chunk(writer, event("", "length") + last(ask["max_tokens"]) + DONE)
    await end(writer)


async def split_utf8(writer, ask):
    """Every event is cut inside its last character, between the bytes of a line end, and sent in CRLF."""
    await answer(writer)
    for _ in range(ask["max_tokens"]):
        data = json.dumps({"choices": [{"index": 0, "text": "é€😀", "finish_reason": None}]}, ensure_ascii=False)
        raw = f"data: {data}\r\n\r\n".encode()
        middle = raw.index("😀".encode()) + 2
        for part in (raw[:middle], raw[middle:-3], raw[-3:]):
            await chunk(writer, part)
    await chunk(writer, (event("", "length") + last(ask["max_tokens"]) + DONE).replace("\n", "\r\n"))
    await end(writer)


async def bad_utf8(writer, ask):
    await answer(writer)
    await chunk(writer, b'data: {"choices": [{"text": "\xff\xfe"}]}\n\n')
    await end(writer)


async def huge(writer, ask):
    await answer(writer)
    await chunk(writer, b"data: " + b"x" * 300_000)
    await chunk(writer, b"x" * 3_000_000 + b"\n\n" + DONE.encode())
    await end(writer)


async def reset(writer, ask):
    await answer(writer)
    await tokens(writer, 2)
    writer.get_extra_info("socket").setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


async def garbage(writer, ask):
    writer.write(b"\x00\x01 this is not HTTP \xff\r\n\r\n")
    await writer.drain()


async def vanish(writer, ask):
    """Closes without a word."""


async def lying_count(writer, ask):
    """The events hold more token ids than are reported at the end, as a server that counts wrongly would send."""
    await answer(writer)
    for _ in range(ask["max_tokens"] + 1):
        ids = {"choices": [{"index": 0, "text": "a", "finish_reason": None, "token_ids": [7]}]}
        await chunk(writer, f"data: {json.dumps(ids)}\n\n")
    await chunk(writer, event("", "length") + last(ask["max_tokens"]) + DONE)
    await end(writer)


async def ollama(writer, ask):
    await answer(writer, media="application/x-ndjson")
    for _ in range(ask["options"]["num_predict"]):
        await chunk(writer, json.dumps({"model": "m", "response": "a", "done": False}) + "\n")
    done = {"model": "m", "response": "", "done": True, "done_reason": "length", "eval_count": 4, "eval_duration": 5000}
    await chunk(writer, json.dumps(done) + "\n")
    await end(writer)


class RawrXD:
    """One request at a time, /health too; 32 tokens each, told by the counter only."""

    def __init__(self):
        self.turn, self.generated = asyncio.Lock(), 0

    async def reply(self, path):
        async with self.turn:
            if path.endswith("/health"):
                return {"status": "ok", "model_loaded": True, "tokens_generated": self.generated}
            await asyncio.sleep(0.01)
            self.generated += 32
            return {"model": "gguf-model", "created_at": "2026-11-23T03:00:00", "response": "some words", "done": True}


RAWRXD = RawrXD()


async def rawrxd(writer, ask):
    body = await RAWRXD.reply(ask["path"])
    await answer(writer, media="application/json", body=json.dumps(body).encode())


async def rawrxd_no_model(writer, ask):
    body = {"model": "gguf-model", "response": "Error: No model loaded", "done": True}
    await answer(writer, media="application/json", body=json.dumps(body).encode())


SEEN = set()


async def flaky(writer, ask):
    """Turns the first attempt of every prompt away."""
    first = ask["prompt"] not in SEEN
    SEEN.add(ask["prompt"])
    await (busy if first else good)(writer, ask)


class Gate:
    """Holds every reply until somebody opens it; it is closed again for those who come later."""

    def __init__(self):
        self.opened, self.holds = asyncio.Event(), []

    def open(self):
        self.opened.set()
        self.opened, self.holds = asyncio.Event(), []


GATE = Gate()


async def held(writer, ask):
    """Answers when the gate is opened; the gate knows who waits."""
    GATE.holds.append(writer.get_extra_info("peername")[0])
    await GATE.opened.wait()
    await good(writer, ask)


async def holding(writer, ask):
    """The addresses of those whose reply is held."""
    await answer(writer, 200, "application/json", body=json.dumps(GATE.holds).encode())


async def release(writer, ask):
    """Opens the gate."""
    GATE.open()
    await answer(writer, 200, "application/json", body=b"{}")


async def named(writer, ask):
    """The script that the last word of the prompt names: one run, many servers."""
    await SCRIPTS[ask["prompt"].split()[-1]](writer, ask)


SCRIPTS = {name: script for name, script in list(globals().items()) if asyncio.iscoroutinefunction(script)}


async def serve_one(reader, writer):
    """Read one request, play its script, close."""
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        fields = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:] if ": " in line)
        body = await reader.readexactly(int(fields.get("content-length", 0)))
        path = head.split(" ")[1]
        script = path.split("/")[1]
        ask = json.loads(body or "{}") | {
            "key": fields.get("authorization", "").removeprefix("bearer "),
            "path": path,
        }
        await SCRIPTS.get(script, missing)(writer, ask)
    except (OSError, asyncio.IncompleteReadError):
        pass
    finally:
        writer.close()


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(Path(__file__).with_name("localhost.pem"))
    asyncio.get_running_loop().set_exception_handler(lambda *_: None)  # clients that refuse the certificate
    plain = await asyncio.start_server(serve_one, sys.argv[1] if len(sys.argv) > 1 else "127.0.0.1", 0)
    secure = await asyncio.start_server(serve_one, "127.0.0.1", 0, ssl=context)
    ports = [server.sockets[0].getsockname()[1] for server in (plain, secure)]
    print(json.dumps({"port": ports[0], "tls_port": ports[1]}), flush=True)
    await asyncio.to_thread(sys.stdin.buffer.read)


if __name__ == "__main__":
    asyncio.run(main())
