"""Alerts that are about something else than one opportunity: written once, for whom they concern."""

from typing import TYPE_CHECKING

from core.model.alerts import AlertKind, Target
from core.model.market import DAY_MS
from core.model.notices import Facts, HealthFacts, RequestFacts
from storage.statements import statements
from storage.values import to_json

if TYPE_CHECKING:
    from storage.database import Database

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

    async def _to_owners(self, kind: AlertKind, key: str, facts: Facts, now_ms: int) -> bool:
        async with self._database.transaction() as connection:
            told = await connection.fetchval(SQL["add_for_owners"], kind.value, key, now_ms, to_json(facts))
        return bool(told)
