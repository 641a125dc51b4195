"""Execution order inside equal time stamps, and an account's exact position from fill to fill.

Neither time nor trade id gives the order; the chain ``start position + signed size = next start
position`` does. Sizes carry the exchange's binary noise and are rounded to the coin's ``szDecimals``
before anything is compared.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from itertools import groupby

from core.model.fills import Fill
from core.model.market import Address, Coin

UNKNOWN_DECIMALS = 6
"""Decimals to which sizes are rounded where the coin's ``szDecimals`` isn't known."""

ZERO = Decimal(0)


class SizeRounding:
    """Round sizes and positions to each coin's ``szDecimals``."""

    def __init__(self, sz_decimals: Mapping[Coin, int] | None = None) -> None:
        self._decimals = sz_decimals or {}
        self._units: dict[str, Decimal] = {}

    def unit(self, coin: Coin) -> Decimal:
        """Return the smallest size of a coin, in coins."""
        unit = self._units.get(coin)
        if unit is None:
            unit = self._units[coin] = Decimal(1).scaleb(-self._decimals.get(coin, UNKNOWN_DECIMALS))
        return unit

    def round(self, coin: Coin, size: Decimal) -> Decimal:
        """Return ``size`` rounded to whole units, zero without a sign."""
        return size.quantize(self.unit(coin)) + ZERO


class PositionChain:
    """Follow one account's position in every coin; feed it fills in execution order."""

    def __init__(self, sz_decimals: Mapping[Coin, int] | None = None) -> None:
        self._rounding = SizeRounding(sz_decimals)
        self._known: dict[str, Decimal] = {}

    def step(self, fill: Fill) -> tuple[Decimal, Decimal, bool] | None:
        """Return ``(before, after, is_break)`` of one fill, or None while the position is unknown.

        Positions are signed and in coins; a break means that fills before this one are missing.
        Where the source has no start position it is counted on from the last one known, or from
        zero at a fill that says it opens.
        """
        coin = fill.coin
        unit = self._rounding.unit(coin)
        known = self._known.get(coin)
        before = fill.start_position
        if before is None:
            before = _counted_on(fill, known)
            if before is None:
                self._known.pop(coin, None)
                return None
        elif before != known:
            before = before.quantize(unit) + ZERO
        after = (before + fill.signed_sz).quantize(unit) + ZERO
        self._known[coin] = after
        return before, after, known is not None and before != known


def _counted_on(fill: Fill, known: Decimal | None) -> Decimal | None:
    """Return the position before a fill whose source doesn't say, or None where nothing tells."""
    said = fill.dir or ""
    if said.startswith("Open"):
        contradicts = known is None or known * fill.signed_sz < 0
        return ZERO if contradicts else known
    if known is not None and said.startswith("Close") and known * fill.signed_sz >= 0:
        return None
    return known


@dataclass(frozen=True, slots=True)
class ChainBreak:
    """A place where fills are missing: the position after the last fill isn't the next one's start."""

    account: Address
    coin: Coin
    time_ms: int
    expected: Decimal
    found: Decimal


def chain_breaks(fills: Iterable[Fill], sz_decimals: Mapping[Coin, int] | None = None) -> list[ChainBreak]:
    """Return the breaks in fills given in execution order (several accounts may be mixed)."""
    rounding = SizeRounding(sz_decimals)
    known: dict[tuple[Address, Coin], Decimal] = {}
    breaks = []
    for fill in fills:
        if fill.start_position is None:
            continue
        key = (fill.user, fill.coin)
        found = rounding.round(fill.coin, fill.start_position)
        expected = known.get(key, found)
        if expected != found:
            breaks.append(ChainBreak(fill.user, fill.coin, fill.time_ms, expected, found))
        known[key] = rounding.round(fill.coin, found + fill.signed_sz)
    return breaks


def order_fills(fills: Iterable[Fill], sz_decimals: Mapping[Coin, int] | None = None) -> list[Fill]:
    """Return the fills by account and execution order, with ``seq`` set.

    The given order is kept inside a time stamp wherever it chains as well as any other would; all
    fills of an account's time stamp must be given together, since ``seq`` counts from 0 in each.
    """
    rounding = SizeRounding(sz_decimals)
    by_user: defaultdict[Address, list[Fill]] = defaultdict(list)
    for fill in fills:
        by_user[fill.user].append(fill)
    ordered: list[Fill] = []
    for user in sorted(by_user):
        mine = sorted(by_user[user], key=_time)
        places: defaultdict[Coin, list[int]] = defaultdict(list)
        for place, fill in enumerate(mine):
            places[fill.coin].append(place)
        for coin, own in places.items():  # each coin keeps the places it was given
            chained = _order_coin([mine[place] for place in own], rounding.unit(coin))
            for place, fill in zip(own, chained, strict=True):
                mine[place] = fill
        for _, instant in groupby(mine, key=_time):
            ordered += [
                fill if fill.seq == seq else replace(fill, seq=seq) for seq, fill in enumerate(instant)
            ]
    return ordered


def _time(fill: Fill) -> int:
    return fill.time_ms


class _Instant:
    """One account's fills of one coin and time stamp, as edges between positions."""

    def __init__(self, fills: list[Fill], unit: Decimal) -> None:
        self.fills = fills
        self.is_known = all(fill.start_position is not None for fill in fills)
        self.starts = [(fill.start_position or ZERO).quantize(unit) + ZERO for fill in fills]
        self.ends = [
            (start + fill.signed_sz).quantize(unit) + ZERO
            for start, fill in zip(self.starts, fills, strict=True)
        ]

    def order(self, known: Decimal | None) -> Sequence[int]:
        return _best_order(self.starts, self.ends, known)

    def breaks(self, known: Decimal | None) -> int:
        return _count_breaks(self.starts, self.ends, self.order(known), known)

    def first_position(self, following: "_Instant | None") -> Decimal | None:
        """Return where the history's first instant begins, where its own fills don't tell.

        They don't when they lead back to where they began: then the next instant does.
        """
        if len(self.fills) == 1 or sorted(self.starts) != sorted(self.ends):
            return None
        candidates = list(dict.fromkeys([self.starts[0], ZERO, *self.starts]))
        return min(
            (start for start in candidates if start in self.starts),
            key=lambda start: self.breaks(start) + (following.breaks(start) if following else 0),
        )


def _order_coin(fills: list[Fill], unit: Decimal) -> list[Fill]:
    """Order one account's fills of one coin, given by time."""
    instants = [_Instant(list(group), unit) for _, group in groupby(fills, key=_time)]
    known: Decimal | None = None
    ordered: list[Fill] = []
    for place, instant in enumerate(instants):
        if not instant.is_known:
            ordered += instant.fills
            known = None
            continue
        if known is None:
            known = instant.first_position(instants[place + 1] if place + 1 < len(instants) else None)
        order = instant.order(known)
        ordered += [instant.fills[index] for index in order]
        known = instant.ends[order[-1]]
    return ordered


def _best_order(starts: Sequence[Decimal], ends: Sequence[Decimal], known: Decimal | None) -> Sequence[int]:
    given = range(len(starts))
    given_breaks = _count_breaks(starts, ends, given, known)
    if given_breaks == 0:
        return given
    chained = _chain(starts, ends, known)
    return chained if _count_breaks(starts, ends, chained, known) < given_breaks else given


def _count_breaks(
    starts: Sequence[Decimal], ends: Sequence[Decimal], order: Sequence[int], known: Decimal | None
) -> int:
    breaks = 0
    for index in order:
        breaks += known is not None and known != starts[index]
        known = ends[index]
    return breaks


def _chain(starts: Sequence[Decimal], ends: Sequence[Decimal], known: Decimal | None) -> list[int]:
    """Return an order with the fewest breaks.

    Fills are edges between positions, and the execution is a trail that uses each once. Edges to and
    from an outside (None) make every position balanced, even where fills are missing; the circuit
    from the outside through all of them (Hierholzer's algorithm) is then cut at the outside.
    """
    leaving: defaultdict[Decimal | None, list[tuple[Decimal | None, int]]] = defaultdict(list)
    surplus: defaultdict[Decimal, int] = defaultdict(int)
    if known is not None:
        surplus[known] -= 1
    for index, (start, end) in enumerate(zip(starts, ends, strict=True)):
        leaving[start].append((end, index))
        surplus[start] += 1
        surplus[end] -= 1
    if known is not None:
        leaving[None].append((known, -1))
    for position, missing in surplus.items():
        leaving[None] += [(position, -1)] * missing
        leaving[position] += [(None, -1)] * -missing
    for edges in leaving.values():
        edges.reverse()  # taken from the end, so that what was given first goes first
    order = _trail(None, leaving)
    for start in starts:
        order += _trail(start, leaving)
    return order


def _trail(
    first: Decimal | None, leaving: Mapping[Decimal | None, list[tuple[Decimal | None, int]]]
) -> list[int]:
    """Return the fills on the circuit from ``first``, using up its edges."""
    stack = [(first, -1)]
    trail: list[int] = []
    while stack:
        position, fill = stack[-1]
        if leaving[position]:
            stack.append(leaving[position].pop())
        else:
            stack.pop()
            if fill >= 0:
                trail.append(fill)
    trail.reverse()
    return trail
