"""Recorded fills served as an exchange."""

import gzip
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from exchange.simulated import ReplayExchange, ReplayVenue
from exchange.simulated.recording import address_of, record
from tests.exchange.simulated.hand_clock import HandClock

A, B = "0x" + "a" * 40, "0x" + "b" * 40
Row = dict[str, Any]
T = 1_790_000_000_000


def fill(
    time: int, side: str, sz: str, start: str, tid: int | None = 1, px: str = "100.0", **more: Any
) -> Row:
    return {
        "coin": "SOL", "px": px, "sz": sz, "side": side, "time": time, "startPosition": start,
        "dir": "Open Long", "closedPnl": "0.0", "hash": "0x" + "1" * 64, "oid": 7,
        "crossed": True, "fee": "0.045", "tid": tid,
        "feeToken": "USDC", "twapId": None, **more,
    }  # fmt: skip


def test_both_sides_of_a_trade_are_one_trade() -> None:
    moments = record({A: [fill(T, "B", "1.0", "0.0")], B: [fill(T, "A", "1.0", "0.0", crossed=False)]})
    (moment,) = moments
    assert moment.trade.trade["users"] == [A, B]
    assert moment.trade.trade["side"] == "B"
    assert [user for user, _, _ in moment.trade.fills] == [A, B]


def test_unknown_side_is_a_stranger() -> None:
    (moment,) = record({A: [fill(T, "A", "1.0", "0.0")]})
    buyer, seller = moment.trade.trade["users"]
    assert seller == A
    assert buyer not in (A, B)
    assert moment.trade.trade["side"] == "A"


def test_fills_without_ids_stay_separate_and_in_order() -> None:
    rows = [
        fill(T, "B", "1.0", "0.0", None),
        fill(T, "B", "1.0", "1.0", None),
        fill(T, "B", "1.0", "2.0", None),
    ]
    moments = record({"leader-2": rows})
    assert [m.fills[0].start for m in moments] == [0, 1, 2]
    assert len({m.trade.trade["tid"] for m in moments}) == 3
    assert moments[0].fills[0].user == address_of("leader-2")


def test_numbers_become_decimal_strings() -> None:
    row = fill(T, "B", "1.0", "0.0") | {"px": 0.00205, "sz": 1e-05, "startPosition": 12}
    (moment,) = record({A: [row]})
    shown = moment.fills[0].row
    assert (shown["px"], shown["sz"], shown["startPosition"]) == ("0.00205", "0.00001", "12.0")


def test_time_runs_scaled_and_positions_follow() -> None:
    clock = HandClock()
    rows = [
        fill(T, "B", "2.0", "0.0", 1),
        fill(T + 60_000, "B", "2.0", "2.0", 2, px="110.0"),
        fill(T + 120_000, "A", "6.0", "4.0", 3, px="120.0", closedPnl="60.0"),
    ]
    venue = ReplayVenue({A: rows}, clock, speed=60)
    state = {"type": "clearinghouseState", "user": A}
    assert len(venue.advance()) == 1
    clock.now += 1_000
    assert [t.trade["tid"] for t in venue.advance()] == [2]
    (held,) = venue.answer(state)["assetPositions"]
    assert (held["position"]["szi"], held["position"]["entryPx"]) == ("4.0", "105.0")
    assert Decimal(held["position"]["unrealizedPnl"]) == 20
    assert len(venue.answer({"type": "userFillsByTime", "user": A, "startTime": 0})) == 2
    clock.now += 1_000
    venue.advance()
    (held,) = venue.answer(state)["assetPositions"]
    assert (held["position"]["szi"], held["position"]["entryPx"]) == ("-2.0", "120.0")
    assert venue.finished


def test_missing_rows_dont_break_positions() -> None:
    """TWAP slices aren't in recorded fills; the next startPosition shows what they did."""
    rows = [fill(T, "B", "2.0", "0.0", 1), fill(T + 10, "B", "1.0", "7.0", 2)]
    clock = HandClock()
    venue = ReplayVenue({A: rows}, clock)
    clock.now += 1_000
    venue.advance()
    (held,) = venue.answer({"type": "clearinghouseState", "user": A})["assetPositions"]
    assert held["position"]["szi"] == "8.0"


def test_what_lies_before_the_start_is_history() -> None:
    rows = [fill(T, "B", "2.0", "0.0", 1), fill(T + 60_000, "A", "2.0", "2.0", 2)]
    venue = ReplayVenue({A: rows}, HandClock(), start_ms=T + 30_000)
    assert venue.advance() == []
    assert len(venue.answer({"type": "userFills", "user": A})) == 1
    assert [t["tid"] for t in venue.recent("SOL")] == [1]


def test_replay_can_be_dated_now() -> None:
    clock = HandClock()
    rows = [fill(T, "B", "2.0", "0.0", 1), fill(T + 60_000, "A", "2.0", "2.0", 2)]
    venue = ReplayVenue({A: rows}, clock, speed=30, dated_now=True)
    start = clock.now
    venue.advance()
    clock.now += 2_000
    (trade,) = venue.advance()
    assert trade.trade["time"] == start + 2_000


def test_system_rows_are_fills_but_no_trades() -> None:
    dust = fill(T, "A", "0.1", "0.1", 0) | {
        "coin": "@142",
        "dir": "Spot Dust Conversion",
        "hash": "0x" + "0" * 64,
    }
    venue = ReplayVenue({A: [dust]}, HandClock())
    assert venue.advance() == []
    assert len(venue.answer({"type": "userFills", "user": A})) == 1


def test_empty_recording_is_refused() -> None:
    with pytest.raises(ValueError, match="no fills"):
        ReplayVenue({}, HandClock())


def test_real_leaders_replay_in_order(shared: Path) -> None:
    """Every fill comes back exactly as recorded, positions chain, and both tapes agree."""
    rows: dict[str, list[Row]] = {}
    with gzip.open(shared / "data/fills-leaders-jul2026.jsonl.gz", "rt") as lines:
        for line in lines:
            row = json.loads(line)
            rows.setdefault(row.pop("user"), []).append(row)
    clock = HandClock()
    venue = ReplayVenue(rows, clock, speed=10_000)
    trades = []
    while not venue.finished:
        trades += venue.advance()
        clock.now += 1_000
    total = 0
    for user, recorded in rows.items():
        served: list[Row] = []
        start = 0
        while True:
            page = venue.answer(
                {"type": "userFillsByTime", "user": venue.addresses[user], "startTime": start}
            )
            served += [r for r in page if r not in served[-200:]]
            if len(page) < 2000:
                break
            start = page[-1]["time"]
        keys = ("coin", "px", "sz", "side", "time", "startPosition", "closedPnl", "tid", "oid", "hash")
        assert [tuple(r[k] for k in keys) for r in served] == [tuple(r[k] for k in keys) for r in recorded]
        total += len(recorded)
    assert len(trades) <= total
    assert len({(t.coin, t.trade["tid"], t.trade["time"]) for t in trades}) == len(trades)


@pytest.mark.asyncio
async def test_replay_is_served_like_an_exchange() -> None:
    rows = [fill(T, "B", "2.0", "0.0", 1), fill(T + 600_000, "A", "2.0", "2.0", 2)]
    clock = HandClock()
    async with ReplayExchange({A: rows}, clock=clock, speed=60) as replay, aiohttp.ClientSession() as http:
        async with http.post(f"{replay.url}/info", json={"type": "meta"}) as response:
            assert (await response.json())["universe"][0]["name"] == "SOL"
        for kind in ("metaAndAssetCtxs", "spotMetaAndAssetCtxs", "allMids", "perpDexs"):
            async with http.post(f"{replay.url}/info", json={"type": kind}) as response:
                assert response.status == 200
        async with http.post(f"{replay.url}/info", json={"type": "portfolio", "user": A}) as response:
            assert len(await response.json()) == 8
        async with http.get(replay.leaderboard_url) as response:
            assert (await response.json())["leaderboardRows"][0]["ethAddress"] == A
        async with http.ws_connect(replay.ws_url) as socket:
            await socket.send_json({"method": "subscribe", "subscription": {"type": "trades", "coin": "SOL"}})
            assert (await socket.receive_json(timeout=5))["channel"] == "subscriptionResponse"
            assert [t["tid"] for t in (await socket.receive_json(timeout=5))["data"]] == [1]
            clock.now += 10_000
            replay.step()
            (trade,) = (await socket.receive_json(timeout=5))["data"]
            assert (trade["tid"], trade["side"], trade["users"][1]) == (2, "A", A)
