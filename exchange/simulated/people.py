"""Who trades on the simulated exchange: kinds, addresses, habits; changes when the population changes."""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np

from exchange.simulated.coins import MAIN, XYZ, Coin
from exchange.simulated.noise import generator, hex_of, key_of, uniform

HLP = (
    "0xdfc24b077bc1425ad1dea75bcb6f8158e10df303",
    "0x010461c14e146ac35fe42271bdc1134ee31c703a",
    "0x31ca8395cf837de08b24da3f660e77761dfb974b",
    "0x2e3d94f0562703b25c83308a05046ddaf9a8dd14",
)
CROWD_SIZE = 400


class Kind(StrEnum):
    """What an account does for a living."""

    LOSER = "loser"  # chases moves as taker, cuts winners early, holds losers, trades too much
    NOISE = "noise"
    WINNER = "winner"  # fades moves, mostly as maker
    MAKER = "maker"
    HEDGER = "hedger"  # spot long, perp short
    VAULT = "vault"
    QUIET = "quiet"  # few trades, long ago
    MASTER = "master"  # idle itself; its sub-accounts trade
    CROWD = "crowd"  # anonymous: no leaderboard row, no history


_SHARES = (
    (Kind.LOSER, 0.16),
    (Kind.NOISE, 0.47),
    (Kind.WINNER, 0.12),
    (Kind.MAKER, 0.05),
    (Kind.HEDGER, 0.05),
    (Kind.VAULT, 0.01),
    (Kind.QUIET, 0.10),
    (Kind.MASTER, 0.04),
)
_HOSTILE = (
    "<b>bold</b> & co",
    "@everyone free money",
    "_under*star`tick[",
    "gm\u202eevil",
    "🚀🚀🚀",
    "[click](https://example.invalid/claim)",
    "someone@example.invalid",
    "O'Brien; DROP TABLE traders;--",
    "a" * 64,
    "零和",
)


@dataclass(frozen=True, slots=True)
class Person:
    """One account and its habits; times in minutes, thresholds in standard deviations of an hourly move."""

    number: int
    address: str
    kind: Kind
    display_name: str | None
    equity_usd: float
    coins: tuple[Coin, ...]
    trips: int  # in 35 days
    taker: float  # chance that an order is aggressive
    chase: float  # chance that a position follows the recent move
    target: float
    stop: float
    patience_min: int
    leverage: int
    twap: bool
    master: str | None = None
    name: str = ""  # of a sub-account

    @property
    def directional(self) -> bool:
        """Say whether its orders are separate decisions (truth is kept for these)."""
        return self.kind not in (Kind.MAKER, Kind.CROWD, Kind.VAULT)


@dataclass(frozen=True, slots=True)
class _Habits:
    equity: float
    spread: float
    trips: tuple[int, int]
    taker: float
    chase: float
    target: float
    stop: float
    patience_min: int


_HABITS = {
    Kind.LOSER: _Habits(18_000, 0.9, (28, 66), 0.92, 0.88, 0.75, 3.4, 2160),
    Kind.NOISE: _Habits(9_000, 1.2, (14, 60), 0.60, 0.5, 1.6, 1.6, 900),
    Kind.WINNER: _Habits(50_000, 1.1, (24, 60), 0.25, 0.12, 1.2, 2.0, 480),
    Kind.MAKER: _Habits(250_000, 0.8, (150, 240), 0.13, 0.5, 1.0, 1.0, 60),
    Kind.HEDGER: _Habits(90_000, 0.8, (2, 4), 0.5, 0.5, 99.0, 99.0, 50_000),
    Kind.VAULT: _Habits(2_500_000, 1.0, (60, 110), 0.3, 0.3, 1.2, 1.8, 720),
    Kind.QUIET: _Habits(3_000, 1.3, (2, 7), 0.6, 0.5, 1.6, 1.6, 900),
    Kind.MASTER: _Habits(900, 0.8, (0, 1), 0.6, 0.5, 1.5, 1.5, 600),
    Kind.CROWD: _Habits(0, 0.0, (0, 1), 0.5, 0.5, 1.0, 1.0, 1),
}


class Population:
    """Every account of one seed: leaderboard rows, their sub-accounts, and the anonymous crowd."""

    def __init__(self, seed: int, rows: int) -> None:
        self.seed = seed
        self.rows: list[Person] = []
        self.subs: dict[str, list[Person]] = {}
        self.agents: dict[str, str] = {}  # API wallet → master
        self.by_address: dict[str, Person] = {}
        kinds = self._kinds(rows)
        for number in range(rows):
            person = self._person(number, kinds[number])
            self.rows.append(person)
            if person.kind is Kind.MASTER:
                self._add_subs(person)
        self.crowd = [self._crowd(i) for i in range(CROWD_SIZE)]
        for person in (*self.rows, *(s for subs in self.subs.values() for s in subs), *self.crowd):
            self.by_address[person.address] = person
        for person in self.rows[::97]:
            self.agents[hex_of(seed, 40, "agent", person.number)] = person.address

    def of_kind(self, kind: Kind) -> list[Person]:
        """Return all acting accounts of a kind, sub-accounts included."""
        subs = (s for master in self.subs.values() for s in master)
        return [person for person in (*self.rows, *subs) if person.kind == kind]

    def _kinds(self, rows: int) -> list[Kind]:
        """Deal the kinds in fixed shares, shuffled, HLP's four vaults first when there is room."""
        kinds: list[Kind] = [kind for kind, share in _SHARES for _ in range(round(share * rows))]
        kinds = (kinds + [Kind.NOISE] * rows)[:rows]
        order = generator(self.seed, "kinds").permutation(rows)
        shuffled = [kinds[i] for i in order]
        if rows >= 20:
            shuffled[:4] = [Kind.VAULT] * 4
        return shuffled

    def _person(self, number: int, kind: Kind, master: Person | None = None, nth: int = 0) -> Person:
        label = f"{number}" if master is None else f"{number}.{nth}"
        rng = generator(self.seed, "person", label)
        habits = _HABITS[kind]
        coins = _favourites(rng, kind)
        address = hex_of(self.seed, 40, "address", label)
        if master is None and number < 4 and kind is Kind.VAULT:
            address = HLP[number]
        named = master is None and rng.random() < 0.08
        equity = float(np.clip(habits.equity * np.exp(habits.spread * rng.standard_normal()), 300, 2e7))
        if kind is Kind.LOSER:
            equity = max(equity, 3_000.0)
        return Person(
            number=number,
            address=address,
            kind=kind,
            display_name=str(rng.choice(_HOSTILE)) if named else None,
            equity_usd=round(equity, 2),
            coins=coins,
            trips=int(rng.integers(habits.trips[0], habits.trips[1] + 1)),
            taker=float(np.clip(habits.taker + 0.08 * rng.standard_normal(), 0.02, 1.0)),
            chase=habits.chase,
            target=habits.target * float(np.exp(0.2 * rng.standard_normal())),
            stop=habits.stop * float(np.exp(0.2 * rng.standard_normal())),
            patience_min=habits.patience_min,
            leverage=int(rng.choice([3, 5, 10, 20, 40])),
            twap=kind in (Kind.LOSER, Kind.NOISE, Kind.WINNER) and rng.random() < 0.04,
            master=master.address if master else None,
            name=f"Sub {nth + 1}" if master else "",
        )

    def _add_subs(self, master: Person) -> None:
        key = key_of(self.seed, "subs", master.number)
        subs: list[Person] = []
        for nth in range(1 + int(3 * uniform(key, 0))):
            kind = Kind.LOSER if uniform(key, nth + 1) < 0.5 else Kind.NOISE
            subs.append(self._person(master.number, kind, master, nth))
        self.subs[master.address] = subs

    def _crowd(self, i: int) -> Person:
        return Person(
            1_000_000 + i,
            hex_of(self.seed, 40, "crowd", i),
            Kind.CROWD,
            display_name=None,
            equity_usd=50_000.0,
            coins=(),
            trips=0,
            taker=0.5,
            chase=0.5,
            target=1,
            stop=1,
            patience_min=1,
            leverage=5,
            twap=False,
        )


def _favourites(rng: np.random.Generator, kind: Kind) -> tuple[Coin, ...]:
    """Choose two to five coins, liquid ones more often; hedgers have HYPE, few people like builder dexs."""
    pool = [coin for coin in MAIN if not coin.delisted]
    if kind is Kind.HEDGER:
        return (next(coin for coin in pool if coin.name == "HYPE"),)
    if rng.random() < 0.12:
        pool += XYZ
    weights = np.array([coin.day_volume_usd for coin in pool]) ** 0.35
    count = int(rng.integers(2, 6)) if kind is not Kind.MAKER else int(rng.integers(2, 5))
    chosen = rng.choice(len(pool), size=count, replace=False, p=weights / weights.sum())
    return tuple(pool[i] for i in chosen)
