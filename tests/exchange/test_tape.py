"""Which trades are reported: the watched accounts', each once, old ones as history."""

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import PayloadError
from core.model.market import Address, Coin
from core.ports import FeedItem, TradesHeard
from exchange.inbox import Closed, Inbox
from exchange.tape import REMEMBERED_TRADES, Tape

pytestmark = pytest.mark.asyncio

LOSER = Address("0x" + "ab" * 20)
SINCE = {"BTC": 100}


def row(tid: int, time: int, buyer: str = "0xb", seller: str = "0xs", **changes: Any) -> dict[str, Any]:
    trade = {"coin": "BTC", "side": "B", "px": "10.5", "sz": "2.0", "time": time, "hash": "0x1"}
    return {**trade, "tid": tid, "users": [buyer, seller], **changes}


def frame(*rows: dict[str, Any]) -> bytes:
    return json.dumps({"channel": "trades", "data": rows}, separators=(",", ":")).encode()


def tape_of(*watched: str) -> tuple[Tape, Inbox]:
    inbox = Inbox()
    tape = Tape(inbox)
    tape.watched = frozenset(Address(a) for a in watched)
    return tape, inbox


async def drained(inbox: Inbox) -> list[FeedItem]:
    inbox.fail(Closed())
    items: list[FeedItem] = []
    try:
        while True:
            items.append(await inbox.get())
    except Closed:
        return items


async def tids(inbox: Inbox) -> list[tuple[bool, list[int]]]:
    heard = [item for item in await drained(inbox) if isinstance(item, TradesHeard)]
    return [(item.is_history, [trade.tid for trade in item.trades]) for item in heard]


async def test_a_frame_of_strangers_moves_only_the_last_price():
    tape, inbox = tape_of(LOSER)
    tape.take(frame(row(1, 200), row(2, 201, px="11.0")), SINCE, 205)
    assert await drained(inbox) == []
    assert (tape.last_px, tape.last_trade_ms) == ({"BTC": 11.0}, 201)


async def test_only_the_watched_accounts_trades_are_reported_on_either_side():
    tape, inbox = tape_of(LOSER)
    tape.take(frame(row(1, 200), row(2, 200, buyer=LOSER), row(3, 200, seller=LOSER)), SINCE, 205)
    (heard,) = await drained(inbox)
    assert isinstance(heard, TradesHeard)
    assert [trade.tid for trade in heard.trades] == [2, 3]
    assert (heard.received_ms, heard.is_history) == (205, False)
    assert (heard.trades[0].buyer, heard.trades[0].px) == (LOSER, Decimal("10.5"))


@pytest.mark.parametrize("side", ["buyer", "seller"])
async def test_one_watched_party_is_enough_in_a_frame_of_one_trade(side: str):
    tape, inbox = tape_of(LOSER)
    tape.take(frame(row(1, 200, **{side: LOSER})), SINCE, 205)
    assert await tids(inbox) == [(False, [1])]


async def test_a_trade_comes_once_though_the_exchange_repeats_it():
    tape, inbox = tape_of(LOSER)
    tape.take(frame(row(1, 99, buyer=LOSER), row(2, 100, buyer=LOSER)), SINCE, 105)
    tape.take(frame(row(2, 100, buyer=LOSER), row(3, 101, buyer=LOSER)), SINCE, 106)
    assert await tids(inbox) == [(True, [1]), (False, [2]), (False, [3])]


async def test_the_same_tid_at_another_time_or_coin_is_another_trade():
    tape, inbox = tape_of(LOSER)
    tape.take(frame(row(1, 200, buyer=LOSER), row(1, 201, buyer=LOSER)), SINCE, 205)
    tape.take(frame(row(1, 200, buyer=LOSER, coin="ETH")), SINCE, 205)
    assert await tids(inbox) == [(False, [1, 1]), (False, [1])]


async def test_what_a_new_subscription_replays_is_history():
    tape, inbox = tape_of(LOSER)
    tape.take(frame(*(row(i, 71 + i, buyer=LOSER) for i in range(30))), SINCE, 105)
    assert await tids(inbox) == [(True, list(range(29))), (False, [29])]


async def test_no_more_than_so_many_trades_are_remembered():
    tape, _ = tape_of(LOSER)
    for start in range(0, REMEMBERED_TRADES + 1000, 1000):
        tape.take(frame(*(row(i, 200, buyer=LOSER) for i in range(start, start + 1000))), SINCE, 205)
    assert len(tape._seen) == REMEMBERED_TRADES


@pytest.mark.parametrize("px", ["NaN", "Infinity", "-1", "0", "x", ""])
async def test_a_price_that_is_none_is_not_kept(px: str):
    tape, _ = tape_of()
    tape.take(frame(row(1, 200, px=px)), SINCE, 205)
    assert tape.last_px == {}


async def test_a_watched_trade_with_a_bad_price_is_an_error():
    tape, _ = tape_of(LOSER)
    with pytest.raises(PayloadError, match=r"trades\.data\[0\]\.px"):
        tape.take(frame(row(1, 200, buyer=LOSER, px="NaN")), SINCE, 205)


async def test_every_recorded_trade_is_reported_once_when_all_are_watched(shared: Path):
    lines = [
        line
        for path in sorted((shared / "exchange/recorded").glob("ws_mainnet_*.jsonl"))
        for line in path.read_bytes().splitlines()
        if b'"channel":"trades"' in line
    ]
    rows = [r for line in lines for r in json.loads(line)["data"]]
    tape, inbox = tape_of(*(user for r in rows for user in r["users"]))
    for line in lines:
        tape.take(line, {}, 0)
    heard = [t for item in await drained(inbox) if isinstance(item, TradesHeard) for t in item.trades]
    keys = {(r["coin"], r["tid"], r["time"]) for r in rows}
    assert len(rows) > len(keys)  # the recording holds one trade twice
    assert len(heard) == len(keys)
    assert sum(t.is_twap for t in heard) > 0
    assert tape.last_px[Coin("BTC")] > 0


@given(
    raw=st.binary(max_size=80)
    | st.builds(
        lambda key, value: frame({**row(1, 1, LOSER), key: value}),
        st.sampled_from([*row(1, 1)]),
        st.none() | st.integers() | st.text() | st.lists(st.text(), max_size=3) | st.floats(),
    )
)
async def test_nothing_but_payload_error_escapes_the_hot_path(raw):
    tape, _ = tape_of(LOSER)
    try:
        tape.take(raw, SINCE, 0)
    except PayloadError:
        return
