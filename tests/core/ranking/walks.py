"""Drawn histories of one or several accounts: what hypothesis feeds the ranking with."""

from decimal import Decimal
from typing import Any

from hypothesis import strategies as st

from core.model.fills import Fill
from core.model.market import Address, Coin, Side

START_MS = 1_700_000_000_000


def fills_of(account: str, walk: list[dict[str, Any]]) -> list[Fill]:
    """Return the fills of a walk in execution order; ``lost`` steps move the position unseen."""
    held: dict[str, Decimal] = {}
    fills: list[Fill] = []
    now, seq = START_MS, 0
    for step in walk:
        now, seq = (now, seq + 1) if step["wait"] == 0 else (now + step["wait"], 0)
        coin, size = step["coin"], Decimal(step["units"]).scaleb(-2)
        start = held.get(coin, Decimal(0))
        if step["to_zero"] and start:
            size = -start
        held[coin] = start + size
        if step["lost"]:
            continue
        closed = min(abs(start), abs(size)) if start * size < 0 else Decimal(0)
        fills.append(
            Fill(
                user=Address(account),
                coin=Coin(coin),
                px=Decimal(step["px"]),
                sz=abs(size),
                side=Side.BUY if size > 0 else Side.SELL,
                time_ms=now,
                start_position=start,
                closed_pnl=closed * step["gain"],
                fee=Decimal(step["fee"]).scaleb(-4),
                crossed=step["crossed"],
                oid=step["oid"],
                seq=seq,
            )
        )
    return fills


def walks(max_size: int = 40, with_holes: bool = True, max_wait_ms: int = 40_000_000) -> Any:
    """Return a strategy of walks: some fills in one instant, some days apart, flips, holes."""
    return st.lists(
        st.fixed_dictionaries(
            {
                "coin": st.sampled_from(["BTC", "ETH"]),
                "units": st.integers(-300, 300).filter(bool),
                "to_zero": st.booleans(),
                "lost": st.just(False) if not with_holes else st.sampled_from([False] * 9 + [True]),
                "px": st.integers(50, 150),
                "gain": st.integers(-20, 20),
                "fee": st.integers(-10, 1_000),
                "crossed": st.booleans(),
                "oid": st.integers(1, 3),
                "wait": st.sampled_from([0, 0, 1, 60_000, 3_600_000, max_wait_ms]),
            }
        ),
        max_size=max_size,
    )
