"""A Discord REST and gateway server on loopback, for tests of whatever speaks to Discord.

Buckets are wide by default so that tests are quick; ask for the platform's pace with
`DiscordServer(limit=5, window_seconds=5)`.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Self

import yarl
from aiohttp import web

from tests.support.discord_errors import DiscordError, invalid_json, not_found, unauthorized
from tests.support.discord_objects import File, snowflake
from tests.support.discord_posting import RestCall
from tests.support.discord_rates import RateLimits
from tests.support.discord_routes import OPEN_PATHS, ROUTES, Route
from tests.support.discord_world import DiscordWorld
from tests.support.faults import Fault, FaultPlan, answer, spoil
from tests.support.loopback import BODY_LIMIT_BYTES, Loopback

DEFAULT_TOKEN = "MTIzNDU2Nzg5MDEyMzQ1Njc4.test-token.for-a-loopback-server-0123456789"
# The platform's proxy puts it on every answer; without it clients take a 429 for a ban.
VIA = {"Via": "1.1 google"}


@dataclass(frozen=True, slots=True)
class DiscordCall:
    """One request: `route` is its function's name in discord_routes, `at` the loop's time."""

    route: str
    method: str
    path: str
    payload: Any
    headers: dict[str, str]
    at: float


def discord_fault(status: int, code: int, message: str, *, accepted: bool = False) -> Fault:
    """Return a fault that answers with an error of Discord's API."""
    return answer(status, DiscordError(status, code, message).body(), VIA, accepted=accepted)


def rate_limited(retry_after: float, *, is_global: bool = False) -> Fault:
    """Return the fault of a bot that's too fast."""
    body = {"message": "You are being rate limited.", "retry_after": retry_after, "global": is_global}
    scope = {"X-RateLimit-Scope": "global" if is_global else "user", "Retry-After": str(retry_after)}
    if is_global:
        scope["X-RateLimit-Global"] = "true"
    return answer(429, body, {**VIA, **scope})


def banned() -> Fault:
    """Return the 429 of the wall in front of Discord: no `Via`, no retry allowed."""
    return answer(429, "error code: 1015", {"Retry-After": "3600"})


class DiscordServer(DiscordWorld):
    """Serve one bot; use it as an async context manager."""

    def __init__(self, token: str = DEFAULT_TOKEN, limit: int = 1000, window_seconds: float = 1.0) -> None:
        super().__init__(token)
        self.token = token
        self.calls: list[DiscordCall] = []
        self._rates = RateLimits(limit, window_seconds)
        self._faults = FaultPlan()
        self._loopback = Loopback(self._application)

    def _application(self) -> web.Application:
        application = web.Application(client_max_size=BODY_LIMIT_BYTES)
        for method, path, route in ROUTES:
            application.router.add_route(method, "/api/v10" + path, self._handler(path, route))
        application.router.add_get("/attachments/{channel}/{file}/{name}", self._download)
        for path in ("/gw", "/gw/", "/gw/resume", "/gw/resume/"):
            application.router.add_get(path, self.gateway.serve)
        application.router.add_route("*", "/{rest:.*}", self._unknown)
        return application

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def open(self) -> None:
        """Listen again after `close`, on the same port."""
        await self._loopback.open()
        self.cdn_url = f"http://127.0.0.1:{self._loopback.port}"
        self.gateway.url = f"ws://127.0.0.1:{self._loopback.port}/gw"

    async def close(self) -> None:
        """Refuse connections until `open`; the world stays."""
        await self._loopback.close()

    @property
    def api_url(self) -> str:
        """Return what discord.py calls `Route.BASE`."""
        return f"http://127.0.0.1:{self._loopback.port}/api/v10"

    @property
    def gateway_url(self) -> yarl.URL:
        """Return what discord.py calls `DiscordWebSocket.DEFAULT_GATEWAY`."""
        return yarl.URL(f"{self.gateway.url}/")

    def webhook_url(self, webhook_id: int) -> str:
        """Return the address of a channel's webhook."""
        return f"{self.api_url}/webhooks/{webhook_id}/{self.webhooks[webhook_id].token}"

    # Faults.

    def fail(
        self,
        fault: Fault,
        *,
        channel_id: int | None = None,
        route: str | None = None,
        times: int | None = 1,
    ) -> None:
        """Spoil the next requests for this channel and route; `times=None` means until `heal`.

        Webhooks and interactions belong to their channel. A route is the name of its function in
        discord_routes, such as `create_message` or `callback`.
        """
        self._faults.add(fault, times, channel=channel_id, route=route)

    def heal(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def calls_of(self, route: str) -> list[DiscordCall]:
        """Return the calls of one route, in order."""
        return [call for call in self.calls if call.route == route]

    # HTTP.

    def _handler(self, path: str, route: Route) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        name = getattr(route, "__name__", "")

        async def handle(request: web.Request) -> web.StreamResponse:
            try:
                call = await _read(request)
            except DiscordError as error:
                return _json(error.body(), error.status, {})
            now = asyncio.get_running_loop().time()
            headers = {key.lower(): value for key, value in request.headers.items()}
            self.calls.append(DiscordCall(name, request.method, request.path_qs, call.payload, headers, now))
            self.changes.announce()
            fault = self._faults.take(channel=self._channel_of(call), route=name)
            if fault is not None and not fault.accepted:
                return await spoil(request, fault)
            if not path.startswith(OPEN_PATHS) and headers.get("authorization") != f"Bot {self.token}":
                return _json(unauthorized().body(), 401, {})
            rate: dict[str, str] = {}
            if not path.startswith("/interactions/"):
                top = call.ids.get("channel") or call.ids.get("guild") or call.ids.get("webhook") or ""
                wait, rate = self._rates.count(f"{request.method} {path}", top, now)
                if wait > 0:
                    body = {"message": "You are being rate limited.", "retry_after": wait, "global": False}
                    return _json(body, 429, rate)
            try:
                result = await route(self, call)
            except DiscordError as error:
                return _json(error.body(), error.status, rate)
            if fault is not None:
                return await spoil(request, fault)
            return (
                _json(result, 200, rate)
                if result is not None
                else web.Response(status=204, headers={**VIA, **rate})
            )

        return handle

    def _channel_of(self, call: RestCall) -> int | None:
        if "channel" in call.ids:
            return int(call.ids["channel"])
        webhook = self.webhooks.get(int(call.ids.get("webhook", 0)))
        if webhook is not None:
            return webhook.channel_id
        for interaction in self.interactions.values():
            if interaction.token == call.ids.get("token"):
                return interaction.channel.id
        return None

    async def _download(self, request: web.Request) -> web.StreamResponse:
        channel = self.channels.get(int(request.match_info["channel"]))
        for message in channel.messages.values() if channel else ():
            for version in message.versions:
                for file in version.files:
                    if str(file.id) == request.match_info["file"]:
                        return web.Response(body=file.data, content_type=file.content_type)
        return _json(not_found().body(), 404, {})

    async def _unknown(self, request: web.Request) -> web.StreamResponse:
        return _json(not_found().body(), 404, {})


async def _read(request: web.Request) -> RestCall:
    text: str | bytes
    files: list[File] = []
    if request.content_type == "multipart/form-data":
        form = await request.post()
        part = form.get("payload_json")
        # Some clients mark the part as bytes rather than text.
        text = (
            ""
            if part is None or isinstance(part, web.FileField)
            else bytes(part)
            if isinstance(part, bytearray)
            else part
        )
        files = [
            File(snowflake(), value.filename, value.content_type, value.file.read())
            for value in form.values()
            if isinstance(value, web.FileField)
        ]
    else:
        text = await request.text()
    try:
        payload = json.loads(text) if text else {}
    except ValueError:
        raise invalid_json() from None
    return RestCall(dict(request.match_info), payload, tuple(files), dict(request.query))


def _json(body: Any, status: int, headers: dict[str, str]) -> web.Response:
    # Exactly this content type: with a charset discord.py wouldn't decode it.
    everything = {"Content-Type": "application/json", **VIA, **headers}
    return web.Response(status=status, body=json.dumps(body).encode(), headers=everything)
