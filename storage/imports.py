"""How far each archive was imported; progress and fills are committed together."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.model.fills import Fill
from core.ports import ImportProgress, RejectedRows
from storage.fill_rows import FillWriter
from storage.statements import statements
from storage.values import from_json, to_json

if TYPE_CHECKING:
    from storage.database import Database

SQL = statements("imports")


class Imports:
    """The table ``imports``."""

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._writer = FillWriter(database)

    async def begin_import(self, import_id: str, name: str, form: str) -> ImportProgress:
        """Return what an interrupted import of this id had committed; all zero if new or finished."""
        async with self._database.connection() as connection:
            row = await connection.fetchrow(SQL["begin"], import_id, name, form)
        assert row is not None
        return ImportProgress(
            rows=row["row_count"],
            fills=row["fill_count"],
            added=row["added"],
            repeated=row["repeated"],
            rejected=from_json(row["rejected"], dict[str, RejectedRows]),
        )

    async def add_import_chunk(self, import_id: str, fills: Sequence[Fill], progress: ImportProgress) -> int:
        """Store fills and the progress in one transaction; return how many fills were new."""
        await self._writer.make_room(fills)
        async with self._database.transaction() as connection:
            added = await self._writer.add(connection, fills, "archive", complete=False)
            await connection.execute(
                SQL["progress"],
                import_id,
                progress.rows,
                progress.fills,
                progress.added + added,
                progress.repeated,
                to_json(progress.rejected),
            )
        return added

    async def finish_import(self, import_id: str) -> None:
        """Mark the import as finished."""
        async with self._database.connection() as connection:
            await connection.execute(SQL["finish"], import_id)
