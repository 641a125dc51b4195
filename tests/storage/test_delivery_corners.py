"""Corners of delivery: nobody who may have been told to enter misses the exit, and nothing waits for ever."""

import asyncio
from decimal import Decimal
from typing import Any

import pytest

from core.model.alerts import Alert, AlertKind, Channel, Target
from core.model.chats import Role, Subscription
from core.model.market import Address, Direction
from core.model.notices import CrowdFacts, Growth
from storage.chats import Chats
from storage.database import Database
from storage.outbox import Outbox
from storage.publications import Publications
from storage.wishes import Wishes
from tests.support.facts import MONDAY_MS
from tests.support.published import (
    ANNA,
    EVIDENCE,
    add_member,
    end,
    nth_decision,
    opportunity_id,
    publication,
    publish,
    silence_console,
)

pytestmark = pytest.mark.asyncio
ALL = Subscription(None)
EXIT = AlertKind.EXIT


async def only(database: Database, *targets: Target) -> None:
    await silence_console(database)
    for target in targets:
        await add_member(database, target, ALL)


async def enter(database: Database, *numbers: int, **changes: Any) -> None:
    """Publish an opportunity against another loser for each number."""
    decisions = (nth_decision(n, **{"loser": Address(f"0x{n:040x}"), **changes}) for n in numbers)
    await Publications(database).publish(publication(*decisions), EVIDENCE)


async def begin(database: Database) -> list[Alert]:
    """Lease what is due, to the point where the request goes out."""
    outbox = Outbox(database)
    leased = await outbox.lease(list(Channel), 50, 60, "me")
    for alert in leased:
        assert await outbox.sending(alert.alert_id, "me")
    return leased


async def deliver(database: Database) -> list[Alert]:
    sent = []
    while begun := await begin(database):
        for alert in begun:
            remote = alert.reply_to if alert.edits else f"m{alert.alert_id}"
            await Outbox(database).sent(alert.alert_id, remote, MONDAY_MS)
            sent.append(alert)
    return sent


def exits(alerts: list[Alert]) -> list[str]:
    return sorted(alert.short_id for alert in alerts if alert.kind is EXIT)


async def test_an_update_never_replaces_the_message_that_its_entry_was_merged_into(
    database: Database,
) -> None:
    await only(database, ANNA)
    await publish(database, 1, 2, 3, 4)
    growth = Growth(opportunity_id(3), Decimal(5), 1e6, MONDAY_MS)
    await Publications(database).publish(publication(grown=(growth,)), EVIDENCE)
    await Outbox(database).merge(ANNA, 1, MONDAY_MS)
    sent = await deliver(database)
    updates = [(alert.edits, alert.reply_to) for alert in sent if alert.kind is AlertKind.UPDATE]
    assert updates == [(True, None)]
    await end(database, 3)
    merged = next(alert for alert in sent if alert.kind is AlertKind.MERGED)
    assert [(a.kind, a.reply_to) for a in await deliver(database)] == [(EXIT, f"m{merged.alert_id}")]


async def test_what_met_the_move_of_a_chat_that_heard_it_already_is_not_tried_for_ever(
    database: Database,
) -> None:
    new = Target(ANNA.channel, "-1009")
    await only(database, ANNA, new)
    await publish(database, 1)
    outbox = Outbox(database)
    for alert in await begin(database):
        if alert.target == new:
            await outbox.sent(alert.alert_id, "m1", MONDAY_MS)
        else:
            met = alert
    await outbox.move_target(ANNA, new.chat)
    await outbox.retry(met.alert_id, "moved", 0.0)
    assert await begin(database) == []
    await end(database, 1)
    assert [alert.target for alert in await deliver(database) if alert.kind is EXIT] == [new]


@pytest.mark.parametrize("fate", ["expired", "dead"])
async def test_an_entry_that_may_have_arrived_gets_its_exit_whatever_ends_it(
    database: Database, fate: str
) -> None:
    await only(database, ANNA)
    await publish(database, 1)
    outbox = Outbox(database)
    [entry] = await begin(database)
    await outbox.retry(entry.alert_id, "no answer", 0.0, doubted_ms=MONDAY_MS)
    await begin(database)
    await getattr(outbox, fate)(entry.alert_id, "it is over")
    [(state, why)] = (await outbox.states([entry.alert_id])).values()
    assert (state, why) == ("unknown", "it is over")
    await end(database, 1)
    assert exits(await deliver(database)) == ["0001"]


async def test_a_member_told_in_a_change_that_nobody_gets_is_over_with_it(database: Database) -> None:
    await only(database, ANNA)
    await enter(database, 1)
    await enter(database, 2)
    await deliver(database)
    await enter(database, 3)
    [crowd] = await begin(database)
    await enter(database, 4)  # changes the message that is on its way
    await Outbox(database).dead(crowd.alert_id, "refused")
    assert await deliver(database) == []
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from alerts where state = 'pending'") == 0
    await end(database, 4)
    assert exits(await deliver(database)) == []


async def test_a_crowd_tells_also_of_members_whose_own_entry_failed(database: Database) -> None:
    await only(database, ANNA)
    await enter(database, 1)
    [entry] = await begin(database)
    await Outbox(database).dead(entry.alert_id, "refused")
    await enter(database, 2)
    await deliver(database)
    await enter(database, 3)
    assert [alert.kind for alert in await deliver(database)] == [AlertKind.CROWD]
    await end(database, 1, 2, 3)
    assert exits(await deliver(database)) == ["0001", "0002", "0003"]


async def test_a_message_that_a_receiver_always_stumbles_over_lets_others_pass(database: Database) -> None:
    await only(database, ANNA)
    await publish(database, 1, 2)
    await deliver(database)
    await end(database, 1)
    outbox = Outbox(database)
    for delay_s in (0.0, 0.0, 0.0, 0.0, 3600.0):
        [poison] = await begin(database)
        assert poison.short_id == "0001"
        await outbox.retry(poison.alert_id, "the webhook answers 500", delay_s, doubted_ms=MONDAY_MS)
    await end(database, 2)
    assert exits(await deliver(database)) == ["0002"]
    [(state, _)] = (await outbox.states([poison.alert_id])).values()
    assert state == "pending"


async def test_a_change_that_failed_and_a_later_one_both_wait_when_somebody_joins(database: Database) -> None:
    await only(database, ANNA)
    await enter(database, 1, 2, 3)
    await deliver(database)
    await enter(database, 4)
    [change] = await begin(database)
    await enter(database, 5)  # the first is on its way, so this is another
    await Outbox(database).retry(change.alert_id, "slow down", 0.0)
    await enter(database, 6)
    await deliver(database)
    await end(database, 1, 2, 3, 4, 5, 6)
    assert exits(await deliver(database)) == [f"{n:04d}" for n in range(1, 7)]


async def test_a_members_entry_that_still_waits_is_told_in_the_crowd(database: Database) -> None:
    await only(database, ANNA)
    for n in (1, 2, 3):
        await enter(database, n)
    [crowd] = await deliver(database)
    assert (crowd.kind, crowd.edits) == (AlertKind.CROWD, False)
    await end(database, 1, 2, 3)
    assert exits(await deliver(database)) == ["0001", "0002", "0003"]


@pytest.mark.parametrize("channel", list(Channel))
async def test_a_crowds_message_that_still_waits_says_who_left(database: Database, channel: Channel) -> None:
    target = Target(channel, "303")
    await only(database, target)
    await enter(database, 1, 2, 3)
    await end(database, 1)
    [crowd] = [alert for alert in await deliver(database) if alert.kind is AlertKind.CROWD]
    assert isinstance(crowd.facts, CrowdFacts)
    assert [ending.opportunity_id for ending in crowd.facts.endings] == [opportunity_id(1)]


async def test_a_lease_waits_for_no_row_that_a_publication_is_changing(database: Database) -> None:
    other = Target(ANNA.channel, "102")
    await only(database, ANNA, other)
    await publish(database, 1)
    async with database.transaction() as connection:
        await connection.execute("select from outbox where chat = $1 for update", ANNA.chat)
        async with asyncio.timeout(10):
            assert [alert.target for alert in await begin(database)] == [other]
    assert [alert.target for alert in await begin(database)] == [ANNA]


async def test_whom_a_changed_crowd_message_names_has_an_exit_though_its_entry_was_held(
    database: Database,
) -> None:
    await only(database, ANNA)
    await enter(database, 1, 2, 3)
    assert [alert.kind for alert in await deliver(database)][-1] is AlertKind.CROWD
    await Wishes(database).mute(ANNA, "BTC", MONDAY_MS + 3_600_000)
    await enter(database, 4)
    assert await deliver(database) == []
    await end(database, 1)
    changed = [one.facts for one in await deliver(database) if one.kind is AlertKind.CROWD]
    assert [isinstance(facts, CrowdFacts) and len(facts.members) for facts in changed] == [4]
    await end(database, 4)
    assert len(exits(await deliver(database))) == 1


async def test_whom_a_crowd_named_is_told_to_leave_though_the_message_it_was_merged_into_died(
    database: Database,
) -> None:
    await only(database, ANNA)
    await enter(database, 8, 9, side=Direction.LONG)
    await enter(database, 1)
    await enter(database, 2)
    outbox = Outbox(database)
    assert await outbox.merge(ANNA, 1, MONDAY_MS) == 3
    await enter(database, 3)  # completes a crowd that names 1 and 2
    await end(database, 1, 9)
    [first] = await begin(database)
    await outbox.sent(first.alert_id, "m1", MONDAY_MS)
    [merged] = await begin(database)
    assert merged.kind is AlertKind.MERGED
    await outbox.dead(merged.alert_id, "refused")
    [crowd, *others] = await deliver(database)
    assert crowd.kind is AlertKind.CROWD
    leaving = [(alert.short_id, alert.reply_to) for alert in others if alert.kind is EXIT]
    assert leaving == [("0001", f"m{crowd.alert_id}")]
    await end(database, 2, 3, 8)
    assert exits(await deliver(database)) == ["0002", "0003", "0008"]


async def test_whom_a_crowd_named_is_told_to_leave_though_its_own_message_was_refused_meanwhile(
    database: Database,
) -> None:
    await only(database, ANNA)
    await enter(database, 1)
    [entry] = await begin(database)
    await enter(database, 2, 3)  # the first is on its way, and named all the same
    await end(database, 1)
    await Outbox(database).dead(entry.alert_id, "refused")
    [crowd, *others] = await deliver(database)
    assert crowd.kind is AlertKind.CROWD
    assert [(alert.short_id, alert.reply_to) for alert in others if alert.kind is EXIT] == [
        ("0001", f"m{crowd.alert_id}")
    ]


async def test_an_exit_that_only_a_crowd_could_tell_ends_with_the_crowds_message(database: Database) -> None:
    await only(database, ANNA)
    await enter(database, 1)
    [entry] = await begin(database)
    await enter(database, 2, 3)
    await end(database, 1)
    await Outbox(database).dead(entry.alert_id, "refused")
    [crowd] = await begin(database)
    assert crowd.kind is AlertKind.CROWD
    await Outbox(database).dead(crowd.alert_id, "refused")
    assert await deliver(database) == []


async def age(database: Database, hours: float) -> None:
    """Let everything have been written so long ago."""
    async with database.connection() as connection:
        await connection.execute(
            "update alerts set created_ms = extract(epoch from clock_timestamp()) * 1000 - $1 * 3600000",
            hours,
        )


async def test_exits_that_a_chat_missed_while_it_was_off_are_told_when_it_is_back(database: Database) -> None:
    await only(database, ANNA)
    await publish(database, 1, 2, 3, 4)
    outbox, chats = Outbox(database), Chats(database)
    told = []
    for _ in range(3):
        [alert] = await begin(database)
        await outbox.sent(alert.alert_id, f"m{alert.alert_id}", MONDAY_MS)
        told.append(f"m{alert.alert_id}")
    [refused] = await begin(database)
    await outbox.retry(refused.alert_id, "no route", 0.0)
    await end(database, 1)  # waits; 2 ends while it is off, the entry of 4 was never told
    [leaving] = await begin(database)
    await outbox.disable_target(ANNA, "blocked")
    await outbox.dead(leaving.alert_id, "blocked")
    await end(database, 2, 4)
    assert await deliver(database) == []
    await age(database, 23)
    await chats.enable(ANNA)
    assert [(one.kind, one.short_id, one.reply_to) for one in await deliver(database)] == [
        (EXIT, "0001", told[0]),
        (EXIT, "0002", told[1]),
    ]
    await outbox.disable_target(ANNA, "blocked")
    await chats.enable(ANNA)
    assert await deliver(database) == []


async def test_exits_that_a_chat_missed_are_told_though_it_was_found_gone_twice(database: Database) -> None:
    await only(database, ANNA)
    await publish(database, 1, 2, 3)
    for _ in range(3):
        [alert] = await begin(database)
        await Outbox(database).sent(alert.alert_id, f"m{alert.alert_id}", MONDAY_MS)
    await end(database, 1, 2)
    # the platform says so while one is on its way, which finds out by itself, in other words
    [leaving] = await begin(database)
    await Outbox(database).disable_target(ANNA, "the bot was blocked or removed")
    await Outbox(database).disable_target(ANNA, "Forbidden: bot was blocked by the user")
    await Outbox(database).dead(leaving.alert_id, "Forbidden: bot was blocked by the user")
    await end(database, 3)
    await age(database, 1)
    await Chats(database).enable(ANNA)
    assert [one.short_id for one in await deliver(database)] == ["0001", "0002", "0003"]


async def test_exits_of_more_than_a_day_ago_are_not_told_when_a_chat_is_back(database: Database) -> None:
    await only(database, ANNA)
    await publish(database, 1)
    await deliver(database)
    await Outbox(database).disable_target(ANNA, "blocked")
    await end(database, 1)
    await age(database, 25)
    await Chats(database).enable(ANNA)
    assert await deliver(database) == []


async def test_a_refused_exit_is_not_told_again_because_the_chat_is_back(database: Database) -> None:
    await only(database, ANNA)
    await publish(database, 1)
    await deliver(database)
    await end(database, 1)
    [leaving] = await begin(database)
    await Outbox(database).dead(leaving.alert_id, "message refused")
    await deliver(database)
    await Outbox(database).disable_target(ANNA, "blocked")
    await age(database, 1)
    await Chats(database).enable(ANNA)
    assert await deliver(database) == []


async def test_an_exit_that_may_have_arrived_before_its_chat_was_off_is_repeated_as_such(
    database: Database,
) -> None:
    await only(database, ANNA)
    await publish(database, 1)
    await deliver(database)
    await end(database, 1)
    [leaving] = await begin(database)
    await Outbox(database).retry(leaving.alert_id, "time-out", 60.0, doubted_ms=MONDAY_MS)
    await Outbox(database).disable_target(ANNA, "blocked")
    assert (await Outbox(database).states([leaving.alert_id]))[leaving.alert_id] == ("unknown", "blocked")
    await age(database, 1)
    await Chats(database).enable(ANNA)
    assert [(one.kind, one.is_repeat) for one in await deliver(database)] == [(EXIT, True)]


async def test_who_is_turned_out_gets_nothing_that_waits_but_exits(database: Database) -> None:
    await only(database, ANNA)
    await publish(database, 1)
    assert len(await deliver(database)) == 1
    await end(database, 1)
    await publish(database, 2)
    await Chats(database).set_role(ANNA, Role.DECLINED)
    assert [alert.kind for alert in await deliver(database) if not alert.edits] == [EXIT]
    await end(database, 2)
    assert await deliver(database) == []


async def test_a_row_that_cant_be_read_is_dead_and_holds_nobody_up(database: Database) -> None:
    bob = Target(Channel.TELEGRAM, "8")
    await only(database, ANNA, bob)
    await Outbox(database).add_test(ANNA, MONDAY_MS)
    await Outbox(database).add_test(bob, MONDAY_MS)
    async with database.connection() as connection:
        await connection.execute("update alerts set facts = '{}' where chat = $1", ANNA.chat)
    assert [alert.target for alert in await deliver(database)] == [bob]
    async with database.connection() as connection:
        row = await connection.fetchrow("select state, last_error from alerts where chat = $1", ANNA.chat)
    assert row is not None
    assert row["state"] == "dead"
    assert "can't be read" in row["last_error"]
