"""Crowds: several losers told as one message, which changes when others join or leave."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from core.detection.crowding import CrowdRules, KnownCrowd, crowd_with
from core.model.market import Coin, Direction
from core.model.notices import CrowdFacts
from core.model.opportunities import Group, Opportunity
from storage.opportunity_rows import ending_of, opportunity_of
from storage.statements import statements
from storage.values import to_json

if TYPE_CHECKING:
    from storage.database import Connection, Record

SQL = statements("crowds")


async def tell_crowds(
    connection: "Connection", new: Iterable[Opportunity], rules: CrowdRules, now_ms: int, evidence: str
) -> None:
    """Tell of every crowd that new opportunities complete or join; before their own entries are told.

    Who is told of a member in this way gets no entry of its own.
    """
    if not rules.losers:
        return
    for opportunity in new:
        if opportunity.group is Group.LOSER and not opportunity.is_rehearsal:
            await _tell_crowd(connection, opportunity, rules, now_ms, evidence)


async def change_crowds(
    connection: "Connection", left: Sequence[str], rules: CrowdRules, now_ms: int
) -> None:
    """Let the messages about the crowds of these opportunities say that they are over."""
    if not left:
        return
    for row in await connection.fetch(SQL["of"], left, rules.within_ms):
        facts = await _facts(connection, Coin(row["coin"]), Direction(row["side"]), _crowd(row))
        await connection.execute(SQL["change_alerts"], row["crowd_id"], to_json(facts), now_ms)


async def _tell_crowd(
    connection: "Connection", new: Opportunity, rules: CrowdRules, now_ms: int, evidence: str
) -> None:
    last = await connection.fetchrow(SQL["newest"], new.coin, new.side.value)
    lately = await connection.fetch(
        SQL["gathering"],
        new.coin,
        new.side.value,
        new.published_ms - rules.within_ms,
        new.published_ms,
        rules.losers,
    )
    live = [opportunity_of(row) for row in lately]
    crowd = crowd_with(new, live, None if last is None else _crowd(last), rules)
    if crowd is None:
        return
    await connection.execute(
        SQL["put"], crowd.crowd_id, new.coin, new.side.value, crowd.since_ms, list(crowd.members)
    )
    facts = await _facts(connection, new.coin, new.side, crowd)
    over = {ending.opportunity_id for ending in facts.endings}
    lasting = [one for one in facts.members if one.opportunity_id not in over]
    await connection.execute(
        SQL["add_alerts"],
        crowd.crowd_id,
        now_ms,
        evidence,
        to_json(facts),
        new.coin,
        new.side.value,
        sum(one.loser_notional_usd for one in lasting),
        max((one.badness or 0.0 for one in lasting), default=0.0),
        list(crowd.members),
        max(one.expires_ms for one in facts.members),
    )


async def _facts(connection: "Connection", coin: Coin, side: Direction, crowd: KnownCrowd) -> CrowdFacts:
    rows = await connection.fetch(SQL["members"], list(crowd.members))
    opposing = await connection.fetch(SQL["live"], coin, side.opposite.value)
    endings = [ending_of(row) for row in rows]
    return CrowdFacts(
        coin=coin,
        side=side,
        since_ms=crowd.since_ms,
        members=tuple(opportunity_of(row) for row in rows),
        opposing=tuple(opportunity_of(row) for row in opposing),
        endings=tuple(ending for ending in endings if ending is not None),
    )


def _crowd(row: "Record") -> KnownCrowd:
    return KnownCrowd(row["crowd_id"], row["since_ms"], tuple(row["members"]))
