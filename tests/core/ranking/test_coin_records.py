"""The record per coin on a trader's card: the most traded coin first, what is unknown stays unknown."""

from decimal import Decimal

from core.model.market import Address, Coin, Direction
from core.model.positions import RoundTrip
from core.model.traders import CoinRecord
from core.ranking.coin_records import coin_records

BTC, ETH = Coin("BTC"), Coin("ETH")


def a_trip(coin: Coin, gross: str, fees: str | None = "0") -> RoundTrip:
    return RoundTrip(
        account=Address("0xaa"),
        coin=coin,
        direction=Direction.LONG,
        opened_ms=0,
        closed_ms=1,
        entry_notional_usd=Decimal(100),
        max_size=Decimal(1),
        gross_pnl=Decimal(gross),
        fees=None if fees is None else Decimal(fees),
        funding=Decimal(0),
        fills=2,
    )


def test_records_per_coin_add_up_the_most_traded_first() -> None:
    trips = [a_trip(ETH, "0"), a_trip(BTC, "-1"), a_trip(BTC, "3", fees="1")]
    assert coin_records(trips) == (CoinRecord(BTC, 2, 1, 1.0), CoinRecord(ETH, 1, 0, 0.0))


def test_one_unknown_result_makes_the_coins_net_unknown() -> None:
    trips = [a_trip(BTC, "5"), a_trip(BTC, "1", fees=None)]
    assert coin_records(trips) == (CoinRecord(BTC, 2, 1, None),)
