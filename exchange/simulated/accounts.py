"""An account at any time: positions, cash, funding, equity; changes with the exchange's accounting."""

from collections.abc import Iterable

import numpy as np

from exchange.simulated.coins import HOUR_MS, PERPS, UNIVERSE, Coin
from exchange.simulated.fills import Fill, Position, Transfer
from exchange.simulated.history import History
from exchange.simulated.noise import Ints, uniforms
from exchange.simulated.panel import Panel
from exchange.simulated.people import Person

_FUNDING_LATEST_MS = 135  # rows are stamped up to this much after the hour


class Account:
    """What is known of one account: its past, and what it has done since the simulation started."""

    def __init__(self, past: History, retained: int = 10_000) -> None:
        self.person: Person = past.person
        self.created_ms = past.created_ms
        self.start_ms = past.start_ms
        self.base_pnl = past.base_pnl
        self.base_volume = past.base_volume
        self.fills: list[Fill] = list(past.fills)
        self.transfers: list[Transfer] = list(past.transfers)
        self.positions: dict[int, Position] = {
            i: Position(p.size, p.cost, p.opened_ms, p.changed_ms) for i, p in past.positions.items()
        }
        self._retained = retained
        self._carried: dict[int, Position] = {}  # what was trimmed away, for the anonymous only
        self._cached: tuple[tuple[int, ...], Curve] | None = None

    def execute(self, coin: Coin, time: int, px: int, size: int, taker: bool, oid: int, tid: int, tx: int,
                twap_id: int = 0, liquidated: str = "", mark: int = 0) -> Fill:  # fmt: skip
        """Add one live execution and return it as a fill."""
        position = self.positions.get(coin.index)
        if position is None:
            position = self.positions[coin.index] = Position()
        start = position.size
        closed = position.apply(time, px, size)
        fee = coin.fee_micro(px * abs(size), taker)
        fill = Fill(
            time, coin.index, px, size, start, closed, fee, taker, oid, tid, tx, twap_id, liquidated, mark
        )
        self.fills.append(fill)
        if len(self.fills) > 2 * self._retained:
            self._trim()
        return fill

    def _trim(self) -> None:
        """Forget the oldest fills, keeping their sum as a transfer so that cash and equity stay exact."""
        gone, self.fills = self.fills[: -self._retained], self.fills[-self._retained :]
        for fill in gone:
            carried = self._carried.setdefault(fill.coin, Position())
            carried.size += fill.size
            carried.cost += fill.size * fill.px + fill.fee
        self._cached = None

    def carried(self) -> dict[int, Position]:
        """Return size and cash of forgotten fills by coin."""
        return self._carried

    def copy(self) -> "Account":
        """Return a copy that later executions don't change."""
        past = History(
            self.person, self.created_ms, self.start_ms, self.base_pnl, self.base_volume,
            self.fills, self.transfers, self.positions,
        )  # fmt: skip
        other = Account(past, self._retained)
        other._carried = {i: Position(p.size, p.cost) for i, p in self._carried.items()}
        return other

    def open_positions(self, coins: Iterable[Coin]) -> list[tuple[Coin, Position]]:
        """Return the open positions among these coins, in asset order."""
        found = [(coin, self.positions.get(coin.index)) for coin in coins]
        return [(coin, position) for coin, position in found if position is not None and position.size]

    def curve(self, panel: Panel, now_ms: int) -> "Curve":
        """Return the account's money over time up to now."""
        key = (
            len(self.fills),
            self.fills[-1].time if self.fills else 0,
            len(self.transfers),
            now_ms // HOUR_MS,
        )
        if self._cached is None or self._cached[0] != key:
            self._cached = (key, Curve(self, panel, now_ms))
        return self._cached[1]


class _Steps:
    """A sum of dated amounts, readable at any times."""

    def __init__(self, times: list[int], amounts: list[int]) -> None:
        at = np.array(times, dtype=np.int64)
        order = np.argsort(at, kind="stable")
        self.times = at[order]
        self.sums = np.concatenate(([0], np.cumsum(np.array(amounts, dtype=np.int64)[order])))

    def at(self, times: Ints) -> Ints:
        result: Ints = self.sums[np.searchsorted(self.times, times, side="right")]
        return result


class CoinFunding:
    """The hourly funding of one account and coin: only hours with a position and a rate."""

    def __init__(self, coin: Coin, hours: Ints, sizes: Ints, usdc: Ints) -> None:
        self.coin = coin
        self.hours = hours
        self.sizes = sizes
        self.usdc = usdc
        self.times = hours * HOUR_MS + stamp_delay(hours)


def stamp_delay(hours: Ints) -> Ints:
    """Return how many ms after the hour its funding rows are stamped."""
    delay: Ints = (uniforms(0x57A4, hours) * _FUNDING_LATEST_MS).astype(np.int64)
    return delay


class Curve:
    """Cash, positions, funding and transfers of one account as functions of time (micro-USD)."""

    def __init__(self, account: Account, panel: Panel, now_ms: int) -> None:
        self.account = account
        self.panel = panel
        self.sizes: dict[int, _Steps] = {}
        self.funding: dict[int, CoinFunding] = {}
        cash: dict[str, tuple[list[int], list[int]]] = {p: ([], []) for p in ("", "xyz", "spot")}
        by_coin: dict[int, list[Fill]] = {}
        for fill in account.fills:
            by_coin.setdefault(fill.coin, []).append(fill)
        for index in account.carried():
            by_coin.setdefault(index, [])
        for index, fills in by_coin.items():
            self._add_coin(UNIVERSE[index], fills, cash, now_ms)
        cash[""][0].append(account.start_ms)
        cash[""][1].append(account.base_pnl)
        transfers = account.transfers
        times = [t.time for t in transfers]
        for purse, amounts in (
            ("", [t.perp for t in transfers]),
            ("xyz", [t.xyz for t in transfers]),
            ("spot", [t.spot for t in transfers]),
        ):
            cash[purse][0].extend(times)
            cash[purse][1].extend(amounts)
        self.cash = {purse: _Steps(*events) for purse, events in cash.items()}
        self._perp_in = _Steps(times, [t.perp + t.xyz for t in transfers])
        self._all_in = _Steps(times, [t.perp + t.xyz + t.spot for t in transfers])
        self._volume = {
            spot: _Steps(
                [f.time for f in account.fills if spot or not UNIVERSE[f.coin].spot],
                [f.px * abs(f.size) for f in account.fills if spot or not UNIVERSE[f.coin].spot],
            )
            for spot in (False, True)
        }

    def _add_coin(
        self, coin: Coin, fills: list[Fill], cash: dict[str, tuple[list[int], list[int]]], now_ms: int
    ) -> None:
        times, amounts = cash["spot" if coin.spot else coin.dex]
        carried = self.account.carried().get(coin.index)
        steps = [f.time for f in fills]
        changes = [f.size for f in fills]
        if carried is not None:
            first = steps[0] if steps else self.account.start_ms
            steps.insert(0, first)
            changes.insert(0, carried.size)
            times.append(first)
            amounts.append(-carried.cost)
        times.extend(f.time for f in fills)
        if coin.spot:
            # held in 1e-8 of the coin, since the fee of a buy is taken in the coin
            scale = 10 ** (8 - coin.sz_decimals)
            changes = [f.size * scale - (f.fee if f.size > 0 else 0) for f in fills]
            amounts.extend(-f.size * f.px - (f.fee if f.size < 0 else 0) for f in fills)
        else:
            amounts.extend(-f.size * f.px - f.fee for f in fills)
        sizes = self.sizes[coin.index] = _Steps(steps, changes)
        if coin.spot or not steps:
            return
        hours = np.arange(steps[0] // HOUR_MS + 1, now_ms // HOUR_MS + 1)
        if not len(hours):
            return
        held = sizes.at(hours * HOUR_MS)
        hours, held = hours[held != 0], held[held != 0]
        if not len(hours):
            return
        usdc = -np.rint(held * self.panel.funding_per_unit(coin, hours)).astype(np.int64)
        funding = CoinFunding(coin, hours, held, usdc)
        if int(funding.times[-1]) > now_ms:  # this hour's row isn't stamped yet
            funding = CoinFunding(coin, hours[:-1], held[:-1], usdc[:-1])
        self.funding[coin.index] = funding
        times.extend(funding.times.tolist())
        amounts.extend(funding.usdc.tolist())

    def equity(self, times: Ints, purse: str) -> Ints:
        """Return the account value of one purse ("", "xyz" or "spot") at these times."""
        total = self.cash[purse].at(times)
        for index, sizes in self.sizes.items():
            coin = UNIVERSE[index]
            if ("spot" if coin.spot else coin.dex) != purse:
                continue
            held = sizes.at(times)
            if held.any():
                value = held * self.panel.marks(coin, times)
                total = total + (value // 10 ** (8 - coin.sz_decimals) if coin.spot else value)
        return total

    def perp_equity(self, times: Ints) -> Ints:
        """Return the account value over all perp dexs."""
        total = self.equity(times, "")
        if any(UNIVERSE[i].dex for i in self.sizes) or self.cash["xyz"].sums.any():
            total = total + self.equity(times, "xyz")
        return total

    def figures(self, times: Ints, spot: bool) -> tuple[Ints, Ints]:
        """Return account value and profit since the account's creation at these times (micro-USD)."""
        equity = self.perp_equity(times)
        if spot:
            equity = equity + self.equity(times, "spot")
        given = (self._all_in if spot else self._perp_in).at(times)
        account = self.account
        early = times < account.start_ms
        if early.any():  # before the recorded past: on a straight line
            span = max(account.start_ms - account.created_ms, 1)
            share = np.clip((times - account.created_ms) / span, 0.0, 1.0)
            equity = np.where(early, given + (account.base_pnl * share).astype(np.int64), equity)
        return equity, equity - given

    def volume(self, since_ms: int, until_ms: int, spot: bool) -> int:
        """Return the micro-USD traded in (since, until]; all time when since is before the recorded past."""
        start, end = self._volume[spot].at(np.array([since_ms, until_ms], dtype=np.int64)).tolist()
        return int(end - start) + (self.account.base_volume if since_ms < self.account.start_ms else 0)

    def funding_paid(self, coin: Coin, since_ms: int = 0) -> int:
        """Return the funding paid (negative: received) for one coin since a time."""
        found = self.funding.get(coin.index)
        return -int(found.usdc[found.times > since_ms].sum()) if found is not None else 0

    def coins(self) -> list[Coin]:
        """Return the perpetuals that were ever held."""
        return [coin for coin in PERPS if coin.index in self.sizes]
