"""A ranking reads what is new, all of it, also when the reading was interrupted."""

import pytest

from core.errors import StorageError
from core.model.traders import RankingRules
from core.services.ranking import RankService
from storage.database import Database
from storage.fills import Fills
from storage.rankings import Rankings
from tests.support.facts import MONDAY_MS
from tests.support.rankable import COIN, account_of, store_market, trips_of

pytestmark = pytest.mark.asyncio


def service(database: Database) -> RankService:
    return RankService(Fills(database), Rankings(database), RankingRules())


async def test_a_ranking_is_made_of_what_is_stored(database: Database) -> None:
    people = await store_market(Fills(database), 10)
    ranked = await service(database).rank(MONDAY_MS)
    assert {standing.address for standing in ranked.ranking.standings} == set(people)
    assert 0 < len(ranked.ranking.listed) < len(people)
    assert await Rankings(database).ranking() == ranked.ranking
    assert ranked.sigma[COIN] > 0
    assert ranked.funding == {COIN: 0.0000125}


async def test_what_is_new_counts_in_the_next_ranking(database: Database) -> None:
    await store_market(Fills(database), 3, trips=11)
    ranks = service(database)
    await ranks.rank(MONDAY_MS)
    await Fills(database).add_fills(trips_of(1), "test")
    fills = {one.address: one.figures.fills for one in (await ranks.rank(MONDAY_MS)).ranking.standings}
    assert fills[account_of(1)] > fills[account_of(0)]


async def test_what_a_failed_reading_left_out_is_read_again(database: Database) -> None:
    await store_market(Fills(database), 3)
    ranks = service(database)
    async with database.connection() as connection:
        await connection.execute("alter table fills rename column fee to toll")
    with pytest.raises(StorageError):
        await ranks.rank(MONDAY_MS)
    async with database.connection() as connection:
        await connection.execute("alter table fills rename column toll to fee")
    assert len((await ranks.rank(MONDAY_MS)).ranking.standings) == 3
