"""A loopback WebSocket server that speaks as the exchange does until a test tells it to misbehave."""

import asyncio
import base64
import json
import zlib
from collections.abc import Callable
from typing import Any

from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed

Sub = dict[str, Any]


class ScriptedWs:
    """Acks, pongs, replays; ``on_subscribe`` may answer a subscription in its own way."""

    def __init__(self) -> None:
        self.connections: list[ServerConnection] = []
        self.opened = 0
        self.live: dict[ServerConnection, list[Sub]] = {}
        self.heard: list[dict[str, Any]] = []
        self.pings = 0
        self.greeting: str | None = None
        self.answers_pings = True
        self.replay: dict[str, list[dict[str, Any]]] = {}
        self.on_subscribe: Callable[[ServerConnection, Sub], list[str] | None] = lambda *_: None
        self.changed = asyncio.Condition()
        self._server: Server | None = None
        self.url = ""

    async def __aenter__(self) -> "ScriptedWs":
        self._server = await serve(self._serve, "127.0.0.1", 0, compression=None, ping_interval=None)
        port = next(iter(self._server.sockets)).getsockname()[1]
        self.url = f"ws://127.0.0.1:{port}/ws"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        await self._server.wait_closed()

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something that a client did makes the condition true."""
        async with self.changed, asyncio.timeout(10):
            await self.changed.wait_for(condition)

    def subscribed(self) -> list[Sub]:
        return [sub for subs in self.live.values() for sub in subs]

    def coins(self) -> list[str]:
        return sorted(sub["coin"] for sub in self.subscribed() if sub["type"] == "trades")

    async def send(self, message: object) -> None:
        text = message if isinstance(message, str) else json.dumps(message, separators=(",", ":"))
        for connection in list(self.connections):
            await connection.send(text)

    async def trades(self, *rows: dict[str, Any]) -> None:
        await self.send({"channel": "trades", "data": list(rows)})

    async def mids(self, **mids: str | None) -> None:
        body = json.dumps({coin: {"midPx": px} for coin, px in mids.items()}).encode()
        packed = base64.b64encode(zlib.compress(body, wbits=-15)).decode()
        await self.send({"channel": "fastAssetCtxs", "data": packed})

    def cut(self) -> None:
        """Break all connections without a word."""
        for connection in self.connections:
            connection.transport.abort()

    async def _serve(self, connection: ServerConnection) -> None:
        self.connections.append(connection)
        self.opened += 1
        self.live[connection] = []
        try:
            if self.greeting is not None:
                await connection.send(self.greeting)
            async for raw in connection:
                await self._answer(connection, json.loads(raw))
                await self._tell()
        except ConnectionClosed:
            pass
        finally:
            self.connections.remove(connection)
            del self.live[connection]
            await self._tell()

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def _answer(self, connection: ServerConnection, message: dict[str, Any]) -> None:
        self.heard.append(message)
        if message["method"] == "ping":
            self.pings += 1
            if self.answers_pings:
                await connection.send('{"channel":"pong"}')
            return
        subscription = message["subscription"]
        if message["method"] == "subscribe":
            scripted = self.on_subscribe(connection, subscription)
            if scripted is not None:
                for text in scripted:
                    await connection.send(text)
                return
            self.live[connection].append(subscription)
        else:
            self.live[connection].remove(subscription)
        data = {"method": message["method"], "subscription": subscription}
        await connection.send(json.dumps({"channel": "subscriptionResponse", "data": data}))
        replay = self.replay.get(subscription.get("coin", ""), [])
        if message["method"] == "subscribe" and subscription["type"] == "trades" and replay:
            await connection.send(json.dumps({"channel": "trades", "data": replay}, separators=(",", ":")))
