"""Collection goes on without what it can do without, and asks for volatility no more than it needs."""

from random import Random
from typing import cast

import pytest
from structlog.testing import capture_logs

from core.errors import ExchangeUnavailable, RequestRefused
from core.model.market import DAY_MS, HOUR_MS, Coin
from core.ports import Exchange
from core.ranking.candidates import KNOWN_VAULTS
from core.services.collecting import CollectRules, CollectService
from storage.database import Database
from storage.fills import Fills
from tests.support.detection_ports import HandClock
from tests.support.market_ports import MarketExchange

pytestmark = pytest.mark.asyncio
GONE = RequestRefused("vaults: the exchange answered 404")


class Desk:
    """Collection beside a scripted exchange and a real store."""

    def __init__(self, database: Database) -> None:
        self.clock = HandClock(HOUR_MS // 2)
        self.exchange = MarketExchange(self.clock, coins=4, traded=2, traders=3)
        self.store = Fills(database)
        self.service = CollectService(
            cast(Exchange, self.exchange), self.store, self.clock, Random(1), CollectRules(10, 10, 100.0)
        )

    async def volatility(self, *coins: str, known: frozenset[Coin] = frozenset()) -> dict[Coin, float]:
        wanted = [Coin(coin) for coin in coins]
        return {coin: sigma async for coin, sigma in self.service.volatility(wanted, known)}


# --- vaults ----------------------------------------------------------------------------------------


async def test_without_the_list_of_vaults_the_known_ones_are_left_out_and_it_is_said(
    database: Database,
) -> None:
    desk = Desk(database)
    desk.exchange.fails["vaults"] = GONE
    desk.exchange.traders.append(next(iter(KNOWN_VAULTS)))
    with capture_logs() as logs:
        chosen = await desk.service.candidates()
    assert {one.row.address for one in chosen} == set(desk.exchange.traders[:3])
    (warning,) = [line for line in logs if line["log_level"] == "warning"]
    assert "may be ranked as traders" in warning["event"]
    assert warning["error"] == str(GONE)


async def test_vaults_that_were_listed_once_are_left_out_also_when_the_list_is_gone(
    database: Database,
) -> None:
    desk = Desk(database)
    vault, *traders = desk.exchange.traders
    desk.exchange.in_vaults = frozenset({vault})
    await desk.service.candidates()
    desk.exchange.fails["vaults"] = GONE
    assert {one.row.address for one in await desk.service.candidates()} == set(traders)


async def test_without_the_leaderboard_nobody_is_chosen(database: Database) -> None:
    desk = Desk(database)
    desk.exchange.fails["leaderboard"] = ExchangeUnavailable("leaderboard: 503")
    with pytest.raises(ExchangeUnavailable):
        await desk.service.candidates()


# --- what stop, target and funding need --------------------------------------------------------------


async def test_current_funding_comes_with_the_coins_and_is_missing_rather_than_old(
    database: Database,
) -> None:
    desk = Desk(database)
    await desk.service.coins()
    assert desk.service.funding() == {coin: 0.00002 for coin in desk.exchange.coins}
    desk.clock.at_ms += 3 * HOUR_MS
    assert desk.service.funding() == {}


async def test_volatility_is_read_once_a_day_from_finished_hours(database: Database) -> None:
    desk = Desk(database)
    first = await desk.volatility("C000", "C001")
    assert list(first) == ["C000", "C001"]
    assert all(sigma > 0 for sigma in first.values())
    bars = await desk.store.bars(0)
    assert {interval for interval, _ in bars} == {"1h"}
    assert max(bar.close_ms for _, bar in bars) == desk.clock.now_ms() - HOUR_MS // 2
    assert list(await desk.volatility("C000", "C002")) == ["C002"]
    desk.clock.at_ms += DAY_MS
    assert list(await desk.volatility("C000", "C002")) == ["C000", "C002"]


async def test_volatility_known_from_all_prices_isnt_read_again_at_once(database: Database) -> None:
    desk = Desk(database)
    known = frozenset({Coin("C000")})
    assert list(await desk.volatility("C000", "C001", known=known)) == ["C001"]


async def test_volatility_that_could_not_be_read_is_read_the_next_time(database: Database) -> None:
    desk = Desk(database)
    desk.exchange.fails["1h"] = ExchangeUnavailable("candleSnapshot: 503")
    with capture_logs() as logs:
        assert await desk.volatility("C000", "C001") == {}
        del desk.exchange.fails["1h"]
        assert list(await desk.volatility("C000", "C001")) == ["C000", "C001"]
    assert [(one["event"].partition(":")[0], one.get("left_out")) for one in logs] == [
        ("traders or prices can't be read now", None),
        ("traders and prices can be read again", 2),
    ]
