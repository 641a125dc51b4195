"""The round trips on a trader's card."""

from decimal import Decimal

from core.account_trips import trips_reader
from core.model.fills import Fill, FundingPayment
from core.model.market import Coin, Side
from core.ranking.figures import MarketHistory
from core.ranking.prices import PriceBook
from tests.support.facts import LOSER, MONDAY_MS

HOUR_MS = 3_600_000


def a_fill(hour: int, side: Side, before: str, closed_pnl: str) -> Fill:
    return Fill(
        user=LOSER,
        coin=Coin("BTC"),
        px=Decimal(100),
        sz=Decimal(2),
        side=side,
        time_ms=MONDAY_MS + hour * HOUR_MS + 1,
        start_position=Decimal(before),
        closed_pnl=Decimal(closed_pnl),
        fee=Decimal("0.25"),
        crossed=True,
    )


def test_a_card_shows_trips_up_to_its_time_with_the_accounts_own_funding() -> None:
    fills = [
        a_fill(0, Side.BUY, "0", "0"),
        a_fill(2, Side.SELL, "2", "-3"),
        a_fill(3, Side.SELL, "0", "0"),
        a_fill(4, Side.BUY, "-2", "5"),
    ]
    paid = FundingPayment(
        LOSER, Coin("BTC"), MONDAY_MS + HOUR_MS, Decimal("-0.125"), Decimal(2), Decimal("0.000625")
    )
    trips = trips_reader(MarketHistory(PriceBook()))(fills, [paid], MONDAY_MS + 3 * HOUR_MS)
    assert [trip.net_pnl for trip in trips] == [Decimal("-3.625")]


def test_no_fills_have_no_trips() -> None:
    assert trips_reader(MarketHistory(PriceBook()))([], [], MONDAY_MS) == []
