"""An import into the real store: every file twice, and killed in the middle."""

import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from core.model.fills import Fill
from core.ports import ImportProgress
from core.services.importing import ImportSummary, import_archive
from exchange.archive import open_archive
from storage.database import Database, open_database
from storage.fills import Fills
from storage.imports import Imports
from tests.support.archives import ALICE

pytestmark = pytest.mark.asyncio

FILES = [
    ("fills-leaders-jul2026.jsonl.gz", 2720),
    ("fills-0xdae4-btc.jsonl.gz", 273),
    ("fills-mm-nov2025.jsonl.gz", 2000),
    ("fills-0xb317-duplicates.jsonl.gz", 2000),
    ("fills-0xb7b6-may2023.jsonl.gz", 500),
    ("fills-vault-0x15be.parquet", 200),
    ("fills-3accounts-full.parquet", 14_229),
    ("fills-23accounts-sample.parquet", 3700),
    ("ui-export-2024.csv.gz", 5116),
]


class Still:
    """A clock that stands still."""

    def now_ms(self) -> int:
        return 0


async def run(path: Path, store: Imports, chunk_rows: int = 20_000) -> ImportSummary:
    account = ALICE if path.name.startswith("ui") else None
    return await import_archive(open_archive(path, account), store, Still(), chunk_rows=chunk_rows)


async def test_all_real_files_twice(shared: Path, database: Database) -> None:
    store = Imports(database)
    first = [await run(shared / "data" / name, store) for name, _ in FILES]
    assert [summary.added for summary in first] == [fills for _, fills in FILES]
    second = [await run(shared / "data" / name, store) for name, _ in FILES]
    assert [(summary.added, summary.known) for summary in second] == [(0, fills) for _, fills in FILES]
    for name, _ in FILES[:3]:
        expected = list(open_archive(shared / "data" / name).fills())
        for user in {fill.user for fill in expected}:
            stored = await Fills(database).fills_of(user)
            assert stored == [fill for fill in expected if fill.user == user]


async def kill_while_importing(dsn: str, path: Path, chunks: int) -> None:
    """Import in a process of its own and kill it, by its own hand, in the middle of chunk ``chunks``."""
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])}
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, dsn, str(path), str(chunks), env=environment
    )
    assert await process.wait() == -signal.SIGKILL


class Fatal(Imports):
    """A store during whose nth chunk the process is killed, once all but the commit is done."""

    chunks_left = 0

    async def add_import_chunk(self, import_id: str, fills: Sequence[Fill], progress: ImportProgress) -> int:
        self.chunks_left -= 1
        if self.chunks_left >= 0:
            return await super().add_import_chunk(import_id, fills, progress)
        async with self._database.transaction() as connection:
            await self._writer.add(connection, fills, "archive", complete=False)
            os.kill(os.getpid(), signal.SIGKILL)
        raise AssertionError


async def die(dsn: str, path: Path, chunks: int) -> None:
    async with open_database(dsn) as opened:
        store = Fatal(opened)
        store.chunks_left = chunks
        await run(path, store, chunk_rows=300)


async def test_killed_import_goes_on_where_it_was_committed(
    shared: Path, database_dsn: str, database: Database
) -> None:
    path = shared / "data" / "fills-mm-nov2025.jsonl.gz"
    for chunks in (1, 0, 3):
        await kill_while_importing(database_dsn, path, chunks)
    summary = await run(path, Imports(database), chunk_rows=300)
    assert (summary.resumed_at, summary.read, summary.added, summary.known) == (1200, 2000, 2000, 0)
    expected = list(open_archive(path).fills())
    assert await Fills(database).fills_of(expected[0].user) == expected
    again = await run(path, Imports(database))
    assert again == replace(summary, added=0, known=2000, resumed_at=0)


if __name__ == "__main__":
    asyncio.run(die(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
