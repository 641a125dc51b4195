"""Forward-only migrations: SQL files, one transaction each, under an advisory lock."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import StorageError
from storage.database import check_version, connected

if TYPE_CHECKING:
    import asyncpg

FOLDER = Path(__file__).parent / "migrations"
_LOCK = 0x68797065_66616465
_NAME = re.compile(r"(\d{4})_\w+\.sql")

_TABLE = """
create table if not exists schema_migrations (
    version integer primary key,
    name text not null,
    checksum text not null,
    applied_at timestamptz not null default now()
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file of the folder."""

    version: int
    name: str
    sql: str

    @property
    def checksum(self) -> str:
        """Return the SHA-256 of the text."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations(folder: Path = FOLDER) -> tuple[Migration, ...]:
    """Read the migrations in order; their numbers run from 1 without a gap."""
    found = []
    for path in sorted(folder.glob("*.sql")):
        match = _NAME.fullmatch(path.name)
        if match is None:
            raise StorageError(f"{path.name} isn't named like 0001_what.sql")
        found.append(Migration(int(match[1]), path.stem, path.read_text(encoding="utf-8")))
    if [one.version for one in found] != list(range(1, len(found) + 1)):
        raise StorageError(f"the migrations in {folder} aren't numbered 1 to {len(found)} without a gap")
    return tuple(found)


async def migrate(dsn: str, known: Sequence[Migration] | None = None) -> tuple[str, ...]:
    """Bring the database to the program's schema and return the names of what was applied.

    Raise StorageError when the database is newer than the program, when an applied file was
    changed since, or when the server is too old or can't be reached.
    """
    wanted = tuple(known) if known is not None else migrations()
    async with connected(dsn) as connection:
        check_version(connection)
        if await connection.fetchval("show server_encoding") != "UTF8":
            raise StorageError(
                "the database's encoding isn't UTF8; make one with createdb -E UTF8 -T template0"
            )
        # Two processes that start together: the second waits, then finds nothing to do.
        await connection.execute("select pg_advisory_lock($1)", _LOCK)
        try:
            return await _apply(connection, wanted)
        finally:
            if not connection.is_closed():
                await connection.execute("select pg_advisory_unlock($1)", _LOCK)


async def _apply(
    connection: "asyncpg.Connection[asyncpg.Record]", wanted: Sequence[Migration]
) -> tuple[str, ...]:
    await connection.execute(_TABLE)
    rows = await connection.fetch("select version, name, checksum from schema_migrations order by version")
    applied = {row["version"]: (row["name"], row["checksum"]) for row in rows}
    newest = max(applied, default=0)
    if newest > len(wanted):
        raise StorageError(
            f"the database is at migration {newest} ({applied[newest][0]}), this program knows only "
            f"{len(wanted)}: the database is newer; install the newer Hyperfade"
        )
    done = []
    for migration in wanted:
        if migration.version in applied:
            name, checksum = applied[migration.version]
            if checksum != migration.checksum:
                raise StorageError(
                    f"migration {name} was applied with another text than this program's {migration.name}; "
                    "use the program that made this database, or an empty database"
                )
            continue
        async with connection.transaction():
            await connection.execute(migration.sql)
            await connection.execute(
                "insert into schema_migrations (version, name, checksum) values ($1, $2, $3)",
                migration.version,
                migration.name,
                migration.checksum,
            )
        done.append(migration.name)
    return tuple(done)
