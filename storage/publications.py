"""The one door through which detection writes, and what it reads to go on after a restart."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.detection.crowding import CrowdRules
from core.detection.identity import LIVE, event_id
from core.model.answers import HeldPosition
from core.model.market import Address
from core.model.opportunities import RULE_VERSION, Decision, Ending, Group, LiveOpportunity, Opportunity
from core.model.outcomes import PriceSample, ScoredOpportunity
from core.ports import Publication
from storage import ledger
from storage.crowds import change_crowds, tell_crowds
from storage.fill_rows import SQL as FILLS_SQL
from storage.fill_rows import FillWriter
from storage.notices import tell_followers
from storage.opportunity_rows import ending_row, live_of, opportunity_row, outcome_row
from storage.position_rows import held_of
from storage.statements import statements
from storage.telling import tell_entries, tell_exits, tell_growth
from storage.values import from_json, to_json

if TYPE_CHECKING:
    from storage.database import Connection, Database

SQL = statements("publications")
_LOCK = 0x7075626C


class Publications:
    """Events, decisions, opportunities, endings, marks: the tables that detection fills."""

    def __init__(self, database: "Database", crowds: CrowdRules | None = None) -> None:
        self._database = database
        self._crowds = crowds or CrowdRules()
        self._fills = FillWriter(database)

    async def publish(self, publication: Publication, evidence: str) -> tuple[str, ...]:
        """Write all in one transaction; return the ids of the opportunities that were new.

        ``evidence``: the verdict in one sentence, for the alerts. A repeat of anything written
        before changes nothing and tells nobody.
        """
        is_rehearsal = publication.namespace != LIVE
        await self._fills.make_room(publication.fills)
        async with self._database.transaction() as connection:
            await _lock(connection, is_rehearsal)
            await _put_events(connection, publication, is_rehearsal)
            await _put_decisions(connection, publication.decisions, is_rehearsal)
            new = await _add_opportunities(connection, publication.decisions, is_rehearsal)
            await _widen(connection, publication.moved)
            ended = await _end_opportunities(connection, publication.endings)
            await tell_crowds(connection, new.values(), self._crowds, publication.now_ms, evidence)
            await tell_entries(connection, list(new), publication.now_ms, evidence)
            await tell_growth(connection, publication.grown, publication.now_ms)
            left = [ending.opportunity_id for ending, _, _ in ended]
            await tell_exits(connection, left, publication.now_ms, evidence)
            await change_crowds(connection, left, self._crowds, publication.now_ms)
            await tell_followers(connection, publication.finished, publication.namespace, publication.now_ms)
            await ledger.append(connection, _ledger_bodies(new, ended, is_rehearsal))
            await _put_positions(connection, publication, is_rehearsal)
            # Last: readers of new fills wait for whoever has begun to write them.
            await self._fills.add(connection, publication.fills, "feed")
        return tuple(new)

    async def live(self, rehearsal: bool = False) -> list[LiveOpportunity]:
        """Return opportunities without an ending, both groups, oldest first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["live"], rehearsal)
        return [live_of(row) for row in rows]

    async def save_positions(
        self, account: Address, positions: Sequence[HeldPosition], as_of_ms: int
    ) -> None:
        """Replace all positions of one account; what was heard after ``as_of_ms`` stays."""
        async with self._database.transaction() as connection:
            await _lock(connection, is_rehearsal=False)
            await connection.executemany(
                SQL["put_position"],
                [(False, account, p.coin, p.szi, p.entry_px, p.updated_ms) for p in positions],
            )
            await connection.execute(SQL["close_absent"], account, [p.coin for p in positions], as_of_ms)
            await connection.execute(SQL["seen"], account, as_of_ms)

    async def last_positions(self, account: Address) -> list[HeldPosition] | None:
        """Return what an account held when last seen, coins left since as zero; None: never seen."""
        async with self._database.connection() as connection:
            if not await connection.fetchval(SQL["is_seen"], account):
                return None
            return held_of(await connection.fetch(SQL["last_positions"], account))

    async def last_fill_ms(self, account: Address) -> int | None:
        """Return when an account was last seen to trade."""
        async with self._database.connection() as connection:
            found: int | None = await connection.fetchval(FILLS_SQL["last_ms"], account)
        return found

    async def add_samples(self, samples: Sequence[PriceSample]) -> None:
        """Store prices at fixed moments; one that was found is never replaced."""
        async with self._database.connection() as connection:
            await connection.executemany(
                SQL["add_sample"], [(s.opportunity_id, s.offset_ms, s.px, s.sampled_ms) for s in samples]
            )

    async def samples(self, since_ms: int, rehearsal: bool = False) -> list[PriceSample]:
        """Return the prices known of opportunities published since a moment."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["samples"], since_ms, rehearsal)
        return [PriceSample(r["opportunity_id"], r["offset_ms"], r["px"], r["sampled_ms"]) for r in rows]

    async def save_scored(self, scored: Sequence[ScoredOpportunity]) -> None:
        """Write outcomes, excursions; replaces earlier rows of the same opportunity and horizon."""
        extremes = [
            (one.opportunity.opportunity_id, one.best_bps, one.worst_bps)
            for one in scored
            if one.best_bps is not None and one.worst_bps is not None
        ]
        outcomes = [outcome_row(outcome) for one in scored for outcome in one.outcomes]
        async with self._database.transaction() as connection:
            for is_rehearsal in sorted({one.opportunity.is_rehearsal for one in scored}):
                await _lock(connection, is_rehearsal)
            await connection.executemany(SQL["put_outcome"], outcomes)
            await connection.executemany(SQL["widen"], extremes)

    async def entries_since(self, since_ms: int, group: Group, rehearsal: bool = False) -> list[Decision]:
        """Return published decisions and rejected entry events since then, oldest first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["entries_since"], since_ms, group.value, rehearsal)
        return [from_json(row["decision"], Decision) for row in rows]


async def _lock(connection: "Connection", is_rehearsal: bool) -> None:
    await connection.execute(SQL["lock"], _LOCK, int(is_rehearsal))


async def _put_events(connection: "Connection", publication: Publication, is_rehearsal: bool) -> None:
    rows = [
        (
            event_id(event, publication.namespace, RULE_VERSION),
            is_rehearsal,
            event.account,
            event.coin,
            event.kind.value,
            event.time_ms,
            to_json(event),
        )
        for event in publication.events
    ]
    if rows:
        await connection.executemany(SQL["put_events"], rows)


async def _put_decisions(connection: "Connection", decisions: Sequence[Decision], is_rehearsal: bool) -> None:
    rows = [
        (
            one.decision_id,
            one.group.value,
            is_rehearsal or (one.opportunity is not None and one.opportunity.is_rehearsal),
            one.event.account,
            one.event.coin,
            one.event.kind.value,
            one.decided_ms,
            None if one.rejection is None else one.rejection.value,
            to_json(one),
        )
        for one in decisions
    ]
    if rows:
        await connection.executemany(SQL["put_decision"], rows)


async def _add_opportunities(
    connection: "Connection", decisions: Sequence[Decision], is_rehearsal: bool
) -> dict[str, Opportunity]:
    """Insert what is published and return what was new, in order."""
    published = [one.opportunity for one in decisions if one.opportunity is not None]
    if not published:
        return {}
    rows = [opportunity_row(one, is_rehearsal or one.is_rehearsal) for one in published]
    added = await connection.fetchmany(SQL["add_opportunity"], rows)
    new = {row["opportunity_id"] for row in added}
    return {one.opportunity_id: one for one in published if one.opportunity_id in new}


async def _widen(connection: "Connection", moved: Sequence[LiveOpportunity]) -> None:
    rows = [(one.opportunity.opportunity_id, one.best_bps, one.worst_bps) for one in moved]
    if rows:
        await connection.executemany(SQL["widen"], rows)


async def _end_opportunities(
    connection: "Connection", endings: Sequence[Ending]
) -> list[tuple[Ending, str, bool]]:
    """End what is live; return each new ending, its rule version, and whether the ledger wants it."""
    if not endings:
        return []
    rows = await connection.fetchmany(SQL["end_opportunity"], [ending_row(one) for one in endings])
    found = {row["opportunity_id"]: row for row in rows}
    # Of two endings of one opportunity the first counted.
    return [
        (one, row["rule_version"], row["grp"] == Group.LOSER and not row["is_rehearsal"])
        for one in endings
        if (row := found.pop(one.opportunity_id, None)) is not None
    ]


def _ledger_bodies(
    new: dict[str, Opportunity], ended: Sequence[tuple[Ending, str, bool]], is_rehearsal: bool
) -> list[dict[str, object]]:
    entries = [
        ledger.entry_body(one)
        for one in new.values()
        if one.group is Group.LOSER and not is_rehearsal and not one.is_rehearsal
    ]
    return [*entries, *(ledger.ending_body(one, version) for one, version, is_kept in ended if is_kept)]


async def _put_positions(connection: "Connection", publication: Publication, is_rehearsal: bool) -> None:
    rows = [
        (is_rehearsal, account, held.coin, held.szi, held.entry_px, held.updated_ms)
        for account, held in publication.positions
    ]
    if rows:
        await connection.executemany(SQL["put_position"], rows)
