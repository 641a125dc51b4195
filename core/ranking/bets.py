"""Bets: what an account decided, as against the fills in which it was carried out.

A bet starts with an entry event (open, flip, increase of at least half the position) and takes the
entry events of the same coin and direction that start within five minutes of its first. Only what
the account ordered is its decision: liquidations, ADL, settlements and TWAP slices are no entries.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal

from core.model.market import Address, Coin, Direction
from core.model.positions import Bet, EventKind

BET_MS = 300_000
"""From a bet's first event: entry events that start within it belong to the bet."""

ENTRY_INCREASE = Decimal("0.5")
"""An increase is an entry from this share of the position before it on."""

OPENING = frozenset({EventKind.OPEN, EventKind.FLIP})
"""What a bet must start with to count in the markouts."""


@dataclass(slots=True)
class Entry:
    """One entry event; ``known_ms``: when it had grown into one."""

    coin: Coin
    direction: Direction
    kind: EventKind
    time_ms: int
    seq: int
    known_ms: int
    px: Decimal
    is_taker: bool | None
    notional_usd: Decimal
    """Grows with the event."""


def entry_kind(before: Decimal, after: Decimal) -> EventKind | None:
    """Return which kind of entry takes a position from ``before`` to ``after``, or None.

    Once an entry, an event stays one as it grows, since all its fills are on one side.
    """
    if not before:
        return EventKind.OPEN if after else None
    if not after:
        return None
    if (before > 0) != (after > 0):
        return EventKind.FLIP
    grown = abs(after) - abs(before)
    return EventKind.INCREASE if grown >= ENTRY_INCREASE * abs(before) else None


def bets_of(account: Address, entries: Iterable[Entry], as_of_ms: int) -> list[Bet]:
    """Return the bets known at ``as_of_ms``, by time."""
    known = sorted(
        (entry for entry in entries if entry.known_ms <= as_of_ms),
        key=lambda entry: (entry.time_ms, entry.seq, entry.coin),
    )
    bets: list[Bet] = []
    first: dict[tuple[Coin, Direction], Entry] = {}
    notional: dict[tuple[Coin, Direction], Decimal] = {}
    for entry in known:
        key = (entry.coin, entry.direction)
        current = first.get(key)
        if current is not None and entry.time_ms - current.time_ms <= BET_MS:
            notional[key] += entry.notional_usd
            continue
        if current is not None:
            bets.append(_bet(account, current, notional[key]))
        first[key] = entry
        notional[key] = entry.notional_usd
    bets += [_bet(account, entry, notional[key]) for key, entry in first.items()]
    return sorted(bets, key=lambda bet: (bet.time_ms, bet.coin, bet.direction))


def _bet(account: Address, first: Entry, notional_usd: Decimal) -> Bet:
    return Bet(
        account=account,
        coin=first.coin,
        direction=first.direction,
        time_ms=first.time_ms,
        px=first.px,
        notional_usd=notional_usd,
        is_taker=first.is_taker,
        kind=first.kind,
    )
