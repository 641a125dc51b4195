"""The HTTP side: `/info`, leaderboard, vault list, and errors; changes with HTTP behaviour."""

import asyncio
import gzip
from collections.abc import Callable
from typing import Any

import msgspec
from aiohttp import web

from exchange.simulated.faults import Faults, HttpFault
from exchange.simulated.limits import Budgets, base_weight, extra_weight
from exchange.simulated.venue import BadRequest, Venue

UNREADABLE = "Failed to deserialize the JSON body into the target type"  # to the byte as observed
_HTML = "<html>\r\n<head><title>{0}</title></head>\r\n<body>\r\n<h1>{0}</h1>\r\n</body>\r\n</html>\r\n"
_STATUS = {
    HttpFault.HTML_500: (500, "500 Internal Server Error"),
    HttpFault.BAD_GATEWAY: (502, "502 Bad Gateway"),
    HttpFault.FORBIDDEN: (403, "403 Forbidden"),
}


def _json(value: Any, status: int = 200) -> web.Response:
    return web.Response(body=msgspec.json.encode(value), status=status, content_type="application/json")


class Rest:
    """Handlers of the HTTP routes."""

    def __init__(self, venue: Venue, budgets: Budgets, faults: Faults, max_age_s: float) -> None:
        self._venue = venue
        self._budgets = budgets
        self._faults = faults
        self._max_age_ms = max_age_s * 1000
        self._files: dict[str, tuple[int, bytes, bytes]] = {}  # route → made at, plain, gzipped
        self._making = asyncio.Lock()
        self.before_answer: Callable[[], None] = lambda: None

    def routes(self) -> list[web.RouteDef]:
        """Return the routes."""
        return [
            web.post("/info", self.info),
            web.get("/Mainnet/leaderboard", self.leaderboard),
            web.get("/Mainnet/vaults", self.vaults),
        ]

    async def info(self, request: web.Request) -> web.StreamResponse:
        """Answer one info request."""
        self.before_answer()
        body = await request.read()
        try:
            query = msgspec.json.decode(body)
            if not isinstance(query, dict) or not isinstance(query.get("type"), str):
                raise BadRequest("type")
        except (msgspec.DecodeError, BadRequest):
            return web.Response(status=422, text=UNREADABLE)
        failed = await self._fail(request, query["type"])
        if failed is not None:
            return failed
        client = request.remote or ""
        status, answer = self.ask(client, query)
        if status == 422:
            return web.Response(status=422, text=UNREADABLE)
        return _json(answer, status)

    def ask(self, client: str, query: dict[str, Any]) -> tuple[int, Any]:
        """Return status and answer of a query, charging the client's budget."""
        now = self._venue.now()
        bucket = self._budgets.of(client, now)
        if not bucket.take(base_weight(query), now):
            return 429, None
        try:
            answer = self._venue.answer(query)
        except BadRequest:
            return 422, UNREADABLE
        bucket.charge(extra_weight(query, answer), now)
        return 200, answer

    async def leaderboard(self, request: web.Request) -> web.StreamResponse:
        """Serve the leaderboard; it costs no weight."""
        return await self._file(request, "leaderboard", self._venue.leaderboard)

    async def vaults(self, request: web.Request) -> web.StreamResponse:
        """Serve the vault list."""
        return await self._file(request, "vaults", self._venue.vaults)

    async def prepare(self) -> None:
        """Make the leaderboard before somebody asks."""
        await self._made("leaderboard", self._venue.leaderboard)

    async def _file(self, request: web.Request, name: str, make: Callable[[], Any]) -> web.StreamResponse:
        self.before_answer()
        failed = await self._fail(request, name)
        if failed is not None:
            return failed
        plain, squeezed = await self._made(name, make)
        headers = {"Content-Type": "application/json"}
        if "gzip" in request.headers.get("Accept-Encoding", ""):
            return web.Response(body=squeezed, headers=headers | {"Content-Encoding": "gzip"})
        return web.Response(body=plain, headers=headers)

    async def _made(self, name: str, make: Callable[[], Any]) -> tuple[bytes, bytes]:
        async with self._making:
            now = self._venue.now()
            made = self._files.get(name)
            if made is None or now - made[0] > self._max_age_ms:
                plain = await asyncio.to_thread(lambda: msgspec.json.encode(make()))
                made = self._files[name] = (now, plain, await asyncio.to_thread(gzip.compress, plain, 1))
            return made[1], made[2]

    async def _fail(self, request: web.Request, kind: str) -> web.StreamResponse | None:
        """Return the answer of a fault that is switched on, or None."""
        fault = self._faults.next_http(kind)
        if fault is None:
            return None
        if fault is HttpFault.SLOW:
            await asyncio.sleep(self._faults.slow_s)
            return None
        if fault is HttpFault.NULL:
            return _json(None)
        if fault is HttpFault.NULL_500:
            return _json(None, 500)
        if fault is HttpFault.TOO_MANY:
            return _json(None, 429)
        if fault is HttpFault.TRUNCATED:
            response = web.StreamResponse(
                headers={"Content-Type": "application/json", "Content-Length": "5000"}
            )
            await response.prepare(request)
            await response.write(b'[{"coin":"BTC","px":"86')
            if request.transport is not None:
                request.transport.close()
            return response
        status, title = _STATUS[fault]
        return web.Response(status=status, text=_HTML.format(title), content_type="text/html")
