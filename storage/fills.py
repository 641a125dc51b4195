"""What ranking reads: fills here, prices and accounts beside; together the FillStore port."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.model.fills import Fill
from core.model.market import Address, Coin
from storage.fill_rows import SQL, WRITERS_LOCK, FillWriter, fill_of
from storage.prices import Prices
from storage.traders import Traders

if TYPE_CHECKING:
    from storage.database import Database


class Fills(Prices, Traders):
    """Fills, funding, prices and accounts of one database."""

    def __init__(self, database: "Database") -> None:
        super().__init__(database)
        self._writer = FillWriter(database)

    async def add_fills(self, fills: Sequence[Fill], source: str) -> int:
        """Store fills in one transaction and return how many were new.

        A fill known with less detail (heard on the public feed) is completed.
        """
        await self._writer.make_room(fills)
        async with self._database.transaction() as connection:
            return await self._writer.add(connection, fills, source)

    async def fills_after(
        self, mark: int, accounts: Sequence[Address] | None = None
    ) -> tuple[int, list[Fill]]:
        """Return all fills stored after ``mark`` (0: all) by account, time, seq; and the new mark.

        A fill that was completed since is returned again: who keeps sums replaces, by user, coin,
        time and tid. Nothing is ever missed, also while others write.
        """
        new_mark = await self._mark()
        async with self._database.connection() as connection:
            if accounts is None:
                rows = await connection.fetch(SQL["after"], mark, new_mark)
            else:
                rows = await connection.fetch(SQL["after_of"], mark, new_mark, list(accounts))
        return new_mark, [fill_of(row) for row in rows]

    async def accounts_after(self, mark: int) -> tuple[int, list[Address]]:
        """Return whose fills were stored or completed after ``mark``, and the new mark."""
        new_mark = await self._mark()
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["accounts_after"], mark, new_mark)
        return new_mark, [Address(row["account"]) for row in rows]

    async def _mark(self) -> int:
        """Return a number up to which all is committed.

        Numbers are handed out before the commit, so a reader could pass a writer that took a
        smaller one and isn't done. For this one moment readers and writers exclude each other.
        """
        async with self._database.transaction() as connection:
            await connection.execute(SQL["readers_lock"], WRITERS_LOCK)
            return int(await connection.fetchval(SQL["new_mark"]))

    async def fills_of(self, account: Address, from_ms: int = 0) -> list[Fill]:
        """Return one account's fills from a moment on, in execution order."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["of"], account, from_ms)
        return [fill_of(row) for row in rows]

    async def coins_of(self, account: Address) -> list[Coin]:
        """Return the coins of which an account has fills, by name."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["coins_of"], account)
        return [Coin(row["coin"]) for row in rows]

    async def traders_of(
        self, coin: Coin, accounts: Sequence[Address], after_ms: int, until_ms: int
    ) -> frozenset[Address]:
        """Return which of the accounts have a fill in the coin after one moment and up to another."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["traders_of"], coin, list(accounts), after_ms, until_ms)
        return frozenset(Address(row["account"]) for row in rows)

    async def traded_coins(self, from_ms: int) -> list[Coin]:
        """Return the coins with fills since then, those of most accounts first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["traded_coins"], from_ms)
        return [Coin(row["coin"]) for row in rows]
