"""A crowd is one message that changes; its members' exits answer it; wishes still count."""

from typing import Any

import pytest

from core.detection.crowding import CrowdRules
from core.model.alerts import Alert, AlertKind, Channel, Target
from core.model.chats import ChatSettings, Loudness, Subscription
from core.model.market import HOUR_MS, Address, Direction
from core.model.notices import CrowdFacts
from core.model.opportunities import Group
from storage.database import Database
from storage.outbox import Outbox
from storage.publications import Publications
from storage.reader import Reader
from storage.wishes import Wishes
from tests.support.facts import MONDAY_MS
from tests.support.published import (
    ANNA,
    BEN,
    EVIDENCE,
    add_member,
    nth_decision,
    nth_ending,
    opportunity_id,
    publication,
    silence_console,
)

pytestmark = pytest.mark.asyncio
ALL = Subscription(None)
ENTRY, EXIT, UPDATE, CROWD = AlertKind.ENTRY, AlertKind.EXIT, AlertKind.UPDATE, AlertKind.CROWD


async def enter(database: Database, *numbers: int, rules: CrowdRules | None = None, **changes: Any) -> None:
    """Publish an opportunity against another loser for each number."""
    decisions = (nth_decision(n, **{"loser": Address(f"0x{n:040x}"), **changes}) for n in numbers)
    await Publications(database, rules).publish(publication(*decisions), EVIDENCE)


async def leave(database: Database, *numbers: int) -> None:
    await Publications(database).publish(publication(endings=tuple(map(nth_ending, numbers))), EVIDENCE)


async def deliver(database: Database) -> list[Alert]:
    """Send all that is due; a message's id is its alert's, and stays when it is changed."""
    outbox, sent = Outbox(database), []
    while leased := await outbox.lease(list(Channel), 50, 60, "me"):
        for alert in leased:
            assert await outbox.sending(alert.alert_id, "me")
            remote = alert.reply_to if alert.edits else f"m{alert.alert_id}"
            await outbox.sent(alert.alert_id, remote, MONDAY_MS)
            sent.append(alert)
    return sent


def members(alert: Alert) -> list[str]:
    assert isinstance(alert.facts, CrowdFacts)
    return [one.opportunity_id for one in alert.facts.members]


def kinds(alerts: list[Alert]) -> list[tuple[AlertKind, str, bool]]:
    return [(alert.kind, alert.short_id, alert.edits) for alert in alerts]


async def entry_states(database: Database) -> list[tuple[str, str | None]]:
    async with database.connection() as connection:
        rows = await connection.fetch(
            "select right(opportunity_id, 1) as n, state from alerts where kind = 'entry' order by 1"
        )
    return [(row["n"], row["state"]) for row in rows]


async def only_anna(database: Database) -> None:
    await silence_console(database)
    await add_member(database, ANNA, ALL)


async def test_who_completes_a_crowd_comes_as_its_message_and_later_ones_change_it(
    database: Database,
) -> None:
    await only_anna(database)
    await enter(database, 1)
    await enter(database, 2)
    assert kinds(await deliver(database)) == [(ENTRY, "0001", False), (ENTRY, "0002", False)]
    await enter(database, 3)
    [crowd] = await deliver(database)
    assert (crowd.kind, crowd.edits, crowd.is_silent) == (CROWD, False, False)
    assert members(crowd) == [opportunity_id(n) for n in (1, 2, 3)]
    await enter(database, 4)
    [changed] = await deliver(database)
    assert (changed.kind, changed.edits, changed.is_silent) == (CROWD, True, True)
    assert changed.reply_to == f"m{crowd.alert_id}"
    assert members(changed)[-1] == opportunity_id(4)
    assert await entry_states(database) == [(n, "sent") for n in "1234"]


async def test_each_members_exit_answers_the_message_that_told_it_and_changes_it(database: Database) -> None:
    await only_anna(database)
    await enter(database, 1)
    [entry] = await deliver(database)
    await enter(database, 2, 3)
    crowd = (await deliver(database))[-1]
    await enter(database, 4)
    await deliver(database)
    await leave(database, 1, 3, 4)
    sent = await deliver(database)
    answers = {alert.short_id: alert.reply_to for alert in sent if alert.kind is EXIT}
    told = f"m{crowd.alert_id}"
    assert answers == {"0001": f"m{entry.alert_id}", "0003": told, "0004": told}
    [changed] = [alert for alert in sent if alert.kind is CROWD]
    assert (changed.edits, changed.reply_to) == (True, told)
    assert isinstance(changed.facts, CrowdFacts)
    over = [ending.opportunity_id for ending in changed.facts.endings]
    assert over == [opportunity_id(n) for n in (1, 3, 4)]
    # the entry that came by itself says so too; no member's entry replaces the crowd's words
    assert [a.reply_to for a in sent if a.kind is UPDATE] == [f"m{entry.alert_id}"]


async def test_what_still_waits_takes_in_who_comes_meanwhile_and_exits_wait_behind_it(
    database: Database,
) -> None:
    await only_anna(database)
    await enter(database, 1, 2, 3)
    await enter(database, 4)
    await leave(database, 4)
    [first] = await Outbox(database).lease([Channel.TELEGRAM], 1, 60, "me")
    assert (first.kind, len(members(first))) == (CROWD, 4)
    assert await Outbox(database).sending(first.alert_id, "me")
    await Outbox(database).sent(first.alert_id, "m1", MONDAY_MS)
    second = (await deliver(database))[0]
    assert (second.kind, second.short_id, second.reply_to) == (EXIT, "0004", "m1")


async def test_a_crowd_that_never_arrived_has_no_exits(database: Database) -> None:
    await only_anna(database)
    await enter(database, 1, 2, 3)
    [crowd] = await Outbox(database).lease([Channel.TELEGRAM], 1, 60, "me")
    await Outbox(database).dead(crowd.alert_id, "refused")
    assert {state for _, state in await entry_states(database)} == {"dead"}
    await leave(database, 1, 2, 3)
    assert await deliver(database) == []
    await enter(database, 4)
    assert kinds(await deliver(database)) == [(ENTRY, "0004", False)]


async def test_on_the_console_later_members_are_entries(database: Database) -> None:
    await enter(database, 1, 2, 3)
    await enter(database, 4)
    assert kinds(await deliver(database)) == [(CROWD, "", False), (ENTRY, "0004", False)]


async def test_a_crowd_is_weighed_as_a_whole(database: Database) -> None:
    """Three of 10,000 USD each are one of 30,000; the sides have to agree."""
    await only_anna(database)
    await add_member(database, BEN, Subscription(None, min_usd=30_000.0, side=Direction.SHORT))
    await enter(database, 1, 2, 3, loser_notional_usd=10_000.0, side=Direction.SHORT)
    sent = await deliver(database)
    assert {(alert.target, alert.kind) for alert in sent} == {(ANNA, CROWD), (BEN, CROWD)}
    await enter(database, 5, 6, 7, loser_notional_usd=20_000.0, side=Direction.LONG)
    assert {(alert.target, alert.kind) for alert in await deliver(database)} == {(ANNA, CROWD)}


async def test_opposing_losers_are_named(database: Database) -> None:
    await only_anna(database)
    await enter(database, 9, side=Direction.LONG)
    await enter(database, 1, 2, 3, side=Direction.SHORT)
    crowd = (await deliver(database))[-1]
    assert isinstance(crowd.facts, CrowdFacts)
    assert [one.opportunity_id for one in crowd.facts.opposing] == [opportunity_id(9)]


async def test_who_wants_no_crowds_gets_entries(database: Database) -> None:
    await only_anna(database)
    await Wishes(database).save_settings(ANNA, ChatSettings(loudness={CROWD: Loudness.OFF}))
    await enter(database, 1, 2, 3)
    assert {alert.kind for alert in await deliver(database)} == {ENTRY}


async def test_what_was_held_before_is_told_with_its_crowd(database: Database) -> None:
    await only_anna(database)
    await Wishes(database).mute(ANNA, "all", MONDAY_MS + HOUR_MS)
    await enter(database, 1, 2, 3)
    assert await deliver(database) == []
    assert await entry_states(database) == [(n, "held") for n in "123"]
    await Wishes(database).unmute(ANNA, None)
    await enter(database, 4)
    assert kinds(await deliver(database)) == [(CROWD, "", False)]
    assert await entry_states(database) == [(n, "sent") for n in "1234"]


async def test_control_and_rehearsal_are_nobodys_crowd(database: Database) -> None:
    await only_anna(database)
    await enter(database, 1, 2, group=Group.PLACEBO)
    await enter(database, 3)
    assert kinds(await deliver(database)) == [(ENTRY, "0003", False)]


async def test_a_publication_twice_tells_its_crowd_once(database: Database) -> None:
    await only_anna(database)
    await enter(database, 1, 2, 3)
    await enter(database, 1, 2, 3)
    assert kinds(await deliver(database)) == [(CROWD, "", False)]


async def test_a_chat_that_moves_to_one_that_heard_the_same_crowd_is_merged_into_it(
    database: Database,
) -> None:
    await only_anna(database)
    moved = Target(Channel.TELEGRAM, "-1001")
    await add_member(database, moved, ALL)
    await enter(database, 1, 2, 3)
    await Outbox(database).move_target(ANNA, moved.chat)
    assert [(alert.target, alert.kind) for alert in await deliver(database)] == [(moved, CROWD)]


async def test_what_changes_a_message_doesnt_count_as_undelivered(database: Database) -> None:
    await only_anna(database)
    await enter(database, 1)
    [entry] = await deliver(database)
    assert entry.kind is ENTRY
    await leave(database, 1)
    for _ in range(2):
        [alert] = await Outbox(database).lease([Channel.TELEGRAM], 1, 60, "me")
        if alert.kind is UPDATE:
            await Outbox(database).dead(alert.alert_id, "the message is gone")
        else:
            assert await Outbox(database).sending(alert.alert_id, "me")
            await Outbox(database).sent(alert.alert_id, "m9", MONDAY_MS)
    assert (await Reader(database).totals())["undelivered"] == 0
