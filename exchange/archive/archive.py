"""Files of fills as one thing: opened, scanned, read in execution order."""

import hashlib
from collections.abc import Callable, Iterator
from pathlib import Path

from core.errors import ArchiveError, UsageError
from core.model.fills import Fill
from core.model.market import Address
from core.ports import ArchiveRow
from exchange.archive import lines, tables
from exchange.archive.compression import BrokenData, Hash, PackedFile
from exchange.archive.forms import Found, look_at, require_fills
from exchange.archive.lines import Numbered
from exchange.archive.ordering import Survey, in_execution_order, survey
from exchange.archive.parquet import ParquetFile, parquet_fills
from exchange.archive.records import EARLIEST_MS, LATEST_MS, BadRow, Record, address_of, to_fill

_READERS: dict[str, Callable[[PackedFile, Hash | None], Iterator[Numbered]]] = {
    "json lines": lines.fill_lines,
    "json pages": lines.pages,
    "json array": lines.document,
    "json []": lines.document,
    "node_fills": lines.node_fills,
    "node_fills_by_block": lines.node_blocks,
    "csv": tables.csv_fills,
    "web-page csv": tables.web_page_fills,
}


def open_archive(path: Path, account: str | None = None) -> "Archive":
    """Open a file of fills of any known form and compression.

    ``account`` is whose fills the rows are that name none. Raises ArchiveError when the file can't
    be read, isn't fills, or needs an account and got none; UsageError for what is no account.
    """
    found = look_at(path)
    require_fills(found, path)
    whose: Address | None = None
    if account is not None:
        try:
            whose = address_of(account)
        except BadRow as problem:
            raise UsageError(
                f"--account {account[:80]!r} is no account: expected 0x and 40 hexadecimal digits, or a label"
            ) from problem
    elif not found.names_account:
        raise ArchiveError(
            f"{path.name} ({found.form}) doesn't say whose fills these are: give --account 0x…"
        )
    return Archive(path, found, whose)


class Archive:
    """A file of fills; satisfies ``core.ports.FillArchive``. Everything here blocks."""

    def __init__(self, path: Path, found: Found, account: Address | None) -> None:
        self.name = path.name
        self.form = found.form
        self.account = account
        self.total_bytes = found.file.total_bytes
        self._file = found.file
        self._survey: Survey | None = None
        self._file_hash = ""

    @property
    def bytes_read(self) -> int:
        """Return how far into the file the current pass is."""
        return self._file.bytes_read

    @property
    def file_hash(self) -> str:
        """Return the file's SHA-256 in hex."""
        self.scan()
        return self._file_hash

    @property
    def total_rows(self) -> int:
        """Return the number of rows, bad ones included."""
        return self._scanned().rows

    def scan(self) -> None:
        """Read the whole file once, unless that is done; raise ArchiveError if it isn't sound."""
        self._scanned()

    def rows(self) -> Iterator[ArchiveRow]:
        """Yield all rows in the same order every time: execution order inside each account."""
        known = self._scanned()
        file_hash, account = self._file_hash, self.account

        def convert(record: Record, number: int, seq: int) -> Fill:
            return to_fill(record, number, file_hash, account, seq)

        return in_execution_order(self._records(None), known, convert)

    def fills(self) -> Iterator[Fill]:
        """Yield the good fills only, repeated ones once."""
        for row in self.rows():
            if row.fill is not None:
                yield row.fill

    def _scanned(self) -> Survey:
        if self._survey is None:
            hasher = hashlib.sha256()
            if isinstance(self._file, ParquetFile):
                self._file.hash_into(hasher)
            self._survey = survey(self._records(hasher))
            self._file_hash = hasher.hexdigest()
        return self._survey

    def _records(self, hasher: Hash | None) -> Iterator[Numbered]:
        """Yield numbered records; a time out of range makes a row bad here, as it would spoil the order."""
        done = 0
        try:
            for number, record in self._numbered(hasher):
                done += 1
                if not isinstance(record, str):
                    if not EARLIEST_MS <= record.time < LATEST_MS:
                        yield number, "time: not in ms between 2020 and 2100"
                        continue
                    if record.user is not None:
                        record.user = record.user.lower()  # one account, however it is printed
                yield number, record
        except BrokenData as problem:
            raise ArchiveError(
                f"{self.name}: {problem}, after {done:,} rows; copy or download it again"
            ) from problem
        except OSError as problem:
            raise ArchiveError(
                f"{self.name}: reading failed after {done:,} rows ({problem.strerror})"
            ) from problem

    def _numbered(self, hasher: Hash | None) -> Iterator[Numbered]:
        if isinstance(self._file, ParquetFile):
            return parquet_fills(self._file)
        return _READERS[self.form](self._file, hasher)
