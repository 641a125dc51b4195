"""Every named statement is valid against the schema, is used, and the hot ones use their index."""

import json
import re
from pathlib import Path

import pytest

import storage
from storage.database import Database
from storage.statements import FOLDER, statements

ROOM = Path(storage.__file__).parent
SUBJECTS = sorted(path.stem for path in FOLDER.glob("*.sql"))
ALL = [(subject, name) for subject in SUBJECTS for name in statements(subject)]


@pytest.mark.asyncio
async def test_every_statement_prepares(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute(statements("fills")["incoming"])
        for subject, name in ALL:
            if (subject, name) == ("fills", "incoming"):
                continue
            try:
                await connection.prepare(statements(subject)[name])
            except Exception as error:
                raise AssertionError(f"{subject}.{name}: {error}") from error


def test_every_statement_is_used_and_every_used_one_exists() -> None:
    texts = {path.stem: path.read_text() for path in ROOM.glob("*.py")}
    loads = r"^(\w+) = statements\(\"(\w+)\"\)"
    made = {(stem, name): subject for stem, text in texts.items()
            for name, subject in re.findall(loads, text, re.MULTILINE)}  # fmt: skip
    used: dict[str, set[str]] = {subject: set() for subject in SUBJECTS}
    for stem, text in texts.items():
        names = {name: subject for (maker, name), subject in made.items() if maker == stem}
        for maker, imported in re.findall(r"^from storage\.(\w+) import (.+)$", text, re.MULTILINE):
            for original, alias in re.findall(r"(\w+)(?: as (\w+))?", imported):
                if (maker, original) in made:
                    names[alias or original] = made[maker, original]
        for name, subject in names.items():
            used[subject].update(re.findall(rf"(?<!\w){name}\[\"(\w+)\"\]", text))
    assert used == {subject: set(statements(subject)) for subject in SUBJECTS}


def test_every_statement_says_what_it_is_for() -> None:
    for subject, name in ALL:
        assert statements(subject)[name].startswith("-- "), f"{subject}.{name} begins without a comment"


HOT = {
    ("fills", "of"): "fills_2026_07_pkey",
    ("fills", "last_ms"): "fills_2026_07_pkey",
    ("fills", "after"): "fills_2026_07_ingest_id_idx",
}


@pytest.mark.asyncio
@pytest.mark.parametrize(("subject", "name"), HOT)
async def test_hot_statements_use_their_index(database: Database, subject: str, name: str) -> None:
    arguments: dict[tuple[str, str], list[object]] = {
        ("fills", "of"): ["0x1", 1_784_000_000_000],
        ("fills", "last_ms"): ["0x1"],
        ("fills", "after"): [49_000, 49_100],
    }
    async with database.connection() as connection:
        await connection.execute("select add_fills_month(1784500000000)")
        await connection.execute(
            "insert into fills (account, coin, time_ms, tid, seq, px, sz, side, is_twap, source)"
            " select '0x' || n % 100, 'BTC', 1784500000000 + n, n, 0, 1, 1, 'B', false, 'test'"
            " from generate_series(1, 50000) n"
        )
        await connection.execute("vacuum analyze fills")
        plan = await connection.fetchval(
            f"explain (format json) {statements(subject)[name]}", *arguments[subject, name]
        )
    indexes = re.findall(r'"Index Name": "(\w+)"', json.dumps(json.loads(plan)))
    assert HOT[subject, name] in indexes, plan
