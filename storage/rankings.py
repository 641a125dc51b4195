"""Ranking runs: each is written whole, and rows compare only inside it."""

from typing import TYPE_CHECKING

from core.model.market import Address
from core.model.traders import ChangeKind, Ranking, RankingChange, TraderStanding
from storage.statements import statements
from storage.values import from_json, to_json

if TYPE_CHECKING:
    from storage.database import Database

SQL = statements("rankings")
_NOW = 2**63 - 1
_COLUMNS = ("ranking_id", "place", "address", "rank", "is_listed", "badness", "figures")


class Rankings:
    """The tables ``rankings``, ``standings`` and ``ranking_changes``."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    async def save_ranking(self, ranking: Ranking) -> None:
        """Store a run; one of the same id is replaced."""
        name = ranking.ranking_id
        rows = [
            (name, place, s.address, s.rank, s.is_listed, s.badness, to_json(s))
            for place, s in enumerate(ranking.standings)
        ]
        changes = [
            (name, c.address, c.kind.value, c.rank, c.reason, place)
            for place, c in enumerate(ranking.changes)
        ]
        async with self._database.transaction() as connection:
            await connection.execute(SQL["forget"], name)
            await connection.execute(
                SQL["add"], name, ranking.as_of_ms, ranking.population, ranking.label_fdr
            )
            await connection.copy_records_to_table("standings", records=rows, columns=_COLUMNS)
            await connection.executemany(SQL["add_change"], changes)

    async def ranking(self, as_of_ms: int | None = None) -> Ranking | None:
        """Return the newest run, or the newest at or before ``as_of_ms``."""
        async with self._database.snapshot() as connection:
            head = await connection.fetchrow(SQL["newest"], _NOW if as_of_ms is None else as_of_ms)
            if head is None:
                return None
            rows = await connection.fetch(SQL["standings"], head["ranking_id"])
            changes = await connection.fetch(SQL["changes"], head["ranking_id"])
        return Ranking(
            ranking_id=head["ranking_id"],
            as_of_ms=head["as_of_ms"],
            population=head["population"],
            standings=tuple(from_json(row["figures"], TraderStanding) for row in rows),
            changes=tuple(
                RankingChange(Address(c["address"]), ChangeKind(c["kind"]), c["rank"], c["reason"])
                for c in changes
            ),
            label_fdr=head["label_fdr"],
        )

    async def earliest_ms(self) -> int | None:
        """Return of when the oldest run is, or None."""
        async with self._database.connection() as connection:
            found: int | None = await connection.fetchval(SQL["earliest"])
        return found

    async def standing(
        self, address: Address, as_of_ms: int | None = None
    ) -> tuple[int, TraderStanding] | None:
        """Return ``(as_of_ms, standing)`` in that run, or None."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(SQL["standing"], address, _NOW if as_of_ms is None else as_of_ms)
        return None if row is None else (row["as_of_ms"], from_json(row["figures"], TraderStanding))

    async def address_at(self, rank: int) -> Address | None:
        """Return whose rank it is in the newest run, or None."""
        async with self._database.connection() as connection:
            found = await connection.fetchval(SQL["address_at"], rank)
        return None if found is None else Address(found)
