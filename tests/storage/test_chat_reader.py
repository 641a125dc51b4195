"""What a chat learns about its own alerts and about near misses: its own, and never the control's."""

from dataclasses import replace
from decimal import Decimal

import pytest

from core.chat_answers import mine, percentile, why
from core.digests import DueDigest
from core.model.alerts import AlertKind, Channel, DeliveryState, Target
from core.model.chat_answers import Filter
from core.model.chats import Chat, HeldBecause, Role, Subscription
from core.model.market import Address, Coin, Direction
from core.model.opportunities import Group, Rejection
from core.model.positions import EventKind
from core.model.traders import Horizon
from core.ports import ChatReader as ChatReaderPort
from storage.chat_reader import ChatReader
from storage.chats import Chats
from storage.database import Database
from storage.digests import Digests
from storage.outbox import Outbox
from storage.publications import Publications
from storage.reader import Reader
from storage.wishes import Wishes
from tests.support.facts import LOSER, MONDAY_MS, a_decision, an_event
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
BTC, ETH = Coin("BTC"), Coin("ETH")
LATER_MS = MONDAY_MS + 3 * 3_600_000


async def chat_of(database: Database, target: Target) -> Chat:
    chat = await Chats(database).chat(target)
    assert chat is not None
    return chat


async def send(database: Database, n: int, after_ms: int) -> None:
    """Deliver the entry whose turn it is, so long after its publication."""
    outbox = Outbox(database)
    [alert] = await outbox.lease([Channel.TELEGRAM], 1, 60, "me")
    assert alert.opportunity is not None
    assert alert.opportunity.opportunity_id == opportunity_id(n)
    await outbox.sending(alert.alert_id, "me")
    await outbox.sent(alert.alert_id, str(n), alert.opportunity.published_ms + after_ms)


async def test_own_score_counts_what_this_chat_got(database: Database) -> None:
    await silence_console(database)
    await add_member(database, ANNA, Subscription(BTC))
    await add_member(database, BEN, Subscription(None))
    for n, delay_ms in ((1, 700), (2, 900), (3, 5_000)):
        await publish(database, n)
        await send(database, n, delay_ms)
    await publish(database, 4, coin=ETH)
    await publish(database, 5)
    [lost] = await Outbox(database).lease([Channel.TELEGRAM], 1, 60, "me")
    await Outbox(database).sending(lost.alert_id, "me")
    await Outbox(database).unknown(lost.alert_id, "unknown: no answer")
    await publish(database, 6)
    await end(database, 1, 2, 4)
    answer = await mine(
        Reader(database), ChatReader(database), ANNA, now_ms=LATER_MS, horizon=Horizon.H1, period="7d"
    )
    assert (answer.published, answer.told, answer.live, answer.on_the_way) == (6, 3, 1, 1)
    assert answer.undelivered == {DeliveryState.UNKNOWN: 1}
    assert answer.held == {}
    assert (answer.delay_p50_ms, answer.delay_p95_ms) == (900, 5_000)
    assert answer.at_exit.losers.n == 2
    assert answer.evidence.startswith("No evidence yet")


async def test_what_was_held_is_counted_by_the_wish_that_held_it(database: Database) -> None:
    await silence_console(database)
    await add_member(database, ANNA, Subscription(None))
    await publish(database, 1, 2, 3)
    async with database.connection() as connection:
        await connection.execute("delete from outbox")
        await connection.execute("update alerts set state = 'held', held_because = 'muted'")
        await connection.execute("update alerts set held_because = 'cap' where opportunity_id like '%3'")
    reader, own = Reader(database), ChatReader(database)
    answer = await mine(reader, own, ANNA, now_ms=LATER_MS, horizon=Horizon.H1)
    assert answer.held == {HeldBecause.MUTED: 2, HeldBecause.CAP: 1}
    told = await why(reader, own, await chat_of(database, ANNA), now_ms=LATER_MS)
    assert (told.published, told.told, told.on_the_way, len(told.missed)) == (3, 0, 0, 3)
    assert [one.entry.held_because for one in told.missed if one.entry] == ["cap", "muted", "muted"]


async def test_why_and_mine_count_what_came_and_what_is_on_the_way_alike(database: Database) -> None:
    await silence_console(database)
    await add_member(database, ANNA, Subscription(None))
    outbox = Outbox(database)
    for n in (1, 2):
        await publish(database, n)
        await send(database, n, 500)
    await publish(database, 3)
    [doubted] = await outbox.lease([Channel.TELEGRAM], 1, 60, "me")
    await outbox.sending(doubted.alert_id, "me")
    await outbox.unknown(doubted.alert_id, "no answer")
    await publish(database, 4, 5, 6)
    reader, own = Reader(database), ChatReader(database)
    own_score = await mine(reader, own, ANNA, now_ms=LATER_MS, horizon=Horizon.H1)
    reasons = await why(reader, own, await chat_of(database, ANNA), now_ms=LATER_MS)
    for answer in (own_score, reasons):
        assert (answer.published, answer.told, answer.on_the_way) == (6, 2, 3)
    assert [one.entry.state for one in reasons.missed if one.entry] == [DeliveryState.UNKNOWN]


async def test_exits_and_digests_that_did_not_come_are_counted_by_what_became_of_them(
    database: Database,
) -> None:
    await silence_console(database)
    await add_member(database, ANNA, Subscription(None))
    outbox = Outbox(database)
    for n in (1, 2, 3):
        await publish(database, n)
        await send(database, n, 500)
    await publish(database, 4)
    await end(database, 1, 2, 3, 4)  # the fourth was never told: nothing is lost with its exit
    for end_of in (outbox.unknown, outbox.dead):
        [leaving] = await outbox.lease([Channel.TELEGRAM], 1, 60, "me")
        assert leaving.kind is AlertKind.EXIT
        await end_of(leaving.alert_id, "?")
    due = DueDigest(MONDAY_MS, LATER_MS, is_regular=True)
    assert await Digests(database).add_digest(ANNA, due, EVIDENCE, LATER_MS)
    while leased := await outbox.lease([Channel.TELEGRAM], 1, 60, "me"):
        if leased[0].kind is AlertKind.EXIT:
            await outbox.sending(leased[0].alert_id, "me")
            await outbox.sent(leased[0].alert_id, "m9", LATER_MS)
        else:  # changes of messages among them
            await outbox.dead(leased[0].alert_id, "refused")
    answer = await mine(Reader(database), ChatReader(database), ANNA, now_ms=LATER_MS, horizon=Horizon.H1)
    assert answer.lost == {
        AlertKind.EXIT: {DeliveryState.UNKNOWN: 1, DeliveryState.DEAD: 1},
        AlertKind.DIGEST: {DeliveryState.DEAD: 1},
    }


async def test_near_misses_are_losers_entries_of_this_coin_or_trader(database: Database) -> None:
    own: ChatReaderPort = ChatReader(database)
    other = Address("0x" + "c3" * 20)
    maker, thin = Rejection.MAKER, Rejection.DEPTH_TOO_THIN
    decisions = [
        nth_decision(1, maker),
        nth_decision(2, maker),
        nth_decision(3, thin),
        replace(
            nth_decision(4, maker, group=Group.PLACEBO),
            group=Group.PLACEBO,
        ),
        a_decision(
            decision_id="close",
            event=an_event(kind=EventKind.CLOSE, before=Decimal(3), after=Decimal(0)),
            rejection=Rejection.NOT_AN_ENTRY,
            decided_ms=MONDAY_MS + 9,
            opportunity=None,
        ),
        nth_decision(6, maker, coin=ETH, loser=other),
        nth_decision(7),
    ]
    await Publications(database).publish(publication(*decisions), EVIDENCE)

    async def ids(coin: Coin | None, account: Address | None, since_ms: int = 0) -> list[str]:
        found = await own.near_misses(coin=coin, account=account, since_ms=since_ms, limit=9)
        return [one.decision_id for one in found]

    assert await ids(BTC, None) == [opportunity_id(n) for n in (3, 2, 1)]
    assert await ids(None, other) == [opportunity_id(6)]
    assert await ids(None, None, MONDAY_MS + 2500) == [opportunity_id(n) for n in (6, 3)]
    assert await own.stopped(coin=BTC, account=None, since_ms=0) == {maker: 2, thin: 1}
    assert await own.busiest_coins(0, 5) == [BTC]


SUBSCRIPTIONS = (
    (),
    (Subscription(None),),
    (Subscription(ETH),),
    (Subscription(BTC, side=Direction.LONG),),
    (Subscription(BTC, side=Direction.SHORT),),
    (Subscription(BTC, min_usd=12_500.0),),
    (Subscription(BTC, min_usd=12_500.5),),
    (Subscription(BTC, min_badness=91.0),),
    (Subscription(BTC, min_badness=92.0),),
    (Subscription(None, min_usd=99_999.0), Subscription(BTC, min_badness=99.0)),
    (Subscription(None), Subscription(BTC, min_badness=99.0)),
)
REASONS = (
    Filter.COIN, None, Filter.COIN, Filter.SIDE, None, None, Filter.MIN_USD, None, Filter.MIN_BADNESS,
    Filter.MIN_BADNESS, None,
)  # fmt: skip


@pytest.mark.parametrize(("subscriptions", "reason"), list(zip(SUBSCRIPTIONS, REASONS, strict=True)))
async def test_filters_are_told_as_the_database_applies_them(
    database: Database, subscriptions: tuple[Subscription, ...], reason: Filter | None
) -> None:
    await Chats(database).add_chat(ANNA, Role.MEMBER, "Anna")
    for subscription in subscriptions:
        await Chats(database).subscribe(ANNA, subscription)
    await publish(database, 1)
    anna = await chat_of(database, ANNA)
    answer = await why(Reader(database), ChatReader(database), anna, now_ms=LATER_MS, coin=BTC)
    assert (answer.told, answer.on_the_way) == (0, 1 if reason is None else 0)
    assert [one.filtered.by if one.filtered else None for one in answer.missed] == (
        [] if reason is None else [reason]
    )


async def test_who_follows_the_loser_is_told_without_a_subscription(database: Database) -> None:
    await Chats(database).add_chat(ANNA, Role.MEMBER, "Anna")
    await publish(database, 1)
    await Wishes(database).follow(ANNA, LOSER, None)
    await publish(database, 2)
    answer = await why(
        Reader(database), ChatReader(database), await chat_of(database, ANNA), now_ms=LATER_MS, coin=BTC
    )
    assert (answer.published, answer.told, answer.on_the_way) == (2, 0, 1)
    assert [(one.entry, one.filtered) for one in answer.missed] == [(None, None)]


async def test_percentile_is_a_value_that_was_there() -> None:
    assert percentile([], 0.5) is None
    assert percentile([7], 0.95) == 7
    assert percentile(list(range(1, 101)), 0.5) == 50
    assert percentile(list(range(1, 101)), 0.95) == 95
