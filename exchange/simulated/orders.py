"""Orders of an account, filled (read back from its fills) and resting; changes with their shape."""

from typing import Any

from exchange.simulated.accounts import Account
from exchange.simulated.book import Books
from exchange.simulated.coins import HOUR_MS, UNIVERSE
from exchange.simulated.decimals import exact
from exchange.simulated.execution import OID_EPOCH_MS
from exchange.simulated.fills import Fill
from exchange.simulated.noise import key_of, uniform
from exchange.simulated.people import Kind

Json = Any
_RESTING = {Kind.MAKER: 6, Kind.WINNER: 3, Kind.VAULT: 4}


class Orders:
    """Writes open and past orders."""

    def __init__(self, seed: int, books: Books) -> None:
        self._seed = seed
        self._books = books

    def resting(self, account: Account, dex: str, now: int, frontend: bool) -> list[Json]:
        """Write `openOrders` or `frontendOpenOrders`; they are renewed every hour."""
        person = account.person
        hour = now // HOUR_MS
        key = key_of(self._seed, "resting", person.address)
        rows: list[Json] = []
        for i in range(_RESTING.get(person.kind, 0)):
            coin = person.coins[i % len(person.coins)]
            if coin.dex != dex:
                continue
            placed = hour * HOUR_MS + i * 1_700
            if placed > now:
                continue
            buys = i % 2 == 0
            bid, ask = self._books.touch(coin, hour * HOUR_MS)
            away = 1 + 0.002 + 0.02 * uniform(key, hour * 16 + i)
            px = coin.floor_px(bid / away) if buys else coin.ceil_px(ask * away)
            size = max(round(person.equity_usd * 0.02 * 1e6 / px), 1)
            shown = exact(size, coin.sz_decimals)
            oid = (placed - OID_EPOCH_MS) * 4 + i
            side, price = "B" if buys else "A", exact(px, coin.px_decimals)
            rows.append(self._order(coin.coin, side, price, shown, oid, placed, shown, frontend, "Gtc"))
        return rows

    def history(self, account: Account, limit: int) -> list[Json]:
        """Write `historicalOrders`, newest first; only filled ones are known."""
        by_oid: dict[int, list[Fill]] = {}
        for fill in account.fills:
            by_oid.setdefault(fill.oid, []).append(fill)
        rows = [self._past(fills) for fills in by_oid.values()]
        rows.reverse()
        return rows[:limit]

    def status(self, account: Account, oid: int, now: int) -> Json:
        """Write `orderStatus`."""
        fills = [f for f in account.fills if f.oid == oid]
        if fills:
            return {"status": "order", "order": self._past(fills)}
        for dex in ("", "xyz"):
            for order in self.resting(account, dex, now, frontend=True):
                if order["oid"] == oid:
                    row = {"order": order, "status": "open", "statusTimestamp": order["timestamp"]}
                    return {"status": "order", "order": row}
        return {"status": "unknownOid"}

    def _past(self, fills: list[Fill]) -> Json:
        first, last = fills[0], fills[-1]
        coin = UNIVERSE[first.coin]
        size = exact(abs(sum(f.size for f in fills)), coin.sz_decimals)
        order = self._order(
            coin.coin, "B" if first.size > 0 else "A", exact(last.px, coin.px_decimals), "0.0", first.oid,
            first.time, size, True, "Ioc" if first.taker else "Gtc",
        )  # fmt: skip
        return {"order": order, "status": "filled", "statusTimestamp": last.time}

    @staticmethod
    def _order(
        coin: str, side: str, px: str, size: str, oid: int, placed: int, original: str, full: bool, tif: str
    ) -> Json:
        row: Json = {"coin": coin, "side": side, "limitPx": px, "sz": size, "oid": oid, "timestamp": placed}
        if not full:
            return row | {"origSz": original}
        return row | {
            "triggerCondition": "N/A",
            "isTrigger": False,
            "triggerPx": "0.0",
            "children": [],
            "isPositionTpsl": False,
            "reduceOnly": False,
            "orderType": "Limit",
            "origSz": original,
            "tif": tif,
            "cloid": None,
        }
