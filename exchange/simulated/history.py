"""Thirty-five days of one account before the start, as a pure function of (seed, account, origin).

Changes when what an account's past consists of changes; how people decide is in `planning`.
"""

from dataclasses import dataclass, field

from exchange.simulated.coins import DAY_MS, HOUR_MS, MICRO
from exchange.simulated.execution import execute
from exchange.simulated.fills import Fill, Position, Transfer
from exchange.simulated.noise import generator, key_of, uniform
from exchange.simulated.panel import Panel
from exchange.simulated.people import Kind, Person
from exchange.simulated.planning import Planner

HISTORY_DAYS = 35
# profit before the recorded past, as a multiple of the equity at its start
_PAST_PNL = {Kind.LOSER: -1.6, Kind.WINNER: 0.6, Kind.MAKER: 0.4, Kind.VAULT: 0.3, Kind.QUIET: -0.4}


@dataclass(slots=True)
class History:
    """One account's past: fills in execution order, transfers in time order, and what came before."""

    person: Person
    created_ms: int
    start_ms: int
    base_pnl: int  # micro-USD before start_ms
    base_volume: int
    fills: list[Fill] = field(default_factory=list)
    transfers: list[Transfer] = field(default_factory=list)
    positions: dict[int, Position] = field(default_factory=dict)


def history_of(seed: int, person: Person, panel: Panel, subs: tuple[Person, ...] = ()) -> History:
    """Make the account's past up to the panel's origin; `subs` are a master's sub-accounts."""
    past = _before(seed, person, panel)
    equity = round(person.equity_usd * MICRO)
    funded = equity - past.base_pnl
    grants = [_before(seed, sub, panel) for sub in subs]
    if person.master:
        past.transfers = [_grant(past)]
    else:
        moves = [_grant(grant) for grant in grants]
        if moves:
            past.created_ms = min(past.created_ms, *(move.time for move in moves)) - DAY_MS
        given = sum(move.usdc for move in moves)
        past.transfers = [Transfer(past.created_ms, "deposit", funded + given, funded + given)]
        past.transfers += [move._replace(perp=-move.usdc) for move in moves]
    if any(coin.dex for coin in person.coins):
        amount = equity * 3 // 10
        time = past.created_ms + 2 * HOUR_MS
        past.transfers.append(
            Transfer(time, "send", amount, -amount, 0, amount, person.address, person.address)
        )
    rng = generator(seed, "history", person.address)
    orders, transfers = Planner(person, panel, past.start_ms, rng).run()
    done = execute(seed, person.address, orders, panel, rng)
    past.fills, past.positions = done.fills, done.positions
    past.transfers = sorted((*past.transfers, *transfers, *done.liquidations))
    return past


def _before(seed: int, person: Person, panel: Panel) -> History:
    """Return what an account was before its recorded past begins."""
    key = key_of(seed, "before", person.address)
    start = panel.origin_ms - HISTORY_DAYS * DAY_MS + int(uniform(key, 0) * DAY_MS / 2)
    equity = round(person.equity_usd * MICRO)
    share = _PAST_PNL.get(person.kind, -0.2) * (0.3 + 1.2 * uniform(key, 1))
    created = start - int((0.2 + 2 * uniform(key, 2)) * 365 * DAY_MS)
    volume = int(equity * (20 + 300 * uniform(key, 3)))
    return History(person, created, start, int(equity * min(share, 0.8)), volume)


def _grant(sub: History) -> Transfer:
    """Return the transfer with which a master opened a sub-account, as the sub-account sees it."""
    amount = round(sub.person.equity_usd * MICRO) - sub.base_pnl
    return Transfer(
        sub.created_ms,
        "subAccountTransfer",
        amount,
        amount,
        0,
        0,
        sub.person.master or "",
        sub.person.address,
    )
