"""An import takes every row once, whatever interrupts it, and says what it did."""

import asyncio
import gzip
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from core.errors import ArchiveError, StorageError
from core.model.fills import Fill
from core.ports import FillArchive, ImportProgress, ImportStore, RejectedRows
from core.services.importing import ImportStatus, ImportSummary, import_archive
from exchange.archive import open_archive
from tests.support.archives import ALICE, BOB, fill_row, json_lines, write

pytestmark = pytest.mark.asyncio

Key = tuple[str, str, int, int | None]


class Steps:
    """A clock that goes on by 100 ms whenever it is read."""

    def __init__(self) -> None:
        self.now = 0

    def now_ms(self) -> int:
        self.now += 100
        return self.now


class Ledger:
    """Keeps fills by key, each chunk whole or not at all; may fail before or after a commit."""

    def __init__(self) -> None:
        self.fills: dict[Key, Fill] = {}
        self.progress: dict[str, ImportProgress] = {}
        self.finished: set[str] = set()
        self.offered = 0
        self.chunks_left = 10**9
        self.is_lost_after_commit = False

    async def begin_import(self, import_id: str, name: str, form: str) -> ImportProgress:
        if import_id in self.finished:
            self.finished.remove(import_id)
            self.progress[import_id] = ImportProgress()
        return self.progress.setdefault(import_id, ImportProgress())

    async def add_import_chunk(self, import_id: str, fills: Sequence[Fill], progress: ImportProgress) -> int:
        await asyncio.sleep(0)
        self.chunks_left -= 1
        if self.chunks_left < 0 and not self.is_lost_after_commit:
            raise StorageError("the database is down")
        self.offered += len(fills)
        known = len(self.fills)
        for fill in fills:
            self.fills.setdefault((fill.user, fill.coin, fill.time_ms, fill.tid), fill)
        added = len(self.fills) - known
        self.progress[import_id] = replace(progress, added=progress.added + added)
        if self.chunks_left < 0:
            raise StorageError("the answer to the commit was lost")
        return added

    async def finish_import(self, import_id: str) -> None:
        self.finished.add(import_id)


_: type[ImportStore] = Ledger


async def run(path: Path, store: Ledger, account: str | None = None, chunk_rows: int = 1000) -> ImportSummary:
    archive: FillArchive = open_archive(path, account)
    return await import_archive(archive, store, Steps(), chunk_rows=chunk_rows)


FILES = [
    ("fills-leaders-jul2026.jsonl.gz", 2720, 2720),
    ("fills-0xdae4-btc.jsonl.gz", 273, 273),
    ("fills-mm-nov2025.jsonl.gz", 2000, 2000),
    ("fills-0xb317-duplicates.jsonl.gz", 8000, 2000),
    ("fills-0xb7b6-may2023.jsonl.gz", 500, 500),
    ("fills-vault-0x15be.parquet", 200, 200),
    ("fills-3accounts-full.parquet", 14_229, 14_229),
    ("fills-23accounts-sample.parquet", 3700, 3700),
    ("ui-export-2024.csv.gz", 5116, 5116),
]


@pytest.mark.parametrize(("name", "rows", "fills"), FILES)
async def test_second_import_of_a_real_file_adds_nothing(
    shared: Path, name: str, rows: int, fills: int
) -> None:
    store = Ledger()
    account = ALICE if name.startswith("ui") else None
    first = await run(shared / "data" / name, store, account)
    assert (first.read, first.added, first.known, first.repeated) == (rows, fills, 0, rows - fills)
    assert (first.rejected, first.reasons, first.resumed_at) == (0, {}, 0)
    second = await run(shared / "data" / name, store, account)
    assert (second.read, second.added, second.known, second.repeated) == (rows, 0, fills, rows - fills)
    assert len(store.fills) == fills


@pytest.mark.parametrize("is_lost_after_commit", [False, True])
@pytest.mark.parametrize("chunk_rows", [7, 100, 1300])
async def test_interrupted_import_goes_on_and_changes_nothing(
    shared: Path, chunk_rows: int, is_lost_after_commit: bool
) -> None:
    path = shared / "data" / "fills-0xb317-duplicates.jsonl.gz"
    whole = Ledger()
    undisturbed = await run(path, whole)
    store = Ledger()
    store.is_lost_after_commit = is_lost_after_commit
    for chunks in (0, 1, 3):
        store.chunks_left = chunks
        with pytest.raises(StorageError):
            await run(path, store, chunk_rows=chunk_rows)
    committed = next(iter(store.progress.values())).rows
    assert committed == min((4 + 3 * is_lost_after_commit) * chunk_rows, 8000)
    store.chunks_left = 10**9
    summary = await run(path, store, chunk_rows=chunk_rows)
    assert summary == replace(undisturbed, resumed_at=committed)
    assert store.fills == whole.fills
    assert store.offered == 2000  # nothing that was committed is sent again


async def test_rejected_rows_are_counted_by_reason_with_their_first_numbers(tmp_path: Path) -> None:
    bad = [fill_row(number, px="x") for number in range(10)]
    path = write(
        tmp_path, json_lines([fill_row(50), *bad, fill_row(51, sz="-1"), fill_row(50), fill_row(52)])
    )
    summary = await run(path, Ledger(), chunk_rows=3)
    assert (summary.read, summary.added, summary.repeated, summary.rejected) == (14, 2, 1, 11)
    assert summary.reasons == {
        "px: not a usable number": RejectedRows(10, (2, 3, 4, 5, 6)),
        "sz: not above zero": RejectedRows(1, (12,)),
    }


async def test_nothing_is_stored_of_a_file_that_is_cut_short(tmp_path: Path) -> None:
    packed = gzip.compress(json_lines(fill_row(number) for number in range(5000)))
    store = Ledger()
    with pytest.raises(ArchiveError, match="cut short, after 4,"):
        await run(write(tmp_path, packed[:-20]), store)
    assert (store.fills, store.progress) == ({}, {})


async def test_another_account_is_another_import(tmp_path: Path) -> None:
    path = write(tmp_path, json_lines(fill_row(number, user=...) for number in range(10)))
    store = Ledger()
    assert (await run(path, store, ALICE)).added == 10
    assert (await run(path, store, BOB)).added == 10
    assert (await run(path, store, ALICE)).added == 0
    assert len(store.progress) == 2


async def test_progress_tells_rows_rate_and_time_left(tmp_path: Path) -> None:
    path = write(tmp_path, json_lines(fill_row(number) for number in range(1000)))
    told: list[ImportStatus] = []
    await import_archive(open_archive(path), Ledger(), Steps(), told.append, chunk_rows=250)
    load = [status for status in told if status.phase == "load"]
    assert told[0].phase == "scan"
    assert [(s.rows, s.total_rows, s.added) for s in load] == [(n, 1000, n) for n in (250, 500, 750, 1000)]
    assert [s.rows_per_s for s in load] == [2500.0] * 4
    assert [s.eta_s for s in load] == [0.3, 0.2, 0.1, 0.0]
    assert told[-1].bytes_read == told[-1].total_bytes == path.stat().st_size


async def test_cancelled_import_lets_go_of_the_file_and_keeps_what_was_committed(tmp_path: Path) -> None:
    path = write(tmp_path, json_lines(fill_row(number) for number in range(3000)))
    store = Ledger()
    first_told = asyncio.Event()
    archive = open_archive(path)

    def tell(status: ImportStatus) -> None:
        if status.phase == "load":
            first_told.set()

    work = asyncio.create_task(import_archive(archive, store, Steps(), tell, chunk_rows=100))
    await first_told.wait()
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    committed = next(iter(store.progress.values())).rows
    assert 100 <= committed < 3000
    assert (await run(path, store)).resumed_at == committed
    assert len(store.fills) == store.offered == 3000
