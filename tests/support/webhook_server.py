"""Receive webhooks: record every request, answer with the status that a test chose."""

import asyncio
import json
from dataclasses import dataclass
from typing import Any, Self

from aiohttp import web

from tests.support.changes import PATIENCE_SECONDS, Changes
from tests.support.faults import Fault, FaultPlan, spoil
from tests.support.loopback import Loopback


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it arrived; header names are lower case, `at` is the loop's time."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float

    def json(self) -> Any:
        """Decode the body as JSON."""
        return json.loads(self.body)


class WebhookServer:
    """Accept any request on loopback; use it as an async context manager."""

    def __init__(self) -> None:
        self.requests: list[Received] = []
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b""
        self._faults = FaultPlan()
        self._changes = Changes()
        self._loopback = Loopback(self._application)

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=8 * 1024 * 1024)
        application.router.add_route("*", "/{path:.*}", self._receive)
        return application

    async def __aenter__(self) -> Self:
        await self._loopback.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._loopback.close()

    @property
    def url(self) -> str:
        """Return the address of a path that's served, like all others."""
        return f"http://127.0.0.1:{self._loopback.port}/hook"

    async def open(self) -> None:
        """Listen again after `close`, on the same port."""
        await self._loopback.open()

    async def close(self) -> None:
        """Refuse connections until `open`."""
        await self._loopback.close()

    def fail(self, fault: Fault, times: int | None = 1) -> None:
        """Spoil the next requests; spoiled ones are recorded too."""
        self._faults.add(fault, times)

    async def wait_for_requests(self, count: int, seconds: float = PATIENCE_SECONDS) -> list[Received]:
        """Wait until `count` requests have arrived in all."""
        return await self._changes.until(
            lambda: self.requests if len(self.requests) >= count else [],
            seconds,
            lambda: f"{len(self.requests)} of {count} requests arrived",
        )

    async def _receive(self, request: web.Request) -> web.Response:
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        now = asyncio.get_running_loop().time()
        self.requests.append(Received(request.method, request.path_qs, headers, body, now))
        self._changes.announce()
        fault = self._faults.take()
        if fault is not None:
            return await spoil(request, fault)
        return web.Response(status=self.status, headers=self.headers, body=self.body)
