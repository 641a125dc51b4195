"""The feed against a real loopback server that behaves, and one that doesn't."""

import asyncio
import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from structlog.testing import capture_logs

from core.errors import RequestRefused, SettingsError
from core.model.market import Address, Coin
from core.ports import FeedItem, GapHeard, MidsHeard, QuoteHeard, TradesHeard
from exchange.feed import MAX_CONNECTIONS, HyperliquidFeed
from exchange.session import SILENCE_MIN_FRAMES, FeedTiming
from exchange.wire.frames import Subscription
from tests.exchange.scripted_ws import ScriptedWs

pytestmark = pytest.mark.asyncio

LOSER = Address("0x" + "ab" * 20)
BTC, ETH, SOL = Coin("BTC"), Coin("ETH"), Coin("SOL")
NOW_MS = 1_000_000
I = TypeVar("I", bound=FeedItem)  # noqa: E741


def trade(tid: int, time: int = NOW_MS, coin: str = "BTC", buyer: str = LOSER) -> dict[str, Any]:
    return {
        "coin": coin, "side": "B", "px": "10.5", "sz": "2.0", "time": time, "hash": "0x1",
        "tid": tid, "users": [buyer, "0xs"],
    }  # fmt: skip


class Reader:
    """Reads the feed in the background and waits for kinds of items."""

    def __init__(self, feed: HyperliquidFeed) -> None:
        self.feed = feed
        self.slept: list[float] = []
        self._items: asyncio.Queue[FeedItem] = asyncio.Queue()
        self.others: list[FeedItem] = []

    async def read(self) -> None:
        async for item in self.feed:
            self._items.put_nowait(item)

    async def next(self, kind: type[I]) -> I:
        """Return the next item of that kind; others are put aside."""
        async with asyncio.timeout(10):
            while not isinstance(item := await self._items.get(), kind):
                self.others.append(item)
        return item


@asynccontextmanager
async def reading(server: ScriptedWs, *coins: Coin, **options: Any) -> AsyncIterator[Reader]:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await asyncio.sleep(0)

    defaults = {"now_ms": lambda: NOW_MS, "rng": random.Random(1), "sleep": sleep}
    feed = HyperliquidFeed(server.url, **{**defaults, **options})
    await feed.watch_coins(coins)
    feed.watch_accounts(frozenset([LOSER]))
    reader = Reader(feed)
    reader.slept = slept
    task = asyncio.create_task(reader.read())
    try:
        await server.until(lambda: server.coins() == sorted(coins) or task.done())
        yield reader
    finally:
        await feed.aclose()
        await asyncio.wait_for(task, 10)


async def test_a_watched_accounts_trade_is_heard_and_strangers_are_not():
    async with ScriptedWs() as server, reading(server, BTC) as reader:
        await server.trades(trade(1, buyer="0xb"))
        await server.trades(trade(2), trade(3, buyer="0xb"))
        heard = await reader.next(TradesHeard)
        assert [(t.tid, t.buyer, t.px) for t in heard.trades] == [(2, LOSER, Decimal("10.5"))]
        assert (heard.received_ms, heard.is_history) == (NOW_MS, False)
        assert reader.others == []
        assert reader.feed.last_px == {"BTC": 10.5}
        assert reader.feed.last_trade_ms == NOW_MS


async def test_the_replay_at_subscription_is_history_and_its_repetition_is_dropped():
    async with ScriptedWs() as server:
        server.replay["BTC"] = [trade(i, NOW_MS - 30 + i) for i in range(30)]
        async with reading(server, BTC) as reader:
            first = await reader.next(TradesHeard)
            assert (first.is_history, len(first.trades)) == (True, 30)
            await server.trades(trade(29, NOW_MS - 1), trade(30))
            second = await reader.next(TradesHeard)
            assert (second.is_history, [t.tid for t in second.trades]) == (False, [30])


async def test_a_greeting_in_plain_text_is_let_pass():
    async with ScriptedWs() as server:
        server.greeting = "Websocket connection established."
        async with reading(server, BTC) as reader:
            await server.trades(trade(1))
            await reader.next(TradesHeard)
            assert (reader.feed.bad_frames, reader.others) == (0, [])


async def test_mids_of_all_coins_come_with_one_subscription():
    async with ScriptedWs() as server, reading(server, BTC) as reader:
        assert [s["type"] for s in server.subscribed()].count("fastAssetCtxs") == 1
        await server.mids(BTC="100.5", MATIC=None)
        assert (await reader.next(MidsHeard)).mids == {"BTC": Decimal("100.5")}


async def test_quotes_come_for_the_coins_asked_for():
    async with ScriptedWs() as server, reading(server, BTC) as reader:
        await reader.feed.watch_quotes([ETH])
        await server.until(lambda: {"type": "bbo", "coin": "ETH"} in server.subscribed())
        level = {"px": "9", "sz": "1", "n": 1}
        await server.send({"channel": "bbo", "data": {"coin": "ETH", "time": 5, "bbo": [level, None]}})
        heard = (await reader.next(QuoteHeard)).quote
        assert heard.bid is not None
        assert (heard.coin, heard.bid.px, heard.ask) == (ETH, Decimal(9), None)
        await reader.feed.watch_quotes([])
        await server.until(lambda: all(s["type"] != "bbo" for s in server.subscribed()))


async def test_after_a_break_all_is_subscribed_once_and_the_gap_is_told():
    async with ScriptedWs() as server, reading(server, BTC, ETH) as reader:
        await server.trades(trade(1))
        await reader.next(TradesHeard)
        server.cut()
        gap = await reader.next(GapHeard)
        assert (gap.from_ms, gap.to_ms, sorted(gap.coins)) == (NOW_MS, NOW_MS, ["BTC", "ETH"])
        assert server.opened == 2
        assert [len(subs) for subs in server.live.values()] == [3]
        await server.trades(trade(1), trade(2))
        assert [t.tid for t in (await reader.next(TradesHeard)).trades] == [2]


async def test_breaks_in_a_row_are_one_gap_from_the_first():
    clock = iter(range(NOW_MS, 10 * NOW_MS))
    async with ScriptedWs() as server, reading(server, BTC, now_ms=lambda: next(clock)) as reader:
        await server.trades(trade(1, NOW_MS * 10))
        last = await reader.next(TradesHeard)
        silent: list[str] = []
        server.on_subscribe = lambda *_: silent  # connections that acknowledge nothing
        server.cut()
        await server.until(lambda: server.opened == 2)
        server.cut()
        await server.until(lambda: server.opened == 3)
        server.on_subscribe = lambda *_: None
        server.cut()
        first = await reader.next(GapHeard)
        await server.trades(trade(2, NOW_MS * 10))
        await reader.next(TradesHeard)
        assert not [item for item in reader.others if isinstance(item, GapHeard)]
        assert first.from_ms == last.received_ms
        assert first.to_ms > first.from_ms


async def test_no_gap_is_told_at_the_first_connection():
    async with ScriptedWs() as server, reading(server, BTC) as reader:
        await server.trades(trade(1))
        await reader.next(TradesHeard)
        assert reader.others == []


async def test_coins_change_while_it_runs():
    async with ScriptedWs() as server, reading(server, BTC, ETH) as reader:
        await reader.feed.watch_coins([ETH, SOL])
        await server.until(lambda: server.coins() == ["ETH", "SOL"])
        assert server.opened == 1
        await server.trades(trade(1, coin="SOL"))
        assert (await reader.next(TradesHeard)).trades[0].coin == "SOL"


async def test_many_coins_are_spread_over_connections_and_given_back():
    coins = [Coin(f"C{i:02}") for i in range(20)]
    async with ScriptedWs() as server, reading(server, *coins, per_connection=6) as reader:
        assert sorted(len(subs) for subs in server.live.values()) == [3, 6, 6, 6]
        await reader.feed.watch_coins(coins[:2])
        await server.until(lambda: len(server.live) == 1 and server.coins() == coins[:2])


async def test_a_connection_that_answers_no_ping_is_given_up():
    timing = FeedTiming(ping_s=0.2, pong_s=0.1)
    async with ScriptedWs() as server, reading(server, BTC, timing=timing) as reader:
        await server.trades(trade(1))
        await reader.next(TradesHeard)
        server.answers_pings = False
        await server.until(lambda: server.opened == 2)
        server.answers_pings = True
        assert (await reader.next(GapHeard)).coins == ("BTC",)


async def test_a_connection_whose_data_has_stopped_is_given_up_though_it_answers_pings():
    timing = FeedTiming(ping_s=0.2, pong_s=0.15, silence_s=0.5)
    async with ScriptedWs() as server, reading(server, BTC, timing=timing) as reader:
        for i in range(SILENCE_MIN_FRAMES):
            await server.trades(trade(i, buyer="0xb"))
        gap = await reader.next(GapHeard)
        assert gap.coins == ("BTC",)
        assert server.opened == 2
        assert server.pings > 1


async def test_a_frame_that_cannot_be_read_is_a_gap_and_the_connection_stays():
    async with ScriptedWs() as server, reading(server, BTC) as reader:
        await server.trades(trade(1))
        await reader.next(TradesHeard)
        await server.send('{"channel":"trades","data":[{"coin":"BTC"}]}')
        assert (await reader.next(GapHeard)).coins == ("BTC",)
        await server.trades({**trade(2), "px": "NaN"})
        await reader.next(GapHeard)
        await server.send("garbage")
        await reader.next(GapHeard)
        await server.trades(trade(3))
        await reader.next(TradesHeard)
        assert (server.opened, reader.feed.bad_frames) == (1, 3)


async def test_unknown_channels_are_let_pass():
    async with ScriptedWs() as server, reading(server, BTC) as reader:
        await server.send({"channel": "brandNew", "data": {"x": 1}})
        await server.trades(trade(1))
        await reader.next(TradesHeard)
        assert reader.others == []


async def test_a_coin_that_breaks_the_connection_is_left_out_and_the_others_live():
    async with ScriptedWs() as server:

        def break_off(connection: Any, subscription: dict[str, Any]) -> list[str] | None:
            if subscription.get("coin") == "BAD":
                connection.transport.close()
                return []
            return None

        server.on_subscribe = break_off
        feed = HyperliquidFeed(
            server.url, now_ms=lambda: NOW_MS, rng=random.Random(1), timing=FeedTiming(backoff_base_s=0.0)
        )
        await feed.watch_coins([BTC, Coin("BAD"), ETH])
        feed.watch_accounts(frozenset([LOSER]))
        items = aiter(feed)
        reading = asyncio.ensure_future(anext(items))
        await server.until(lambda: server.opened == 4 and server.coins() == ["BTC", "ETH"])
        await server.trades(trade(1))
        assert isinstance(await asyncio.wait_for(reading, 10), TradesHeard)
        assert feed.refused == {Subscription("trades", "BAD")}
        server.on_subscribe = lambda *_: None
        await feed.watch_coins([BTC, Coin("BAD")])  # a new list: the coin may exist by now
        await server.until(lambda: server.coins() == ["BAD", "BTC"])
        await feed.aclose()
        assert [item async for item in items] == []


async def test_a_refused_subscription_is_named():
    async with ScriptedWs() as server:
        said = json.dumps({"channel": "error", "data": 'Invalid subscription {"type":"trades","coin":"ETH"}'})
        server.on_subscribe = lambda _, sub: [said] if sub.get("coin") == "ETH" else None
        async with reading(server, BTC) as reader:
            await reader.feed.watch_coins([BTC, ETH])
            await server.until(
                lambda: any(m.get("subscription", {}).get("coin") == "ETH" for m in server.heard)
            )
            await server.trades(trade(1))
            await reader.next(TradesHeard)
            assert reader.feed.refused == {Subscription("trades", "ETH")}
            assert reader.feed.is_live


async def test_a_server_that_is_down_is_tried_with_growing_jittered_pauses():
    async with ScriptedWs() as server:
        url = server.url
    slept: list[float] = []
    enough = asyncio.Event()

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 8:
            enough.set()
        await asyncio.sleep(0)

    feed = HyperliquidFeed(url, now_ms=lambda: NOW_MS, rng=random.Random(1), sleep=sleep)
    reading = asyncio.ensure_future(anext(aiter(feed)))
    await asyncio.wait_for(enough.wait(), 10)
    await feed.aclose()
    with pytest.raises(StopAsyncIteration):
        await reading
    assert all(0 <= s <= min(30.0, 0.5 * 2.0 ** (i + 1)) for i, s in enumerate(slept))
    assert max(slept) > 2.0


async def test_a_feed_that_breaks_again_and_again_is_said_once_until_data_comes():
    with capture_logs() as logs:
        async with ScriptedWs() as server, reading(server, BTC) as reader:
            for opened in range(2, 7):
                server.cut()
                await server.until(lambda n=opened: server.opened == n and server.coins() == ["BTC"])  # type: ignore[misc]
            assert [one["event"].partition(":")[0] for one in logs if one["log_level"] == "warning"] == [
                "the feed is away"
            ]
            await server.trades(trade(1))
            await reader.next(TradesHeard)
            told = [one for one in logs if one["log_level"] == "warning"]
            assert [(one["event"].partition(":")[0], one.get("times")) for one in told] == [
                ("the feed is away", None),
                ("the feed is back", 5),
            ]


async def test_no_more_connections_are_opened_than_the_exchange_allows_in_a_minute():
    async with ScriptedWs() as server:
        url = server.url
    attempts = 0
    one_too_many = asyncio.Event()

    async def sleep(_: float) -> None:
        nonlocal attempts
        attempts += 1
        if attempts > MAX_CONNECTIONS:
            one_too_many.set()

    feed = HyperliquidFeed(
        url, now_ms=lambda: NOW_MS, rng=random.Random(1), sleep=sleep, monotonic=lambda: 0.0
    )
    reading = asyncio.ensure_future(anext(aiter(feed)))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(one_too_many.wait(), 0.3)
    assert attempts == MAX_CONNECTIONS
    await feed.aclose()
    with pytest.raises(StopAsyncIteration):
        await reading


async def test_the_sockets_wait_for_no_reader():
    async with ScriptedWs() as server:
        feed = HyperliquidFeed(server.url, now_ms=lambda: NOW_MS, rng=random.Random(1))
        await feed.watch_coins([BTC])
        feed.watch_accounts(frozenset([LOSER]))
        items = aiter(feed)
        first = asyncio.ensure_future(anext(items))
        await server.until(lambda: server.coins() == ["BTC"])
        for i in range(3000):
            await server.trades(trade(i, NOW_MS + i))
        await first
        await feed.watch_quotes([ETH])
        await server.until(lambda: {"type": "bbo", "coin": "ETH"} in server.subscribed())
        # The ack comes behind 3000 trades that nobody has taken: it's read because they wait elsewhere.
        await server.until(lambda: server.pings > 0)
        heard = [await anext(items) for _ in range(2999)]
        assert [h.trades[0].tid for h in heard if isinstance(h, TradesHeard)] == list(range(1, 3000))
        await feed.aclose()
        assert [item async for item in items] == []


async def test_closing_leaves_no_connection_and_no_task():
    before = asyncio.all_tasks()
    async with ScriptedWs() as server:
        inside = asyncio.all_tasks()
        async with reading(server, BTC):
            assert len(server.connections) == 1
        await server.until(lambda: not server.connections)
        assert not [t for t in asyncio.all_tasks() - inside if "feed" in t.get_name()]
    assert asyncio.all_tasks() == before


async def test_our_own_mistake_in_a_connection_reaches_the_reader():
    def broken() -> int:
        raise ZeroDivisionError("a bug of ours")

    async with ScriptedWs() as server:
        feed = HyperliquidFeed(server.url, now_ms=broken, rng=random.Random(1))
        await feed.watch_coins([BTC])
        with pytest.raises(BaseExceptionGroup) as caught:
            await asyncio.wait_for(anext(aiter(feed)), 10)
        assert caught.group_contains(ZeroDivisionError)


async def test_a_feed_has_one_reader():
    async with ScriptedWs() as server, reading(server, BTC) as reader:
        with pytest.raises(RuntimeError, match="already"):
            await anext(aiter(reader.feed))


async def test_more_coins_than_may_be_watched_are_refused():
    feed = HyperliquidFeed("ws://127.0.0.1:1/ws", now_ms=lambda: 0, rng=random.Random(1))
    with pytest.raises(RequestRefused, match="watch fewer coins"):
        await feed.watch_coins([Coin(str(i)) for i in range(450)])


async def test_an_address_that_is_none_is_a_wrong_setting():
    with pytest.raises(SettingsError, match="ws://"):
        HyperliquidFeed("https://api.hyperliquid.xyz/ws", now_ms=lambda: 0, rng=random.Random(1))
