"""What round trips made by coin: the record on a trader's card."""

from collections.abc import Sequence

from core.model.market import Coin
from core.model.positions import RoundTrip
from core.model.traders import CoinRecord


def coin_records(trips: Sequence[RoundTrip]) -> tuple[CoinRecord, ...]:
    """Return the record per coin, the most traded coin first."""
    by_coin: dict[Coin, list[RoundTrip]] = {}
    for trip in trips:
        by_coin.setdefault(trip.coin, []).append(trip)
    records = []
    for coin, mine in by_coin.items():
        nets = [trip.net_pnl for trip in mine]
        known = [net for net in nets if net is not None]
        net = float(sum(known)) if len(known) == len(nets) else None
        records.append(CoinRecord(coin, len(mine), sum(one > 0 for one in known), net))
    return tuple(sorted(records, key=lambda record: (-record.round_trips, record.coin)))
