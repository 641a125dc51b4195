"""Markets and accounts of a recording at the time it has reached; changes with what is kept of them."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from exchange.simulated.coins import BY_NAME
from exchange.simulated.recording import Moment, RecordedFill, is_spot

Json = Any
_ZERO = Decimal(0)


def plain(value: Decimal) -> str:
    """Print a decimal without exponent, at least one digit after the point."""
    shown = format(value.quantize(Decimal("0.0000000001")).normalize(), "f")
    return shown if "." in shown else f"{shown}.0"


@dataclass(slots=True)
class Holding:
    """A position read back from fills."""

    size: Decimal = _ZERO
    cost: Decimal = _ZERO  # signed

    def apply(self, fill: RecordedFill) -> None:
        """Take over one fill; where rows are missing its startPosition is right."""
        if fill.start != self.size:
            self.size, self.cost = fill.start, fill.start * fill.px
        after = self.size + fill.size
        if self.size == 0 or (self.size > 0) == (fill.size > 0):
            self.cost += fill.size * fill.px
        elif after == 0 or (after > 0) != (self.size > 0):
            self.cost = after * fill.px
        else:
            self.cost *= after / self.size
        self.size = after


@dataclass(slots=True)
class Trader:
    """One recorded account up to now."""

    address: str
    fills: list[RecordedFill] = field(default_factory=list)
    holdings: dict[str, Holding] = field(default_factory=dict)
    profits: list[tuple[int, Decimal]] = field(default_factory=list)  # time, realized net so far
    volumes: list[tuple[int, Decimal]] = field(default_factory=list)

    def apply(self, fill: RecordedFill) -> None:
        """Add a fill."""
        self.fills.append(fill)
        usdc_fee = fill.fee if fill.row["feeToken"] == "USDC" else _ZERO
        perp = not is_spot(fill.coin)
        net = fill.closed - usdc_fee if perp else _ZERO
        self.profits.append((fill.time, self.realized + net))
        traded = self.volumes[-1][1] if self.volumes else _ZERO
        self.volumes.append((fill.time, traded + fill.px * abs(fill.size)))
        if perp:
            self.holdings.setdefault(fill.coin, Holding()).apply(fill)

    @property
    def realized(self) -> Decimal:
        """Return Σ closedPnl − Σ fee so far, perps only."""
        return self.profits[-1][1] if self.profits else _ZERO


class RecordedMarket:
    """Coins and last prices."""

    def __init__(self, moments: list[Moment]) -> None:
        self.size_decimals: dict[str, int] = {}
        self.first_px: dict[str, Decimal] = {}
        self.last_px: dict[str, Decimal] = {}
        self.prices: dict[str, list[tuple[int, Decimal, Decimal]]] = {}  # coin → (time, px, size)
        for moment in moments:
            fill = moment.fills[0]
            exponent = fill.size.normalize().as_tuple().exponent
            digits = -exponent if isinstance(exponent, int) and exponent < 0 else 0
            known = BY_NAME.get(fill.coin)
            least = known.sz_decimals if known is not None else 0
            self.size_decimals[fill.coin] = max(digits, least, self.size_decimals.get(fill.coin, 0))
            self.first_px.setdefault(fill.coin, fill.px)

    def apply(self, fill: RecordedFill) -> None:
        """Take over the price of a fill."""
        self.last_px[fill.coin] = fill.px
        self.prices.setdefault(fill.coin, []).append((fill.time, fill.px, abs(fill.size)))

    def px(self, coin: str) -> Decimal:
        """Return the last price, before the first fill that fill's."""
        return self.last_px.get(coin) or self.first_px[coin]

    def perps(self, dex: str) -> list[str]:
        """Return the perpetuals of a dex, sorted."""
        found = (c for c in self.size_decimals if not is_spot(c))
        return sorted(c for c in found if (c.split(":")[0] if ":" in c else "") == dex)

    def dexs(self) -> list[str]:
        """Return the dexs, the main one first."""
        return ["", *sorted({c.split(":")[0] for c in self.size_decimals if ":" in c})]

    def spots(self) -> list[str]:
        """Return the spot pairs, sorted."""
        return sorted(c for c in self.size_decimals if is_spot(c))
