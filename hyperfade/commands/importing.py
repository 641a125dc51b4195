"""`import`: fills from files into the store."""

import asyncio
import contextlib
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from core.services.importing import ImportStatus, ImportSummary, import_archive
from exchange.archive.archive import open_archive
from hyperfade.clock import WallClock
from hyperfade.database import open_storage
from hyperfade.settings import load_settings
from storage.imports import Imports


async def import_files(paths: Sequence[Path], *, account: str | None, as_json: bool) -> None:
    """Import each file in turn; one that can't be read stops the rest, what was loaded stays."""
    archives = [await asyncio.to_thread(open_archive, path, account) for path in paths]
    summaries: list[ImportSummary] = []
    async with open_storage(load_settings(), exclusive=False) as database:
        store = Imports(database)
        for archive in archives:
            with _progress(archive.name) as show:
                summary = await import_archive(archive, store, WallClock(), show)
            summaries.append(summary)
            if not as_json:
                print(_to_text(summary))
    if as_json:
        print(json.dumps(_to_dict(summaries), indent=2, ensure_ascii=False))


def _to_dict(summaries: Sequence[ImportSummary]) -> dict[str, Any]:
    return {
        "read": sum(one.read for one in summaries),
        "added": sum(one.added for one in summaries),
        "known": sum(one.known for one in summaries),
        "repeated": sum(one.repeated for one in summaries),
        "rejected": sum(one.rejected for one in summaries),
        "files": [
            {
                "name": one.name,
                "form": one.form,
                "sha256": one.file_hash,
                "read": one.read,
                "added": one.added,
                "known": one.known,
                "repeated": one.repeated,
                "rejected": one.rejected,
                "reasons": {
                    reason: {"rows": rejected.count, "first_rows": list(rejected.first_rows)}
                    for reason, rejected in one.reasons.items()
                },
                "resumed_at": one.resumed_at,
            }
            for one in summaries
        ],
    }


def _to_text(summary: ImportSummary) -> str:
    resumed = f", resumed after row {summary.resumed_at:,}" if summary.resumed_at else ""
    lines = [
        f"{summary.name} ({summary.form}): {summary.read:,} rows read{resumed}, "
        f"{summary.added:,} fills added, {summary.known:,} known before, "
        f"{summary.repeated:,} repeated, {summary.rejected:,} rejected."
    ]
    for reason, rejected in summary.reasons.items():
        rows = ", ".join(f"{row:,}" for row in rejected.first_rows)
        lines.append(f"    {rejected.count:,} × {reason} (first in row {rows})")
    return "\n".join(lines)


@contextlib.contextmanager
def _progress(name: str) -> Iterator[Callable[[ImportStatus], None]]:
    console = Console(stderr=True, highlight=False)
    if not console.is_terminal:
        yield lambda _status: None
        return
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[rows]:,} rows, {task.fields[rate]:,.0f}/s"),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )
    task = bar.add_task(name, total=None, rows=0, rate=0.0)

    def show(status: ImportStatus) -> None:
        bar.update(
            task,
            description=f"{name}: {status.phase}",
            completed=status.bytes_read,
            total=status.total_bytes,
            rows=status.rows,
            rate=status.rows_per_s or 0.0,
        )

    with bar:
        yield show
