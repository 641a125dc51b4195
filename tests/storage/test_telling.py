"""Who is told what: by subscriptions, follows, kinds, mutes, quiet hours and caps, and what holds it back."""

import re
from datetime import time
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.model.alerts import Alert, AlertKind, Channel, Target
from core.model.chats import ChatSettings, Loudness, QuietHours, Subscription
from core.model.market import HOUR_MS, Coin, Direction
from core.model.notices import Growth
from core.quiet_hours import is_quiet
from storage.database import Database
from storage.outbox import Outbox
from storage.publications import Publications
from storage.statements import statements
from storage.wishes import Wishes
from tests.support.facts import LOSER, MONDAY_MS
from tests.support.published import (
    ANNA,
    BEN,
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
ENTRY, EXIT, UPDATE = AlertKind.ENTRY, AlertKind.EXIT, AlertKind.UPDATE
"""MONDAY_MS is 2026-01-05 00:00 UTC."""


async def told(database: Database, kind: str = "entry") -> list[tuple[str, str | None, bool]]:
    """Return chat, why it was held (None: queued) and whether silently, of every alert of a kind."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "select chat, held_because, is_silent, state, exists (select from outbox o "
            "where o.alert_id = a.alert_id) as queued from alerts a where kind = $1 order by alert_id",
            kind,
        )
    for row in rows:
        assert (row["state"] == "held") == (row["held_because"] is not None)
        assert row["queued"] == (row["state"] == "pending")
    return [(row["chat"], row["held_because"], row["is_silent"]) for row in rows]


async def listen(database: Database, settings: ChatSettings, *subscriptions: Subscription) -> None:
    """Let Anna alone hear, in her own way."""
    await silence_console(database)
    await add_member(database, ANNA, *(subscriptions or (ALL,)))
    await Wishes(database).save_settings(ANNA, settings)


async def deliver(database: Database, now_ms: int = MONDAY_MS) -> list[Alert]:
    """Send all that is due, each as message number of its alert."""
    outbox, sent = Outbox(database), []
    while leased := await outbox.lease(list(Channel), 50, 60, "me"):
        for alert in leased:
            assert await outbox.sending(alert.alert_id, "me")
            await outbox.sent(alert.alert_id, alert.reply_to if alert.edits else f"m{alert.alert_id}", now_ms)
            sent.append(alert)
    return sent


# --- what is wanted ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wish", "is_told"),
    [
        (ALL, True),
        (Subscription(Coin("BTC")), True),
        (Subscription(Coin("ETH")), False),
        (Subscription(None, side=Direction.SHORT), True),
        (Subscription(None, side=Direction.LONG), False),
        (Subscription(None, min_usd=25_300.0), True),
        (Subscription(None, min_usd=25_300.5), False),
        (Subscription(None, min_badness=81.4), True),
        (Subscription(None, min_badness=81.5), False),
    ],
)
async def test_a_subscription_lets_through_its_coin_side_size_and_badness(
    database: Database, wish: Subscription, is_told: bool
) -> None:
    await listen(database, ChatSettings(), wish)
    await publish(
        database, 1, coin=Coin("BTC"), side=Direction.SHORT, loser_notional_usd=25_300.0, badness=81.4
    )
    assert await told(database) == ([("101", None, False)] if is_told else [])


async def test_who_follows_the_loser_is_told_once_without_or_with_a_subscription(database: Database) -> None:
    await silence_console(database)
    await add_member(database, ANNA)
    await add_member(database, BEN, ALL, Subscription(Coin("BTC")))
    for target in (ANNA, BEN):
        await Wishes(database).follow(target, LOSER, None)
    await publish(database, 1)
    assert sorted(await told(database)) == [("101", None, False), ("202", None, False)]


# --- what is held --------------------------------------------------------------------------------


async def test_a_kind_that_is_off_is_held_and_one_that_is_silent_comes_silently(database: Database) -> None:
    await listen(database, ChatSettings(loudness={ENTRY: Loudness.SILENT}))
    await publish(database, 1)
    await Wishes(database).save_settings(ANNA, ChatSettings(loudness={ENTRY: Loudness.OFF}))
    await publish(database, 2)
    assert await told(database) == [("101", None, True), ("101", "off", False)]


@pytest.mark.parametrize(
    ("what", "is_held"),
    [("all", True), ("BTC", True), (LOSER, True), ("ETH", False), ("0x" + "9" * 40, False)],
)
async def test_what_is_muted_is_held_until_the_mute_is_over(
    database: Database, what: str, is_held: bool
) -> None:
    await listen(database, ChatSettings())
    await Wishes(database).mute(ANNA, what, MONDAY_MS + 1)
    await publish(database, 1, coin=Coin("BTC"))
    assert await told(database) == [("101", "muted" if is_held else None, False)]
    await Wishes(database).mute(ANNA, what, MONDAY_MS)  # over at this very moment
    await publish(database, 2, coin=Coin("BTC"))
    assert (await told(database))[1:] == [("101", None, False)]


QUIET = QuietHours(time(22), time(7))
"""MONDAY_MS is 01:00 in Berlin."""


async def test_quiet_hours_hold_entries_but_never_exits(database: Database) -> None:
    await listen(database, ChatSettings())
    await publish(database, 1)
    await deliver(database)
    await Wishes(database).save_settings(ANNA, ChatSettings(quiet=QUIET, time_zone="Europe/Berlin"))
    await publish(database, 2)
    assert [held for _, held, _ in await told(database)] == [None, "quiet"]
    await end(database, 1, 2)
    assert await told(database, "exit") == [("101", None, True)]


async def test_an_hourly_cap_holds_what_is_more_and_counts_only_what_was_told(database: Database) -> None:
    await listen(database, ChatSettings(hourly_cap=2))
    await Wishes(database).mute(ANNA, "all", MONDAY_MS + 1)
    await publish(database, 1)  # muted: counts for nothing
    await Wishes(database).unmute(ANNA, None)
    await publish(database, 2, 3, 4)
    await publish(database, 5)
    assert [held for _, held, _ in await told(database)] == ["muted", None, None, "cap", "cap"]
    store = Publications(database)
    await store.publish(publication(nth_decision(6), now_ms=MONDAY_MS + HOUR_MS), EVIDENCE)
    assert (await told(database))[-1] == ("101", None, False)


async def test_chats_that_want_something_else_are_not_even_asked(database: Database) -> None:
    await listen(database, ChatSettings(hourly_cap=2))
    for n in range(50):
        other = Target(Channel.TELEGRAM, str(9_000 + n))
        await add_member(database, other, Subscription(Coin("XYZ")))
        await Wishes(database).save_settings(other, ChatSettings(hourly_cap=2))
    await publish(database, 1)
    asked = re.compile(r"Scan [^\n]* on (?:mutes|alerts)\b[^\n]*loops=(\d+)")
    async with database.connection() as connection:
        await connection.execute("delete from alerts")
        explained = f"explain (analyze) {statements('telling')['add_entry_alerts']}"
        plan = await connection.fetch(explained, [opportunity_id(1)], MONDAY_MS, EVIDENCE)
    loops = asked.findall("\n".join(row[0] for row in plan))
    assert loops
    assert set(loops) == {"1"}


async def test_what_was_held_has_no_exit(database: Database) -> None:
    await listen(database, ChatSettings(quiet=QUIET, time_zone="Europe/Berlin"))
    await publish(database, 1)
    await end(database, 1)
    assert await told(database, "exit") == []


async def test_exits_pass_mutes_and_caps_and_only_off_stops_them(database: Database) -> None:
    await listen(database, ChatSettings(hourly_cap=1))
    await publish(database, 1)
    await deliver(database)
    await Wishes(database).mute(ANNA, "all", MONDAY_MS + HOUR_MS)
    await end(database, 1)
    assert await told(database, "exit") == [("101", None, False)]
    await Wishes(database).unmute(ANNA, None)
    await Wishes(database).save_settings(ANNA, ChatSettings(loudness={EXIT: Loudness.OFF}))
    await publish(database, 2)
    await deliver(database)
    await end(database, 2)
    assert await told(database, "exit") == [("101", None, False), ("101", "off", False)]


ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Pacific/Apia")


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(data=st.data())
async def test_the_database_and_the_program_mean_the_same_quiet_hours(
    database: Database, data: st.DataObject
) -> None:
    ends = st.times(max_value=time(23, 59)).map(lambda at: at.replace(microsecond=0))
    quiet = QuietHours(data.draw(ends), data.draw(ends))
    zone = data.draw(st.sampled_from(ZONES))
    now_ms = data.draw(st.integers(1_700_000_000_000, 1_900_000_000_000))
    async with database.connection() as connection:
        said = await connection.fetchval(
            "select is_quiet($1, $2, $3, $4)", quiet.begin, quiet.end, zone, now_ms
        )
    assert said is is_quiet(quiet, ZoneInfo(zone), now_ms)


# --- what becomes of it --------------------------------------------------------------------------


def growth(n: int, usd: float) -> Growth:
    return Growth(opportunity_id(n), Decimal("64215.5"), usd, MONDAY_MS + 900)


async def grow(database: Database, *grown: Growth) -> None:
    await Publications(database).publish(publication(grown=grown), EVIDENCE)


async def test_the_entry_is_changed_when_its_order_grows_and_when_it_ends(database: Database) -> None:
    await listen(database, ChatSettings())
    await publish(database, 1)
    [entry] = await deliver(database)
    await grow(database, growth(1, 40_000.0))
    [update] = await deliver(database)
    message = f"m{entry.alert_id}"
    assert (update.kind, update.edits, update.reply_to) == (UPDATE, True, message)
    assert (update.facts, update.ending, update.is_silent) == (growth(1, 40_000.0), None, True)
    await end(database, 1)
    left, over = await deliver(database)
    assert (left.kind, left.edits, left.reply_to) == (EXIT, False, message)
    assert (over.kind, over.edits, over.reply_to) == (UPDATE, True, message)
    assert over.facts == growth(1, 40_000.0)  # what is known of its size stays
    assert over.ending == left.ending is not None


async def test_of_several_changes_that_wait_only_the_newest_is_told(database: Database) -> None:
    await listen(database, ChatSettings())
    await publish(database, 1)
    await grow(database, growth(1, 40_000.0))
    await grow(database, growth(1, 50_000.0))
    entry, update = await deliver(database)
    assert (entry.kind, update.facts) == (ENTRY, growth(1, 50_000.0))
    await grow(database, growth(1, 60_000.0))
    await end(database, 1)
    left, over = await deliver(database)
    assert (left.kind, over.kind, over.facts) == (EXIT, UPDATE, growth(1, 60_000.0))
    assert over.ending is not None


async def test_a_change_that_is_being_sent_is_followed_by_the_newer_one(database: Database) -> None:
    await listen(database, ChatSettings())
    await publish(database, 1)
    await deliver(database)
    await grow(database, growth(1, 40_000.0))
    [update] = await Outbox(database).lease([Channel.TELEGRAM], 5, 60, "me")
    await grow(database, growth(1, 50_000.0))
    assert await Outbox(database).sending(update.alert_id, "me")
    await Outbox(database).sent(update.alert_id, update.reply_to, MONDAY_MS)
    assert [alert.facts for alert in await deliver(database)] == [growth(1, 50_000.0)]


async def test_nothing_is_changed_where_nothing_was_told_or_can_be_changed(database: Database) -> None:
    """Not on the console, not where the entry was held, not for who wants no updates."""
    await add_member(database, ANNA, ALL)
    await Wishes(database).mute(ANNA, "all", MONDAY_MS + HOUR_MS)
    await add_member(database, BEN, ALL)
    await Wishes(database).save_settings(BEN, ChatSettings(loudness={UPDATE: Loudness.OFF}))
    await publish(database, 1)
    await deliver(database)
    await grow(database, growth(1, 40_000.0))
    await end(database, 1)
    assert {(a.kind, a.target.channel) for a in await deliver(database)} == {
        (EXIT, Channel.CONSOLE),
        (EXIT, Channel.DISCORD),
    }
