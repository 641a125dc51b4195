"""Fills in all the envelopes they come in: userFills, userFillsByTime, TWAP slices, user channels."""

from collections.abc import Sequence
from typing import Literal, TypeVar

from msgspec import Struct, field

from core.model.fills import Fill, Liquidation
from core.model.market import Address, Coin, Side
from exchange.wire.decode import Account, CoinName, Exact, Id, Millis, Payload

SideMark = Literal["B", "A"]
R = TypeVar("R", "FillRow", "TwapSliceRow")


class LiquidationRow(Struct, frozen=True):
    """The ``liquidation`` of a fill, on both parties' rows."""

    liquidated_user: Account | None = field(name="liquidatedUser", default=None)
    mark_px: Exact | None = field(name="markPx", default=None)
    method: str | None = None


class FillRow(Struct, frozen=True, rename="camel"):
    """One fill as it comes; rows of 2023 lack tid, feeToken and more."""

    coin: CoinName
    px: Exact
    sz: Exact
    side: SideMark
    time: Millis
    start_position: Exact | None = None
    dir: str | None = None
    closed_pnl: Exact | None = None
    hash: str | None = None
    oid: Id | None = None
    crossed: bool | None = None
    fee: Exact | None = None
    tid: Id | None = None
    fee_token: str | None = None
    twap_id: Id | None = None
    cloid: str | None = None
    builder_fee: Exact | None = None
    liquidation: LiquidationRow | None = None


class TwapSliceRow(Struct, frozen=True, rename="camel"):
    """One fill of a TWAP order; userFills omits it."""

    fill: FillRow
    twap_id: Id | None = None


class FillsFrame(Struct, frozen=True, rename="camel"):
    """The data of the channels ``userFills`` and ``user``."""

    fills: list[FillRow] = []
    user: Account | None = None
    is_snapshot: bool | None = None


user_fills = Payload[list[FillRow]]("userFills", list[FillRow])
user_fills_by_time = Payload[list[FillRow]]("userFillsByTime", list[FillRow])
user_twap_slice_fills = Payload[list[TwapSliceRow]]("userTwapSliceFills", list[TwapSliceRow])


def fill_of(row: FillRow, user: Address, seq: int, twap_id: int | None = None) -> Fill:
    """Convert one row; ``twap_id`` comes from the slice around it, and marks it as TWAP."""
    twap_id = row.twap_id if twap_id is None else twap_id
    mark = row.liquidation
    return Fill(
        user=user,
        coin=Coin(row.coin),
        px=row.px,
        sz=row.sz,
        side=Side(row.side),
        time_ms=row.time,
        start_position=row.start_position,
        dir=row.dir,
        closed_pnl=row.closed_pnl,
        fee=row.fee,
        fee_token=row.fee_token,
        crossed=row.crossed,
        hash=row.hash,
        oid=row.oid,
        tid=row.tid,
        twap_id=twap_id,
        liquidation=None if mark is None else liquidation_of(mark),
        seq=seq,
        is_twap=twap_id is not None,
    )


def liquidation_of(row: LiquidationRow) -> Liquidation:
    """Convert a liquidation mark; the address in lower case, as all of ours."""
    user = row.liquidated_user
    return Liquidation(None if user is None else Address(user.lower()), row.mark_px, row.method)


def row_time(row: "FillRow | TwapSliceRow") -> int:
    """Return a row's time in ms."""
    return row.time if isinstance(row, FillRow) else row.fill.time


def in_execution_order(rows: Sequence[R]) -> list[R]:
    """Return rows oldest first, keeping the order inside a millisecond.

    A list that runs backward (``userFills``, servers of 2023) is turned round as a whole: its order
    inside a millisecond runs backward too.
    """
    ordered = list(rows)
    if len(ordered) > 1 and row_time(ordered[0]) > row_time(ordered[-1]):
        ordered.reverse()
    ordered.sort(key=row_time)
    return ordered


def fills_of(body: bytes, user: Address) -> tuple[Fill, ...]:
    """Decode one answer of ``userFills`` or ``userFillsByTime`` into execution order."""
    return _numbered(in_execution_order(user_fills.decode(body)), user)


def twap_fills_of(body: bytes, user: Address) -> tuple[Fill, ...]:
    """Decode one answer of ``userTwapSliceFills`` into execution order."""
    return _numbered(in_execution_order(user_twap_slice_fills.decode(body)), user)


def _numbered(rows: Sequence[FillRow] | Sequence[TwapSliceRow], user: Address) -> tuple[Fill, ...]:
    fills: list[Fill] = []
    for row in rows:
        same_time = fills[-1].seq + 1 if fills and fills[-1].time_ms == row_time(row) else 0
        if isinstance(row, TwapSliceRow):
            fills.append(fill_of(row.fill, user, same_time, row.twap_id))
        else:
            fills.append(fill_of(row, user, same_time))
    return tuple(fills)
