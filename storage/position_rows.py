"""How positions come back from their table; asked for by detection and by people."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.model.answers import HeldPosition
from core.model.market import Address, Coin
from storage.statements import statements

if TYPE_CHECKING:
    import asyncpg

    from storage.database import Database

PUBLICATIONS_SQL = statements("publications")


async def held_positions(
    database: "Database", account: Address, rehearsal: bool = False
) -> list[HeldPosition]:
    """Return what an account holds, as last known, by coin."""
    async with database.connection() as connection:
        rows = await connection.fetch(PUBLICATIONS_SQL["positions"], account, rehearsal)
    return held_of(rows)


def held_of(rows: "Sequence[asyncpg.Record]") -> list[HeldPosition]:
    """Return rows of the table as positions."""
    return [HeldPosition(Coin(r["coin"]), r["szi"], r["entry_px"], r["updated_ms"]) for r in rows]
