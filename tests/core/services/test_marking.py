"""Prices at fixed moments become outcomes; the missing stays missing, nothing is lost or kept for ever."""

from decimal import Decimal

import pytest

from core.errors import StorageError
from core.model.market import Coin, Direction
from core.model.opportunities import Ending, LiveOpportunity, Opportunity
from core.model.outcomes import DELAYS_MS, Outcome, PriceSample, ScoredOpportunity
from core.model.traders import Horizon
from core.scoring.outcomes import due_offsets_ms
from core.services.detecting import Concluded
from core.services.marking import OLDEST_PRICE_MS, MarkingService, is_fresh
from storage.database import Database
from storage.publications import Publications
from storage.reader import Reader
from tests.support.detection_ports import ScriptedStore
from tests.support.facts import MONDAY_MS, a_decision, an_ending, an_opportunity
from tests.support.published import nth_opportunity, publish

pytestmark = pytest.mark.asyncio
M1, H1, H24 = Horizon.M1.ms, Horizon.H1.ms, Horizon.H24.ms
LAST = due_offsets_ms()[-1]


class Market:
    """One price for every coin, heard when it was set."""

    def __init__(self) -> None:
        self.found: tuple[Decimal, int] | None = None

    def set(self, px: str, at_ms: int) -> None:
        self.found = (Decimal(px), MONDAY_MS + at_ms)

    def __call__(self, coin: Coin) -> tuple[Decimal, int] | None:
        return self.found


class Desk:
    def __init__(self) -> None:
        self.store = ScriptedStore()
        self.market = Market()
        self.told: list[ScoredOpportunity] = []
        self.service = MarkingService(self.store, self.market, 4.5, self.told.extend)

    async def mark(self, at_ms: int, px: str | None = None) -> int:
        """Mark at this time after Monday, with a price heard just then unless none is given."""
        if px is not None:
            self.market.set(px, at_ms)
        return await self.service.mark(MONDAY_MS + at_ms)

    @property
    def last(self) -> ScoredOpportunity:
        return self.store.scored[-1][-1]


def at(scored: ScoredOpportunity, horizon: Horizon | None, delay_ms: int = 0) -> Outcome:
    (found,) = [o for o in scored.outcomes if (o.horizon, o.delay_ms) == (horizon, delay_ms)]
    return found


def an_end(opportunity: Opportunity, after_ms: int, px: str | None = "99") -> Ending:
    return an_ending(
        opportunity_id=opportunity.opportunity_id,
        ended_ms=opportunity.published_ms + after_ms,
        held_ms=after_ms,
        exit_px=None if px is None else Decimal(px),
    )


async def test_each_moment_is_sampled_once_when_it_is_due() -> None:
    desk = Desk()
    desk.service.add(an_opportunity())
    due = []
    for offset_ms in due_offsets_ms():
        assert desk.service.next_due_ms == MONDAY_MS + offset_ms
        assert await desk.mark(offset_ms - 1, "99") == 0
        assert await desk.mark(offset_ms, "99") == 1
        due.append(offset_ms)
    assert [sample.offset_ms for sample in desk.store.sampled] == due
    assert desk.service.next_due_ms is None


async def test_an_outcome_is_gross_and_net_for_the_faders_side() -> None:
    for side, gross in ((Direction.SHORT, 100.0), (Direction.LONG, -100.0)):
        desk = Desk()
        desk.service.add(an_opportunity(side=side, funding_bps_per_hour=None))
        await desk.mark(M1, "99")
        found = at(desk.last, Horizon.M1)
        assert found.gross_bps == pytest.approx(gross)
        assert found.net_bps == pytest.approx(gross - 2 * 4.5 - 1.0)


async def test_later_entries_are_scored_from_their_own_price() -> None:
    desk = Desk()
    desk.service.add(an_opportunity(funding_bps_per_hour=None))
    for at_ms, px in ((5_000, "101"), (30_000, "102"), (M1, "100")):
        await desk.mark(at_ms, px)
    gross = {delay: at(desk.last, Horizon.M1, delay).gross_bps for delay in DELAYS_MS}
    assert gross[0] == pytest.approx(0.0)
    assert gross[5_000] == pytest.approx(99.0099, abs=1e-3)
    assert gross[30_000] == pytest.approx(196.0784, abs=1e-3)
    assert gross[300_000] is None


async def test_a_missing_price_is_missing_not_zero() -> None:
    desk = Desk()
    desk.service.add(an_opportunity())
    await desk.mark(M1)
    assert desk.store.sampled[-1] == PriceSample(an_opportunity().opportunity_id, M1, None, None)
    found = at(desk.last, Horizon.M1)
    assert (found.gross_bps, found.net_bps) == (None, None)


@pytest.mark.parametrize(
    ("offset_ms", "age_ms", "fresh"),
    [
        (M1, OLDEST_PRICE_MS, True),
        (M1, OLDEST_PRICE_MS + 1, False),
        (H1, H1 // 4, True),
        (H1, H1 // 4 + 1, False),
        (H24, H24 // 4, True),
        (5_000, -2_000, True),
        (5_000, -2_001, False),
        (H1, -60_000, True),
        (H1, -60_001, False),
        (H24, -60_001, False),
    ],
)
async def test_a_price_too_old_or_from_another_moment_doesnt_count(
    offset_ms: int, age_ms: int, fresh: bool
) -> None:
    assert is_fresh(1_000_000_000 - age_ms, 1_000_000_000, offset_ms) is fresh


async def test_after_a_stall_a_later_price_doesnt_stand_for_the_moment_that_passed() -> None:
    desk = Desk()
    desk.service.add(an_opportunity())
    await desk.mark(2 * H1, "50")
    missing = {sample.offset_ms for sample in desk.store.sampled if sample.px is None}
    assert missing == {5_000, 30_000, M1, Horizon.M5.ms, Horizon.M15.ms, H1}


async def test_the_exit_is_scored_at_once_and_the_horizons_go_on() -> None:
    desk = Desk()
    opportunity = an_opportunity(funding_bps_per_hour=None)
    desk.service.add(opportunity)
    desk.service.end(an_end(opportunity, 90_000, "98"))
    await desk.mark(90_000, "98")
    assert at(desk.last, None).gross_bps == pytest.approx(200.0)
    assert at(desk.last, None).net_bps == pytest.approx(200.0 - 10.0)
    await desk.mark(H1, "97")
    assert at(desk.last, Horizon.H1).gross_bps == pytest.approx(300.0)
    assert at(desk.last, None).gross_bps == pytest.approx(200.0)


async def test_an_exit_without_a_price_is_missing() -> None:
    desk = Desk()
    opportunity = an_opportunity()
    desk.service.add(opportunity)
    desk.service.end(an_end(opportunity, 90_000, None))
    await desk.mark(90_000)
    assert at(desk.last, None).net_bps is None


async def test_it_takes_what_detection_concluded() -> None:
    desk = Desk()
    opportunity = an_opportunity()
    live = LiveOpportunity(opportunity, 12.0, -34.0)
    rejected = a_decision(opportunity=None)
    desk.service.note(Concluded((a_decision(opportunity=opportunity), rejected), (), (live,)))
    desk.service.note(Concluded((), (an_end(opportunity, 1_000),), ()))
    await desk.mark(1_000, "99")
    assert (desk.last.best_bps, desk.last.worst_bps) == (12.0, -34.0)
    assert desk.last.ending is not None
    assert desk.told == [desk.last]


async def test_strangers_are_not_scored() -> None:
    desk = Desk()
    desk.service.end(an_end(an_opportunity(), 1_000))
    desk.service.moved(LiveOpportunity(an_opportunity(), 1.0, -1.0))
    assert await desk.mark(H24, "99") == 0
    assert desk.store.scored == []
    assert desk.service._extremes == {}


# --- over weeks ------------------------------------------------------------------------------------


def is_empty(service: MarkingService) -> bool:
    return not any(
        (
            service._due,
            service._open,
            service._samples,
            service._endings,
            service._extremes,
            service._changed,
            service._unsaved,
        )
    )


@pytest.mark.parametrize("ended_after_ms", [90_000, H24, H24 + 60_000])
async def test_what_is_ended_and_fully_marked_is_let_go(ended_after_ms: int) -> None:
    desk = Desk()
    opportunity = an_opportunity()
    desk.service.add(opportunity)
    desk.service.moved(LiveOpportunity(opportunity, 1.0, -1.0))
    for at_ms in sorted({*due_offsets_ms(), ended_after_ms}):
        if at_ms == ended_after_ms:
            desk.service.end(an_end(opportunity, at_ms))
        assert not is_empty(desk.service)
        await desk.mark(at_ms, "99")
    assert is_empty(desk.service)


async def test_an_ending_during_the_last_write_is_scored_too() -> None:
    """An opportunity expires at the very moment of its last horizon."""
    desk = Desk()
    opportunity = an_opportunity()
    desk.service.add(opportunity)
    for at_ms in due_offsets_ms()[:-1]:
        await desk.mark(at_ms, "99")
    desk.store.while_scoring = lambda: desk.service.end(an_end(opportunity, LAST))
    await desk.mark(LAST, "99")
    desk.store.while_scoring = lambda: None
    await desk.mark(LAST + 1_000, "99")
    assert at(desk.last, None).net_bps is not None
    assert is_empty(desk.service)


# --- the database is away ----------------------------------------------------------------------------


@pytest.mark.parametrize("failures", [1, 2, 3])
async def test_a_database_that_is_away_loses_no_price_and_no_score(failures: int) -> None:
    desk = Desk()
    opportunity = an_opportunity()
    desk.service.add(opportunity)
    desk.store.failures = failures
    at_ms = M1
    while desk.store.failures:
        with pytest.raises(StorageError):
            await desk.mark(at_ms, "99")
        at_ms += 1_000
    await desk.mark(at_ms, "50")
    assert {sample.offset_ms: sample.px for sample in desk.store.sampled} == {
        5_000: None,
        30_000: None,
        M1: Decimal(99),
    }
    assert at(desk.last, Horizon.M1).gross_bps == pytest.approx(100.0)


async def test_a_score_that_couldnt_be_written_is_written_later() -> None:
    desk = Desk()
    opportunity = an_opportunity()
    desk.service.add(opportunity)
    desk.service.end(an_end(opportunity, 1_000))
    desk.store.failures = 1
    with pytest.raises(StorageError):
        await desk.mark(1_000)
    assert desk.told == []
    await desk.mark(2_000)
    assert [len(scored) for scored in desk.store.scored] == [1]


# --- another life --------------------------------------------------------------------------------------


def scored_so_far(desk: Desk, opportunity: Opportunity, ending: Ending | None = None) -> ScoredOpportunity:
    return ScoredOpportunity(opportunity, ending, desk.last.outcomes if desk.store.scored else (), 5.0, -7.0)


async def test_a_restart_goes_on_with_the_prices_known() -> None:
    old, new = Desk(), Desk()
    opportunity = an_opportunity(funding_bps_per_hour=None)
    old.service.add(opportunity)
    for at_ms, px in ((5_000, "101"), (30_000, "102"), (M1, "100")):
        await old.mark(at_ms, px)
    new.service.restore([scored_so_far(old, opportunity)], old.store.sampled)
    assert new.service.next_due_ms == MONDAY_MS + Horizon.M5.ms
    await new.mark(Horizon.M5.ms, "99")
    assert at(new.last, Horizon.M5, 5_000).gross_bps == pytest.approx(198.0198, abs=1e-3)
    assert at(new.last, Horizon.M1).gross_bps == pytest.approx(0.0)
    assert (new.last.best_bps, new.last.worst_bps) == (5.0, -7.0)


async def test_an_ending_that_was_never_scored_is_scored_after_a_restart() -> None:
    desk = Desk()
    opportunity = an_opportunity()
    desk.service.restore([scored_so_far(desk, opportunity, an_end(opportunity, 1_000))], [])
    await desk.mark(2_000)
    assert at(desk.last, None).net_bps is not None


async def test_what_was_complete_is_not_taken_up_again() -> None:
    old, new = Desk(), Desk()
    opportunity = an_opportunity()
    ending = an_end(opportunity, 90_000)
    old.service.add(opportunity)
    for at_ms in due_offsets_ms():
        if at_ms > 90_000:
            old.service.end(ending)
        await old.mark(at_ms, "99")
    new.service.restore([scored_so_far(old, opportunity, ending)], old.store.sampled)
    assert is_empty(new.service)


async def test_outcomes_arrive_in_the_real_store(database: Database) -> None:
    await publish(database, 1)
    opportunity = nth_opportunity(1)
    market, told = Market(), list[ScoredOpportunity]()
    service = MarkingService(Publications(database), market, 4.5, told.extend)
    service.add(opportunity)
    market.set("99", 61_000)
    await service.mark(opportunity.published_ms + M1)
    store = await Reader(database).scored(group=opportunity.group)
    assert len(store) == len(told) == 1
    assert set(store[0].outcomes) == set(told[0].outcomes)
    assert at(store[0], Horizon.M1).gross_bps == pytest.approx(100.0)
    again = MarkingService(Publications(database), market, 4.5)
    again.restore(store, await Publications(database).samples(MONDAY_MS))
    assert again.next_due_ms == opportunity.published_ms + Horizon.M5.ms
