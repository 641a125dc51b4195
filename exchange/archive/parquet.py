"""Parquet forms, read by DuckDB in batches; changes with those forms or with DuckDB."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from core.errors import ArchiveError
from exchange.archive.compression import CHUNK_BYTES, Hash
from exchange.archive.lines import Numbered
from exchange.archive.records import BadRow, Record, time_ms_of

if TYPE_CHECKING:
    import duckdb

MAGIC = b"PAR1"
BATCH_ROWS = 20_000
MEMORY_LIMIT = "600MB"
SHOWN_CHARS = 200
"""How much of the library's message an error shows: it may repeat the file's bytes."""

_TEXT = ("coin", "px", "sz", "side", "startPosition", "dir", "closedPnl", "fee", "feeToken", "hash", "user")
_INTEGERS = ("oid", "tid", "twapId")


class ParquetFile:
    """A parquet file: its columns with their types, and its rows."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.total_bytes = path.stat().st_size
        self.bytes_read = 0
        self._database: duckdb.DuckDBPyConnection | None = None
        described = self.query("DESCRIBE SELECT * FROM read_parquet(?)").fetchall()
        self.columns: dict[str, str] = {name: kind for name, kind, *_ in described}
        counted = self.query("SELECT count(*) FROM read_parquet(?)").fetchall()
        self.total_rows: int = counted[0][0]

    def query(self, sql: str) -> "duckdb.DuckDBPyConnection":
        """Run a query over the file; raise ArchiveError with the library's first line."""
        import duckdb

        try:
            if self._database is None:
                # what a sort needs beyond the limit goes to disk, by default into the working folder
                self._database = duckdb.connect(
                    config={"memory_limit": MEMORY_LIMIT, "temp_directory": tempfile.gettempdir()}
                )
            return self._database.cursor().execute(sql, [str(self.path)])
        except duckdb.Error as problem:
            raise _broken(self.path, problem) from problem

    def batches(self, sql: str) -> Iterator[list[tuple[Any, ...]]]:
        """Yield the rows of a query in batches, counting how far the file is read."""
        import duckdb

        cursor = self.query(sql)
        self.bytes_read = 0
        done = 0
        while True:
            try:
                batch = cursor.fetchmany(BATCH_ROWS)
            except duckdb.Error as problem:
                raise _broken(self.path, problem, done) from problem
            if not batch:
                self.bytes_read = self.total_bytes
                return
            done += len(batch)
            self.bytes_read = self.total_bytes * done // max(done, self.total_rows)
            yield batch

    def hash_into(self, hasher: Hash) -> None:
        """Feed the whole file to the hash."""
        with self.path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                hasher.update(chunk)


def parquet_fills(file: ParquetFile) -> Iterator[Numbered]:
    """Yield the fills, numbered by place in the file, in the file's order or by its ``row`` column.

    32-bit floats become the shortest decimal that they stand for.
    """
    columns = file.columns
    names = [name for name in (*_TEXT, *_INTEGERS, "crossed", "time") if name in columns]
    wanted = ", ".join(f'{_expression(name, columns[name])} AS "{name}"' for name in names)
    sql = f"SELECT file_row_number + 1, {wanted} FROM read_parquet(?, file_row_number = true)"  # noqa: S608 - names from a fixed list
    if _has_row_order(file):
        sql += ' ORDER BY "row"'
    attributes = {"startPosition": "start_position", "closedPnl": "closed_pnl", "feeToken": "fee_token"}
    fields = [attributes.get(name, "twap_id" if name == "twapId" else name) for name in names]
    for batch in file.batches(sql):
        for number, *values in batch:
            yield number, _record(dict(zip(fields, values, strict=True)))


def _record(row: dict[str, Any]) -> Record | str:
    for name in ("coin", "px", "sz", "side", "time"):
        if row[name] is None:
            return f"{name}: missing"
    if isinstance(row["time"], str):
        try:
            row["time"] = time_ms_of(row["time"])
        except BadRow as problem:
            return str(problem)
    return Record(**row)


def _has_row_order(file: ParquetFile) -> bool:
    """Tell whether a ``row`` column numbers all rows; -1 marks rows whose number is lost."""
    if "row" not in file.columns:
        return False
    sql = 'SELECT count(DISTINCT "row"), min("row") >= 0 FROM read_parquet(?)'
    distinct, all_known = file.query(sql).fetchall()[0]
    return bool(all_known) and distinct == file.total_rows


def _expression(name: str, kind: str) -> str:
    if name in _INTEGERS:
        return f'TRY_CAST("{name}" AS BIGINT)'
    if name == "crossed":
        return f'TRY_CAST("{name}" AS BOOLEAN)'
    if name == "time":
        if kind.startswith("TIMESTAMP"):
            return f'epoch_ms("{name}")'
        return f'"{name}"' if kind == "VARCHAR" else f'TRY_CAST("{name}" AS BIGINT)'
    return f'CAST("{name}" AS VARCHAR)'


def _broken(path: Path, problem: Exception, rows: int = 0) -> ArchiveError:
    text = str(problem).partition("\n")[0] or type(problem).__name__
    line = "".join(character if character.isprintable() else "?" for character in text[:SHOWN_CHARS])
    return ArchiveError(
        f"{path.name}: the parquet data can't be read after {rows:,} rows ({line}); copy or download it again"
    )
