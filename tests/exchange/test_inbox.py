"""The feed's queue: bounded, in order, honest about what it dropped."""

import asyncio
from decimal import Decimal

import pytest

from core.model.market import Address, Coin, Quote, Side, Trade
from core.ports import GapHeard, MidsHeard, QuoteHeard, TradesHeard
from exchange.inbox import Closed, Inbox

pytestmark = pytest.mark.asyncio

BTC, ETH = Coin("BTC"), Coin("ETH")


def trade(time_ms: int, coin: Coin = BTC) -> Trade:
    return Trade(coin, Side.BUY, Decimal(1), Decimal(1), time_ms, time_ms, Address("b"), Address("s"))


async def test_items_come_in_their_order():
    inbox = Inbox()
    inbox.put_trades((trade(1),), 5, False)
    inbox.put_gap(1, 2, (BTC,))
    inbox.put_trades((trade(2),), 6, True)
    assert await inbox.get() == TradesHeard((trade(1),), 5, False)
    assert await inbox.get() == GapHeard(1, 2, (BTC,))
    assert await inbox.get() == TradesHeard((trade(2),), 6, True)


async def test_mids_that_wait_are_overwritten_in_their_place():
    inbox = Inbox()
    inbox.put_mids({BTC: Decimal(1), ETH: Decimal(2)}, 5)
    inbox.put_trades((trade(1),), 6, False)
    inbox.put_mids({BTC: Decimal(3)}, 7)
    inbox.put_mids({}, 8)
    assert await inbox.get() == MidsHeard({BTC: Decimal(3), ETH: Decimal(2)}, 7)
    assert isinstance(await inbox.get(), TradesHeard)
    inbox.put_mids({BTC: Decimal(4)}, 9)
    assert await inbox.get() == MidsHeard({BTC: Decimal(4)}, 9)


async def test_only_the_newest_quote_of_a_coin_waits():
    inbox = Inbox()
    first, other, second = Quote(BTC, 1, None, None), Quote(ETH, 1, None, None), Quote(BTC, 2, None, None)
    inbox.put_quote(first, 1)
    inbox.put_quote(other, 1)
    inbox.put_quote(second, 2)
    assert await inbox.get() == QuoteHeard(second, 2)
    assert await inbox.get() == QuoteHeard(other, 1)


async def test_when_full_a_gap_takes_the_trades_place():
    inbox = Inbox(max_trades=3)
    inbox.put_trades((trade(1), trade(2)), 10, False)
    inbox.put_trades((trade(3), trade(4)), 11, False)
    inbox.put_trades((trade(5, ETH), trade(6, ETH)), 12, False)
    assert inbox.shed_trades == 4
    assert isinstance(await inbox.get(), TradesHeard)
    assert await inbox.get() == GapHeard(3, 12, (BTC, ETH))
    inbox.put_trades((trade(7), trade(8), trade(9)), 13, False)
    assert isinstance(await inbox.get(), TradesHeard)


async def test_joining_a_gap_of_all_coins_stays_one_of_all_coins():
    inbox = Inbox()
    inbox.put_gap(1, 2, ())
    inbox.put_gap(2, 3, (BTC,))
    assert await inbox.get() == GapHeard(1, 3, ())


async def test_the_reader_is_woken():
    inbox = Inbox()
    reading = asyncio.ensure_future(inbox.get())
    await asyncio.sleep(0)
    inbox.put_gap(1, 2, ())
    assert await reading == GapHeard(1, 2, ())


async def test_a_failure_comes_after_what_was_there():
    inbox = Inbox()
    inbox.put_gap(1, 2, ())
    inbox.fail(ValueError("first"))
    inbox.fail(Closed())
    assert await inbox.get() == GapHeard(1, 2, ())
    with pytest.raises(ValueError, match="first"):
        await inbox.get()
