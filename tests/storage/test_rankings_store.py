"""A ranking run comes back as it was written, and the past can be asked."""

from dataclasses import replace

import pytest

from core.model.traders import ChangeKind, Eligibility, Ineligible, RankingChange
from core.ports import RankingStore
from storage.database import Database
from storage.rankings import Rankings
from tests.support.facts import LOSER, MONDAY_MS, a_ranking, a_standing

pytestmark = pytest.mark.asyncio

OTHER, THIRD = "0x" + "b2" * 20, "0x" + "c3" * 20
LEFT_OUT = a_standing(
    THIRD,
    rank=None,
    is_listed=False,
    badness=None,
    confidence=None,
    parts=(),
    ineligible=(Eligibility(Ineligible.NOT_LOSING, "made 5 USD"),),
    figures={"payoff_ratio": None, "realized_pnl": None, "pnl_30d_source": None},
)
RUN = replace(
    a_ranking(a_standing(OTHER, rank=1), a_standing(rank=2), LEFT_OUT),
    changes=(
        RankingChange(LOSER, ChangeKind.ENTERED, 2, "rank 2 of 500"),
        RankingChange(LEFT_OUT.address, ChangeKind.LEFT, None, "not losing"),
    ),
)


async def test_a_run_comes_back_exactly(database: Database) -> None:
    store: RankingStore = Rankings(database)
    await store.save_ranking(RUN)
    assert await store.ranking() == RUN


async def test_before_the_first_run_there_is_nothing(database: Database) -> None:
    store = Rankings(database)
    assert await store.ranking() is None
    assert await store.standing(LOSER) is None
    assert await store.address_at(1) is None
    assert await store.earliest_ms() is None


async def test_the_same_run_again_replaces_the_first(database: Database) -> None:
    store = Rankings(database)
    await store.save_ranking(RUN)
    shorter = replace(RUN, standings=RUN.standings[:1], changes=())
    await store.save_ranking(shorter)
    assert await store.ranking() == shorter


async def test_the_past_begins_with_the_oldest_run(database: Database) -> None:
    store = Rankings(database)
    await store.save_ranking(replace(RUN, ranking_id="run-2", as_of_ms=MONDAY_MS + 1000))
    await store.save_ranking(RUN)
    assert await store.earliest_ms() == MONDAY_MS


async def test_the_past_can_be_asked(database: Database) -> None:
    store = Rankings(database)
    later = replace(RUN, ranking_id="run-2", as_of_ms=MONDAY_MS + 1000, standings=(a_standing(rank=1),))
    await store.save_ranking(later)
    await store.save_ranking(RUN)
    assert await store.ranking() == later
    assert await store.ranking(MONDAY_MS + 999) == RUN
    assert await store.ranking(MONDAY_MS - 1) is None
    assert await store.standing(LOSER) == (MONDAY_MS + 1000, a_standing(rank=1))
    assert await store.standing(LOSER, MONDAY_MS) == (MONDAY_MS, a_standing(rank=2))
    assert await store.standing(LEFT_OUT.address) is None


async def test_a_rank_leads_to_its_account(database: Database) -> None:
    store = Rankings(database)
    await store.save_ranking(RUN)
    assert [await store.address_at(rank) for rank in (1, 2, 3)] == [OTHER, LOSER, None]
