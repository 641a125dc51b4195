"""The coins of the simulated exchange; changes when the universe or a rounding rule changes.

All amounts are whole numbers: prices in units of 10^-px_decimals, sizes in units of 10^-sz_decimals. Since
px_decimals + sz_decimals = 6 for every coin, price times size is a whole number of micro-USD, and positions,
profits and identities are exact.
"""

from dataclasses import dataclass

MICRO = 1_000_000
_POWERS = (1, 10, 100, 1_000, 10_000, 100_000, 1_000_000)
HOUR_MS = 3_600_000
DAY_MS = 86_400_000


@dataclass(frozen=True, slots=True)
class Coin:
    """One market: its contract and the character of its price."""

    index: int  # place in UNIVERSE
    name: str
    sz_decimals: int
    max_leverage: int
    base_px: float
    beta: float  # share of the market factor
    own_vol: float  # daily standard deviation of the own part, as a fraction
    spread_bps: float
    depth_usd: float  # within 10 bps of the mid, one side
    day_volume_usd: float
    margin_table: int
    dex: str = ""
    spot: bool = False
    delisted: bool = False
    only_isolated: bool = False
    wire: str = ""  # name on the wire where it differs (spot pairs)

    @property
    def px_decimals(self) -> int:
        """Return the decimals of a price: 6 − szDecimals."""
        return 6 - self.sz_decimals

    @property
    def px_scale(self) -> int:
        """Return price units per USD."""
        return _POWERS[self.px_decimals]

    @property
    def sz_scale(self) -> int:
        """Return size units per coin."""
        return _POWERS[self.sz_decimals]

    @property
    def coin(self) -> str:
        """Return the name used in requests and answers."""
        return self.wire or self.name

    def tick(self, px: int) -> int:
        """Return the price step near a price: 5 significant figures, whole dollars always allowed."""
        step = 1
        while px >= step * 100_000 and step < self.px_scale:
            step *= 10
        return step

    def floor_px(self, px: float) -> int:
        """Round a price in units down to the tick, at least one tick."""
        step = self.tick(int(px))
        return max(int(px // step) * step, step)

    def ceil_px(self, px: float) -> int:
        """Round a price in units up to the tick."""
        step = self.tick(int(px))
        return -int(-px // step) * step

    def fee_micro(self, notional: int, taker: bool) -> int:
        """Return the fee in micro-USD: 0.045 % or 0.015 %, doubled on builder dexs, cut off at 6 decimals."""
        rate = (45 if taker else 15) * (2 if self.dex else 1)
        if self.spot:
            rate = 70 if taker else 40
        return notional * rate // 100_000


# name, szDecimals, maxLeverage, price, beta, own daily vol, spread bps, depth, daily volume, margin table
_MAIN = [
    ("BTC", 5, 40, 86_000.0, 1.0, 0.006, 0.12, 900_000, 3.0e9, 56),
    ("ETH", 4, 25, 2_735.0, 1.25, 0.012, 0.4, 600_000, 1.2e9, 55),
    ("ATOM", 2, 5, 1.742, 1.1, 0.030, 6.0, 40_000, 4.0e6, 5),
    ("MATIC", 1, 20, 0.3754, 1.0, 0.0, 0.0, 0, 0.0, 20),
    ("DYDX", 1, 5, 0.1522, 1.2, 0.035, 13.0, 18_000, 2.0e6, 5),
    ("SOL", 2, 20, 122.0, 1.4, 0.018, 0.6, 400_000, 3.2e8, 54),
    ("AVAX", 2, 10, 11.12, 1.4, 0.022, 2.5, 90_000, 2.0e7, 52),
    ("BNB", 3, 10, 780.0, 0.8, 0.012, 1.5, 120_000, 4.0e6, 51),
    ("ARB", 1, 10, 0.2051, 1.4, 0.028, 4.0, 60_000, 8.0e6, 51),
    ("DOGE", 0, 10, 0.1452, 1.5, 0.024, 1.8, 120_000, 4.0e7, 52),
    ("XRP", 0, 20, 1.912, 1.1, 0.018, 1.2, 180_000, 9.0e7, 53),
    ("LINK", 1, 10, 12.85, 1.4, 0.022, 2.0, 90_000, 2.0e7, 51),
    ("kPEPE", 0, 10, 0.006512, 1.7, 0.035, 3.5, 70_000, 2.5e7, 52),
    ("SUI", 1, 10, 1.455, 1.5, 0.026, 1.6, 110_000, 5.0e7, 52),
    ("AAVE", 2, 10, 183.6, 1.3, 0.024, 2.2, 80_000, 1.2e7, 51),
    ("HYPE", 2, 10, 38.4, 1.2, 0.030, 0.8, 350_000, 4.0e8, 52),
    ("ENA", 0, 10, 0.2451, 1.6, 0.036, 2.4, 70_000, 2.0e7, 51),
    ("FARTCOIN", 1, 10, 0.4125, 1.7, 0.050, 3.0, 60_000, 3.0e7, 51),
    ("PUMP", 0, 10, 0.003124, 1.5, 0.050, 4.5, 50_000, 2.0e7, 51),
    ("WLFI", 0, 5, 0.1322, 1.1, 0.036, 5.0, 40_000, 6.0e6, 5),
    ("ZEC", 2, 10, 402.0, 0.9, 0.050, 2.6, 90_000, 6.0e7, 51),
    ("MEGA", 0, 3, 0.0512, 1.0, 0.060, 16.0, 9_000, 8.0e5, 3),
]
_XYZ = [
    ("xyz:XYZ100", 4, 30, 25_460.0, 0.25, 0.008, 0.5, 500_000, 2.5e8, 30),
    ("xyz:NVDA", 3, 20, 182.4, 0.30, 0.016, 1.4, 150_000, 4.0e7, 20),
    ("xyz:CL", 3, 20, 61.35, 0.10, 0.015, 0.6, 250_000, 9.0e7, 20),
]
_SPOT = [
    ("PURR/USDC", 0, 1, 0.1205, 1.1, 0.030, 12.0, 6_000, 2.0e5, 0),
    ("HYPE/USDC", 2, 1, 38.4, 1.2, 0.030, 2.0, 150_000, 6.0e7, 0),
]
_NEW = ("MON", 0, 3, 0.0412, 1.4, 0.060, 5.0, 40_000, 8.0e6, 3)  # listed while the simulation runs
_WIRE = {"HYPE/USDC": "@107"}


def _universe() -> tuple[Coin, ...]:
    coins: list[Coin] = []
    for row in _MAIN:
        coins.append(Coin(len(coins), *row, delisted=row[0] == "MATIC"))
    for row in _XYZ:
        coins.append(Coin(len(coins), *row, dex="xyz", only_isolated=row[0] == "xyz:NVDA"))
    for row in _SPOT:
        coins.append(Coin(len(coins), *row, spot=True, wire=_WIRE.get(row[0], "")))
    coins.append(Coin(len(coins), *_NEW))
    return tuple(coins)


UNIVERSE = _universe()
BY_NAME = {coin.coin: coin for coin in UNIVERSE}
NEW = UNIVERSE[-1]
MAIN = tuple(coin for coin in UNIVERSE if not coin.dex and not coin.spot and coin is not NEW)
XYZ = tuple(coin for coin in UNIVERSE if coin.dex == "xyz")
SPOT = tuple(coin for coin in UNIVERSE if coin.spot)
PERPS = (*MAIN, *XYZ)
TRADED = tuple(coin for coin in UNIVERSE if not coin.delisted and coin is not NEW)
DEXS = ("", "xyz")  # in dex order
SPOT_HYPE = BY_NAME["@107"]
PERP_HYPE = BY_NAME["HYPE"]


def of_dex(dex: str) -> tuple[Coin, ...]:
    """Return the perpetuals that one dex has from the start, in asset order; "" is the main one."""
    return MAIN if not dex else tuple(coin for coin in XYZ if coin.dex == dex)
