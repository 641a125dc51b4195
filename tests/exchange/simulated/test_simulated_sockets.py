"""The simulated exchange over WebSocket: handshake, channels, limits, errors, faults."""

import base64
import json
import zlib
from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
import pytest_asyncio

from exchange.simulated import SimulatedExchange, SimulationConfig
from exchange.simulated.people import Kind
from tests.exchange.simulated.hand_clock import HandClock

pytestmark = pytest.mark.asyncio


class Peer:
    """A bare client: one frame in, one frame out."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket

    async def send(self, **message: Any) -> None:
        await self.socket.send_json(message)

    async def next(self) -> dict[str, Any]:
        message = await self.socket.receive(timeout=5)
        assert message.type is aiohttp.WSMsgType.TEXT, message
        frame: dict[str, Any] = json.loads(message.data)
        return frame

    async def until(self, channel: str) -> Any:
        while (frame := await self.next())["channel"] != channel:
            pass
        return frame.get("data")

    async def subscribe(self, **subscription: Any) -> Any:
        await self.send(method="subscribe", subscription=subscription)
        return await self.until("subscriptionResponse")

    async def ping(self) -> list[dict[str, Any]]:
        """Return everything that came before the pong."""
        await self.send(method="ping")
        frames = []
        while (frame := await self.next())["channel"] != "pong":
            frames.append(frame)
        assert frame == {"channel": "pong"}
        return frames


@pytest.fixture
def config() -> SimulationConfig:
    return SimulationConfig(accounts=60)


@pytest_asyncio.fixture
async def sim(config: SimulationConfig, clock: HandClock) -> AsyncIterator[SimulatedExchange]:
    async with SimulatedExchange(config, clock=clock) as server:
        yield server


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


@pytest_asyncio.fixture
async def peer(sim: SimulatedExchange, http: aiohttp.ClientSession) -> AsyncIterator[Peer]:
    async with http.ws_connect(sim.ws_url) as socket:
        yield Peer(socket)


def people(sim: SimulatedExchange, count: int) -> list[str]:
    return [p.address for p in sim.simulation.population.rows[10 : 10 + count]]


# handshake and frames --------------------------------------------------------------------------------------


async def test_nothing_is_sent_unasked(peer: Peer) -> None:
    assert await peer.ping() == []


@pytest.mark.parametrize("config", [SimulationConfig(accounts=20, greeting=True)])
async def test_greeting_can_be_switched_on(peer: Peer) -> None:
    message = await peer.socket.receive(timeout=5)
    assert message.data == "Websocket connection established."


async def test_ack_is_normalised(sim, peer: Peer) -> None:
    user = people(sim, 1)[0]
    ack = await peer.subscribe(type="l2Book", coin="BTC")
    assert ack == {
        "method": "subscribe",
        "subscription": {"type": "l2Book", "coin": "BTC", "nSigFigs": None, "mantissa": None, "fast": False},
    }
    ack = await peer.subscribe(type="userFills", user="0x" + user[2:].upper())
    assert ack["subscription"] == {"type": "userFills", "user": user, "aggregateByTime": False}


async def test_trades_begin_with_thirty_old_ones_and_go_on(sim, peer: Peer, clock) -> None:
    await peer.subscribe(type="trades", coin="BTC")
    old = await peer.until("trades")
    assert len(old) == 30
    assert [t["time"] for t in old] == sorted(t["time"] for t in old)
    assert all(t["time"] <= clock.now for t in old)
    clock.now += 5_000
    sim.step()
    frames = [f["data"] for f in await peer.ping() if f["channel"] == "trades"]
    assert frames
    for rows in frames:
        assert {t["coin"] for t in rows} == {"BTC"}
        assert len({t["time"] for t in rows}) == 1
    assert any(len(rows) == 1 for rows in frames)


async def test_one_subscription_in_ten_sees_its_last_old_trade_twice(sim, peer: Peer, clock) -> None:
    for coin in ("ETH", "SOL", "HYPE", "XRP", "DOGE", "ZEC", "SUI", "ENA", "AVAX", "BTC"):
        await peer.subscribe(type="trades", coin=coin)
    old = await peer.until("trades")
    assert old[0]["coin"] == "BTC"
    clock.now += 5_000
    sim.step()
    frames = [f["data"] for f in await peer.ping() if f["channel"] == "trades"]
    first = next(rows for rows in frames if rows[0]["coin"] == "BTC")
    assert first[0] == old[-1]


async def test_unsubscribed_channel_is_silent(sim, peer: Peer, clock) -> None:
    await peer.subscribe(type="trades", coin="BTC")
    await peer.send(method="unsubscribe", subscription={"type": "trades", "coin": "BTC"})
    ack = await peer.until("subscriptionResponse")
    assert ack == {"method": "unsubscribe", "subscription": {"type": "trades", "coin": "BTC"}}
    clock.now += 3_000
    sim.step()
    assert await peer.ping() == []
    await peer.send(method="unsubscribe", subscription={"type": "trades", "coin": "BTC"})
    assert await peer.until("error") == 'Already unsubscribed: {"type":"trades","coin":"BTC"}'


async def test_bbo_is_sent_when_it_changed(sim, peer: Peer, clock) -> None:
    await peer.subscribe(type="bbo", coin="BTC")
    first = await peer.until("bbo")
    assert list(first) == ["coin", "time", "bbo"]
    sim.step()
    await peer.ping()
    sim.step()
    assert await peer.ping() == []
    clock.now += 50_000
    sim.step()
    assert (await peer.until("bbo"))["bbo"] != first["bbo"]


async def test_delisted_coin_has_an_empty_best(peer: Peer) -> None:
    await peer.subscribe(type="bbo", coin="MATIC")
    assert (await peer.until("bbo"))["bbo"] == [None, None]


async def test_fast_contexts_are_all_first_and_then_what_changed(sim, peer: Peer, clock) -> None:
    await peer.subscribe(type="fastAssetCtxs")

    def unpack(text: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(zlib.decompress(base64.b64decode(text), -15))
        return found

    whole = unpack(await peer.until("fastAssetCtxs"))
    assert whole["MATIC"]["midPx"] is None
    assert {"BTC", "xyz:CL"} <= set(whole)
    clock.now += 600
    sim.step()
    sim.step()
    clock.now += 600
    sim.step()
    changed = unpack(await peer.until("fastAssetCtxs"))
    assert "MATIC" not in changed
    assert set(changed) <= set(whole)
    assert "BTC" in changed


@pytest.mark.parametrize(
    ("subscription", "channel"),
    [
        ({"type": "allMids"}, "allMids"),
        ({"type": "candle", "coin": "BTC", "interval": "1m"}, "candle"),
        ({"type": "activeAssetCtx", "coin": "BTC"}, "activeAssetCtx"),
        ({"type": "activeAssetCtx", "coin": "@107"}, "activeSpotAssetCtx"),
        ({"type": "l2Book", "coin": "xyz:CL", "fast": True}, "l2Book"),
        ({"type": "allDexsAssetCtxs"}, "allDexsAssetCtxs"),
    ],
)
async def test_market_channels_send_at_once_and_again(sim, peer: Peer, clock, subscription, channel) -> None:
    await peer.subscribe(**subscription)
    assert await peer.until(channel)
    sim.step()
    clock.now += 3_500
    sim.step()
    assert await peer.until(channel)


@pytest.mark.parametrize(
    "kind",
    [
        "userFills", "userFundings", "userNonFundingLedgerUpdates", "userTwapSliceFills", "spotState",
        "clearinghouseState", "allDexsClearinghouseState", "openOrders", "twapStates", "orderUpdates",
        "webData2", "webData3",
    ],
)  # fmt: skip
async def test_account_channels_begin_with_a_snapshot(sim, peer: Peer, kind) -> None:
    await peer.subscribe(type=kind, user=people(sim, 1)[0])
    data = await peer.until(kind)
    assert "isSnapshot" not in data or data["isSnapshot"] is True


async def test_fills_follow_the_snapshot(sim, peer: Peer, clock) -> None:
    losers = [p.address for p in sim.simulation.population.of_kind(Kind.LOSER)][:10]
    for user in losers:
        await peer.subscribe(type="userFills", user=user)
    await peer.ping()
    clock.now += 120_000
    sim.step()
    frames = [f["data"] for f in await peer.ping() if f["channel"] == "userFills"]
    assert frames
    for data in frames:
        assert "isSnapshot" not in data
        rows = sim.simulation.answer({"type": "userFillsByTime", "user": data["user"], "startTime": 0})
        assert all(fill in rows for fill in data["fills"])


# questions over the socket ---------------------------------------------------------------------------------


async def test_post_answers_and_costs_like_rest(sim, peer: Peer) -> None:
    await peer.send(method="post", id=5, request={"type": "info", "payload": {"type": "exchangeStatus"}})
    data = await peer.until("post")
    assert data["id"] == 5
    assert data["response"]["payload"] == {
        "type": "exchangeStatus",
        "data": {"time": sim.simulation.now(), "specialStatuses": None},
    }
    assert sim.budgets.spent == 2
    await peer.send(method="post", id=6, request={"type": "info", "payload": {"type": "nonsense"}})
    assert (await peer.until("post"))["response"]["type"] == "error"


# errors and limits ------------------------------------------------------------------------------------------


async def test_error_texts(sim, peer: Peer) -> None:
    await peer.subscribe(type="trades", coin="BTC")
    await peer.send(method="subscribe", subscription={"type": "trades", "coin": "BTC"})
    assert await peer.until("error") == 'Already subscribed: {"type":"trades","coin":"BTC"}'
    await peer.send(method="subscribe", subscription={"type": "nonsense"})
    assert (await peer.until("error")).startswith("Error parsing JSON into valid websocket request: {")
    await peer.socket.send_str("not json")
    assert await peer.until("error") == "Error parsing JSON into valid websocket request: not json"
    await peer.send(method="subscribe", subscription={"type": "userFills", "user": "0x12"})
    assert (await peer.until("error")).startswith('Invalid subscription {"type":"userFills"')


async def test_unknown_coin_ends_the_connection_without_a_word(peer: Peer) -> None:
    await peer.send(method="subscribe", subscription={"type": "trades", "coin": "NOPE"})
    message = await peer.socket.receive(timeout=5)
    assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)
    assert peer.socket.close_code == 1006


async def test_eleventh_user_is_refused_across_connections(sim, peer: Peer, http) -> None:
    users = people(sim, 11)
    for user in users[:10]:
        await peer.subscribe(type="userFills", user=user)
    async with http.ws_connect(sim.ws_url) as socket:
        second = Peer(socket)
        await second.subscribe(type="userEvents", user=users[0])  # one that is held already
        await second.send(method="subscribe", subscription={"type": "userFills", "user": users[10]})
        assert await second.until("error") == "Cannot track more than 10 total users."


@pytest.mark.parametrize("config", [SimulationConfig(accounts=20, max_subscriptions=3)])
async def test_too_many_subscriptions_are_refused(peer: Peer) -> None:
    for coin in ("BTC", "ETH", "SOL"):
        await peer.subscribe(type="bbo", coin=coin)
    await peer.send(method="subscribe", subscription={"type": "bbo", "coin": "HYPE"})
    assert await peer.until("error") == "Cannot subscribe to more than 3 channels."


async def test_eleventh_connection_is_refused(sim, peer: Peer, http) -> None:
    sockets = [await http.ws_connect(sim.ws_url) for _ in range(9)]
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await http.ws_connect(sim.ws_url)
    for socket in sockets:
        await socket.close()


async def test_connection_without_traffic_is_closed_after_a_minute(sim, peer: Peer, clock) -> None:
    clock.now += 59_000
    sim.step()
    assert await peer.ping() == []
    clock.now += 61_000
    sim.step()
    message = await peer.socket.receive(timeout=5)
    assert message.type is not aiohttp.WSMsgType.TEXT


# faults -----------------------------------------------------------------------------------------------------


async def test_stalled_connection_says_nothing(sim, peer: Peer) -> None:
    sim.faults.stall = True
    await peer.send(method="ping")
    with pytest.raises(TimeoutError):
        await peer.socket.receive(timeout=0.2)
    sim.faults.stall = False
    assert await peer.ping() == []


async def test_expired_and_dropped_connections(sim, peer: Peer, http) -> None:
    await sim.close_connections()
    message = await peer.socket.receive(timeout=5)
    assert message.type is aiohttp.WSMsgType.CLOSE
    assert (message.data, message.extra) == (1000, "Expired")
    async with http.ws_connect(sim.ws_url) as socket:
        await Peer(socket).ping()
        sim.drop_connections()
        message = await socket.receive(timeout=5)
        assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.ERROR)


async def test_new_connections_can_be_refused(sim, http) -> None:
    sim.faults.refuse = True
    with pytest.raises(aiohttp.WSServerHandshakeError):
        await http.ws_connect(sim.ws_url)


async def test_trades_can_be_repeated(sim, peer: Peer, clock) -> None:
    await peer.subscribe(type="trades", coin="BTC")
    await peer.until("trades")
    sim.faults.repeat = True
    clock.now += 3_000
    sim.step()
    frames = [f["data"] for f in await peer.ping() if f["channel"] == "trades"]
    assert frames[::2] == frames[1::2]
