"""What the exchange says about one account, as JSON-ready values; changes with the shapes of the wire."""

from typing import Any

import numpy as np

from exchange.simulated.accounts import Account
from exchange.simulated.coins import (
    DAY_MS,
    HOUR_MS,
    SPOT,
    SPOT_HYPE,
    UNIVERSE,
    Coin,
    of_dex,
)
from exchange.simulated.decimals import Printer, exact, text
from exchange.simulated.fills import Fill, Position, Transfer, direction
from exchange.simulated.noise import hex_of
from exchange.simulated.panel import Panel

Json = Any
ZERO_HASH = "0x" + "0" * 64
_DAILY_AFTER_DAYS = 14  # funding rows older than this come as one a day
_TWAP_DAYS = 13


class Statements:
    """Writes the account answers of the info endpoint."""

    def __init__(self, seed: int, panel: Panel, printer: Printer) -> None:
        self._seed = seed
        self._panel = panel
        self._print = printer

    # positions -------------------------------------------------------------------------------------------

    def clearinghouse(self, account: Account | None, dex: str, now: int) -> Json:
        """Write `clearinghouseState`; an unknown account has zeros."""
        usd = self._print.usd
        cash, total_notional, margin_used, cross_margin, maintenance = 0, 0, 0, 0, 0
        isolated_value, value, positions = 0, 0, list[Json]()
        held: list[tuple[Coin, Position]] = []
        if account is not None:
            held = account.open_positions(of_dex(dex))
            curve = account.curve(self._panel, now)
            cash = int(curve.cash[dex].at(np.array([now]))[0])
            value = cash + sum(p.size * self._panel.market.mark(c, now) for c, p in held)
            for coin, position in held:
                notional = abs(position.size) * self._panel.market.mark(coin, now)
                total_notional += notional
                if coin.only_isolated:
                    isolated_value += self._isolated(account, coin, position, now)[1]
                else:
                    margin_used += notional // _leverage(account, coin)
                    cross_margin += notional
                    maintenance += notional // (2 * coin.max_leverage)
            for coin, position in held:
                free = value - isolated_value - maintenance
                positions.append(self._position(account, coin, position, now, free))
        cross_raw = cash - sum(
            self._isolated(account, c, p, now)[0] for c, p in held if account and c.only_isolated
        )
        return {
            "marginSummary": {
                "accountValue": usd(value),
                "totalNtlPos": usd(total_notional),
                "totalRawUsd": usd(cash),
                "totalMarginUsed": usd(margin_used + isolated_value),
            },
            "crossMarginSummary": {
                "accountValue": usd(value - isolated_value),
                "totalNtlPos": usd(cross_margin),
                "totalRawUsd": usd(cross_raw),
                "totalMarginUsed": usd(margin_used),
            },
            "crossMaintenanceMarginUsed": usd(maintenance),
            "withdrawable": usd(max(value - isolated_value - margin_used, 0)),
            "assetPositions": positions,
            "time": now,
        }

    def _isolated(self, account: Account, coin: Coin, position: Position, now: int) -> tuple[int, int]:
        """Return raw USD and margin of an isolated position; margin is topped up before it is liquidated."""
        value = position.size * self._panel.market.mark(coin, now)
        least = abs(value) // coin.max_leverage
        raw = max(abs(position.cost) // _leverage(account, coin) - position.cost, least - value)
        return raw, raw + value

    def _position(self, account: Account, coin: Coin, position: Position, now: int, free: int) -> Json:
        usd = self._print.usd
        mark = self._panel.market.mark(coin, now)
        size, notional, leverage = position.size, abs(position.size) * mark, _leverage(account, coin)
        profit = size * mark - position.cost
        curve = account.curve(self._panel, now)
        kind: Json = {"type": "cross", "value": leverage}
        margin = notional // leverage
        if coin.only_isolated:
            raw, margin = self._isolated(account, coin, position, now)
            kind = {"type": "isolated", "value": leverage, "rawUsd": usd(raw)}
            free = margin - notional // (2 * coin.max_leverage)
        side = 1 if size > 0 else -1
        liquidation = (mark - side * free / abs(size) / (1 - side / (2 * coin.max_leverage))) / coin.px_scale
        return {
            "type": "oneWay",
            "position": {
                "coin": coin.coin,
                "szi": self._print.units(size, coin.sz_decimals),
                "leverage": kind,
                "entryPx": exact(abs(position.cost) // abs(size), coin.px_decimals),
                "positionValue": usd(notional),
                "unrealizedPnl": usd(profit),
                "returnOnEquity": text(round(profit / (abs(position.cost) / leverage), 10)),
                "liquidationPx": text(round(liquidation, 10)) if liquidation > 0 else None,
                "marginUsed": usd(margin),
                "maxLeverage": coin.max_leverage,
                "cumFunding": {
                    "allTime": usd(curve.funding_paid(coin)),
                    "sinceOpen": usd(curve.funding_paid(coin, position.opened_ms)),
                    "sinceChange": usd(curve.funding_paid(coin, position.changed_ms)),
                },
            },
        }

    def spot_state(self, account: Account | None, now: int) -> Json:
        """Write `spotClearinghouseState`."""
        if account is None:
            return {"balances": []}
        curve = account.curve(self._panel, now)
        at = np.array([now])
        usdc = int(curve.cash["spot"].at(at)[0])
        balances = [
            {"coin": "USDC", "token": 0, "total": self._print.usd(usdc), "hold": "0.0", "entryNtl": "0.0"}
        ]
        for coin in SPOT:
            steps = curve.sizes.get(coin.index)
            if steps is not None:
                cost = sum(f.size * f.px for f in account.fills if f.coin == coin.index)
                balances.append(
                    {
                        "coin": "HYPE" if coin is SPOT_HYPE else "PURR",
                        "token": 150 if coin is SPOT_HYPE else 1,
                        "total": self._print.units(int(steps.at(at)[0]), 8),
                        "hold": "0.0",
                        "entryNtl": self._print.usd(cost),
                    }
                )
        return {"balances": balances}

    # fills -----------------------------------------------------------------------------------------------

    def fill(self, fill: Fill) -> Json:
        """Write one fill."""
        coin = UNIVERSE[fill.coin]
        token, fee = "USDC", exact(fill.fee, 6)
        if coin.spot and fill.size > 0:
            token, fee = ("HYPE" if coin is SPOT_HYPE else "PURR"), exact(fill.fee, 8)
        row: Json = {
            "coin": coin.coin,
            "px": exact(fill.px, coin.px_decimals),
            "sz": exact(abs(fill.size), coin.sz_decimals),
            "side": "B" if fill.size > 0 else "A",
            "time": fill.time,
            "startPosition": self._print.units(fill.start, coin.sz_decimals),
            "dir": direction(coin, fill),
            "closedPnl": self._print.usd(fill.closed),
            "hash": self.transaction(fill.tx),
            "oid": fill.oid,
            "crossed": fill.taker,
            "fee": fee,
            "tid": fill.tid,
        }
        if fill.liquidated:
            row["liquidation"] = {
                "liquidatedUser": fill.liquidated,
                "markPx": exact(fill.mark, coin.px_decimals),
                "method": "market",
            }
        row["feeToken"] = token
        row["twapId"] = None
        return row

    def transaction(self, tx: int) -> str:
        """Write the hash of a transaction."""
        return hex_of(self._seed, 64, "tx", tx) if tx else ZERO_HASH

    def fills(
        self, account: Account, start: int, end: int, newest_first: bool, limit: int, merge: bool
    ) -> list[Json]:
        """Return the first `limit` fills of [start, end], both inclusive, without TWAP slices."""
        kept = [f for f in account.fills[-10_000:] if not f.twap_id and start <= f.time <= end]
        if newest_first:
            kept.reverse()
        if merge:
            kept = _merged(kept)
        return [self.fill(f) for f in kept[:limit]]

    def twap_fills(self, account: Account, start: int, end: int, now: int) -> list[Json]:
        """Return the TWAP slices of the last 13 days, oldest first."""
        start = max(start, now - _TWAP_DAYS * DAY_MS)
        kept = [f for f in account.fills if f.twap_id and start <= f.time <= end]
        return [{"fill": self.fill(f), "twapId": f.twap_id} for f in kept]

    # money -----------------------------------------------------------------------------------------------

    def funding(self, account: Account, start: int, end: int, now: int, limit: int) -> list[Json]:
        """Write `userFunding`: hourly rows, those older than two weeks rolled into one a day."""
        edge = (now // DAY_MS - _DAILY_AFTER_DAYS) * DAY_MS
        rows: list[tuple[int, int, Json]] = []
        for index, found in account.curve(self._panel, now).funding.items():
            coin = UNIVERSE[index]
            rates = self._panel.market.funding_rates(coin, found.hours)
            begins = found.hours * HOUR_MS
            shown = (begins >= edge) & (found.times >= start) & (found.times <= end)
            for i in np.flatnonzero(shown).tolist():
                size = self._print.units(int(found.sizes[i]), coin.sz_decimals)
                delta = self._delta(coin, int(found.usdc[i]), size, float(rates[i]), None)
                rows.append((int(found.times[i]), index, delta))
            days = begins // DAY_MS
            shown = (begins < edge) & (days * DAY_MS >= start) & (days * DAY_MS <= end)
            for day in sorted(set(days[shown].tolist())):
                first, last = np.searchsorted(days, (day, day + 1)).tolist()
                size = text(round(float(found.sizes[first:last].mean()) / coin.sz_scale, 10))
                usdc, rate = int(found.usdc[first:last].sum()), float(rates[first:last].mean())
                rows.append((day * DAY_MS, index, self._delta(coin, usdc, size, rate, last - first)))
        rows.sort(key=lambda row: row[:2])
        return [{"time": time, "hash": ZERO_HASH, "delta": delta} for time, _, delta in rows[:limit]]

    def _delta(self, coin: Coin, usdc: int, size: str, rate: float, samples: int | None) -> Json:
        return {
            "type": "funding",
            "coin": coin.coin,
            "usdc": exact(usdc, 6),
            "szi": size,
            "fundingRate": text(round(rate, 10)),
            "nSamples": samples,
        }

    def ledger(self, account: Account, start: int, end: int, limit: int) -> list[Json]:
        """Write `userNonFundingLedgerUpdates`."""
        rows = sorted(t for t in account.transfers if start <= t.time <= end)
        return [self._ledger_row(account, t) for t in rows[:limit]]

    def _ledger_row(self, account: Account, move: Transfer) -> Json:
        delta: Json = {"type": move.kind, "usdc": self._print.usd(move.usdc)}
        if move.kind == "withdraw":
            delta |= {"nonce": move.time - 2_500, "fee": "1.0"}
        elif move.kind == "accountClassTransfer":
            delta["toPerp"] = move.perp > 0
        elif move.kind == "subAccountTransfer":
            delta |= {"user": move.user, "destination": move.destination}
        elif move.kind == "send":
            amount = self._print.usd(move.usdc)
            delta = {
                "type": "send",
                "user": move.user,
                "destination": move.destination,
                "sourceDex": "",
                "destinationDex": "xyz",
                "token": "USDC",
                "amount": amount,
                "usdcValue": amount,
                "fee": "0.0",
                "nativeTokenFee": "0.0",
                "nonce": move.time - 1_500,
                "feeToken": "",
            }
        elif move.kind == "liquidation":
            size = self._liquidated_size(account, move)
            value = int(account.curve(self._panel, move.time).equity(np.array([move.time]), "")[0])
            delta = {
                "type": "liquidation",
                "liquidatedNtlPos": self._print.usd(move.usdc),
                "accountValue": self._print.usd(max(value, 0)),
                "leverageType": "Cross",
                "liquidatedPositions": [{"coin": move.user, "szi": size}],
            }
        return {
            "time": move.time,
            "hash": hex_of(self._seed, 64, "ledger", account.person.address, *move[:3]),
            "delta": delta,
        }

    def _liquidated_size(self, account: Account, move: Transfer) -> str:
        decimals = next(c.sz_decimals for c in UNIVERSE if c.coin == move.user)
        return self._print.units(move.note, decimals)


def _leverage(account: Account, coin: Coin) -> int:
    return min(account.person.leverage, coin.max_leverage)


def _merged(fills: list[Fill]) -> list[Fill]:
    """Merge neighbours of one order, price-weighted, as `aggregateByTime` does."""
    merged: list[Fill] = []
    for fill in fills:
        last = merged[-1] if merged else None
        if last is not None and (last.oid, last.time) == (fill.oid, fill.time) and fill.taker:
            size = last.size + fill.size
            px = (last.px * abs(last.size) + fill.px * abs(fill.size)) // abs(size)
            merged[-1] = last._replace(
                size=size, px=px, closed=last.closed + fill.closed, fee=last.fee + fill.fee
            )
        else:
            merged.append(fill)
    return merged
