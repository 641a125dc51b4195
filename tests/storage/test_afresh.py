"""Only a database of the named origin is emptied."""

import pytest

from storage.afresh import begin_afresh
from storage.database import open_database
from storage.migrate import migrate
from storage.reader import Reader

pytestmark = pytest.mark.asyncio

DEMO = ("origin", "the simulated exchange, seed 7")


async def test_what_an_earlier_demo_left_is_gone_and_the_tables_can_be_made_again(database_dsn: str) -> None:
    async with open_database(database_dsn) as database:
        await Reader(database).set_state(*DEMO)
    assert await begin_afresh(database_dsn, *DEMO) is True
    assert await begin_afresh(database_dsn, *DEMO) is False
    await migrate(database_dsn)
    async with open_database(database_dsn) as database:
        assert await Reader(database).state(DEMO[0]) is None


@pytest.mark.parametrize("origin", ["https://api.hyperliquid.xyz", "the simulated exchange, seed 8", None])
async def test_data_of_any_other_origin_stays(database_dsn: str, origin: str | None) -> None:
    async with open_database(database_dsn) as database:
        await Reader(database).set_state("started_ms", "1")
        if origin is not None:
            await Reader(database).set_state("origin", origin)
        assert await begin_afresh(database_dsn, *DEMO) is False
        assert await Reader(database).state("started_ms") == "1"
