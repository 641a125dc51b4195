"""The round trips on a trader's card, made as the ranking makes them."""

from collections.abc import Mapping, Sequence

from core.answers import TripsOf
from core.model.fills import Fill, FundingPayment
from core.model.market import Coin
from core.model.positions import RoundTrip
from core.ranking.figures import MarketHistory, window_trips
from core.ranking.trips import AccountBook


def trips_reader(market: MarketHistory, sz_decimals: Mapping[Coin, int] | None = None) -> TripsOf:
    """Return the ``trips_of`` of ``core.answers.trader`` for a known market."""

    def trips_of(
        fills: Sequence[Fill], funding: Sequence[FundingPayment], until_ms: int
    ) -> Sequence[RoundTrip]:
        if not fills:
            return []
        book = AccountBook(fills[0].user, sz_decimals)
        book.extend(fills)
        return window_trips(book, until_ms, market, funding)

    return trips_of
