"""An import's progress and its fills are one: either both are there or neither."""

from dataclasses import replace

import pytest

from core.errors import StorageError
from core.ports import ImportProgress, ImportStore, RejectedRows
from storage.database import Database
from storage.fills import Fills
from storage.imports import Imports
from tests.support.fill_values import ALICE, a_fill, as_heard

pytestmark = pytest.mark.asyncio

NEW = ImportProgress()
REJECTED = {"no coin": RejectedRows(3, (4, 9, 12)), "bad ünïcode": RejectedRows(1, (5,))}


async def test_an_interrupted_import_resumes_where_it_was_committed(database: Database) -> None:
    store: ImportStore = Imports(database)
    assert await store.begin_import("hash", "a.jsonl", "exchange") == NEW
    first = ImportProgress(rows=6, fills=2, repeated=1, rejected=REJECTED)
    assert await store.add_import_chunk("hash", [a_fill(1), a_fill(2)], first) == 2
    assert await store.begin_import("hash", "a.jsonl", "exchange") == replace(first, added=2)
    second = replace(first, rows=8, fills=4, added=2)
    assert await store.add_import_chunk("hash", [a_fill(2), a_fill(3)], second) == 1
    assert await store.begin_import("hash", "renamed.jsonl", "exchange") == replace(second, added=3)


async def test_a_finished_import_begins_anew_and_adds_nothing(database: Database) -> None:
    store = Imports(database)
    await store.begin_import("hash", "a.jsonl", "exchange")
    await store.add_import_chunk("hash", [a_fill(1)], ImportProgress(rows=1, fills=1))
    await store.finish_import("hash")
    assert await store.begin_import("hash", "a.jsonl", "exchange") == NEW
    assert await store.add_import_chunk("hash", [a_fill(1)], ImportProgress(rows=1, fills=1)) == 0


async def test_a_chunk_that_fails_moves_nothing(database: Database) -> None:
    store = Imports(database)
    await store.begin_import("hash", "a.jsonl", "exchange")
    bad = a_fill(2, px=-a_fill(2).px)
    with pytest.raises(StorageError):
        await store.add_import_chunk("hash", [a_fill(1), bad], ImportProgress(rows=2, fills=2))
    assert await store.begin_import("hash", "a.jsonl", "exchange") == NEW
    assert await Fills(database).fills_of(ALICE) == []


async def test_what_is_known_stays_as_it_is(database: Database) -> None:
    heard = as_heard(a_fill(1))
    await Fills(database).add_fills([heard], "feed")
    store = Imports(database)
    await store.begin_import("hash", "a.jsonl", "exchange")
    assert await store.add_import_chunk("hash", [a_fill(1)], NEW) == 0
    assert await Fills(database).fills_of(ALICE) == [heard]


async def test_a_chunk_without_fills_still_moves_on(database: Database) -> None:
    store = Imports(database)
    await store.begin_import("hash", "a.jsonl", "exchange")
    moved = ImportProgress(rows=5, rejected={"no coin": RejectedRows(5, (1, 2, 3, 4, 5))})
    assert await store.add_import_chunk("hash", [], moved) == 0
    assert await store.begin_import("hash", "a.jsonl", "exchange") == moved
