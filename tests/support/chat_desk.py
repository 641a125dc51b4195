"""A desk of commands over rows held in memory: what a store would return, and who may hear it."""

from dataclasses import dataclass, field, replace
from typing import Any

from bot import command_list
from bot.access import Access, Policy
from bot.answers import Answers
from bot.charts import Charts
from bot.commands import Commands
from core.model.alerts import Target
from core.model.chats import Chat, Role, Subscription
from core.model.market import Address, Coin, CoinSpec
from core.model.opportunities import Crowd, Group, LiveOpportunity
from core.model.outcomes import ScoredOpportunity
from core.model.positions import RoundTrip
from core.model.traders import Ranking, TraderStanding
from tests.support.chat_facts import (
    LOSER,
    NOW_MS,
    make_crowd,
    make_losers,
    make_opportunities,
    make_standing,
    make_trader,
)
from tests.support.chat_wishes import made_up_stores

CODE = "open-sesame-4711"


@dataclass
class Noon:
    """A clock that stands still until it is set."""

    at_ms: int = NOW_MS

    def now_ms(self) -> int:
        return self.at_ms


@dataclass
class ChatRows:
    """Who may hear what, as the chats' table keeps it."""

    rows: dict[Target, Chat] = field(default_factory=dict)
    places: dict[Target, Target] = field(default_factory=dict)
    code: str | None = CODE
    failure: Exception | None = None

    def let_in(self, target: Target, role: Role = Role.MEMBER) -> None:
        self.rows[target] = Chat(target, role, "a chat", None, ())

    async def chat(self, target: Target) -> Chat | None:
        if self.failure is not None:
            raise self.failure
        return self.rows.get(target)

    async def add_chat(self, target: Target, role: Role, title: str) -> Chat:
        return self.rows.setdefault(target, Chat(target, role, title, None, ()))

    async def set_role(self, target: Target, role: Role) -> None:
        self.rows[target] = replace(self.rows[target], role=role)

    async def enable(self, target: Target) -> None:
        self.rows[target] = replace(self.rows[target], disabled_reason=None)

    async def subscribe(self, target: Target, subscription: Subscription) -> None:
        chat = self.rows[target]
        others = tuple(one for one in chat.subscriptions if one.coin != subscription.coin)
        self.rows[target] = replace(chat, subscriptions=(*others, subscription))

    async def unsubscribe(self, target: Target, coin: Coin | None) -> int:
        chat = self.rows[target]
        kept = tuple(one for one in chat.subscriptions if coin is not None and one.coin != coin)
        self.rows[target] = replace(chat, subscriptions=kept)
        return len(chat.subscriptions) - len(kept)

    async def owners(self) -> list[Chat]:
        return [chat for chat in self.rows.values() if chat.role is Role.OWNER]

    async def pending(self) -> list[Chat]:
        return [chat for chat in self.rows.values() if chat.role is Role.PENDING]

    async def note_asker(self, target: Target, user_id: str | None) -> None:
        self.rows[target] = replace(self.rows[target], asked_by=user_id)

    async def note_place(self, target: Target, within: Target) -> None:
        self.places[target] = within

    async def forget(self, target: Target) -> None:
        gone = self.rows.pop(target, None)
        if gone is not None and gone.role is Role.DECLINED:
            self.rows[target] = Chat(target, Role.DECLINED, "", None, ())

    async def claim_owner(self, target: Target, code: str, title: str) -> bool:
        if code != self.code:
            return False
        self.code = None
        self.rows[target] = Chat(target, Role.OWNER, title, None, ())
        return True

    # What the outbox does to a chat.

    async def switch_off(self, target: Target, reason: str) -> None:
        self.rows[target] = replace(self.rows[target], disabled_reason=reason)

    async def move(self, target: Target, new_chat: str) -> None:
        moved = replace(target, chat=new_chat)
        self.rows[moved] = replace(self.rows.pop(target), target=moved)


@dataclass
class FactRows:
    """One ranking, one live opportunity, two coins: what the answers read."""

    run: Ranking | None = field(
        default_factory=lambda: Ranking(
            "r1",
            make_losers().as_of_ms or 0,
            2380,
            (*make_losers(6).items, make_standing(7)),
            label_fdr=0.031,
        )
    )
    state_rows: dict[str, str] = field(
        default_factory=lambda: {"started_ms": str(NOW_MS - 3_600_000), "alive_ms": str(NOW_MS - 1_000)}
    )

    async def coins(self) -> list[CoinSpec]:
        return [CoinSpec(Coin(name), 3, 50) for name in ("BTC", "ETH", "kPEPE")]

    async def ranking(self, as_of_ms: int | None = None) -> Ranking | None:
        return self.run

    async def earliest_ms(self) -> int | None:
        return self.run.as_of_ms if self.run else None

    async def standing(
        self, address: Address, as_of_ms: int | None = None
    ) -> tuple[int, TraderStanding] | None:
        rows = self.run.standings if self.run else ()
        return next(((self.run.as_of_ms, one) for one in rows if self.run and one.address == address), None)

    async def address_at(self, rank: int) -> Address | None:
        rows = self.run.standings if self.run else ()
        return next((one.address for one in rows if one.rank == rank), None)

    async def traders_of(self, coin: Coin, accounts: Any, after_ms: int, until_ms: int) -> frozenset[Address]:
        return frozenset(list(accounts)[:2])

    async def fills_of(self, account: Address, from_ms: int = 0) -> list[Any]:
        return [account] if account == LOSER else []

    async def funding_of(self, account: Address, from_ms: int = 0) -> list[Any]:
        return []

    async def accounts(self) -> list[Any]:
        return []

    async def equity_curve(self, account: Address, from_ms: int) -> list[Any]:
        return []

    async def positions(self, account: Address) -> list[Any]:
        return list(make_trader().positions) if account == LOSER else []

    async def live(self, rehearsal: bool = False) -> list[LiveOpportunity]:
        return list(make_opportunities().items)

    async def scored(self, *, group: Group, coin: Coin | None = None, **_: Any) -> list[ScoredOpportunity]:
        rows = make_opportunities().recent if group is Group.LOSER else ()
        return [one for one in rows if coin in (None, one.opportunity.coin)]

    async def crowd(self, coin: Coin | None = None) -> list[Crowd]:
        return [one for one in make_crowd().items if coin in (None, one.coin)]

    async def delivery_counts(self) -> dict[str, int]:
        return {"sent": 3, "unknown": 1}

    async def oldest_pending_ms(self) -> int | None:
        return None

    async def request_counts(self, since_ms: int) -> tuple[int, int]:
        return 1000, 2

    async def totals(self) -> dict[str, int]:
        return {"accounts": 47_000, "refined": 2_380, "fills": 99_000, "published": 2, "undelivered": 1}

    async def state(self, key: str) -> str | None:
        return self.state_rows.get(key)


def trips_of(fills: Any, funding: Any, until_ms: int) -> list[RoundTrip]:
    """Return the one known trip of whoever has fills."""
    return list(make_trader().recent_trips) if fills else []


def make_commands(
    policy: Policy = "approve",
    owners: frozenset[str] = frozenset(),
    chats: ChatRows | None = None,
    most_a_minute: int = 10_000,
    charts: Charts | None = None,
) -> tuple[Commands, ChatRows, FactRows, Noon]:
    """Return commands over fresh rows (or these), and the rows; the clock stands still."""
    chats, facts, clock = chats or ChatRows(), FactRows(), Noon()
    rows: Any = facts
    answers = Answers(rows, rows, rows, clock, trips_of)
    stores, notices = made_up_stores(chats)
    access = Access(chats, clock, policy, owners, notices, most_a_minute)
    commands = command_list.make_commands(answers, stores, access, charts=charts)
    return commands, chats, facts, clock
