"""Publications to fill a database with: the nth opportunity, its ending, and chats to hear of them."""

from dataclasses import replace
from typing import Any

from core.detection.identity import LIVE
from core.model.alerts import Channel, Target
from core.model.chats import Role, Subscription
from core.model.opportunities import Decision, Ending, Opportunity, Rejection
from core.ports import Publication
from storage.chats import Chats
from storage.database import Database
from storage.publications import Publications
from tests.support.facts import MONDAY_MS, a_decision, an_ending, an_event, an_opportunity

CONSOLE = Target(Channel.CONSOLE, "stdout")
ANNA = Target(Channel.TELEGRAM, "101")
BEN = Target(Channel.DISCORD, "202", "7")
EVIDENCE = "No evidence yet."


def opportunity_id(n: int) -> str:
    """Return the id of the nth opportunity."""
    return f"OPPORTUNITY{n:015d}"


def nth_opportunity(n: int, **changes: Any) -> Opportunity:
    """Return the nth opportunity, a second after the one before."""
    name = opportunity_id(n)
    return an_opportunity(
        **{"opportunity_id": name, "short_id": f"{n:04d}", "published_ms": MONDAY_MS + 1000 * n, **changes}
    )


def nth_decision(n: int, rejection: Rejection | None = None, **changes: Any) -> Decision:
    """Return the decision about the nth event: published, unless a rejection is given."""
    opportunity = nth_opportunity(n, **changes)
    event = an_event(
        account=opportunity.loser, coin=opportunity.coin, time_ms=MONDAY_MS + 1000 * n - 400, first_tid=n + 1
    )
    return a_decision(
        decision_id=opportunity_id(n),
        event=event,
        group=opportunity.group,
        decided_ms=opportunity.published_ms,
        rejection=rejection,
        opportunity=opportunity if rejection is None else None,
    )


def nth_ending(n: int, **changes: Any) -> Ending:
    """Return the ending of the nth opportunity, two hours later."""
    return an_ending(**{"opportunity_id": opportunity_id(n), "ended_ms": MONDAY_MS + 7_200_000, **changes})


def publication(*decisions: Decision, **changes: Any) -> Publication:
    """Return what one step of detection writes about these decisions."""
    written = Publication(
        events=tuple(one.event for one in decisions),
        decisions=decisions,
        now_ms=MONDAY_MS,
        namespace=LIVE,
    )
    return replace(written, **changes)


async def publish(database: Database, *numbers: int, **changes: Any) -> None:
    """Publish the opportunities of these numbers."""
    store = Publications(database)
    await store.publish(publication(*(nth_decision(n, **changes) for n in numbers)), EVIDENCE)


async def end(database: Database, *numbers: int) -> None:
    """Publish the endings of these numbers."""
    store = Publications(database)
    await store.publish(publication(endings=tuple(nth_ending(n) for n in numbers)), EVIDENCE)


async def add_member(database: Database, target: Target, *subscriptions: Subscription) -> None:
    """Let a chat hear of what it subscribes to."""
    chats = Chats(database)
    await chats.add_chat(target, Role.MEMBER, f"chat {target.chat}")
    for subscription in subscriptions:
        await chats.subscribe(target, subscription)


async def silence_console(database: Database) -> None:
    """Let the console, which hears everything, hear nothing."""
    await Chats(database).unsubscribe(CONSOLE, None)
