"""An alert's life: to each target one at a time and in order, and no state from which it vanishes."""

import asyncio

import pytest

from core.model.alerts import Alert, AlertKind, Channel, Target
from core.model.chats import Subscription
from core.ports import Outbox as OutboxPort
from storage.chats import Chats
from storage.database import Database
from storage.outbox import LOCK, SQL, Outbox
from storage.reader import Reader
from tests.support.facts import MONDAY_MS
from tests.support.published import (
    ANNA,
    BEN,
    CONSOLE,
    add_member,
    end,
    nth_ending,
    publish,
    silence_console,
)

pytestmark = pytest.mark.asyncio
ALL = Subscription(None)
CHANNELS = list(Channel)


async def lease(database: Database, owner: str = "me", limit: int = 50) -> list[Alert]:
    return await Outbox(database).lease(CHANNELS, limit, 60, owner)


async def send(database: Database, alert: Alert, remote_id: str = "m") -> None:
    outbox = Outbox(database)
    assert await outbox.sending(alert.alert_id, "me")
    await outbox.sent(alert.alert_id, remote_id, MONDAY_MS)


def short(alerts: list[Alert]) -> list[tuple[str, str]]:
    """Return kind and number of each alert's opportunity."""
    return [(alert.kind.value, alert.short_id) for alert in alerts]


async def let_leases_run_out(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute("update outbox set lease_until = lease_until - interval '1 day'")


async def counts(database: Database) -> dict[str, int]:
    return {state: n for state, n in (await Reader(database).delivery_counts()).items() if n}


async def test_the_way_of_an_alert(database: Database) -> None:
    outbox: OutboxPort = Outbox(database)
    await publish(database, 1)
    assert await counts(database) == {"pending": 1}
    [alert] = await outbox.lease(CHANNELS, 5, 60, "me")
    assert await counts(database) == {"leased": 1}
    assert await outbox.sending(alert.alert_id, "me")
    assert await counts(database) == {"sending": 1}
    assert await Reader(database).oldest_pending_ms() == MONDAY_MS
    await outbox.sent(alert.alert_id, "m7", MONDAY_MS + 5)
    assert await counts(database) == {"sent": 1}
    assert await Reader(database).oldest_pending_ms() is None
    async with database.connection() as connection:
        row = await connection.fetchrow("select state, remote_id, sent_ms, attempts, last_error from alerts")
        assert row is not None
        assert tuple(row) == ("sent", "m7", MONDAY_MS + 5, 1, None)
        assert await connection.fetchval("select count(*) from outbox") == 0


async def test_one_at_a_time_per_target_in_order_of_writing(database: Database) -> None:
    await add_member(database, ANNA, ALL)
    await publish(database, 1, 2, 3)
    for number in ("0001", "0002", "0003"):
        alerts = await lease(database)
        assert sorted(str(alert.target) for alert in alerts) == ["console:stdout", "telegram:101"]
        assert {alert.short_id for alert in alerts} == {number}
        assert await lease(database) == []
        for alert in alerts:
            await send(database, alert)
    assert await lease(database) == []


async def test_an_exit_goes_before_entries_and_never_without_its_own(database: Database) -> None:
    await publish(database, 1)
    await send(database, (await lease(database))[0], "first")
    await publish(database, 2, 3)
    await end(database, 3, 1)
    order = []
    while alerts := await lease(database):
        order += short(alerts)
        await send(database, alerts[0])
    # entry 3 was still waiting when its opportunity ended: neither it nor its exit is sent
    assert order == [("exit", "0001"), ("entry", "0002")]


async def test_an_exit_answers_the_message_of_its_entry_and_says_why(database: Database) -> None:
    await publish(database, 1)
    await send(database, (await lease(database))[0], "m42")
    await end(database, 1)
    [alert] = await lease(database)
    assert (alert.kind, alert.reply_to, alert.ending) == (AlertKind.EXIT, "m42", nth_ending(1))
    assert alert.expires_ms is None


@pytest.mark.parametrize("fate", ["dead", "expired"])
async def test_an_exit_whose_entry_was_not_sent_is_dropped(database: Database, fate: str) -> None:
    await publish(database, 1)
    [entry] = await lease(database)
    await end(database, 1)
    assert await lease(database) == []
    if fate == "dead":
        await Outbox(database).dead(entry.alert_id, "refused")
    else:
        await Outbox(database).expired(entry.alert_id, "too late")
    assert await lease(database) == []
    expected = {"dead": 1, "expired": 1} if fate == "dead" else {"expired": 2}
    assert await counts(database) == expected


async def test_an_exit_follows_an_entry_that_may_have_arrived(database: Database) -> None:
    await publish(database, 1)
    [entry] = await lease(database)
    await end(database, 1)
    await Outbox(database).unknown(entry.alert_id, "no answer")
    assert short(await lease(database)) == [("exit", "0001")]
    assert await counts(database) == {"unknown": 1, "leased": 1}


async def test_two_dispatchers_never_lease_the_same_target(database: Database) -> None:
    """However they interleave, and while more is written: at most one on its way per target."""
    targets = [Target(Channel.TELEGRAM, f"{n}") for n in range(6)]
    await silence_console(database)
    for target in targets:
        await add_member(database, target, ALL)
    on_its_way: dict[Target, str] = {}
    sent: dict[Target, list[str]] = {target: [] for target in targets}
    written = asyncio.Event()

    async def dispatch(owner: str) -> None:
        outbox = Outbox(database)
        while True:
            last_round = written.is_set()
            alerts = await outbox.lease(CHANNELS, 3, 60, owner)
            for alert in alerts:
                assert alert.target not in on_its_way, f"{owner} and {on_its_way[alert.target]}"
                on_its_way[alert.target] = owner
            for alert in alerts:
                assert await outbox.sending(alert.alert_id, owner)
                sent[alert.target].append(f"{alert.kind} {alert.short_id}")
                del on_its_way[alert.target]
                await outbox.sent(alert.alert_id, None, MONDAY_MS)
            if last_round and not alerts and await outbox.next_due_s() is None:
                return

    async def write() -> None:
        for n in range(10):
            await publish(database, n)
        for n in range(10):
            await end(database, n)
        written.set()

    async with asyncio.TaskGroup() as tasks:
        for owner in ("one", "two", "three"):
            tasks.create_task(dispatch(owner))
        tasks.create_task(write())
    for texts in sent.values():
        check_told_to_leave_exactly_who_was_told_to_enter(texts)


def check_told_to_leave_exactly_who_was_told_to_enter(texts: list[str]) -> None:
    assert len(texts) == len(set(texts))
    entries = [text for text in texts if text.startswith("entry")]
    assert {text.replace("exit", "entry") for text in texts if text.startswith("exit")} == set(entries)
    for entry in entries:
        assert texts.index(entry) < texts.index(entry.replace("entry", "exit"))


async def test_a_lease_waits_for_one_that_is_not_committed(database: Database) -> None:
    await publish(database, 1)
    await send(database, (await lease(database))[0])
    await publish(database, 2)
    async with database.transaction() as slow:
        await slow.execute(SQL["lock"], LOCK)
        assert len(await slow.fetch(SQL["lease"], CHANNELS, 9, 60.0, "slow", [], [])) == 1
        await end(database, 1)
        other = asyncio.ensure_future(lease(database, "other"))
        waiting = "select count(*) from pg_locks where locktype = 'advisory' and not granted"
        async with database.connection() as watching:
            while not await watching.fetchval(waiting):
                assert not other.done(), "it chose without seeing what the first took"
    assert await other == []


async def test_the_database_itself_refuses_a_second_lease_of_a_target(database: Database) -> None:
    await publish(database, 1, 2)
    async with database.connection() as connection:
        with pytest.raises(Exception, match="outbox_one_on_its_way"):
            await connection.execute(
                "update outbox set state = 'leased', lease_by = 'x', lease_until = now() + interval '1 hour'"
            )


async def test_a_crash_after_leasing_sends_it_again_unmarked(database: Database) -> None:
    await publish(database, 1)
    [first] = await lease(database, "dead process")
    assert await lease(database) == []
    await let_leases_run_out(database)
    assert not await Outbox(database).sending(first.alert_id, "dead process")
    assert await Outbox(database).recover() == []
    [again] = await lease(database)
    assert (again.alert_id, again.attempts, again.is_repeat) == (first.alert_id, 0, False)
    assert not await Outbox(database).sending(first.alert_id, "dead process")


async def test_a_crash_while_sending_is_found_once_as_unknown(database: Database) -> None:
    await publish(database, 1)
    [first] = await lease(database)
    assert await Outbox(database).sending(first.alert_id, "me")
    assert await Outbox(database).recover() == []
    await let_leases_run_out(database)
    assert await lease(database) == []
    found = await asyncio.gather(*(Outbox(database).recover() for _ in range(3)))
    [recovered] = [alert for alerts in found for alert in alerts]
    assert (recovered.alert_id, recovered.nonce, recovered.is_repeat) == (first.alert_id, first.nonce, True)
    await Outbox(database).retry(recovered.alert_id, "the process ended while sending", 0)
    [again] = await lease(database)
    assert again.is_repeat
    assert (again.attempts, again.nonce) == (1, first.nonce)


async def test_who_recovers_and_dies_is_recovered_again(database: Database) -> None:
    await publish(database, 1)
    [first] = await lease(database)
    await Outbox(database).sending(first.alert_id, "me")
    for _ in range(2):
        await let_leases_run_out(database)
        assert len(await Outbox(database).recover()) == 1


async def test_a_late_success_wins_over_what_was_thought_meanwhile(database: Database) -> None:
    await publish(database, 1)
    [alert] = await lease(database)
    await Outbox(database).sending(alert.alert_id, "me")
    await let_leases_run_out(database)
    await Outbox(database).recover()
    await Outbox(database).unknown(alert.alert_id, "no answer")
    await Outbox(database).sent(alert.alert_id, "m1", MONDAY_MS)
    assert await counts(database) == {"sent": 1}


async def test_only_a_try_that_may_have_arrived_makes_the_next_a_repeat(database: Database) -> None:
    await publish(database, 1)
    outbox = Outbox(database)
    for may_have_arrived, is_repeat in ((False, False), (True, True), (False, True)):
        [alert] = await lease(database)
        await outbox.sending(alert.alert_id, "me")
        await outbox.retry(alert.alert_id, "time-out", 0, doubted_ms=MONDAY_MS if may_have_arrived else None)
        [again] = await lease(database)
        assert again.is_repeat is is_repeat
        await outbox.release("me")


async def test_what_waits_keeps_its_place_and_says_when_it_is_due(database: Database) -> None:
    outbox = Outbox(database)
    await add_member(database, ANNA, ALL)
    await publish(database, 1, 2)
    assert await outbox.next_due_s() == 0
    alerts = {alert.target: alert for alert in await lease(database)}
    await outbox.retry(alerts[CONSOLE].alert_id, "refused", 100)
    await send(database, alerts[ANNA])
    assert short(await lease(database)) == [("entry", "0002")]  # Anna's; the console waits for its first
    due_s = await outbox.next_due_s()
    assert due_s is not None
    assert 50 < due_s <= 60  # the end of Anna's lease comes first


async def test_a_held_chat_holds_back_only_itself_with_all_its_topics(database: Database) -> None:
    topic = Target(Channel.TELEGRAM, ANNA.chat, "9")
    for target in (ANNA, topic, BEN):
        await add_member(database, target, ALL)
    await silence_console(database)
    await publish(database, 1)
    await Outbox(database).hold_target(ANNA, 100)
    await Outbox(database).hold_target(ANNA, 1)
    assert [alert.target for alert in await lease(database)] == [BEN]


async def test_only_channels_that_can_be_served_are_leased_and_waited_for(database: Database) -> None:
    await add_member(database, ANNA, ALL)
    await publish(database, 1)
    outbox = Outbox(database)
    [alert] = await outbox.lease([Channel.CONSOLE], 9, 60, "me")
    await send(database, alert)
    assert await outbox.next_due_s() is None
    assert await counts(database) == {"sent": 1, "pending": 1}


async def test_shutting_down_returns_what_was_not_begun(database: Database) -> None:
    await add_member(database, ANNA, ALL)
    await publish(database, 1)
    one, other = await lease(database)
    await Outbox(database).sending(one.alert_id, "me")
    await Outbox(database).release("somebody else")
    assert await counts(database) == {"leased": 1, "sending": 1}
    await Outbox(database).release("me")
    assert await counts(database) == {"pending": 1, "sending": 1}
    assert [alert.alert_id for alert in await lease(database)] == [other.alert_id]


async def test_a_chat_that_is_gone_takes_its_alerts_with_it_but_they_stay_visible(database: Database) -> None:
    await add_member(database, ANNA, ALL)
    await publish(database, 1, 2)
    [mine] = [alert for alert in await lease(database) if alert.target == ANNA]
    await Outbox(database).sending(mine.alert_id, "me")
    await Outbox(database).dead(mine.alert_id, "blocked")
    await Outbox(database).disable_target(ANNA, "blocked")
    chat = await Chats(database).chat(ANNA)
    assert chat is not None
    assert chat.disabled_reason == "blocked"
    assert await counts(database) == {"dead": 2, "pending": 1, "leased": 1}


async def test_a_chat_that_moved_takes_everything_along(database: Database) -> None:
    await silence_console(database)
    await add_member(database, ANNA, Subscription(None, 5.0, 6.0))
    await publish(database, 1, 2)
    await send(database, (await lease(database))[0], "m1")
    [second] = await lease(database)
    await Outbox(database).sending(second.alert_id, "me")
    await Outbox(database).move_target(ANNA, "-100777")
    await Outbox(database).retry(second.alert_id, "moved", 0)
    there = Target(ANNA.channel, "-100777")
    assert await Chats(database).chat(ANNA) is None
    chat = await Chats(database).chat(there)
    assert chat is not None
    assert chat.subscriptions == (Subscription(None, 5.0, 6.0),)
    [again] = await lease(database)
    assert (again.alert_id, again.target) == (second.alert_id, there)
    await send(database, again)
    await end(database, 1)
    [leaving] = await lease(database)
    assert (leaving.target, leaving.reply_to) == (there, None)


async def test_a_chat_that_moved_to_a_known_one_is_merged_into_it(database: Database) -> None:
    there = Target(ANNA.channel, "-100777")
    await silence_console(database)
    await add_member(database, ANNA, ALL, Subscription(None, 1.0))
    await add_member(database, there, Subscription(None, 9.0))
    await publish(database, 1)
    await Outbox(database).move_target(ANNA, there.chat)
    assert await Chats(database).chat(ANNA) is None
    chat = await Chats(database).chat(there)
    assert chat is not None
    assert chat.subscriptions == (Subscription(None, 9.0),)
    assert [alert.target for alert in await lease(database)] == [there]
    assert await counts(database) == {"leased": 1, "dead": 1}


async def test_a_test_alert_cannot_be_taken_for_a_real_one(database: Database) -> None:
    number = await Outbox(database).add_test(ANNA, MONDAY_MS)
    [alert] = await lease(database)
    assert (alert.alert_id, alert.kind, alert.target) == (number, AlertKind.TEST, ANNA)
    assert alert.opportunity is not None
    assert alert.opportunity.is_rehearsal
    assert set(alert.opportunity.loser) == {"0", "x"}
    await send(database, alert)
    assert (await Reader(database).totals())["published"] == 0


async def test_a_nonce_is_short_and_each_alerts_own(database: Database) -> None:
    await add_member(database, ANNA, ALL)
    await publish(database, 1)
    nonces = [alert.nonce for alert in await lease(database)]
    assert len(set(nonces)) == 2
    assert all(0 < len(nonce) <= 25 for nonce in nonces)


async def test_the_queue_is_empty_when_all_is_told(database: Database) -> None:
    await publish(database, *range(5))
    while alerts := await lease(database):
        await send(database, alerts[0])
    async with database.connection() as connection:
        assert await connection.fetchval("select count(*) from outbox") == 0
    assert await Outbox(database).next_due_s() is None
