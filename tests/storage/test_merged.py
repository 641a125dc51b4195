"""Entries told in one message share its fate, and their exits come after it."""

import asyncio

import pytest

from core.model.alerts import Alert, AlertKind, Channel
from core.model.chats import ChatSettings, Subscription
from core.model.notices import MergedFacts
from storage.database import Database
from storage.outbox import SQL, Outbox
from storage.reader import Reader
from storage.wishes import Wishes
from tests.support.facts import MONDAY_MS
from tests.support.published import ANNA, BEN, add_member, end, publish, silence_console

pytestmark = pytest.mark.asyncio
ALL = Subscription(None)


async def five_for_anna(database: Database) -> Outbox:
    """Publish five entries for Anna and merge the last three."""
    await silence_console(database)
    await add_member(database, ANNA, ALL)
    await publish(database, 1, 2, 3, 4, 5)
    outbox = Outbox(database)
    assert await outbox.merge(ANNA, 2, MONDAY_MS) == 3
    return outbox


async def lease(outbox: Outbox) -> Alert | None:
    alerts = await outbox.lease(list(Channel), 50, 60, "me")
    assert len(alerts) <= 1
    return alerts[0] if alerts else None


async def send_next(outbox: Outbox, remote_id: str = "m") -> Alert:
    alert = await lease(outbox)
    assert alert is not None
    assert await outbox.sending(alert.alert_id, "me")
    await outbox.sent(alert.alert_id, remote_id, MONDAY_MS)
    return alert


def told(alert: Alert) -> list[str]:
    assert isinstance(alert.facts, MergedFacts)
    return [line.opportunity.short_id for line in alert.facts.lines]


async def counts(database: Database) -> dict[str, int]:
    return {state: n for state, n in (await Reader(database).delivery_counts()).items() if n}


async def test_the_rest_comes_in_one_message_after_the_first(database: Database) -> None:
    outbox = await five_for_anna(database)
    assert await counts(database) == {"pending": 6}
    sent = [await send_next(outbox) for _ in range(3)]
    assert [alert.short_id for alert in sent[:2]] == ["0001", "0002"]
    assert (sent[2].kind, told(sent[2])) == (AlertKind.MERGED, ["0005", "0004", "0003"])
    assert sent[2].expires_ms is not None
    assert await lease(outbox) is None
    assert await counts(database) == {"sent": 6}


async def test_later_entries_join_the_message_that_waits_already(database: Database) -> None:
    outbox = await five_for_anna(database)
    await publish(database, 6, 7)
    assert await outbox.merge(ANNA, 2, MONDAY_MS) == 2
    for _ in range(2):
        await send_next(outbox)
    assert told(await send_next(outbox)) == ["0007", "0006", "0005", "0004", "0003"]
    assert await lease(outbox) is None


async def test_an_exit_waits_for_the_message_that_told_its_entry_and_answers_it(database: Database) -> None:
    outbox = await five_for_anna(database)
    await end(database, 4)
    for _ in range(2):
        await send_next(outbox)
    merged = await send_next(outbox, "m77")
    assert isinstance(merged.facts, MergedFacts)
    assert [line.end_reason is not None for line in merged.facts.lines] == [False, True, False]
    leaving = await send_next(outbox)
    assert (leaving.kind, leaving.short_id, leaving.reply_to) == (AlertKind.EXIT, "0004", "m77")


async def test_exits_are_never_merged(database: Database) -> None:
    await silence_console(database)
    await add_member(database, ANNA, ALL)
    await publish(database, 1, 2, 3)
    outbox = Outbox(database)
    for _ in range(3):
        await send_next(outbox)
    await end(database, 1, 2, 3)
    assert await outbox.backlogs(list(Channel)) == []
    assert [(await send_next(outbox)).kind for _ in range(3)] == [AlertKind.EXIT] * 3


@pytest.mark.parametrize("fate", ["unknown", "dead", "expired"])
async def test_what_becomes_of_the_message_becomes_of_its_entries(database: Database, fate: str) -> None:
    outbox = await five_for_anna(database)
    await end(database, 5)
    for _ in range(2):
        await send_next(outbox)
    merged = await lease(outbox)
    assert merged is not None
    await (
        outbox.expired(merged.alert_id, "late")
        if fate == "expired"
        else getattr(outbox, fate)(merged.alert_id, "?")
    )
    leaving = await lease(outbox)
    assert (leaving is not None) is (fate == "unknown")  # who may have heard of it hears of its end
    exits = {} if fate == "unknown" else {"expired": 1}
    expected = {"sent": 2, fate: 4}
    for state, n in exits.items():
        expected[state] = expected.get(state, 0) + n
    found = await counts(database)
    found.pop("leased", None)
    assert found == expected


async def test_a_chat_that_is_gone_takes_its_merged_entries_along(database: Database) -> None:
    outbox = await five_for_anna(database)
    await outbox.disable_target(ANNA, "blocked")
    assert await counts(database) == {"dead": 6}


async def test_what_may_have_arrived_is_not_merged(database: Database) -> None:
    await silence_console(database)
    await add_member(database, ANNA, ALL)
    await publish(database, 1, 2, 3)
    outbox = Outbox(database)
    first = await lease(outbox)
    assert first is not None
    await outbox.sending(first.alert_id, "me")
    await outbox.retry(first.alert_id, "time-out", 0, doubted_ms=MONDAY_MS)
    assert await outbox.merge(ANNA, 0, MONDAY_MS) == 2
    assert (await send_next(outbox)).short_id == "0001"


async def test_the_message_of_merged_entries_counts_to_the_cap_as_one(database: Database) -> None:
    outbox = await five_for_anna(database)  # three messages: two entries, and one of three
    await Wishes(database).save_settings(ANNA, ChatSettings(hourly_cap=4))
    await publish(database, 6, 7)
    waiting = await outbox.backlogs(list(Channel))
    assert [one.entries for one in waiting] == [3]
    assert await counts(database) == {"pending": 7, "held": 1}


async def test_who_falls_behind_is_counted_by_chat(database: Database) -> None:
    await silence_console(database)
    for target in (ANNA, BEN):
        await add_member(database, target, ALL)
    await publish(database, 1, 2)
    outbox = Outbox(database)
    waiting = await outbox.backlogs([Channel.TELEGRAM])
    assert [(one.target, one.entries) for one in waiting] == [(ANNA, 2)]
    assert waiting[0].expires_ms is not None


async def test_merging_while_others_lease_loses_nothing(database: Database) -> None:
    await silence_console(database)
    await add_member(database, ANNA, ALL)
    await publish(database, *range(1, 30))
    outbox = Outbox(database)
    first, _, second = await asyncio.gather(
        lease(outbox), outbox.merge(ANNA, 3, MONDAY_MS), outbox.merge(ANNA, 1, MONDAY_MS)
    )
    assert first is not None or second >= 0
    async with database.connection() as connection:
        lost = await connection.fetchval(
            "select count(*) from alerts a where state = 'pending'"
            " and not exists (select from outbox o where o.alert_id in (a.alert_id, a.digest_id))"
        )
    assert lost == 0


@pytest.mark.parametrize(
    "changing",
    [
        "select from outbox where alert_id = $1 for update",
        "update alerts set facts = facts where alert_id = $1",
    ],
)
async def test_merging_waits_for_no_row_that_a_publication_is_changing(
    database: Database, changing: str
) -> None:
    await silence_console(database)
    await add_member(database, ANNA, ALL)
    await publish(database, 1, 2, 3, 4)
    outbox = Outbox(database)
    async with database.transaction() as connection:
        third = await connection.fetchval("select alert_id from alerts where opportunity_id like '%3'")
        await connection.execute(changing, third)
        async with asyncio.timeout(10):
            assert await outbox.merge(ANNA, 1, MONDAY_MS) == 2
            assert await outbox.merge(ANNA, 1, MONDAY_MS) == 0
    assert [alert.short_id for alert in (await send_next(outbox), await send_next(outbox))] == [
        "0001",
        "0003",
    ]
    assert told(await send_next(outbox)) == ["0004", "0002"]


async def test_where_nothing_can_be_merged_there_is_no_message(database: Database) -> None:
    await silence_console(database)
    await add_member(database, ANNA, ALL)
    await publish(database, 1, 2)
    assert await Outbox(database).merge(ANNA, 2, MONDAY_MS) == 0
    assert await counts(database) == {"pending": 2}


async def test_what_came_after_a_waiting_message_joins_it_whole_or_not_at_all(database: Database) -> None:
    """Only the last of the later ones in it would be told before the first of them."""
    outbox = await five_for_anna(database)
    await publish(database, 6, 7, 8)
    assert await outbox.merge(ANNA, 4, MONDAY_MS) == 3
    sent = [await send_next(outbox) for _ in range(3)]
    assert [alert.short_id for alert in sent[:2]] == ["0001", "0002"]
    assert told(sent[2]) == ["0008", "0007", "0006", "0005", "0004", "0003"]


async def test_an_exit_written_after_the_queue_was_tidied_waits_all_the_same(database: Database) -> None:
    """What leases must not rest on what was true a statement earlier."""
    outbox = await five_for_anna(database)
    for _ in range(2):
        await send_next(outbox)
    async with database.transaction() as connection:
        await connection.execute(SQL["tidy"])
        await end(database, 4)
        leased = await connection.fetch(SQL["lease"], list(Channel), 9, 60.0, "me", [], [])
    async with database.connection() as connection:
        kinds = await connection.fetch(
            "select kind from alerts where alert_id = any($1::bigint[])", [row[0] for row in leased]
        )
    assert [row["kind"] for row in kinds] == ["merged"]


async def test_while_one_message_is_on_its_way_another_takes_the_later_ones(database: Database) -> None:
    outbox = await five_for_anna(database)
    for _ in range(2):
        await send_next(outbox)
    first = await lease(outbox)
    assert first is not None
    await publish(database, 6, 7, 8)
    assert await outbox.merge(ANNA, 1, MONDAY_MS) == 2
    await outbox.retry(first.alert_id, "refused", 0)
    await publish(database, 9, 10)
    assert await outbox.merge(ANNA, 1, MONDAY_MS) == 2
    assert told(await send_next(outbox)) == ["0005", "0004", "0003"]
    assert (await send_next(outbox)).short_id == "0006"
    assert told(await send_next(outbox)) == ["0010", "0009", "0008", "0007"]
