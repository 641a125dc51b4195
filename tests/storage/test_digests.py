"""A digest tells all that was held, once, beside how everything did; its facts are the store's."""

from datetime import time
from typing import Any

import pytest

from core.chat_answers import mine
from core.digests import DigestChat, DueDigest
from core.model.alerts import Alert, AlertKind, Channel, DeliveryState
from core.model.chats import ChatSettings, DigestPeriod, HeldBecause, QuietHours, Subscription
from core.model.market import DAY_MS, HOUR_MS
from core.model.notices import DigestFacts
from core.model.opportunities import Group
from core.model.traders import Horizon
from core.ports import DigestStore
from core.services.digesting import DigestService
from core.trouble import database_trouble
from storage.chat_reader import ChatReader
from storage.chats import Chats
from storage.database import Database
from storage.digests import Digests
from storage.ledger import BEGINNING, Ledger
from storage.outbox import Outbox
from storage.publications import Publications
from storage.reader import Reader
from storage.wishes import Wishes
from tests.support.detection_ports import HandClock, Sleeper
from tests.support.facts import LOSER, MONDAY_MS
from tests.support.published import (
    ANNA,
    EVIDENCE,
    add_member,
    nth_decision,
    nth_ending,
    opportunity_id,
    publication,
    publish,
    silence_console,
)

pytestmark = pytest.mark.asyncio
DAILY = ChatSettings(digest=DigestPeriod.DAILY, digest_hour=8)
DUE = DueDigest(MONDAY_MS - DAY_MS, MONDAY_MS + DAY_MS, True)
AT = MONDAY_MS + DAY_MS


async def listen(database: Database, settings: ChatSettings = DAILY) -> None:
    await silence_console(database)
    await add_member(database, ANNA, Subscription(None))
    await Wishes(database).save_settings(ANNA, settings)


async def deliver(database: Database) -> list[Alert]:
    outbox, sent = Outbox(database), []
    while leased := await outbox.lease(list(Channel), 50, 60, "me"):
        for alert in leased:
            assert await outbox.sending(alert.alert_id, "me")
            await outbox.sent(alert.alert_id, f"m{alert.alert_id}", MONDAY_MS)
            sent.append(alert)
    return sent


async def digest(database: Database, due: DueDigest = DUE) -> DigestFacts:
    """Write the digest and return what it says."""
    await deliver(database)
    assert await Digests(database).add_digest(ANNA, due, EVIDENCE, AT)
    [alert] = await deliver(database)
    assert alert.kind is AlertKind.DIGEST
    assert isinstance(alert.facts, DigestFacts)
    return alert.facts


async def end(database: Database, n: int, net_bps: float | None, **changes: Any) -> None:
    ending = nth_ending(n, net_bps=net_bps, **changes)
    await Publications(database).publish(publication(endings=(ending,)), EVIDENCE)


async def test_nothing_to_tell_is_a_digest_too(database: Database) -> None:
    await listen(database)
    facts = await digest(database)
    assert (facts.published, facts.told, facts.held, facts.ended, facts.lines) == (0, 0, {}, 0, ())
    assert (facts.ledger_head, facts.ledger_entries, facts.evidence) == (BEGINNING, 0, EVIDENCE)


async def test_it_tells_what_was_told_what_was_held_and_how_all_of_it_did(database: Database) -> None:
    await listen(database)
    await publish(database, 1, 2)
    await Wishes(database).mute(ANNA, "all", MONDAY_MS + HOUR_MS)
    await publish(database, 3)
    await publish(database, 4, group=Group.PLACEBO)
    await deliver(database)
    for n, net_bps in ((1, 40.0), (2, -10.0), (3, 30.0), (4, 5.0)):
        await end(database, n, net_bps)
    facts = await digest(database)
    assert (facts.published, facts.told, facts.held, facts.undelivered) == (3, 2, {"muted": 1}, 0)
    assert (facts.ended, facts.win_rate, facts.mean_net_bps) == (3, pytest.approx(2 / 3), pytest.approx(20.0))
    assert facts.placebo_mean_net_bps == 5.0
    lines = [(one.opportunity.opportunity_id, one.net_bps, one.held_because) for one in facts.lines]
    assert lines == [
        (opportunity_id(3), 30.0, "muted"),
        (opportunity_id(1), 40.0, None),
        (opportunity_id(2), -10.0, None),
    ]
    check = await Ledger(database).verify()
    assert (facts.ledger_head, facts.ledger_entries) == (check.head, check.entries) != (BEGINNING, 0)


async def test_what_one_digest_told_the_next_doesnt_and_the_same_is_written_once(database: Database) -> None:
    await listen(database)
    await Wishes(database).mute(ANNA, "all", MONDAY_MS + HOUR_MS)
    await publish(database, 1)
    assert (await digest(database)).held == {"muted": 1}
    assert not await Digests(database).add_digest(ANNA, DUE, EVIDENCE, AT)
    later = await digest(database, DueDigest(AT, AT + DAY_MS, True))
    assert (later.held, later.lines) == ({}, ())


async def lose(database: Database, fate: str, at_ms: int) -> None:
    """Write a digest that isn't delivered."""
    outbox = Outbox(database)
    due = DueDigest(at_ms - DAY_MS, at_ms, True)
    assert await Digests(database).add_digest(ANNA, due, EVIDENCE, at_ms)
    [lost] = await outbox.lease(list(Channel), 50, 60, "me")
    assert lost.kind is AlertKind.DIGEST
    if fate == "blocked":
        await outbox.release("me")
        await outbox.disable_target(ANNA, fate)
        await Chats(database).enable(ANNA)
    else:
        await getattr(outbox, fate)(lost.alert_id, "?")


@pytest.mark.parametrize("fate", ["dead", "unknown", "expired", "blocked"])
async def test_what_a_lost_digest_was_to_tell_is_told_by_the_next(database: Database, fate: str) -> None:
    await listen(database)
    await Wishes(database).mute(ANNA, "all", MONDAY_MS + HOUR_MS)
    await publish(database, 1)
    await lose(database, fate, AT)
    assert (await digest(database, DueDigest(AT, AT + DAY_MS, True))).held == {"muted": 1}
    assert (await digest(database, DueDigest(AT, AT + 2 * DAY_MS, True))).held == {}


async def test_after_three_lost_digests_mine_says_so_and_the_next_is_without(database: Database) -> None:
    await listen(database)
    await Wishes(database).mute(ANNA, "all", MONDAY_MS + HOUR_MS)
    await publish(database, 1)
    for n, lost in ((1, 0), (2, 0), (3, 1)):
        await lose(database, "dead", MONDAY_MS + n * DAY_MS)
        answer = await mine(
            Reader(database), ChatReader(database), ANNA, now_ms=MONDAY_MS + n * DAY_MS, horizon=Horizon.H1
        )
        assert (answer.held, answer.held_lost) == ({HeldBecause.MUTED: 1}, lost)
        assert answer.lost == {AlertKind.DIGEST: {DeliveryState.DEAD: n}}
    assert (await digest(database, DueDigest(AT, MONDAY_MS + 4 * DAY_MS, True))).held == {}


async def test_a_lost_digest_of_what_was_held_is_followed_by_another_after_an_hour(
    database: Database,
) -> None:
    await listen(database, ChatSettings(hourly_cap=1))
    await publish(database, 1, 2)
    await deliver(database)
    clock = HandClock()
    clock.at_ms = MONDAY_MS + HOUR_MS
    service = DigestService(
        Digests(database), lambda: EVIDENCE, clock, Sleeper(), database_trouble(clock.now_ms)
    )
    assert await service.look() == 1
    [lost] = await Outbox(database).lease(list(Channel), 50, 60, "me")
    await Outbox(database).dead(lost.alert_id, "refused")
    clock.at_ms += HOUR_MS - 1
    assert await service.look() == 0
    clock.at_ms += 1
    assert await service.look() == 1


async def test_without_a_digest_only_quiet_hours_and_caps_are_told_later(database: Database) -> None:
    await listen(database, ChatSettings(hourly_cap=1))
    await publish(database, 1, 2)
    await Wishes(database).mute(ANNA, "all", MONDAY_MS + HOUR_MS)
    await publish(database, 3)
    facts = await digest(database, DueDigest(MONDAY_MS - 1, AT, False))
    assert facts.held == {"cap": 1}
    assert [one.opportunity.opportunity_id for one in facts.lines] == [opportunity_id(2)]
    assert not facts.is_regular


async def test_held_events_of_followed_traders_are_told_too(database: Database) -> None:
    await listen(database)
    await Wishes(database).follow(ANNA, LOSER, "whale")
    await Wishes(database).mute(ANNA, "all", MONDAY_MS + HOUR_MS)
    event = nth_decision(1).event
    await Publications(database).publish(publication(finished=(event,)), EVIDENCE)
    facts = await digest(database)
    assert [(one.event, one.label) for one in facts.followed] == [(event, "whale")]
    assert facts.held == {}


async def test_the_service_finds_who_is_due_and_sends_each_once(database: Database) -> None:
    await listen(database)
    store: DigestStore = Digests(database)
    clock = HandClock()
    clock.at_ms = MONDAY_MS
    service = DigestService(store, lambda: EVIDENCE, clock, Sleeper(), database_trouble(clock.now_ms))
    assert await service.look() == 0
    [begun] = await store.digest_chats(MONDAY_MS)
    assert begun == DigestChat(ANNA, DAILY, MONDAY_MS, None, None)
    clock.at_ms = MONDAY_MS + 8 * HOUR_MS
    assert await service.look() == 1
    assert await service.look() == 0
    [alert] = await deliver(database)
    assert isinstance(alert.facts, DigestFacts)
    assert (alert.facts.since_ms, alert.facts.until_ms) == (MONDAY_MS, MONDAY_MS + 8 * HOUR_MS)
    await Wishes(database).save_settings(ANNA, ChatSettings())
    assert await store.digest_chats(clock.at_ms) == []


async def test_the_service_tells_what_the_cap_held_at_the_next_hour(database: Database) -> None:
    await listen(database, ChatSettings(hourly_cap=1))
    await publish(database, 1, 2)
    clock = HandClock()
    clock.at_ms = MONDAY_MS + HOUR_MS - 1
    service = DigestService(
        Digests(database), lambda: EVIDENCE, clock, Sleeper(), database_trouble(clock.now_ms)
    )
    assert await service.look() == 0
    clock.at_ms += 1
    assert await service.look() == 1
    assert await service.look() == 0


@pytest.mark.parametrize("is_told", [False, True])
async def test_who_left_and_is_back_is_not_told_what_was_held_before(
    is_told: bool, database: Database
) -> None:
    await listen(database, ChatSettings(quiet=QuietHours(time(0), time(0))))
    await publish(database, 1)
    if is_told:
        await digest(database, DueDigest(MONDAY_MS - 1, AT, False))
    await Chats(database).forget(ANNA)
    await listen(database, ChatSettings())
    assert ANNA not in [one.target for one in await Digests(database).digest_chats(AT)]
