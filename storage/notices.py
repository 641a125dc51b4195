"""Alerts that are about something else than one opportunity: written once, for whom they concern."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.detection.identity import LIVE, event_id
from core.model.alerts import AlertKind, Channel, Target
from core.model.chats import LOUDNESS
from core.model.market import DAY_MS, Address, Coin
from core.model.notices import Facts, FollowFacts, HealthFacts, ListFacts, RequestFacts
from core.model.opportunities import RULE_VERSION, Rejection
from core.model.positions import PositionEvent
from core.model.traders import ChangeKind, Ranking
from core.services.health import Waiting
from storage.statements import statements
from storage.values import to_json

if TYPE_CHECKING:
    from storage.database import Connection, Database, Record

SQL = statements("notices")


class Notices:
    """Write notices into ``alerts`` and ``outbox``, and wake the dispatchers."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    async def ask_owner(self, request: RequestFacts, now_ms: int) -> bool:
        """Tell the owners that somebody asks to be let in; at most once a day. False: told already."""
        key = f"request {request.target} {now_ms // DAY_MS}"
        return await self._to_owners(AlertKind.REQUEST, key, request, now_ms)

    async def tell_admitted(self, target: Target, request: RequestFacts, now_ms: int) -> None:
        """Tell a chat that asked that it was let in."""
        facts = to_json(request)
        async with self._database.transaction() as connection:
            key = (target.channel.value, target.chat, target.thread)
            await connection.execute(SQL["add_for_chat"], AlertKind.REQUEST.value, *key, now_ms, facts)

    async def health(self, facts: HealthFacts, now_ms: int) -> bool:
        """Tell the owners that a problem began or is over, once each. False: told already."""
        key = f"health {facts.problem} {facts.since_ms} {'over' if facts.is_over else 'begun'} {facts.detail}"
        return await self._to_owners(AlertKind.HEALTH, key, facts, now_ms)

    async def list_changes(self, ranking: Ranking, now_ms: int) -> None:
        """Tell followers whose trader entered or left the list with this ranking, and why."""
        standings = {standing.address: standing for standing in ranking.standings}
        async with self._database.transaction() as connection:
            rows = await connection.fetch(SQL["followed"], [change.address for change in ranking.changes])
            followed = {row["address"] for row in rows}
            for change in ranking.changes:
                if change.address not in followed:
                    continue
                standing = standings.get(change.address)
                is_listed = change.kind is ChangeKind.ENTERED
                facts = ListFacts(
                    address=change.address,
                    label=None,
                    is_listed=is_listed,
                    rank=change.rank,
                    badness=standing.badness if standing is not None else None,
                    reasons=() if is_listed else (change.reason,),
                    as_of_ms=ranking.as_of_ms,
                )
                key = f"list {ranking.ranking_id} {change.address}"
                await _to_followers(connection, AlertKind.LIST, key, now_ms, facts, change.address)

    async def waits_longest(self) -> Waiting | None:
        """Return the alert that waits longest to be told, or None."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(SQL["waits_longest"])
        return None if row is None else Waiting(row["created_ms"], str(_target(row)), row["last_error"])

    async def chats_off(self, also: Sequence[str]) -> dict[str, str | None]:
        """Return every chat that is switched off, and these where there are such, with why it is off."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["chats_off"], list(also))
        return {str(_target(row)): row["disabled_reason"] for row in rows}

    async def _to_owners(self, kind: AlertKind, key: str, facts: Facts, now_ms: int) -> bool:
        async with self._database.transaction() as connection:
            told = await connection.fetchval(SQL["add_for_owners"], kind.value, key, now_ms, to_json(facts))
        return bool(told)


async def tell_followers(
    connection: "Connection", finished: Sequence[PositionEvent], namespace: str, now_ms: int
) -> None:
    """Tell who follows an account what it did, unless they hear of it already; live hours only."""
    if not finished or namespace != LIVE:
        return
    rows = await connection.fetch(SQL["followed"], list({event.account for event in finished}))
    followed = {row["address"] for row in rows}
    for event in finished:
        if event.account in followed:
            await _tell_followers(connection, event, now_ms)


async def _tell_followers(connection: "Connection", event: PositionEvent, now_ms: int) -> None:
    name = event_id(event, LIVE, RULE_VERSION)
    decided = await connection.fetchrow(SQL["decided"], name)
    rejection: Rejection | None = Rejection.NOT_LISTED
    if decided is not None:
        rejection = None if decided["rejection"] is None else Rejection(decided["rejection"])
    rank = await connection.fetchval(SQL["listed_rank"], event.account)
    facts = FollowFacts(event, None, rank, rejection)
    await _to_followers(
        connection,
        AlertKind.FOLLOW,
        f"follow {name}",
        now_ms,
        facts,
        event.account,
        event.coin,
        name,
        event.time_ms,
    )


async def _to_followers(
    connection: "Connection",
    kind: AlertKind,
    key: str,
    now_ms: int,
    facts: Facts,
    account: Address,
    coin: Coin | None = None,
    opportunity_id: str | None = None,
    since_ms: int | None = None,
) -> None:
    await connection.execute(
        SQL["add_for_followers"],
        kind.value,
        key,
        now_ms,
        to_json(facts),
        account,
        coin,
        opportunity_id,
        since_ms,
        LOUDNESS[kind].value,
    )


def _target(row: "Record") -> Target:
    return Target(Channel(row["channel"]), row["chat"], row["thread"])
