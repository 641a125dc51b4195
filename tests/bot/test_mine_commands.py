"""A chat's own alerts and near misses as it reads them; a test alert; and how it leaves."""

import re
from dataclasses import replace

import pytest

from core.model.alerts import AlertKind, Channel, Target
from core.model.chats import Role, Subscription
from core.model.market import Coin
from core.model.opportunities import Rejection
from storage.chat_reader import ChatReader
from storage.chats import Chats
from storage.database import Database
from storage.publications import Publications
from tests.support.facts import MONDAY_MS
from tests.support.published import EVIDENCE, end, nth_decision, publication, publish, silence_console
from tests.support.wish_desk import ANN, Desk

pytestmark = pytest.mark.asyncio


async def desk(database: Database) -> Desk:
    await silence_console(database)
    made = Desk(database)
    made.clock.at_ms = MONDAY_MS + 3 * 3_600_000
    await made.let_in()
    await made.stores.chats.subscribe(ANN, Subscription(Coin("BTC"), 10_000.0))
    return made


async def test_own_alerts_are_scored_with_delay_and_what_did_not_come(database: Database) -> None:
    ann = await desk(database)
    await publish(database, 1, 2)
    [first] = await ann.outbox.lease([Channel.TELEGRAM], 9, 60, "me")
    await ann.outbox.sending(first.alert_id, "me")
    assert first.opportunity is not None
    await ann.outbox.sent(first.alert_id, "55", first.opportunity.published_ms + 800)
    [second] = await ann.outbox.lease([Channel.TELEGRAM], 9, 60, "me")
    await ann.outbox.unknown(second.alert_id, "unknown: no answer")
    await publish(database, 3, loser_notional_usd=9_000.0)
    await end(database, 1)
    text = await ann.ask("mine")
    assert "Of 3 published it got 1." in text
    assert "Not delivered: 1 sent without confirmation." in text
    assert "half within 0.8\xa0s, 95 % within 0.8\xa0s" in text
    assert "at exit    1" in text
    assert ann.labels == ["7d", "• 30d", "all"]
    assert "(all time)" in await ann.press("all")
    assert "is not a period" in await ann.ask("mine 8d")


async def test_why_tells_the_rule_and_the_chats_own_filter(database: Database) -> None:
    ann = await desk(database)
    decisions = [
        nth_decision(1, Rejection.MAKER),
        nth_decision(2, Rejection.TOO_OLD),
        nth_decision(3, loser_notional_usd=9_000.0),
    ]
    await Publications(database).publish(publication(*decisions), EVIDENCE)
    assert "What wasn't alerted" in await ann.ask("why")
    text = await ann.press("BTC")
    assert "2 entries stopped by a rule, 1 published." in text
    assert "opened a long, $301: a resting order was filled, they took nothing" in text
    assert "This chat got 0 of 1 published." in text
    assert "$9,000, this chat wants $10.0k or more" in text
    assert "No loser opened" in await ann.ask("why ETH")
    assert "2 entries stopped" in await ann.ask("why all")
    assert "2 entries stopped" in await ann.ask(f"why {decisions[0].event.account}")
    ann.clock.at_ms += 86_400_000
    assert "No loser opened" in await ann.ask("why BTC")
    assert "did you mean BTC" in await ann.ask("why BTX")


async def test_near_misses_are_read_in_the_order_in_which_they_happened(database: Database) -> None:
    ann = await desk(database)
    early, late = nth_decision(1, Rejection.MAKER), nth_decision(9, Rejection.MAKER)
    # Heard when a gap was filled: decided after what came later.
    decisions = (late, replace(early, decided_ms=late.decided_ms + 60_000))
    await Publications(database).publish(publication(*decisions), EVIDENCE)
    text = await ann.ask("why all")
    assert re.findall(r"\d\d:\d\d:\d\d", text) == ["00:00:08", "00:00:00"]


async def test_a_test_alert_comes_through_the_outbox(database: Database) -> None:
    ann = await desk(database)
    assert "on its way" in await ann.ask("test")
    [alert] = await ann.outbox.lease([Channel.TELEGRAM], 9, 60, "me")
    assert (alert.kind, alert.target) == (AlertKind.TEST, ANN)
    assert await ChatReader(database).own_entries(ANN, 0) == []


async def test_leaving_is_asked_twice_and_deletes_everything(database: Database) -> None:
    ann = await desk(database)
    await publish(database, 1)
    assert "Leave?" in await ann.ask("stop")
    assert "Nothing was deleted." in await ann.press("Keep it")
    await ann.chat()
    await ann.ask("stop")
    assert "Goodbye." in await ann.press("Delete everything")
    assert await ann.stores.chats.chat(ANN) is None
    await publish(database, 2)
    await end(database, 1)
    assert await ann.outbox.lease([Channel.TELEGRAM], 9, 60, "me") == []
    assert "private bot" in await ann.ask("losers")


async def test_the_last_owner_is_told_how_to_come_back(database: Database) -> None:
    ann = await desk(database)
    await ann.stores.chats.set_role(ANN, Role.OWNER)
    assert "the bot's only owner" in await ann.ask("stop")
    await ann.let_in(Target(Channel.DISCORD, "5"), Role.OWNER)
    assert "the bot's only owner" not in await ann.ask("stop")


async def test_the_terminal_is_not_forgotten(database: Database) -> None:
    here = Target(Channel.CONSOLE, "stdout")
    ann = await desk(database)
    assert "Ctrl-C" in await ann.ask("stop yes", here)
    assert await Chats(database).chat(here) is not None
