"""What an import of a file of fills needs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from core.model.fills import (
    Fill,
)
from core.model.market import Address


@dataclass(frozen=True, slots=True)
class RejectedRows:
    """How many rows of an archive were rejected for one reason, and the numbers of the first few."""

    count: int
    first_rows: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class ImportProgress:
    """How far the import of one archive was committed; all counts are from its beginning.

    ``rows`` counts what was taken from the archive's own deterministic sequence, so an import
    resumes by skipping that many.
    """

    rows: int = 0
    fills: int = 0
    added: int = 0
    repeated: int = 0
    """Rows that are copies of an earlier row of the same archive."""
    rejected: Mapping[str, RejectedRows] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ArchiveRow:
    """One row of an archive: a fill, or the reason why it is none, or neither: a repeated row."""

    number: int
    """The row's place in the file, from 1, in the file's own order."""
    fill: Fill | None = None
    problem: str | None = None


class FillArchive(Protocol):
    """A file of fills. Everything here blocks and raises ``core.errors.ArchiveError`` only."""

    name: str
    form: str
    account: Address | None
    total_bytes: int

    def scan(self) -> None:
        """Read the whole file once: its hash, its rows' order, whether it is sound."""
        ...

    @property
    def file_hash(self) -> str:
        """Return the file's SHA-256 in hex; scans when that hasn't been done."""
        ...

    @property
    def total_rows(self) -> int: ...
    @property
    def bytes_read(self) -> int:
        """Return how far into the file the current pass is."""
        ...

    def rows(self) -> Iterator[ArchiveRow]:
        """Yield all rows in a deterministic order: execution order inside each account."""
        ...


class ImportStore(Protocol):
    """Where imported fills go; progress is kept in the same transaction as the fills."""

    async def begin_import(self, import_id: str, name: str, form: str) -> ImportProgress:
        """Return what an interrupted import of this id had committed; all zero if new or finished.

        ``import_id`` is the file's SHA-256, followed by ``:account`` where the user named one.
        Beginning a finished import again resets its progress (its fills are known, so it adds 0).
        """
        ...

    async def add_import_chunk(self, import_id: str, fills: Sequence[Fill], progress: ImportProgress) -> int:
        """Store fills and the progress in one transaction; return how many fills were new.

        A fill whose key is known is left as it is.
        ``progress`` includes these fills but not their ``added``: the store adds what was new to
        ``progress.added`` before it writes it.
        """
        ...

    async def finish_import(self, import_id: str) -> None:
        """Mark the import as finished."""
        ...
