"""Many small publications, few transactions, the same result."""

from dataclasses import replace
from decimal import Decimal

import pytest

from core.detection.identity import event_id
from core.errors import StorageError
from core.model.answers import HeldPosition
from core.model.opportunities import RULE_VERSION, LiveOpportunity
from core.model.outcomes import PriceSample
from core.ports import Marks, Publication, Publisher
from core.services.buffering import FLUSH_EVENTS, PublicationBuffer
from storage.database import Database
from storage.publications import Publications
from storage.reader import Reader
from tests.support.detection_facts import BTC, LOSER
from tests.support.detection_ports import ScriptedStore
from tests.support.facts import MONDAY_MS, a_decision, a_scored, an_ending, an_event, an_opportunity
from tests.support.published import nth_decision, nth_ending, nth_opportunity

pytestmark = pytest.mark.asyncio
SPACE = "replay:7"


def a_buffer() -> tuple[PublicationBuffer, ScriptedStore]:
    store = ScriptedStore()
    return PublicationBuffer(store, store, SPACE), store


def a_step(n: int = 0, **parts: object) -> Publication:
    return replace(Publication(now_ms=MONDAY_MS + n, namespace=SPACE), **parts)  # type: ignore[arg-type]


async def test_nothing_is_written_before_the_flush_and_all_of_it_then() -> None:
    buffer, store = a_buffer()
    decision, ending = a_decision(), an_ending()
    held = HeldPosition(BTC, Decimal(3), None, MONDAY_MS)
    await buffer.publish(a_step(1, events=(an_event(),), decisions=(decision,)), "first")
    await buffer.publish(a_step(2, endings=(ending,), positions=((LOSER, held),)), "second")
    sample = PriceSample(decision.decision_id, 60_000, Decimal(99), MONDAY_MS)
    await buffer.add_samples([sample])
    scored = a_scored(MONDAY_MS, 5.0)
    await buffer.save_scored([scored])
    assert (store.published, store.sampled, store.scored) == ([], [], [])
    await buffer.flush()
    assert store.published == [
        a_step(2, events=(an_event(),), decisions=(decision,), endings=(ending,), positions=((LOSER, held),))
    ]
    assert (store.sampled, store.scored) == ([sample], [[scored]])
    await buffer.flush()
    assert store.published[1:] == [a_step(2)]
    assert (len(store.sampled), store.scored[1:]) == (1, [[]])


async def test_only_the_last_state_of_what_grows_is_written() -> None:
    buffer, store = a_buffer()
    grown = an_event(sz=Decimal(9), after=Decimal(9), fills=7)
    await buffer.publish(a_step(events=(an_event(), an_event(time_ms=5))), "")
    live = LiveOpportunity(an_opportunity(), 1.0, -1.0)
    wider = replace(live, best_bps=8.0)
    held = [HeldPosition(BTC, Decimal(n), None, MONDAY_MS + n) for n in range(3)]
    await buffer.publish(a_step(events=(grown,), moved=(live,), positions=((LOSER, held[0]),)), "")
    await buffer.publish(a_step(moved=(wider,), positions=((LOSER, held[1]), (LOSER, held[2]))), "")
    await buffer.save_scored([a_scored(MONDAY_MS, 5.0)])
    await buffer.save_scored([a_scored(MONDAY_MS, 6.0)])
    await buffer.flush()
    (written,) = store.published
    assert written.events == (grown, an_event(time_ms=5))
    assert (written.moved, written.positions) == ((wider,), ((LOSER, held[2]),))
    assert [one.outcomes[0].net_bps for one in store.scored[0]] == [6.0]


async def test_it_writes_by_itself_when_it_is_full() -> None:
    buffer, store = a_buffer()
    for n in range(FLUSH_EVENTS - 1):
        await buffer.publish(a_step(events=(an_event(time_ms=n),)), "")
    assert store.published == []
    await buffer.publish(a_step(events=(an_event(time_ms=FLUSH_EVENTS),)), "")
    assert [len(publication.events) for publication in store.published] == [FLUSH_EVENTS]
    ids = {event_id(event, SPACE, RULE_VERSION) for event in store.published[0].events}
    assert len(ids) == FLUSH_EVENTS


@pytest.mark.parametrize("failing", ["publish", "add_samples", "save_scored"])
async def test_what_couldnt_be_written_is_kept(failing: str) -> None:
    class Failing(ScriptedStore):
        async def _write(self) -> None:
            self.step += 1
            if self.step == ["publish", "add_samples", "save_scored"].index(failing) + 1:
                raise StorageError("the database is away")

        step = 0

    store = Failing()
    buffer = PublicationBuffer(store, store, SPACE)
    await buffer.publish(a_step(decisions=(a_decision(),)), "")
    await buffer.add_samples([PriceSample("x", 60_000, None, None)])
    await buffer.save_scored([a_scored(MONDAY_MS, 5.0)])
    with pytest.raises(StorageError):
        await buffer.flush()
    await buffer.flush()
    assert [len(publication.decisions) for publication in store.published if publication.decisions] == [1]
    assert len(store.sampled) == 1
    assert [len(scored) for scored in store.scored if scored] == [1]


async def test_through_the_buffer_the_real_store_holds_the_same(database: Database) -> None:
    publications = Publications(database)
    publisher: Publisher = publications
    marks: Marks = publications
    buffer = PublicationBuffer(publisher, marks, SPACE)
    for n in (1, 2):
        decision = nth_decision(n, is_rehearsal=True)
        await buffer.publish(a_step(n, events=(decision.event,), decisions=(decision,)), "rehearsal")
    await buffer.publish(a_step(3, endings=(nth_ending(1),)), "rehearsal")
    await buffer.add_samples([PriceSample(nth_opportunity(1).opportunity_id, 60_000, Decimal(99), MONDAY_MS)])
    await buffer.flush()
    assert [one.opportunity.short_id for one in await publications.live(rehearsal=True)] == ["0002"]
    assert len(await publications.samples(MONDAY_MS, rehearsal=True)) == 1
    assert not any((await Reader(database).delivery_counts()).values())
    assert await publications.live() == []
