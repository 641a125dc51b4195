"""An exchange and a Telegram on loopback, in a process of its own, that measure from frame to POST.

It sends frames of trades at a steady rate; some name an account that everybody watches, each account
once. A message that names such an account ends its measurement. ``POST /start`` begins, and is
answered with all times when everything has arrived or time is up.
"""

import asyncio
import json
import re
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from random import Random
from typing import Any

from aiohttp import web
from websockets.asyncio.server import ServerConnection, serve
from websockets.exceptions import ConnectionClosed

from core.model.market import Coin

COINS = 60
"""As many chats as coins, one each: a private chat may be told something once a second."""

TRADES_A_SECOND = 1000
TRADES_A_FRAME = 2
OPPORTUNITIES_A_SECOND = 20
WARM_UP_S = 3
PATIENCE_S = 10.0
STRANGERS = 5_000
TOKEN = "1:loopback"

_FRAME_S = TRADES_A_FRAME / TRADES_A_SECOND
_FRAMES_A_SLOT = TRADES_A_SECOND // TRADES_A_FRAME // OPPORTUNITIES_A_SECOND
_ADDRESS = re.compile(rb"0x[0-9a-f]{40}")


def coin_name(number: int) -> Coin:
    """Return the name of a coin's number."""
    return Coin(f"C{number:02d}")


def watched_accounts(seconds: int) -> list[str]:
    """Return the accounts that will act in so many seconds and the warm-up, in order."""
    return [f"0x{number + 1:040x}" for number in range((seconds + WARM_UP_S) * OPPORTUNITIES_A_SECOND)]


class LoopbackExchange:
    """The server's state: who listens, what was sent when, what arrived when."""

    def __init__(self) -> None:
        self._rng = Random(5)
        self._sockets: list[ServerConnection] = []
        self._strangers = [f"0x{self._rng.getrandbits(160):040x}" for _ in range(STRANGERS)]
        self._px = [round(10.0 ** self._rng.uniform(0, 4), 2) for _ in range(COINS)]
        self._tid = 0
        self._messages = 0
        self._sent_ns: dict[str, int] = {}
        self._arrived_ns: dict[str, int] = {}
        self._all_arrived = asyncio.Event()
        self._due = 0

    # --- the exchange -----------------------------------------------------------------------

    async def talk(self, socket: ServerConnection) -> None:
        """Serve one WebSocket: acknowledge everything, answer pings."""
        self._sockets.append(socket)
        with suppress(ConnectionClosed):
            async for raw in socket:
                request = json.loads(raw)
                if request["method"] == "ping":
                    await socket.send('{"channel":"pong"}')
                else:
                    await socket.send(json.dumps({"channel": "subscriptionResponse", "data": request}))

    async def info(self, request: web.Request) -> web.Response:
        """Answer the two questions that detection asks."""
        asked = await request.json()
        if asked["type"] == "l2Book":
            return web.json_response(self._book(asked["coin"]))
        zero = {name: "0.0" for name in ("accountValue", "totalNtlPos", "totalRawUsd", "totalMarginUsed")}
        return web.json_response({"marginSummary": zero, "assetPositions": [], "time": _now_ms()})

    def _book(self, coin: str) -> dict[str, Any]:
        px = self._px[int(coin[1:])]
        sides = [
            [
                {"px": f"{px * (1 + sign * 1e-4 * (n + 1)):.6g}", "sz": f"{1e5 / px:.4f}", "n": 3}
                for n in range(20)
            ]
            for sign in (-1, 1)
        ]
        return {"coin": coin, "time": _now_ms(), "levels": sides}

    async def start(self, request: web.Request) -> web.Response:
        """Send trades for so many seconds; answer with each account's times in ns."""
        seconds = (await request.json())["seconds"]
        accounts = watched_accounts(seconds)
        self._due = len(accounts)
        await self._send(accounts)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await self._all_arrived.wait()
        except TimeoutError:
            pass  # what is missing is missing in the answer
        counted = accounts[WARM_UP_S * OPPORTUNITIES_A_SECOND :]
        return web.json_response(
            {
                "due": len(counted),
                "times": {
                    one: [self._sent_ns[one], self._arrived_ns[one]]
                    for one in counted
                    if one in self._arrived_ns
                },
            }
        )

    async def _send(self, accounts: Sequence[str]) -> None:
        """Send one frame every few milliseconds; in every slot one of them, at random, names an account."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        for number, account in enumerate(accounts):
            chosen = self._rng.randrange(_FRAMES_A_SLOT)
            for place in range(_FRAMES_A_SLOT):
                if (wait_s := due - loop.time()) > 0:
                    await asyncio.sleep(wait_s)
                due += _FRAME_S
                acts = place == chosen
                frame = self._frame(
                    number % COINS if acts else self._rng.randrange(COINS), account if acts else None
                )
                if acts:
                    self._sent_ns[account] = time.monotonic_ns()
                for socket in self._sockets:
                    await socket.send(frame, text=True)

    def _frame(self, coin: int, account: str | None) -> bytes:
        rows = []
        for nth in range(TRADES_A_FRAME):
            buyer, seller = self._rng.sample(self._strangers, 2)
            usd = self._rng.uniform(10, 3000)
            if account is not None and nth == 0:
                buyer, usd = account, 10_000.0
            self._tid += 1
            px = self._px[coin]
            rows.append(
                {
                    "coin": coin_name(coin),
                    "side": "B",
                    "px": f"{px:.6g}",
                    "sz": f"{usd / px:.6f}",
                    "time": _now_ms(),
                    "hash": f"0x{self._tid:064x}",
                    "tid": self._tid,
                    "users": [buyer, seller],
                }
            )
        return json.dumps({"channel": "trades", "data": rows}, separators=(",", ":")).encode()

    # --- Telegram ---------------------------------------------------------------------------

    async def telegram(self, request: web.Request) -> web.Response:
        """Answer a bot's request; a message ends the measurement of the account it names."""
        if request.match_info["method"] != "sendMessage":
            me = {"id": 1, "is_bot": True, "first_name": "b", "username": "b_bot"}
            return web.json_response({"ok": True, "result": me})
        body = await request.read()
        now_ns = time.monotonic_ns()
        if found := _ADDRESS.search(body):
            self._arrived_ns.setdefault(found[0].decode(), now_ns)
        if len(self._arrived_ns) >= self._due > 0:
            self._all_arrived.set()
        self._messages += 1
        chat = {"id": 1, "type": "private", "first_name": "c"}
        message = {
            "message_id": self._messages,
            "date": int(now_ns // 1_000_000_000),
            "chat": chat,
            "text": "m",
        }
        return web.json_response({"ok": True, "result": message})


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


async def main() -> None:
    """Serve until standard input ends; print both ports first."""
    exchange = LoopbackExchange()
    application = web.Application()
    application.router.add_post("/info", exchange.info)
    application.router.add_post("/start", exchange.start)
    application.router.add_route("*", "/bot{token}/{method}", exchange.telegram)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with serve(exchange.talk, "127.0.0.1", 0, compression=None, ping_interval=None) as sockets:
        ws_port = next(iter(sockets.sockets)).getsockname()[1]
        print(json.dumps({"http": runner.addresses[0][1], "ws": ws_port}), flush=True)
        await asyncio.to_thread(sys.stdin.read)
    await runner.cleanup()


if __name__ == "__main__":
    asyncio.run(main())
