"""What detection writes is written once, all of it or nothing, and told to whom it concerns."""

import asyncio
from dataclasses import replace
from decimal import Decimal

import asyncpg
import pytest

from core.errors import StorageError
from core.model.alerts import AlertKind, Channel, Target
from core.model.answers import HeldPosition
from core.model.chats import Role, Subscription
from core.model.market import Coin
from core.model.opportunities import Decision, EndReason, Group, LiveOpportunity, Rejection
from core.model.outcomes import Outcome, PriceSample, ScoredOpportunity
from core.model.positions import EventKind, PositionEvent
from core.model.traders import AccountFacts, Horizon
from core.ports import KnownAccount, PublicationStore
from storage.chats import Chats
from storage.database import Database
from storage.fills import Fills
from storage.ledger import Ledger
from storage.outbox import Outbox
from storage.publications import Publications
from storage.reader import Reader
from storage.values import from_json
from tests.support.facts import LOSER, MONDAY_MS, an_event
from tests.support.fill_values import ALICE, a_fill
from tests.support.published import (
    ANNA,
    BEN,
    CONSOLE,
    EVIDENCE,
    add_member,
    end,
    nth_decision,
    nth_ending,
    nth_opportunity,
    opportunity_id,
    publication,
    publish,
    silence_console,
)

pytestmark = pytest.mark.asyncio
ALL = Subscription(None)


async def alerts(database: Database) -> list[tuple[str, str, str, str]]:
    """Return kind, opportunity, chat and state of every alert, in order of writing."""
    async with database.connection() as connection:
        rows = await connection.fetch(
            "select kind, right(opportunity_id, 2) as n, chat, state from alerts order by alert_id"
        )
    return [(row["kind"], row["n"], row["chat"], row["state"]) for row in rows]


async def test_a_publication_is_written_whole_and_read_back(database: Database) -> None:
    store: PublicationStore = Publications(database)
    decision = nth_decision(1)
    fills = (a_fill(1), a_fill(2))
    held = HeldPosition(Coin("BTC"), Decimal("3"), Decimal("100.5"), MONDAY_MS)
    written = publication(decision, fills=fills, positions=((LOSER, held),))
    assert await store.publish(written, EVIDENCE) == (opportunity_id(1),)
    assert await store.live() == [LiveOpportunity(nth_opportunity(1))]
    assert await store.entries_since(0, Group.LOSER) == [decision]
    assert await Reader(database).positions(LOSER) == [held]
    assert await Fills(database).fills_of(ALICE) == list(fills)
    assert await alerts(database) == [("entry", "01", "stdout", "pending")]
    assert (await Ledger(database).verify()).entries == 1


async def test_the_same_publication_twice_changes_nothing(database: Database) -> None:
    store = Publications(database)
    written = publication(nth_decision(1), endings=(nth_ending(1),), fills=(a_fill(1),))
    assert await store.publish(written, EVIDENCE) == (opportunity_id(1),)
    before = await alerts(database), await Ledger(database).verify()
    assert await store.publish(written, EVIDENCE) == ()
    assert (await alerts(database), await Ledger(database).verify()) == before
    assert before[0] == [("entry", "01", "stdout", "expired")]
    assert before[1].entries == 2


async def test_nothing_of_a_publication_that_fails_is_there(database: Database) -> None:
    store = Publications(database)
    bad = replace(a_fill(1), px=Decimal("NaN"))
    with pytest.raises(StorageError):
        await store.publish(publication(nth_decision(1), fills=(bad,)), EVIDENCE)
    assert await store.live() == []
    assert await alerts(database) == []
    assert (await Ledger(database).verify()).entries == 0


async def test_an_event_grows_and_keeps_its_newest_version(database: Database) -> None:
    store = Publications(database)
    small = an_event(sz=Decimal(1), after=Decimal(1), fills=1)
    for event in (small, an_event(), an_event()):
        await store.publish(publication(events=(event,)), EVIDENCE)
    async with database.connection() as connection:
        rows = await connection.fetch("select event from position_events")
    assert [from_json(row["event"], PositionEvent) for row in rows] == [an_event()]


async def test_a_rejected_event_may_still_be_published_but_never_the_other_way(database: Database) -> None:
    store = Publications(database)
    rejected = nth_decision(1, Rejection.NOTIONAL_BELOW_FLOOR)
    published = nth_decision(1)
    await store.publish(publication(rejected), EVIDENCE)
    assert await store.entries_since(0, Group.LOSER) == [rejected]
    assert await store.publish(publication(published), EVIDENCE) == (opportunity_id(1),)
    await store.publish(publication(rejected), EVIDENCE)
    assert await store.entries_since(0, Group.LOSER) == [published]


async def test_entries_since_leaves_out_what_was_no_entry(database: Database) -> None:
    store = Publications(database)
    close = nth_decision(2, Rejection.NOT_AN_ENTRY)
    close = replace(close, event=replace(close.event, kind=EventKind.CLOSE))
    old, thin = nth_decision(1), nth_decision(3, Rejection.DEPTH_TOO_THIN)
    await store.publish(publication(thin, close, old), EVIDENCE)
    assert await store.entries_since(0, Group.LOSER) == [old, thin]
    assert await store.entries_since(old.decided_ms + 1, Group.LOSER) == [thin]
    assert await store.entries_since(0, Group.PLACEBO) == []


@pytest.mark.parametrize(
    ("subscriptions", "told"),
    [
        ([ALL], True),
        ([], False),
        ([Subscription(Coin("BTC"))], True),
        ([Subscription(Coin("ETH"))], False),
        ([Subscription(Coin("ETH")), Subscription(Coin("BTC"))], True),
        ([Subscription(None, min_usd=12_500.0)], True),
        ([Subscription(None, min_usd=12_500.01)], False),
        ([Subscription(None, min_badness=91.25)], True),
        ([Subscription(None, min_badness=91.26)], False),
        ([Subscription(None, min_usd=1e9), Subscription(Coin("BTC"))], True),
    ],
)
async def test_who_is_told_depends_on_the_subscriptions(
    database: Database, subscriptions: list[Subscription], told: bool
) -> None:
    await silence_console(database)
    await add_member(database, ANNA, *subscriptions)
    await publish(database, 1)
    assert await alerts(database) == ([("entry", "01", "101", "pending")] if told else [])


async def test_an_unknown_badness_passes_only_where_none_is_asked_for(database: Database) -> None:
    await silence_console(database)
    await add_member(database, ANNA, ALL)
    await add_member(database, BEN, Subscription(None, min_badness=0.1))
    await publish(database, 1, badness=None)
    assert [chat for _, _, chat, _ in await alerts(database)] == ["101"]


async def test_a_waiting_or_switched_off_chat_is_not_told(database: Database) -> None:
    await silence_console(database)
    pending, gone = Target(Channel.TELEGRAM, "1"), Target(Channel.TELEGRAM, "2")
    for target in (pending, gone):
        await add_member(database, target, ALL)
    await Chats(database).set_role(pending, Role.PENDING)
    await Outbox(database).disable_target(gone, "blocked")
    await publish(database, 1)
    assert await alerts(database) == []
    await Chats(database).enable(gone)
    await publish(database, 2)
    assert [chat for _, _, chat, _ in await alerts(database)] == ["2"]


async def test_the_control_is_kept_but_never_told_nor_in_the_ledger(database: Database) -> None:
    store = Publications(database)
    assert await store.publish(
        publication(nth_decision(1, group=Group.PLACEBO), endings=(nth_ending(1),)), EVIDENCE
    ) == (opportunity_id(1),)
    assert await alerts(database) == []
    assert (await Ledger(database).verify()).entries == 0
    assert [one.opportunity.group for one in await Reader(database).scored(group=Group.PLACEBO)] == [
        Group.PLACEBO
    ]
    assert await Reader(database).scored(group=Group.LOSER) == []


@pytest.mark.parametrize("how", ["namespace", "value"])
async def test_a_rehearsal_is_told_to_nobody_and_never_counts(database: Database, how: str) -> None:
    await add_member(database, ANNA, ALL)
    store, reader = Publications(database), Reader(database)
    decision = nth_decision(1, is_rehearsal=how == "value")
    namespace = "replay-1" if how == "namespace" else "live"
    await store.publish(publication(decision, namespace=namespace), EVIDENCE)
    await store.publish(publication(endings=(nth_ending(1),), namespace=namespace), EVIDENCE)
    assert await alerts(database) == []
    assert (await Ledger(database).verify()).entries == 0
    assert await reader.scored(group=Group.LOSER) == []
    assert len(await reader.scored(group=Group.LOSER, rehearsal=True)) == 1
    assert await store.entries_since(0, Group.LOSER) == []
    assert await reader.decisions(coin=None, account=None, limit=9, before=None) == []
    assert (await reader.totals())["published"] == 0


async def test_a_rehearsals_positions_are_not_the_accounts_own(database: Database) -> None:
    store = Publications(database)
    held = HeldPosition(Coin("BTC"), Decimal(3), None, MONDAY_MS)
    await store.publish(publication(positions=((LOSER, held),), namespace="replay-1"), EVIDENCE)
    assert await Reader(database).positions(LOSER) == []


async def test_an_exit_goes_where_the_entry_arrived_may_have_or_is_being_sent(
    database: Database,
) -> None:
    await silence_console(database)
    outbox = Outbox(database)
    states = ["sent", "unknown", "dead", "expired", "pending", "leased", "sending"]
    for n, _ in enumerate(states):
        await add_member(database, Target(Channel.TELEGRAM, f"{n}"), ALL)
    await publish(database, 1)
    for alert in await outbox.lease([Channel.TELEGRAM], 10, 60, "me"):
        match states[int(alert.target.chat)]:
            case "sent":
                await outbox.sent(alert.alert_id, "m1", MONDAY_MS)
            case "unknown":
                await outbox.unknown(alert.alert_id, "no answer")
            case "dead":
                await outbox.dead(alert.alert_id, "refused")
            case "expired":
                await outbox.expired(alert.alert_id, "too late")
            case "pending":
                await outbox.retry(alert.alert_id, "later", 0)
            case "sending":
                await outbox.sending(alert.alert_id, "me")
    await end(database, 1)
    exits = {states[int(chat)] for kind, _, chat, _ in await alerts(database) if kind == "exit"}
    assert exits == {"sent", "unknown", "leased", "sending"}


async def test_an_entry_that_still_waits_when_its_opportunity_ends_is_not_sent(database: Database) -> None:
    await publish(database, 1)
    await end(database, 1)
    assert [(kind, state) for kind, _, _, state in await alerts(database)] == [("entry", "expired")]
    assert await Outbox(database).lease([Channel.CONSOLE], 10, 60, "me") == []


async def test_who_unsubscribed_meanwhile_is_still_told_to_leave(database: Database) -> None:
    await publish(database, 1)
    [entry] = await Outbox(database).lease([Channel.CONSOLE], 1, 60, "me")
    await Outbox(database).sent(entry.alert_id, None, MONDAY_MS)
    await silence_console(database)
    await end(database, 1)
    assert [kind for kind, *_ in await alerts(database)] == ["entry", "exit"]


async def test_an_exit_to_a_chat_that_is_gone_is_kept_as_undelivered(database: Database) -> None:
    await silence_console(database)
    await add_member(database, ANNA, ALL)
    await publish(database, 1)
    [entry] = await Outbox(database).lease([Channel.TELEGRAM], 1, 60, "me")
    await Outbox(database).sent(entry.alert_id, "m1", MONDAY_MS)
    await Outbox(database).disable_target(ANNA, "blocked by the user")
    await end(database, 1)
    assert await alerts(database) == [("entry", "01", "101", "sent"), ("exit", "01", "101", "dead")]
    assert (await Reader(database).totals())["undelivered"] == 1


async def test_the_first_of_two_endings_counts(database: Database) -> None:
    await publish(database, 1)
    first, second = nth_ending(1), nth_ending(1, reason=EndReason.STOP, net_bps=-500.0)
    await Publications(database).publish(publication(endings=(first, second)), EVIDENCE)
    [scored] = await Reader(database).scored(group=Group.LOSER)
    assert scored.ending == first
    assert (await Ledger(database).verify()).entries == 2


async def test_dispatchers_are_woken_by_the_commit_and_only_for_alerts(
    database: Database, database_dsn: str
) -> None:
    heard: asyncio.Queue[str] = asyncio.Queue()
    listener = await asyncpg.connect(database_dsn)
    try:
        await listener.add_listener("outbox", lambda *_: heard.put_nowait("woken"))
        await Publications(database).publish(publication(events=(an_event(),)), EVIDENCE)
        await listener.fetchval("select 1")
        assert heard.empty()
        await publish(database, 1)
        assert await asyncio.wait_for(heard.get(), 5) == "woken"
    finally:
        await listener.close()


async def test_positions_are_replaced_by_newer_reports_only(database: Database) -> None:
    store = Publications(database)
    btc, eth = Coin("BTC"), Coin("ETH")

    def held(coin: Coin, szi: int, ms: int) -> HeldPosition:
        return HeldPosition(coin, Decimal(szi), None, ms)

    await store.save_positions(LOSER, [held(btc, 1, 100), held(eth, 2, 100)], 100)
    await store.publish(publication(positions=((LOSER, held(btc, 5, 200)),)), EVIDENCE)
    assert await Reader(database).positions(LOSER) == [held(btc, 5, 200), held(eth, 2, 100)]
    # a report of 150 knows nothing of what was heard at 200, but ETH was closed by then
    await store.save_positions(LOSER, [held(btc, 1, 150)], 150)
    assert await Reader(database).positions(LOSER) == [held(btc, 5, 200)]
    await store.publish(publication(positions=((LOSER, held(btc, 0, 300)),)), EVIDENCE)
    assert await Reader(database).positions(LOSER) == []
    await store.save_positions(LOSER, [held(btc, 5, 250)], 250)
    assert await Reader(database).positions(LOSER) == []


async def test_excursions_only_widen(database: Database) -> None:
    await publish(database, 1)
    store = Publications(database)
    for best, worst in ((5.0, -1.0), (3.0, -7.0), (0.0, 0.0)):
        await store.publish(publication(moved=(LiveOpportunity(nth_opportunity(1), best, worst),)), EVIDENCE)
    assert await store.live() == [LiveOpportunity(nth_opportunity(1), 5.0, -7.0)]


async def test_marks_and_outcomes_come_back(database: Database) -> None:
    await publish(database, 1, 2)
    store = Publications(database)
    one = opportunity_id(1)
    missing, found = PriceSample(one, 60_000, None, None), PriceSample(one, 0, Decimal("100.50"), MONDAY_MS)
    await store.add_samples([missing, found])
    await store.add_samples([PriceSample(one, 60_000, Decimal("101"), 5), PriceSample(one, 0, None, None)])
    assert await store.samples(0) == [found, PriceSample(one, 60_000, Decimal("101"), 5)]
    assert await store.samples(MONDAY_MS + 1001) == []
    assert await store.samples(0, rehearsal=True) == []
    at_exit = Outcome(one, None, 0, 12.5, 11.0, 0.25, 1.75)
    at_hour = Outcome(one, Horizon.H1, 30_000, None, 11.0, 0.0, None)
    for outcomes in ((at_exit,), (at_exit, at_hour), (replace(at_exit, net_bps=2.0), at_hour)):
        await store.save_scored([ScoredOpportunity(nth_opportunity(1), None, outcomes, 9.0, -3.0)])
    first, second = await Reader(database).scored(group=Group.LOSER)
    assert first == ScoredOpportunity(
        nth_opportunity(1), None, (replace(at_exit, net_bps=2.0), at_hour), 9.0, -3.0
    )
    assert second.outcomes == ()


async def test_publishing_scoring_and_seeding_at_once_do_not_deadlock(database: Database) -> None:
    store = Publications(database)
    numbers = list(range(8))
    await publish(database, *numbers)
    coins = [Coin(f"C{n}") for n in numbers]

    def positions(ms: int, order: list[Coin]) -> list[HeldPosition]:
        return [HeldPosition(coin, Decimal(1), None, ms) for coin in order]

    async def detect(ms: int) -> None:
        moved = tuple(LiveOpportunity(nth_opportunity(n), ms, -ms) for n in numbers)
        held = tuple((LOSER, one) for one in positions(ms, coins))
        await store.publish(publication(moved=moved, positions=held), EVIDENCE)

    async def score(ms: int) -> None:
        await store.save_scored(
            [ScoredOpportunity(nth_opportunity(n), None, (), ms, -ms) for n in numbers[::-1]]
        )

    async def seed(ms: int) -> None:
        await store.save_positions(LOSER, positions(ms, coins[::-1]), ms)

    await asyncio.gather(*(step(ms) for ms in range(1, 15) for step in (detect, score, seed)))
    assert len(await Reader(database).positions(LOSER)) == 8


async def test_a_decision_survives_the_trip_exactly(database: Database) -> None:
    figures: dict[str, float | str | None] = {
        "spread_bps": 0.1 + 0.2,
        "why": 'ünïcode "quoted"',
        "depth": None,
    }
    decision: Decision = replace(nth_decision(1), figures=figures)
    await Publications(database).publish(publication(decision), EVIDENCE)
    assert await Publications(database).entries_since(0, Group.LOSER) == [decision]


async def test_last_fill_is_the_newest_over_all_months(database: Database) -> None:
    store = Publications(database)
    assert await store.last_fill_ms(ALICE) is None
    await Fills(database).add_fills([a_fill(5), replace(a_fill(1), time_ms=MONDAY_MS)], "api")
    assert await store.last_fill_ms(ALICE) == a_fill(5).time_ms


async def test_alerts_carry_the_evidence_of_their_moment(database: Database) -> None:
    await publish(database, 1)
    [alert] = await Outbox(database).lease([Channel.CONSOLE], 9, 60, "me")
    assert (alert.kind, alert.target, alert.evidence) == (AlertKind.ENTRY, CONSOLE, EVIDENCE)
    assert alert.opportunity == nth_opportunity(1)
    assert alert.expires_ms == nth_opportunity(1).expires_ms
    assert alert.created_ms == MONDAY_MS
    assert alert.ending is None


@pytest.mark.asyncio
async def test_an_account_seen_without_positions_is_not_one_never_seen(database: Database) -> None:
    store: PublicationStore = Publications(database)
    assert await store.last_positions(LOSER) is None
    await Fills(database).save_account(KnownAccount(AccountFacts(LOSER), None, None, None), MONDAY_MS)
    assert await store.last_positions(LOSER) is None
    await store.save_positions(LOSER, [], MONDAY_MS)
    assert await store.last_positions(LOSER) == []
    await store.save_positions(LOSER, [HeldPosition(Coin("BTC"), Decimal(2), None, MONDAY_MS)], MONDAY_MS)
    await store.save_positions(LOSER, [], MONDAY_MS + 5)
    left = await store.last_positions(LOSER)
    assert left == [HeldPosition(Coin("BTC"), Decimal(0), None, MONDAY_MS + 5)]
