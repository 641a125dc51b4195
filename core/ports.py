"""What the services and answers need from the outside; conformance is the type checker's job."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from core.detection.identity import LIVE
from core.model.alerts import Alert, Channel, Chat, Delivered, Role, Subscription, Target
from core.model.answers import HeldPosition
from core.model.fills import (
    AccountState,
    CurvePoint,
    Fill,
    FundingPayment,
    LeaderboardRow,
    Portfolio,
    SpotBalance,
    SubAccount,
    Transfer,
)
from core.model.market import Address, Bar, Book, Coin, CoinSpec, FundingRate, Quote, Trade
from core.model.opportunities import Crowd, Decision, Ending, Group, LiveOpportunity
from core.model.outcomes import PriceSample, ScoredOpportunity
from core.model.positions import PositionEvent
from core.model.traders import AccountFacts, Ranking, TraderStanding


class Clock(Protocol):
    """Where time comes from: the wall in live hours, the data in replay."""

    def now_ms(self) -> int:
        """Return UTC milliseconds since the epoch."""
        ...


# --- the exchange ------------------------------------------------------------------------------


class Exchange(Protocol):
    """Everything asked of the exchange; raises ``core.errors.ExchangeError`` only."""

    async def dexes(self) -> tuple[str, ...]:
        """Return the names of all dexes, the main one first as ``""``."""
        ...

    async def coins(self, dex: str = "") -> tuple[CoinSpec, ...]: ...
    async def mids(self, dex: str = "") -> Mapping[Coin, Decimal]: ...
    async def book(self, coin: Coin) -> Book | None: ...
    async def candles(self, coin: Coin, interval: str, start_ms: int, end_ms: int) -> tuple[Bar, ...]: ...
    async def funding_rates(self, coin: Coin, start_ms: int, end_ms: int) -> tuple[FundingRate, ...]: ...
    async def account_state(self, user: Address, dex: str = "") -> AccountState: ...
    async def spot_balances(self, user: Address) -> tuple[SpotBalance, ...]: ...
    def fills(self, user: Address, start_ms: int, end_ms: int) -> AsyncIterator[tuple[Fill, ...]]:
        """Yield pages of fills in execution order, no fill twice."""
        ...

    async def twap_fills(self, user: Address, start_ms: int, end_ms: int) -> tuple[Fill, ...]: ...
    async def portfolio(self, user: Address) -> Portfolio: ...
    async def funding(self, user: Address, start_ms: int, end_ms: int) -> tuple[FundingPayment, ...]: ...
    async def transfers(self, user: Address, start_ms: int, end_ms: int) -> tuple[Transfer, ...]: ...
    async def sub_accounts(self, master: Address) -> tuple[SubAccount, ...]: ...
    async def role(self, user: Address) -> str: ...
    def leaderboard(self) -> AsyncIterator[LeaderboardRow]:
        """Stream the leaderboard's rows without holding the whole of it."""
        ...

    async def vaults(self) -> frozenset[Address]: ...


@dataclass(frozen=True, slots=True)
class TradesHeard:
    """Trades of one frame; ``is_history``: the replay that follows a subscription."""

    trades: tuple[Trade, ...]
    received_ms: int
    is_history: bool = False


@dataclass(frozen=True, slots=True)
class MidsHeard:
    """New mids of some coins, USD."""

    mids: Mapping[Coin, Decimal]
    received_ms: int


@dataclass(frozen=True, slots=True)
class QuoteHeard:
    """A new best bid or ask."""

    quote: Quote
    received_ms: int


@dataclass(frozen=True, slots=True)
class GapHeard:
    """The feed was deaf between these moments, for these coins (empty: all)."""

    from_ms: int
    to_ms: int
    coins: tuple[Coin, ...]


FeedItem = TradesHeard | MidsHeard | QuoteHeard | GapHeard


class Feed(Protocol):
    """What the exchange pushes. Iterating connects, subscribes, reconnects; closing disconnects."""

    def __aiter__(self) -> AsyncIterator[FeedItem]: ...
    async def watch_coins(self, coins: Sequence[Coin]) -> None:
        """Subscribe to the trades of exactly these coins from now on."""
        ...

    def watch_accounts(self, accounts: frozenset[Address]) -> None:
        """Report only trades that name one of these accounts from now on; None of the rest."""
        ...


# --- what is stored ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class KnownAccount:
    """An account as stored: facts, and how far its history is known."""

    facts: AccountFacts
    collected_from_ms: int | None
    refined_ms: int | None
    month_pnl: float | None


class FillStore(Protocol):
    """Fills, funding, prices: what ranking reads. All adds are idempotent."""

    async def add_fills(self, fills: Sequence[Fill], source: str) -> int:
        """Store fills in one transaction and return how many were new."""
        ...

    async def fills_after(
        self, mark: int, accounts: Sequence[Address] | None = None
    ) -> tuple[int, list[Fill]]:
        """Return all fills stored after ``mark`` (0: all) by account, time, seq; and the new mark."""
        ...

    async def accounts_after(self, mark: int) -> tuple[int, list[Address]]:
        """Return the accounts with fills stored (or completed) after ``mark``, and the new mark."""
        ...

    async def fills_of(self, account: Address, from_ms: int = 0) -> list[Fill]: ...
    async def add_funding(
        self, user: Address, start_ms: int, end_ms: int, rows: Sequence[FundingPayment]
    ) -> None:
        """Replace the account's funding rows of ``[start_ms, end_ms]``."""
        ...

    async def funding_of(self, account: Address, from_ms: int = 0) -> list[FundingPayment]: ...
    async def add_funding_rates(self, rates: Sequence[FundingRate]) -> None: ...
    async def funding_rates(self, from_ms: int) -> list[FundingRate]: ...
    async def add_bars(self, interval: str, bars: Sequence[Bar]) -> None: ...
    async def bars(self, from_ms: int) -> list[tuple[str, Bar]]:
        """Return ``(interval, bar)`` of all coins from ``from_ms`` on, by coin and time."""
        ...

    async def save_coins(self, coins: Sequence[CoinSpec]) -> None: ...
    async def coins(self) -> list[CoinSpec]: ...
    async def traded_coins(self, from_ms: int) -> list[Coin]:
        """Return the coins with fills since then, those of most accounts first."""
        ...

    async def save_account(self, account: KnownAccount, now_ms: int) -> None: ...
    async def accounts(self) -> list[KnownAccount]: ...
    async def save_portfolio(self, portfolio: Portfolio) -> None:
        """Keep the ``perpMonth`` points as own snapshots in ``performance_history``."""
        ...

    async def equity_curve(self, account: Address, from_ms: int) -> list[CurvePoint]: ...


class RankingStore(Protocol):
    """Ranking runs."""

    async def save_ranking(self, ranking: Ranking) -> None: ...
    async def ranking(self, as_of_ms: int | None = None) -> Ranking | None:
        """Return the newest run, or the newest at or before ``as_of_ms``."""
        ...

    async def standing(
        self, address: Address, as_of_ms: int | None = None
    ) -> tuple[int, TraderStanding] | None:
        """Return ``(as_of_ms, standing)`` in that run, or None."""
        ...

    async def address_at(self, rank: int) -> Address | None: ...


@dataclass(frozen=True, slots=True)
class Publication:
    """All that one step of detection writes, in one transaction."""

    fills: tuple[Fill, ...] = ()
    events: tuple[PositionEvent, ...] = ()
    decisions: tuple[Decision, ...] = ()
    """A published one creates the opportunity, its alerts and outbox rows and its ledger entry."""
    endings: tuple[Ending, ...] = ()
    """Each creates exit alerts for those who were told to enter, and its ledger entry."""
    positions: tuple[tuple[Address, HeldPosition], ...] = ()
    """Each replaces what was stored of that account and coin."""
    moved: tuple[LiveOpportunity, ...] = ()
    """Live opportunities whose best or worst excursion widened."""
    now_ms: int = 0
    namespace: str = LIVE
    """What event ids are made with (``core.detection.identity.event_id``); not LIVE: a rehearsal's.

    Events are written again as they grow: the newest version of an id replaces the older one.
    """


class Publisher(Protocol):
    """The one door through which detection writes; everything in it is idempotent by id."""

    async def publish(self, publication: Publication, evidence: str) -> tuple[str, ...]:
        """Write all in one transaction; return the ids of the opportunities that were new."""
        ...


class Marks(Protocol):
    """Where prices at fixed moments and the outcomes made of them are kept."""

    async def add_samples(self, samples: Sequence[PriceSample]) -> None: ...
    async def save_scored(self, scored: Sequence[ScoredOpportunity]) -> None:
        """Write outcomes, excursions; replaces earlier rows of the same opportunity and horizon."""
        ...


class PublicationStore(Publisher, Marks, Protocol):
    """What detection wrote, and what it needs to go on after a restart."""

    async def live(self, rehearsal: bool = False) -> list[LiveOpportunity]:
        """Return opportunities without an ending, both groups, oldest first."""
        ...

    async def save_positions(
        self, account: Address, positions: Sequence[HeldPosition], as_of_ms: int
    ) -> None:
        """Replace all positions of one account."""
        ...

    async def positions(self, account: Address) -> list[HeldPosition]: ...
    async def last_fill_ms(self, account: Address) -> int | None: ...
    async def samples(self, since_ms: int, rehearsal: bool = False) -> list[PriceSample]: ...
    async def entries_since(self, since_ms: int, group: Group) -> list[Decision]:
        """Return published decisions and rejected entry events since then, oldest first."""
        ...


class Reader(Protocol):
    """What the answers read beside rankings and fills."""

    async def live(self, rehearsal: bool = False) -> list[LiveOpportunity]: ...
    async def scored(
        self,
        *,
        group: Group,
        since_ms: int | None = None,
        coin: Coin | None = None,
        loser: Address | None = None,
        rehearsal: bool = False,
    ) -> list[ScoredOpportunity]:
        """Return ended and live opportunities with their outcomes, oldest first."""
        ...

    async def decisions(
        self, *, coin: Coin | None, account: Address | None, limit: int, before: str | None
    ) -> list[Decision]: ...
    async def crowd(self, coin: Coin | None = None) -> list[Crowd]:
        """Return the listed losers' positions by coin, valued at the last known price."""
        ...

    async def positions(self, account: Address) -> list[HeldPosition]: ...
    async def delivery_counts(self) -> dict[str, int]: ...
    async def oldest_pending_ms(self) -> int | None: ...
    async def request_counts(self, since_ms: int) -> tuple[int, int]:
        """Return ``(requests, failed)`` since then from ``api_logs``."""
        ...

    async def totals(self) -> dict[str, int]:
        """Return ``accounts``, ``refined``, ``fills``, ``published``, ``undelivered``."""
        ...

    async def state(self, key: str) -> str | None:
        """Return a value that a running process left (``started_ms``, ``last_trade_ms`` …)."""
        ...


# --- import ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class RejectedRows:
    """How many rows of an archive were rejected for one reason, and the numbers of the first few."""

    count: int
    first_rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far the import of one archive was committed; all counts are from its beginning.

    ``rows`` counts what was taken from the archive's own deterministic sequence, so an import
    resumes by skipping that many.
    """

    rows: int = 0
    fills: int = 0
    added: int = 0
    repeated: int = 0
    """Rows that are copies of an earlier row of the same archive."""
    rejected: Mapping[str, RejectedRows] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ArchiveRow:
    """One row of an archive: a fill, or the reason why it is none, or neither: a repeated row."""

    number: int
    """The row's place in the file, from 1, in the file's own order."""
    fill: Fill | None = None
    problem: str | None = None


class FillArchive(Protocol):
    """A file of fills. Everything here blocks and raises ``core.errors.ArchiveError`` only."""

    name: str
    form: str
    account: Address | None
    total_bytes: int

    def scan(self) -> None:
        """Read the whole file once: its hash, its rows' order, whether it is sound."""
        ...

    @property
    def file_hash(self) -> str:
        """Return the file's SHA-256 in hex; scans when that hasn't been done."""
        ...

    @property
    def total_rows(self) -> int: ...
    @property
    def bytes_read(self) -> int:
        """Return how far into the file the current pass is."""
        ...

    def rows(self) -> Iterator[ArchiveRow]:
        """Yield all rows in a deterministic order: execution order inside each account."""
        ...


class ImportStore(Protocol):
    """Where imported fills go; progress is kept in the same transaction as the fills."""

    async def begin_import(self, import_id: str, name: str, form: str) -> ImportProgress:
        """Return what an interrupted import of this id had committed; all zero if new or finished.

        ``import_id`` is the file's SHA-256, followed by ``:account`` where the user named one.
        Beginning a finished import again resets its progress (its fills are known, so it adds 0).
        """
        ...

    async def add_import_chunk(self, import_id: str, fills: Sequence[Fill], progress: ImportProgress) -> int:
        """Store fills and the progress in one transaction; return how many fills were new.

        A fill whose key is known is left as it is.
        ``progress`` includes these fills but not their ``added``: the store adds what was new to
        ``progress.added`` before it writes it.
        """
        ...

    async def finish_import(self, import_id: str) -> None:
        """Mark the import as finished."""
        ...


class StateStore(Protocol):
    """Small facts that outlive a process, by name."""

    async def state(self, key: str) -> str | None: ...
    async def set_state(self, key: str, value: str) -> None: ...


# --- delivery ----------------------------------------------------------------------------------


class Outbox(Protocol):
    """The queue of alerts. A row is leased, committed as sending, sent, and marked."""

    async def lease(self, channels: Sequence[Channel], limit: int, lease_s: float, owner: str) -> list[Alert]:
        """Lease due alerts, at most one per target, in order per target."""
        ...

    async def sending(self, alert_id: int, owner: str) -> bool:
        """Commit that the request is about to go out; False when the lease was lost."""
        ...

    async def sent(self, alert_id: int, remote_id: str | None, now_ms: int) -> None: ...
    async def retry(self, alert_id: int, error: str, delay_s: float) -> None:
        """Put a surely unsent alert back for later."""
        ...

    async def unknown(self, alert_id: int, error: str) -> None: ...
    async def dead(self, alert_id: int, error: str) -> None: ...
    async def expired(self, alert_id: int) -> None: ...
    async def release(self, owner: str) -> None:
        """Return this owner's unsent leases to pending (shutdown)."""
        ...

    async def recover(self) -> list[Alert]:
        """Return alerts found ``sending`` after their lease ran out, their outcome unknown."""
        ...

    async def hold_target(self, target: Target, delay_s: float) -> None:
        """Send nothing to this target for so long."""
        ...

    async def disable_target(self, target: Target, reason: str) -> None: ...
    async def move_target(self, target: Target, new_chat: str) -> None: ...
    async def next_due_s(self) -> float | None: ...
    async def add_test(self, target: Target, now_ms: int) -> int:
        """Queue a marked rehearsal alert and return its id."""
        ...


class Waker(Protocol):
    """Tells when the outbox may have new rows: a hint, beside polling."""

    async def wait(self, timeout_s: float) -> None: ...


class Notifier(Protocol):
    """One destination. Sends one alert or raises ``core.errors.DeliveryError``."""

    channel: Channel

    async def send(self, alert: Alert, now_ms: int) -> Delivered: ...


class ChatStore(Protocol):
    """Who may hear what."""

    async def chat(self, target: Target) -> Chat | None: ...
    async def add_chat(self, target: Target, role: Role, title: str) -> Chat: ...
    async def set_role(self, target: Target, role: Role) -> None: ...
    async def enable(self, target: Target) -> None: ...
    async def subscribe(self, target: Target, subscription: Subscription) -> None: ...
    async def unsubscribe(self, target: Target, coin: Coin | None) -> int:
        """Remove one coin's subscription (None: all of them); return how many."""
        ...

    async def owners(self) -> list[Chat]: ...
    async def claim_owner(self, target: Target, code: str, title: str) -> bool:
        """Make this chat the owner if the one-time code is right and unused."""
        ...


Sleep = Callable[[float], Awaitable[None]]
