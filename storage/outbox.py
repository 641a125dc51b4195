"""The queue of alerts: pending -> leased -> sending -> sent, dead, expired or unknown.

A row of ``outbox`` lives until its end is known; the end is kept in ``alerts``. What a process had
leased when it died was surely not sent and returns to the queue; what it was sending is unknown.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from core.model.alerts import Alert, AlertKind, Backlog, Channel, DeliveryState, Target
from core.model.chats import Role
from core.model.notices import (
    CrowdFacts,
    DigestFacts,
    DigestLine,
    Facts,
    FollowFacts,
    Growth,
    HealthFacts,
    ListFacts,
    MergedFacts,
    RequestFacts,
)
from storage.chats import SQL as CHATS_SQL
from storage.opportunity_rows import ending_of, opportunity_of
from storage.publications import SQL as PUBLICATIONS_SQL
from storage.sample import sample_opportunity
from storage.statements import statements
from storage.values import UNREADABLE, from_json, to_json

if TYPE_CHECKING:
    from storage.database import Connection, Database, Record

SQL = statements("outbox")
LOCK = 0x6F757462_6F780001
FACTS: Mapping[AlertKind, type[Facts]] = {
    AlertKind.UPDATE: Growth,
    AlertKind.CROWD: CrowdFacts,
    AlertKind.FOLLOW: FollowFacts,
    AlertKind.LIST: ListFacts,
    AlertKind.DIGEST: DigestFacts,
    AlertKind.HEALTH: HealthFacts,
    AlertKind.REQUEST: RequestFacts,
    AlertKind.MERGED: MergedFacts,
}
"""What the column ``facts`` holds; of a test it is the made-up opportunity."""


class Outbox:
    """The tables ``outbox`` and ``alerts`` as dispatchers see them."""

    def __init__(self, database: "Database", *, is_demo: bool = False) -> None:
        self._database = database
        self._is_demo = is_demo
        self._channels: tuple[str, ...] = tuple(Channel)

    async def lease(
        self,
        channels: Sequence[Channel],
        limit: int,
        lease_s: float,
        owner: str,
        room: Mapping[Channel, int] = MappingProxyType({}),
    ) -> list[Alert]:
        """Lease due alerts, at most one per target, in order per target; exits before entries.

        ``room``: of these channels no more than so many.
        """
        self._channels = tuple(channel.value for channel in channels)
        async with self._database.transaction() as connection:
            # A statement of its own, so that the next one sees what was committed while we waited.
            await connection.execute(SQL["lock_to_lease"], LOCK)
            if await connection.fetchval(SQL["is_untidy"]):
                await connection.execute(SQL["tidy"])
            rows = await connection.fetch(
                SQL["lease"],
                list(self._channels),
                limit,
                lease_s,
                owner,
                [channel.value for channel in room],
                list(room.values()),
            )
            return await self._alerts(connection, [row["alert_id"] for row in rows])

    async def sending(self, alert_id: int, owner: str) -> bool:
        """Commit that the request is about to go out; False when the lease was lost."""
        async with self._database.connection() as connection:
            return await connection.fetchval(SQL["sending"], alert_id, owner) is not None

    async def sent(self, alert_id: int, remote_id: str | None, now_ms: int) -> None:
        """Record that the platform accepted it, under this id of its own."""
        async with self._database.connection() as connection:
            await connection.execute(SQL["sent"], alert_id, remote_id, now_ms)

    async def retry(
        self, alert_id: int, error: str, delay_s: float, *, doubted_ms: int | None = None
    ) -> None:
        """Put an alert back for later; ``doubted_ms``: when it may have arrived, None: it surely didn't.

        What may have arrived stays so: every later try says that it is one (``Alert.is_repeat``).
        """
        async with self._database.connection() as connection:
            await connection.execute(SQL["retry"], alert_id, error, delay_s, doubted_ms)

    async def unknown(self, alert_id: int, error: str) -> None:
        """Give up on an alert that may have arrived; it stays visible as such."""
        await self._finish(alert_id, DeliveryState.UNKNOWN, error)

    async def dead(self, alert_id: int, error: str) -> None:
        """Give up on an alert for good."""
        await self._finish(alert_id, DeliveryState.DEAD, error)

    async def expired(self, alert_id: int, why: str) -> None:
        """Drop an alert whose time is over; its exit will be dropped too."""
        await self._finish(alert_id, DeliveryState.EXPIRED, why)

    async def _finish(self, alert_id: int, state: DeliveryState, error: str) -> None:
        async with self._database.connection() as connection:
            await connection.execute(SQL["finish"], alert_id, state.value, error)

    async def release(self, owner: str) -> None:
        """Return this owner's unsent leases to pending (shutdown)."""
        async with self._database.connection() as connection:
            await connection.execute(SQL["release"], owner)

    async def recover(self) -> list[Alert]:
        """Return alerts found ``sending`` after their lease ran out, each to one caller only."""
        async with self._database.transaction() as connection:
            rows = await connection.fetch(SQL["recover"])
            return await self._alerts(connection, [row["alert_id"] for row in rows])

    async def hold_target(self, target: Target, delay_s: float) -> None:
        """Send nothing to this chat, in none of its topics, for so long."""
        async with self._database.connection() as connection:
            await connection.execute(SQL["hold"], target.channel.value, target.chat, delay_s)

    async def disable_target(self, target: Target, reason: str) -> None:
        """Switch a chat off and give up on what waits for it."""
        async with self._database.transaction() as connection:
            await connection.execute(SQL["rename_reason"], *_key(target), reason)
            await connection.execute(SQL["disable"], *_key(target), reason)
            await connection.execute(SQL["bury"], *_key(target), reason, False)

    async def move_target(self, target: Target, new_chat: str) -> None:
        """Let everything of a chat follow to its new id; a chat known there already stays."""
        if new_chat == target.chat:
            return
        key = _key(target)
        async with self._database.transaction() as connection:
            await connection.execute(SQL["lock"], LOCK)
            channel, _, thread = key
            if await connection.fetchval(SQL["moved_chat_exists"], channel, new_chat, thread):
                role = await connection.fetchval(SQL["adopt_role"], *key, new_chat)
                await connection.execute(SQL["adopt_wishes"], *key, new_chat)
                await connection.execute(SQL["drop_chat"], *key)
            else:
                role = await connection.fetchval(SQL["move_chat"], *key, new_chat)
            if role == Role.DECLINED:
                # with the topics that were let in there meanwhile
                await connection.execute(CHATS_SQL["set_role"], channel, new_chat, thread, role)
                await connection.execute(CHATS_SQL["silence"], channel, new_chat, thread)
            await connection.execute(SQL["move_alerts"], *key, new_chat)
            await connection.execute(SQL["move_queue"], *key, new_chat)
            # Left behind is only what the new chat was told under its own id; also what met the move.
            await connection.execute(
                SQL["bury"], *key, f"the chat is {new_chat} now, and was told there", True
            )

    async def next_due_s(self) -> float | None:
        """Return the seconds until something of the channels last leased for is due, or None."""
        async with self._database.connection() as connection:
            seconds: float | None = await connection.fetchval(SQL["next_due"], list(self._channels))
        return None if seconds is None else max(0.0, seconds)

    async def backlogs(self, channels: Sequence[Channel]) -> list[Backlog]:
        """Return the targets for which more than one entry waits."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["backlogs"], [channel.value for channel in channels])
        return [
            Backlog(
                Target(Channel(row["channel"]), row["chat"], row["thread"]),
                row["entries"],
                row["expires_ms"],
            )
            for row in rows
        ]

    async def merge(self, target: Target, keep: int, now_ms: int) -> int:
        """Put all waiting entries of a target but the first ``keep`` into one message; return how many.

        They stay pending and share that message's fate. Exits, what may have arrived, and what somebody
        else is just changing aren't touched.
        """
        key = _key(target)
        async with self._database.transaction() as connection:
            await connection.execute(SQL["lock"], LOCK)
            merged = await connection.fetchval(SQL["merged_waiting"], *key)
            rows = await connection.fetch(SQL["surplus"], *key, keep, merged)
            if not rows:
                return 0
            if merged is None:
                merged = await connection.fetchval(SQL["add_merged"], *key, now_ms)
                await connection.execute(SQL["queue_merged"], *key, merged)
            await connection.execute(SQL["merge"], merged, [row["alert_id"] for row in rows])
            expiries = [row["expires_ms"] for row in rows if row["expires_ms"] is not None]
            is_silent = all(row["is_silent"] for row in rows)
            await connection.execute(SQL["amend_merged"], merged, max(expiries, default=None), is_silent)
        return len(rows)

    async def states(self, alert_ids: Sequence[int]) -> dict[int, tuple[DeliveryState, str]]:
        """Return what became of these alerts, with the last error (empty: none)."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["states"], list(alert_ids))
        return {row["alert_id"]: (DeliveryState(row["state"]), row["last_error"] or "") for row in rows}

    async def add_test(self, target: Target, now_ms: int) -> int:
        """Queue a marked rehearsal alert and return its id."""
        sample = to_json(sample_opportunity(now_ms))
        async with self._database.transaction() as connection:
            found: int = await connection.fetchval(SQL["add_test"], *_key(target), now_ms, sample)
            await connection.execute(PUBLICATIONS_SQL["wake"])
        return found

    async def _alerts(self, connection: "Connection", ids: Sequence[int]) -> list[Alert]:
        if not ids:
            return []
        alerts = []
        for row in await connection.fetch(SQL["alerts"], ids):
            try:
                alert = _alert(row, self._is_demo)
                if alert.kind is AlertKind.MERGED:
                    alert = replace(alert, facts=await _merged(connection, alert.alert_id))
            except UNREADABLE as error:
                # One row that can't be read must not hold up all others.
                problem = f"its stored facts can't be read: {error}"
                await connection.execute(SQL["finish"], row["alert_id"], DeliveryState.DEAD.value, problem)
            else:
                alerts.append(alert)
        return alerts


async def _merged(connection: "Connection", alert_id: int) -> MergedFacts:
    rows = await connection.fetch(SQL["merged_lines"], alert_id)
    return MergedFacts(
        tuple(DigestLine(opportunity_of(row), row["net_bps"], row["end_reason"], None) for row in rows)
    )


def _alert(row: "Record", is_demo: bool) -> Alert:
    kind = AlertKind(row["kind"])
    return Alert(
        alert_id=row["alert_id"],
        kind=kind,
        target=Target(Channel(row["channel"]), row["chat"], row["thread"]),
        opportunity=opportunity_of(row) if row["opportunity"] is not None else None,
        ending=ending_of(row) if kind in (AlertKind.EXIT, AlertKind.UPDATE) else None,
        # Short enough for Discord (25 characters), and no other installation makes the same.
        nonce=f"{row['installation']}-{row['alert_id']:x}",
        created_ms=row["created_ms"],
        expires_ms=row["expires_ms"],
        attempts=row["attempts"],
        reply_to=row["reply_to"],
        is_repeat=row["may_have_arrived"],
        doubts=row["doubts"],
        doubted_ms=row["doubted_ms"],
        evidence=row["evidence"],
        edits=row["edits"],
        is_silent=row["is_silent"],
        facts=from_json(row["facts"], FACTS[kind]) if kind in FACTS and row["facts"] else None,
        is_demo=is_demo,
    )


def _key(target: Target) -> tuple[str, str, str]:
    return target.channel.value, target.chat, target.thread
