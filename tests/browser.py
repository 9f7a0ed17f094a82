"""A headless Chromium spoken to over its debugging protocol: what a page asked for, complained of and shows."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
    "--remote-debugging-port=0",
    "--host-resolver-rules=MAP * ~NOTFOUND",
)
DEADLINE_S = 20.0
LOOK_AGAIN_S = 0.05
COMPLAINTS = ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled")


@dataclass
class Page:
    """One load of a page: the addresses it asked for, its complaints, and the text it shows at the end."""

    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    text: str = ""


class Tab:
    """One tab. Events of the page are collected while an answer is waited for."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, session: str) -> None:
        self._socket, self._session = socket, session
        self._sent = 0
        self.page = Page()

    async def call(self, method: str, **params: Any) -> dict[str, Any]:
        self._sent += 1
        await self._socket.send_json({"id": self._sent, "method": method, "params": params, "sessionId": self._session})
        while True:
            told = await self._socket.receive_json(timeout=DEADLINE_S)
            if told.get("method") == "Network.requestWillBeSent":
                self.page.requests.append(told["params"]["request"]["url"])
            elif told.get("method") in COMPLAINTS:
                self.page.complaints.append(str(told["params"]))
            elif told.get("id") == self._sent and told.get("sessionId") == self._session:
                assert "error" not in told, told
                return told["result"]

    async def evaluate(self, expression: str) -> Any:
        told = await self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        return told["result"].get("value")

    async def open(self, address: str, wanted: str) -> Page:
        """Load ``address`` anew and wait until the page shows ``wanted``, or for the deadline."""
        await self.call("Page.navigate", url="about:blank")
        self.page = Page()
        await self.call("Page.navigate", url=address)
        self.page.text = await self.shows(wanted)
        return self.page

    async def shows(self, wanted: str) -> str:
        """The text of the page once it holds ``wanted`` in any case, or at the deadline."""
        loop = asyncio.get_running_loop()
        text, until = "", loop.time() + DEADLINE_S
        while wanted.lower() not in text.lower() and loop.time() < until:
            await asyncio.sleep(LOOK_AGAIN_S)
            text = await self.evaluate("document.body ? document.body.innerText : ''") or ""
        return text


def browse(profile: Path, visit: Callable[[Tab], Awaitable[Any]]) -> Any:
    """Start Chromium with an empty profile and no way to any host, and return what ``visit`` returns."""
    assert CHROMIUM is not None
    process = subprocess.Popen(
        [CHROMIUM, *FLAGS, f"--user-data-dir={profile}", "about:blank"], stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stderr is not None
        address = next(line.split()[-1] for line in process.stderr if "DevTools listening on" in line)
        return asyncio.run(_visit(address, visit))
    finally:
        process.terminate()
        process.communicate(timeout=DEADLINE_S)


async def _visit(address: str, visit: Callable[[Tab], Awaitable[Any]]) -> Any:
    async with aiohttp.ClientSession() as client, client.ws_connect(address, max_msg_size=0) as socket:
        await socket.send_json({"id": 0, "method": "Target.createTarget", "params": {"url": "about:blank"}})
        target = (await _answer(socket))["targetId"]
        attach = {"targetId": target, "flatten": True}
        await socket.send_json({"id": 0, "method": "Target.attachToTarget", "params": attach})
        tab = Tab(socket, (await _answer(socket))["sessionId"])
        for domain in ("Page", "Network", "Runtime", "Log"):
            await tab.call(f"{domain}.enable")
        await tab.call("Network.setCacheDisabled", cacheDisabled=True)
        return await visit(tab)


async def _answer(socket: aiohttp.ClientWebSocketResponse) -> dict[str, Any]:
    while True:
        told = await socket.receive_json(timeout=DEADLINE_S)
        if told.get("id") == 0:
            return told["result"]
