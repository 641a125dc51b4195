"""A client beside a server that answers as told, with what was slept and logged on the way."""

import asyncio
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx
from httpx_aiohttp import AiohttpTransport

from core.model.market import Address, Coin
from exchange.client import HyperliquidClient
from exchange.limits import WeightBudget
from tests.exchange.scripted_http import Asked, Reply, ScriptedHttp

ME = Address("0x" + "ab" * 20)
BTC = Coin("BTC")
Log = list[dict[str, Any]]


class Bench:
    """A client, the server it talks to, and what was slept and logged on the way."""

    def __init__(self, server: ScriptedHttp, http: httpx.AsyncClient, budget: WeightBudget | None) -> None:
        self.server = server
        self.slept: list[float] = []
        self.has_slept = asyncio.Event()
        self.log: Log = []
        self.budget = budget or WeightBudget(10**9, 10**6, monotonic=lambda: 0.0)
        self.client = HyperliquidClient(
            http,
            base_url=server.url + "/",
            leaderboard_url=server.url + "/Mainnet/leaderboard",
            budget=self.budget,
            now_ms=lambda: 77,
            rng=random.Random(1),
            log_request=lambda **seen: self.log.append(seen),
            sleep=self._sleep,
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.has_slept.set()

    @property
    def spent(self) -> float:
        return 10**6 - self.budget.available


@asynccontextmanager
async def bench_of(
    answer: Callable[[Asked], Reply], budget: WeightBudget | None = None
) -> AsyncIterator[Bench]:
    async with (
        ScriptedHttp(answer) as server,
        httpx.AsyncClient(transport=AiohttpTransport(), trust_env=False) as http,
    ):
        yield Bench(server, http, budget)


def in_turn(*replies: Reply) -> Callable[[Asked], Reply]:
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def fill(i: int, time: int | None = None) -> dict[str, Any]:
    return {
        "coin": "BTC", "px": "1.0", "sz": "1.0", "side": "B", "time": i if time is None else time,
        "startPosition": str(i), "dir": "Open Long", "closedPnl": "0.0", "hash": "0x1", "oid": 1,
        "crossed": True, "fee": "0.1", "tid": i + 1, "feeToken": "USDC", "twapId": None,
    }  # fmt: skip
