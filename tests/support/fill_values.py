"""Fills for tests that care about where they are kept, not about what they mean."""

from dataclasses import replace
from decimal import Decimal

from core.model.fills import Fill
from core.model.market import Address, Coin, Side

ALICE = Address("0x" + "a" * 40)
BOB = Address("0x" + "b" * 40)
JULY_MS = 1_784_500_000_000
"""2026-07-19, in the middle of a month."""


def a_fill(n: int = 0, user: Address = ALICE, **changes: object) -> Fill:
    """Return the nth of a row of fills, a second apart, each complete."""
    fill = Fill(
        user=user,
        coin=Coin("BTC"),
        px=Decimal("64123.5"),
        sz=Decimal("0.00205"),
        side=Side.BUY,
        time_ms=JULY_MS + 1000 * n,
        start_position=Decimal(n) * Decimal("0.00205"),
        dir="Open Long",
        closed_pnl=Decimal("0.0"),
        fee=Decimal("0.059152"),
        fee_token="USDC",
        crossed=True,
        hash="0x" + f"{n:064x}",
        oid=100_000_000_000 + n,
        tid=700_000_000_000_000 + n,
    )
    return replace(fill, **changes)  # type: ignore[arg-type]


def as_heard(fill: Fill) -> Fill:
    """Return what the public feed tells of a fill."""
    return replace(
        fill, start_position=None, dir=None, closed_pnl=None, fee=None, fee_token=None, oid=None, seq=0
    )
