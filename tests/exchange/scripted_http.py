"""A loopback HTTP server that answers as a test tells it, down to cutting an answer in two."""

import asyncio
import contextlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class Reply:
    """One answer; ``cut_after`` bytes of the body the connection breaks; ``stall`` never answers."""

    body: bytes = b"null"
    status: int = 200
    content_type: str = "application/json"
    cut_after: int | None = None
    stall: bool = False
    chunk: int | None = None


def ok(value: object) -> Reply:
    return Reply(json.dumps(value).encode())


@dataclass
class Asked:
    """One request as it came in."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class ScriptedHttp:
    """Answers each request by a function, and keeps what was asked."""

    def __init__(self, answer: Callable[[Asked], Reply]) -> None:
        self.answer = answer
        self.asked: list[Asked] = []
        self.was_asked = asyncio.Event()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()
        self.url = ""

    async def __aenter__(self) -> "ScriptedHttp":
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._connections.add(task)
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                await self._reply(reader, writer)
        finally:
            self._connections.discard(task)
            writer.close()

    async def _reply(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        request, *lines = head.strip().split("\r\n")
        headers = {k.lower(): v.strip() for k, v in (line.split(":", 1) for line in lines)}
        raw = await reader.readexactly(int(headers.get("content-length", "0")))
        method, path, _ = request.split(" ")
        asked = Asked(method, path, headers, json.loads(raw) if raw else None)
        self.asked.append(asked)
        self.was_asked.set()
        reply = self.answer(asked)
        if reply.stall:
            await reader.read()  # until the client gives up
            return
        writer.write(
            f"HTTP/1.1 {reply.status} X\r\nContent-Type: {reply.content_type}\r\n"
            f"Content-Length: {len(reply.body)}\r\nConnection: close\r\n\r\n".encode()
        )
        body = reply.body if reply.cut_after is None else reply.body[: reply.cut_after]
        step = reply.chunk or len(body) or 1
        for start in range(0, len(body), step):
            writer.write(body[start : start + step])
            await writer.drain()
