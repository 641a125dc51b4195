"""Load an archive of fills into the store: idempotent, in chunks, resumable after a kill.

The archive yields its rows in the same order every time, so the number of rows committed is all
that a resumed import must know; the store keeps it in the transaction of the chunk itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Literal

from core.model.fills import Fill
from core.ports import ArchiveRow, Clock, FillArchive, ImportProgress, ImportStore, RejectedRows

CHUNK_ROWS = 20_000
FIRST_ROWS_KEPT = 5
"""How many row numbers are kept for each reason."""

TELL_EVERY_S = 0.5


@dataclass(frozen=True, slots=True)
class ImportStatus:
    """Where a running import is. ``eta_s`` is None until there is a rate to go by."""

    phase: Literal["scan", "load"]
    rows: int
    total_rows: int | None
    bytes_read: int
    total_bytes: int
    added: int
    rejected: int
    rows_per_s: float | None
    eta_s: float | None


@dataclass(frozen=True, slots=True)
class ImportSummary:
    """What an import did; all counts are of the whole file, also when it was resumed.

    ``read`` = ``added`` + ``known`` + ``repeated`` + ``rejected``.
    """

    name: str
    form: str
    file_hash: str
    read: int
    added: int
    known: int
    """Fills that the store had before."""
    repeated: int
    """Rows that are copies of an earlier row of the same file."""
    rejected: int
    reasons: Mapping[str, RejectedRows] = field(default_factory=dict)
    resumed_at: int = 0
    """Rows that an interrupted import of this file had committed."""


OnProgress = Callable[[ImportStatus], None]


async def import_archive(
    archive: FillArchive,
    store: ImportStore,
    clock: Clock,
    on_progress: OnProgress | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> ImportSummary:
    """Load all fills of the archive, ``chunk_rows`` a transaction, and return what was done.

    The file is read twice: once to see that it is sound and how it is ordered, before anything is
    stored, then to load it. Raises ArchiveError and StorageError; what was committed stays, and the
    next call goes on from there.
    """
    tell = on_progress or _say_nothing
    await _scan(archive, clock, tell)
    import_id = archive.file_hash if archive.account is None else f"{archive.file_hash}:{archive.account}"
    progress = await store.begin_import(import_id, archive.name, archive.form)
    resumed_at = progress.rows
    rows = islice(archive.rows(), resumed_at, None)
    started_ms = clock.now_ms()
    reading = _start(rows, chunk_rows)
    try:
        while chunk := await asyncio.shield(reading):
            reading = _start(rows, chunk_rows)  # the next chunk is parsed while this one is stored
            progress, fills = _counted(progress, chunk)
            added = await store.add_import_chunk(import_id, fills, progress)
            progress = replace(progress, added=progress.added + added)
            tell(_load_status(archive, progress, progress.rows - resumed_at, clock.now_ms() - started_ms))
    finally:
        await _settled(reading)  # the thread must let go of the file before it is closed
    await store.finish_import(import_id)
    rejected = sum(rows.count for rows in progress.rejected.values())
    return ImportSummary(
        name=archive.name,
        form=archive.form,
        file_hash=archive.file_hash,
        read=progress.rows,
        added=progress.added,
        known=progress.fills - progress.added,
        repeated=progress.repeated,
        rejected=rejected,
        reasons=dict(progress.rejected),
        resumed_at=resumed_at,
    )


async def _scan(archive: FillArchive, clock: Clock, tell: OnProgress) -> None:
    started_ms = clock.now_ms()
    scanning = asyncio.ensure_future(asyncio.to_thread(archive.scan))
    try:
        while not scanning.done():
            await asyncio.wait([scanning], timeout=TELL_EVERY_S)
            tell(_scan_status(archive, clock.now_ms() - started_ms))
    finally:
        await _settled(scanning)
    await scanning


def _start(rows: Iterator[ArchiveRow], count: int) -> asyncio.Future[list[ArchiveRow]]:
    return asyncio.ensure_future(asyncio.to_thread(_take, rows, count))


def _take(rows: Iterator[ArchiveRow], count: int) -> list[ArchiveRow]:
    return list(islice(rows, count))


async def _settled(work: Awaitable[object]) -> None:
    """Wait for a thread's end, whatever it is; its failure, if it matters, is raised elsewhere."""
    with suppress(Exception):
        await work


def _counted(progress: ImportProgress, chunk: Sequence[ArchiveRow]) -> tuple[ImportProgress, list[Fill]]:
    """Return the progress after the chunk, and the chunk's fills."""
    fills: list[Fill] = []
    rejected = dict(progress.rejected)
    repeated = progress.repeated
    for row in chunk:
        if row.fill is not None:
            fills.append(row.fill)
        elif row.problem is None:
            repeated += 1
        else:
            before = rejected.get(row.problem, RejectedRows(0, ()))
            first = (*before.first_rows, row.number)[:FIRST_ROWS_KEPT]
            rejected[row.problem] = RejectedRows(before.count + 1, first)
    return (
        ImportProgress(
            rows=progress.rows + len(chunk),
            fills=progress.fills + len(fills),
            added=progress.added,
            repeated=repeated,
            rejected=rejected,
        ),
        fills,
    )


def _scan_status(archive: FillArchive, elapsed_ms: int) -> ImportStatus:
    done = archive.bytes_read
    left = archive.total_bytes - done
    eta_s = elapsed_ms / 1000 * left / done if done and elapsed_ms else None
    return ImportStatus("scan", 0, None, done, archive.total_bytes, 0, 0, None, eta_s)


def _load_status(
    archive: FillArchive, progress: ImportProgress, loaded: int, elapsed_ms: int
) -> ImportStatus:
    rate = loaded * 1000 / elapsed_ms if elapsed_ms > 0 else None
    left = archive.total_rows - progress.rows
    return ImportStatus(
        phase="load",
        rows=progress.rows,
        total_rows=archive.total_rows,
        bytes_read=archive.bytes_read,
        total_bytes=archive.total_bytes,
        added=progress.added,
        rejected=sum(rows.count for rows in progress.rejected.values()),
        rows_per_s=rate,
        eta_s=left / rate if rate else None,
    )


def _say_nothing(status: ImportStatus) -> None:
    """Stand for an import that nobody watches."""
