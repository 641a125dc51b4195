"""Our client and feed against our simulated exchange, which others' clients can use too."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from decimal import Decimal

import httpx
import pytest
from httpx_aiohttp import AiohttpTransport

from core.model.fills import Fill
from core.model.market import DAY_MS, WINDOW_MS, Address, Coin
from core.ports import GapHeard, MidsHeard, TradesHeard
from exchange.client import HyperliquidClient
from exchange.feed import HyperliquidFeed
from exchange.limits import WeightBudget
from exchange.session import FeedTiming
from exchange.simulated import HttpFault, SimulatedExchange, SimulationConfig

pytestmark = pytest.mark.asyncio

BTC = Coin("BTC")


def now_ms() -> int:
    return time.time_ns() // 1_000_000


@asynccontextmanager
async def simulated(**options: float) -> AsyncIterator[tuple[SimulatedExchange, HyperliquidClient]]:
    config = SimulationConfig(accounts=120, weight_per_minute=10**6, **options)  # type: ignore[arg-type]

    async def no_pause(_: float) -> None:
        await asyncio.sleep(0)

    async with (
        SimulatedExchange(config) as server,
        httpx.AsyncClient(transport=AiohttpTransport(), trust_env=False) as http,
    ):
        yield (
            server,
            HyperliquidClient(
                http,
                base_url=server.url,
                leaderboard_url=server.leaderboard_url,
                budget=WeightBudget(10**7, 10**6, monotonic=time.monotonic),
                now_ms=now_ms,
                rng=random.Random(1),
                sleep=no_pause,
            ),
        )


async def test_every_question_is_answered_in_a_form_we_read():
    async with simulated() as (_, client):
        board = [row async for row in client.leaderboard()]
        assert len(board) == 120
        loser = min(board, key=lambda row: row.month_pnl).address
        end = now_ms()
        assert (await client.dexes())[0] == ""
        listings = await client.listings()
        assert listings.specs == await client.coins()
        assert listings.funding.keys() == {spec.coin for spec in listings.specs if not spec.is_delisted}
        assert (await client.mids())[BTC] > 0
        book = await client.book(BTC)
        assert book is not None
        assert book.bids[0].px < book.asks[0].px
        assert len(await client.candles(BTC, "1h", end - DAY_MS, end)) in (24, 25)
        assert await client.funding_rates(BTC, end - DAY_MS, end)
        assert (await client.account_state(loser)).account_value >= 0
        await client.spot_balances(loser)
        assert "perpMonth" in (await client.portfolio(loser)).windows
        assert await client.funding(loser, end - WINDOW_MS, end)
        await client.transfers(loser, end - WINDOW_MS, end)
        await client.sub_accounts(loser)
        await client.twap_fills(loser, end - WINDOW_MS, end)
        assert await client.role(loser) in ("user", "vault", "subAccount")
        assert await client.vaults()


async def test_a_traders_fills_chain_through_all_pages():
    async with simulated() as (_, client):
        board = [row async for row in client.leaderboard()]
        end = now_ms()
        for row in sorted(board, key=lambda r: -r.month_volume)[:3]:
            fills = [
                fill
                async for page in client.fills(row.address, end - 35 * DAY_MS, end)
                for fill in page
                if not fill.coin.startswith("@")
            ]
            slices = await client.twap_fills(row.address, end - 35 * DAY_MS, end)
            if not slices:
                assert breaks(fills) == 0
            assert fills


def breaks(fills: list[Fill]) -> int:
    ends: dict[Coin, Decimal] = {}
    count = 0
    for fill in fills:
        assert fill.start_position is not None
        count += fill.coin in ends and round(ends[fill.coin] - fill.start_position, 6) != 0
        ends[fill.coin] = fill.start_position + fill.signed_sz
    return count


@pytest.mark.parametrize("fault", sorted(set(HttpFault) - {HttpFault.SLOW, HttpFault.TOO_MANY}))
async def test_each_passing_fault_of_the_exchange_is_survived(fault: HttpFault):
    async with simulated() as (server, client):
        server.faults.fail_next(fault, times=1, kind="meta")
        assert await client.coins()


async def test_watched_accounts_trades_are_heard_through_a_drop_without_doubles():
    async with simulated(trades_per_second=200.0) as (server, client):
        coins = [spec.coin for spec in await client.coins() if not spec.is_delisted]
        everybody = frozenset([Address(row.address) async for row in client.leaderboard()])
        feed = HyperliquidFeed(
            server.ws_url,
            now_ms=now_ms,
            rng=random.Random(1),
            timing=FeedTiming(backoff_base_s=0.0),
        )
        await feed.watch_coins(coins)
        feed.watch_accounts(everybody)
        seen: list[tuple[str, int, int]] = []
        kinds = set()
        async with asyncio.timeout(60), aclosing(aiter(feed)) as items:  # type: ignore[type-var]
            async for item in items:
                kinds.add(type(item))
                if isinstance(item, TradesHeard):
                    seen += [(trade.coin, trade.tid, trade.time_ms) for trade in item.trades]
                if len(seen) > 20 and MidsHeard in kinds and GapHeard not in kinds:
                    server.drop_connections()
                if GapHeard in kinds and len(seen) > 40:
                    break
        assert len(seen) == len(set(seen))
        assert feed.refused == frozenset()
        assert feed.last_px[BTC] > 0
