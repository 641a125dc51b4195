"""Followers hear of every event and of the list once, under their own names, and nothing of the control."""

from dataclasses import replace
from typing import Any

import pytest

from core.detection.identity import LIVE, event_id
from core.model.alerts import Alert, AlertKind, Channel
from core.model.chats import ChatSettings, Loudness, Subscription
from core.model.market import HOUR_MS, Address, Coin
from core.model.notices import FollowFacts, ListFacts
from core.model.opportunities import RULE_VERSION, Group, Rejection
from core.model.positions import EventKind, PositionEvent
from core.model.traders import ChangeKind, RankingChange
from storage.database import Database
from storage.notices import Notices
from storage.outbox import Outbox
from storage.publications import Publications
from storage.rankings import Rankings
from storage.wishes import Wishes
from tests.support.facts import LOSER, MONDAY_MS, a_decision, a_ranking, a_standing, an_event, an_opportunity
from tests.support.published import (
    ANNA,
    BEN,
    EVIDENCE,
    add_member,
    nth_ending,
    publication,
    silence_console,
)

pytestmark = pytest.mark.asyncio
FOLLOW, LIST, ENTRY, EXIT = AlertKind.FOLLOW, AlertKind.LIST, AlertKind.ENTRY, AlertKind.EXIT


async def follow(database: Database, **loudness: Loudness) -> None:
    """Let Anna and Ben follow the loser, Anna by a name of her own; nobody subscribes."""
    await silence_console(database)
    for target, label in ((ANNA, "whale"), (BEN, None)):
        await add_member(database, target)
        await Wishes(database).follow(target, LOSER, label)
    kinds = {AlertKind(kind): wanted for kind, wanted in loudness.items()}
    await Wishes(database).save_settings(BEN, ChatSettings(loudness=kinds))


async def finish(
    database: Database, event: PositionEvent | None = None, namespace: str = LIVE, **more: Any
) -> None:
    event = event or an_event()
    written = publication(events=(event,), finished=(event,), namespace=namespace, **more)
    await Publications(database).publish(written, EVIDENCE)


async def leased(database: Database) -> list[Alert]:
    return await Outbox(database).lease(list(Channel), 50, 60, "me")


def name_of(event: PositionEvent) -> str:
    return event_id(event, LIVE, RULE_VERSION)


async def test_every_follower_is_told_once_under_its_own_name(database: Database) -> None:
    await follow(database)
    await finish(database)
    await finish(database)
    told = {alert.target: alert for alert in await leased(database)}
    assert {alert.kind for alert in told.values()} == {FOLLOW}
    assert told[ANNA].facts == FollowFacts(an_event(), "whale", None, Rejection.NOT_LISTED)
    assert told[BEN].facts == FollowFacts(an_event(), None, None, Rejection.NOT_LISTED)


async def test_nobody_hears_of_others_or_of_a_rehearsal(database: Database) -> None:
    await follow(database)
    await finish(database, an_event(account=Address("0x" + "9" * 40)))
    await finish(database, namespace="a replay")
    assert await leased(database) == []


@pytest.mark.parametrize("rejection", [Rejection.MAKER, None])
async def test_the_notice_says_what_our_rule_made_of_it(
    database: Database, rejection: Rejection | None
) -> None:
    await follow(database)
    await Rankings(database).save_ranking(a_ranking(a_standing(LOSER, rank=3, is_listed=True)))
    event = an_event()
    made = an_opportunity(opportunity_id=name_of(event)) if rejection is None else None
    decision = a_decision(decision_id=name_of(event), event=event, rejection=rejection, opportunity=made)
    for target in (ANNA, BEN):  # as an entry it would be told already
        await Wishes(database).save_settings(target, ChatSettings(loudness={ENTRY: Loudness.OFF}))
    await finish(database, event, decisions=(decision,))
    facts = {alert.facts for alert in await leased(database)}
    assert facts == {FollowFacts(event, "whale", 3, rejection), FollowFacts(event, None, 3, rejection)}


async def test_of_the_control_nothing_shows(database: Database) -> None:
    await follow(database)
    event = an_event()
    made = an_opportunity(opportunity_id=name_of(event), group=Group.PLACEBO)
    decision = a_decision(decision_id=name_of(event), event=event, group=Group.PLACEBO, opportunity=made)
    await finish(database, event, decisions=(decision,))
    assert {(a.kind, getattr(a.facts, "rejection", "")) for a in await leased(database)} == {
        (FOLLOW, Rejection.NOT_LISTED)
    }


async def test_who_hears_of_it_as_entry_or_exit_hears_it_once(database: Database) -> None:
    await follow(database)
    event = an_event(coin=Coin("BTC"))
    made = an_opportunity(opportunity_id=name_of(event))
    await finish(
        database, event, decisions=(a_decision(decision_id=name_of(event), event=event, opportunity=made),)
    )
    entries = await leased(database)
    assert [alert.kind for alert in entries] == [ENTRY, ENTRY]
    for alert in entries:
        assert await Outbox(database).sending(alert.alert_id, "me")
        await Outbox(database).sent(alert.alert_id, "m", MONDAY_MS)
    closing = replace(event, kind=EventKind.CLOSE, time_ms=MONDAY_MS - 10, first_tid=99)
    ending = replace(nth_ending(1), opportunity_id=name_of(event))
    await finish(database, closing, endings=(ending,))
    assert [alert.kind for alert in await leased(database)] == [EXIT, EXIT]
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from alerts where kind = 'follow'") == 0


async def test_follows_are_muted_and_turned_off_like_the_rest(database: Database) -> None:
    await follow(database, follow=Loudness.OFF)
    await Wishes(database).mute(ANNA, LOSER, MONDAY_MS + HOUR_MS)
    await finish(database)
    async with database.connection() as connection:
        rows = await connection.fetch("select chat, state, held_because from alerts")
    assert [tuple(row) for row in rows] == [("101", "held", "muted")]


async def test_the_list_is_told_to_followers_silently_and_why_somebody_left(database: Database) -> None:
    await follow(database)
    left = RankingChange(LOSER, ChangeKind.LEFT, 700, "rank 700 is beyond 600")
    other = RankingChange(Address("0x" + "9" * 40), ChangeKind.ENTERED, 1, "")
    ranking = replace(a_ranking(a_standing(LOSER, rank=700)), changes=(left, other))
    for _ in range(2):
        await Notices(database).list_changes(ranking, MONDAY_MS)
    told = await leased(database)
    assert {(alert.target, alert.kind, alert.is_silent) for alert in told} == {
        (ANNA, LIST, True),
        (BEN, LIST, True),
    }
    facts = next(alert.facts for alert in told if alert.target == ANNA)
    assert isinstance(facts, ListFacts)
    assert (facts.label, facts.is_listed, facts.rank, facts.reasons) == (
        "whale",
        False,
        700,
        ("rank 700 is beyond 600",),
    )


async def test_a_subscription_alone_is_no_follow(database: Database) -> None:
    await silence_console(database)
    await add_member(database, ANNA, Subscription(None))
    await finish(database)
    assert await leased(database) == []
