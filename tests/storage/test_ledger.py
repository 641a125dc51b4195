"""No entry of the ledger can be changed, dropped or slipped in without the walk noticing."""

from decimal import Decimal

import pytest

from storage.database import Database
from storage.ledger import BEGINNING, Ledger, LedgerCheck, canonical, chained, entry_body
from tests.support.published import end, nth_opportunity, publish

pytestmark = pytest.mark.asyncio


async def three_entries(database: Database) -> LedgerCheck:
    await publish(database, 1)
    await publish(database, 2)
    await end(database, 1)
    return await Ledger(database).verify()


async def test_an_empty_ledger_is_whole(database: Database) -> None:
    assert await Ledger(database).verify() == LedgerCheck(0, BEGINNING, None, None)


async def test_the_chain_is_what_anybody_can_calculate(database: Database) -> None:
    await publish(database, 1)
    await publish(database, 2, reference_px=Decimal("1E+2"), stop_px=None)
    first = chained(BEGINNING, canonical(1, entry_body(nth_opportunity(1))))
    changed = nth_opportunity(2, reference_px=Decimal("100"), stop_px=None)
    second = chained(first, canonical(2, entry_body(changed)))
    assert await Ledger(database).verify() == LedgerCheck(2, second, None, None)


async def test_an_entry_says_when_at_what_price_and_by_which_rule(database: Database) -> None:
    await three_entries(database)
    async with database.connection() as connection:
        texts = [row["body"] for row in await connection.fetch("select body from ledger order by n")]
    assert '"rule_version":"1"' in texts[0]
    assert '"px":"100"' in texts[0]
    assert f'"time_ms":{nth_opportunity(1).published_ms}' in texts[0]
    assert '"reason":"loser_closed"' in texts[2]
    assert '"net_bps":90.25' in texts[2]


@pytest.mark.parametrize(
    ("tampering", "broken", "problem"),
    [
        ('update ledger set body = replace(body, \'"px":"100"\', \'"px":"99"\') where n = 1', 1, "changed"),
        ("update ledger set hash = repeat('0', 64) where n = 2", 2, "changed"),
        ("update ledger set previous = repeat('0', 64) where n = 3", 3, "doesn't follow"),
        ("delete from ledger where n = 2", 3, "entry 2 is missing"),
        ("delete from ledger where n = 1", 2, "entry 1 is missing"),
        ("update ledger set n = 9 where n = 3", 9, "entry 3 is missing"),
        (
            "update trade_opportunities set opportunity = jsonb_set(opportunity, '{reference_px}', '\"99\"')"
            " where right(opportunity_id, 2) = '02'",
            2,
            "says something else",
        ),
        ("update trade_opportunities set net_bps = 500 where net_bps is not null", 3, "says something else"),
    ],
)
async def test_tampering_is_found_where_it_was_done(
    database: Database, tampering: str, broken: int, problem: str
) -> None:
    assert (await three_entries(database)).broken is None
    async with database.connection() as connection:
        await connection.execute(tampering)
    found = await Ledger(database).verify()
    assert found.broken == broken
    assert found.problem is not None
    assert problem in found.problem


async def test_an_entry_rewritten_with_its_own_hash_breaks_the_next(database: Database) -> None:
    await three_entries(database)
    async with database.connection() as connection:
        row = await connection.fetchrow("select body, previous from ledger where n = 1")
        assert row is not None
        body = row["body"].replace('"px":"100"', '"px":"99"')
        await connection.execute(
            "update ledger set body = $1, hash = $2 where n = 1", body, chained(row["previous"], body)
        )
        await connection.execute(
            "update trade_opportunities set opportunity = jsonb_set(opportunity, '{reference_px}', '\"99\"')"
            " where right(opportunity_id, 2) = '01'"
        )
    found = await Ledger(database).verify()
    assert (found.entries, found.broken, found.problem) == (1, 2, "it doesn't follow the entry before it")


async def test_the_head_changes_with_every_entry(database: Database) -> None:
    heads = [(await Ledger(database).verify()).head]
    for n in range(3):
        await publish(database, n)
        heads.append((await Ledger(database).verify()).head)
    assert len(set(heads)) == 4
