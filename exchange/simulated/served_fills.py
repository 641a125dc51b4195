"""Core fills in the exchange's own form, so that a recording of any form can be served."""

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from core.model.fills import Fill, Liquidation

NO_HASH = "0x" + 64 * "0"


def served_fills(fills: Iterable[Fill]) -> dict[str, list[dict[str, Any]]]:
    """Return each account's fills as ``userFills`` would show them, in execution order."""
    by_user: dict[str, list[dict[str, Any]]] = {}
    for fill in fills:
        by_user.setdefault(fill.user, []).append(_served(fill))
    return by_user


def _served(fill: Fill) -> dict[str, Any]:
    row: dict[str, Any] = {
        "coin": fill.coin,
        "px": _text(fill.px),
        "sz": _text(fill.sz),
        "side": fill.side.value,
        "time": fill.time_ms,
        "startPosition": _text(fill.start_position or Decimal(0)),
        "dir": fill.dir or "",
        "closedPnl": _text(fill.closed_pnl or Decimal(0)),
        "hash": fill.hash or NO_HASH,
        "oid": fill.oid or 0,
        "crossed": bool(fill.crossed),
        "fee": _text(fill.fee or Decimal(0)),
        # a made id is negative and longer than the exchange's 50 bits
        "tid": abs(fill.tid or 0) % 2**50,
        "feeToken": fill.fee_token or "USDC",
        "twapId": fill.twap_id,
    }
    if fill.liquidation is not None:
        row["liquidation"] = _liquidation(fill.liquidation)
    return row


def _liquidation(liquidation: Liquidation) -> dict[str, Any]:
    return {
        "liquidatedUser": liquidation.liquidated_user,
        "markPx": None if liquidation.mark_px is None else _text(liquidation.mark_px),
        "method": liquidation.method,
    }


def _text(value: Decimal) -> str:
    return f"{value:f}"
