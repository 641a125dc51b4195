"""Digests: what a chat has not heard yet, and how all of it did."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.digests import DigestChat, DueDigest
from core.model.alerts import AlertKind, Channel, Target
from core.model.market import DAY_MS
from core.model.notices import DigestFacts, DigestLine, FollowFacts, ListFacts
from core.model.opportunities import Group
from storage.ledger import BEGINNING
from storage.opportunity_rows import opportunity_of
from storage.statements import statements
from storage.values import from_json, to_json
from storage.wishes import settings_of

if TYPE_CHECKING:
    from storage.database import Connection, Database, Record

SQL = statements("digests")
LONGEST_LIFE_MS = 31 * DAY_MS
"""Opportunities that ended in a digest's time were published at most so long before."""

MOST_HELD = 30
MOST_TOLD = 3
"""Of the best, and of the worst."""
MOST_OTHERS = 10


class Digests:
    """Written from ``alerts`` and ``trade_opportunities``, told like any other alert."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    async def digest_chats(self, now_ms: int) -> list[DigestChat]:
        """Return every chat that may have a digest due; a regular one's time begins when it is first seen."""
        async with self._database.transaction() as connection:
            await connection.execute(SQL["begin"], now_ms)
            rows = await connection.fetch(SQL["chats"], now_ms)
        return [
            DigestChat(
                Target(Channel(row["channel"]), row["chat"], row["thread"]),
                settings_of(row),
                row["digested_ms"],
                row["quiet_ms"],
                row["capped_ms"],
            )
            for row in rows
        ]

    async def add_digest(self, target: Target, due: DueDigest, evidence: str, now_ms: int) -> bool:
        """Write and queue one digest, in which all that was held is told; False: written already."""
        key = (target.channel.value, target.chat, target.thread)
        async with self._database.transaction() as connection:
            held = await connection.fetch(SQL["held"], *key, due.until_ms, due.is_regular)
            facts = await _facts(connection, key, due, held, evidence)
            name = f"digest {due.until_ms}"
            added = await connection.fetchrow(SQL["add"], *key, name, now_ms, evidence, to_json(facts))
            if added is None:
                return False
            await connection.execute(SQL["tell_held"], added["alert_id"], [row["alert_id"] for row in held])
            await connection.execute(SQL["digested"], *key, due.until_ms)
        return True


async def _facts(
    connection: "Connection",
    key: tuple[str, str, str],
    due: DueDigest,
    held: Sequence["Record"],
    evidence: str,
) -> DigestFacts:
    published = await connection.fetchval(SQL["published"], due.since_ms, due.until_ms)
    results = {
        row["grp"]: row
        for row in await connection.fetch(SQL["results"], due.since_ms, due.until_ms, LONGEST_LIFE_MS)
    }
    ours, control = results.get(Group.LOSER.value), results.get(Group.PLACEBO.value)
    counts = await connection.fetchrow(SQL["counts"], *key, due.since_ms, due.until_ms)
    assert counts is not None
    told = await connection.fetch(SQL["told"], *key, due.since_ms, due.until_ms) if due.is_regular else []
    head = await connection.fetchrow(SQL["head"])
    entries = [row for row in held if row["kind"] == AlertKind.ENTRY.value]
    return DigestFacts(
        since_ms=due.since_ms,
        until_ms=due.until_ms,
        published=published,
        told=counts["told"],
        held=dict(Counter(row["held_because"] for row in entries)),
        undelivered=counts["undelivered"],
        ended=ours["ended"] if ours else 0,
        win_rate=ours["wins"] / ours["known"] if ours and ours["known"] else None,
        mean_net_bps=ours["mean_net_bps"] if ours else None,
        placebo_mean_net_bps=control["mean_net_bps"] if control else None,
        lines=(*map(_line, entries[:MOST_HELD]), *map(_line, _extremes(told))),
        evidence=evidence,
        ledger_head=head["hash"] if head else BEGINNING,
        ledger_entries=head["n"] if head else 0,
        followed=tuple(
            from_json(row["facts"], FollowFacts) for row in held if row["kind"] == AlertKind.FOLLOW.value
        )[:MOST_OTHERS],
        moved=tuple(
            from_json(row["facts"], ListFacts) for row in held if row["kind"] == AlertKind.LIST.value
        )[:MOST_OTHERS],
        time_zone=counts["time_zone"],
        is_regular=due.is_regular,
    )


def _extremes(told: Sequence["Record"]) -> list["Record"]:
    """Return the best and the worst, none of them twice."""
    return [row for n, row in enumerate(told) if n < MOST_TOLD or n >= len(told) - MOST_TOLD]


def _line(row: "Record") -> DigestLine:
    held = row.get("held_because")
    return DigestLine(opportunity_of(row), row["net_bps"], row["end_reason"], held)
