"""The schema goes forward only, once, and says clearly why it can't."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from core.errors import StorageError
from storage.database import open_database
from storage.migrate import Migration, migrate, migrations
from tests.support.postgres import admin

pytestmark = pytest.mark.asyncio

ONE = Migration(1, "0001_one", "create table one (a integer)")
TWO = Migration(2, "0002_two", "create table two (a integer)")


async def test_migrations_are_applied_once_and_in_order(empty_dsn: str) -> None:
    assert await migrate(empty_dsn, [ONE]) == ("0001_one",)
    assert await migrate(empty_dsn, [ONE, TWO]) == ("0002_two",)
    assert await migrate(empty_dsn, [ONE, TWO]) == ()


async def test_the_programs_own_migrations_apply(empty_dsn: str) -> None:
    assert await migrate(empty_dsn) == tuple(one.name for one in migrations())
    assert await migrate(empty_dsn) == ()


async def test_two_processes_that_start_together_migrate_once(empty_dsn: str) -> None:
    done = await asyncio.gather(*(migrate(empty_dsn) for _ in range(3)))
    assert sorted(len(names) for names in done) == [0, 0, len(migrations())]


async def test_a_failing_migration_leaves_nothing(empty_dsn: str) -> None:
    bad = Migration(2, "0002_bad", "create table two (a integer); select 1/0")
    with pytest.raises(StorageError, match="division by zero"):
        await migrate(empty_dsn, [ONE, bad])
    assert await migrate(empty_dsn, [ONE, TWO]) == ("0002_two",)


async def test_a_database_newer_than_the_program_is_refused(empty_dsn: str) -> None:
    await migrate(empty_dsn, [ONE, TWO])
    with pytest.raises(StorageError, match=r"0002_two.*newer; install the newer Hyperfade"):
        await migrate(empty_dsn, [ONE])


async def test_a_migration_that_was_changed_afterwards_is_refused(empty_dsn: str) -> None:
    await migrate(empty_dsn, [ONE])
    with pytest.raises(StorageError, match="0001_one was applied with another text"):
        await migrate(empty_dsn, [Migration(1, "0001_one", "create table one (a bigint)")])


async def test_numbers_without_a_gap_are_required(tmp_path: Path) -> None:
    (tmp_path / "0001_one.sql").write_text("select 1")
    (tmp_path / "0003_three.sql").write_text("select 1")
    with pytest.raises(StorageError, match="without a gap"):
        migrations(tmp_path)


async def test_an_encoding_that_loses_names_is_refused(postgres_server: str, empty_dsn: str) -> None:
    name = urlsplit(empty_dsn).path.lstrip("/")
    async with admin(postgres_server) as connection:
        await connection.execute(f'drop database "{name}"')
        await connection.execute(f"create database \"{name}\" template template0 encoding 'SQL_ASCII'")
    with pytest.raises(StorageError, match="UTF8"):
        await migrate(empty_dsn)


@pytest.mark.parametrize(
    ("dsn", "says"),
    [
        ("postgresql://me:hunter2@127.0.0.1:1/db", "db on 127.0.0.1:1 .*is it running"),
        ("postgresql://me:hunter2@/db?host=/nonexistent", "is it running"),
        ("postgresql://me:hunter2/x@host/db", "special characters"),
        ("postgresql://me:hunter2@host:port/db", "special characters"),
        ("mysql://me:hunter2@host/db", "isn't an address like postgresql://"),
        ("hunter2", "isn't an address like postgresql://"),
    ],
)
async def test_what_cannot_be_reached_is_named_without_the_password(dsn: str, says: str) -> None:
    with pytest.raises(StorageError, match=says) as caught:
        await migrate(dsn)
    assert "hunter2" not in str(caught.value)
    assert "\n" not in str(caught.value)


async def test_a_missing_database_and_a_wrong_user_are_told_apart(empty_dsn: str) -> None:
    missing = urlsplit(empty_dsn)._replace(path="/no_such_database").geturl()
    with pytest.raises(StorageError, match="no such database; make it with createdb"):
        await migrate(missing)
    parts = urlsplit(empty_dsn)
    stranger = parts._replace(netloc=f"stranger:hunter2@{parts.netloc.split('@')[-1]}").geturl()
    with pytest.raises(StorageError, match=r"refused .*user") as caught:
        await migrate(stranger)
    assert "hunter2" not in str(caught.value)


async def test_a_database_that_was_not_migrated_says_so(empty_dsn: str) -> None:
    async with open_database(empty_dsn) as database:
        with pytest.raises(StorageError, match="run `hyperfade migrate`"):
            async with database.connection() as connection:
                await connection.fetch("select * from fills")
