"""Every named statement is valid against the schema, is used, and the hot ones use their index."""

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


MANY = """
select add_fills_month(1784500000000);
insert into fills (account, coin, time_ms, tid, seq, px, sz, side, is_twap, source)
select '0x' || n % 100, 'BTC', 1784500000000 + n, n, 0, 1, 1, 'B', false, 'test'
from generate_series(1, 50000) n;
insert into trade_opportunities (opportunity_id, grp, is_rehearsal, rule_version, loser, coin, side,
    published_ms, expires_ms, reference_px, notional_usd, opportunity, ended_ms, end_reason, held_ms)
select n, 'loser', false, '1', '0x' || n % 100, 'BTC', 'long', n, n + 1, 1, 1, '{}',
    case when n < 19950 then n end, case when n < 19950 then 'expired' end, case when n < 19950 then 1 end
from generate_series(1, 20000) n;
insert into decisions (decision_id, grp, is_rehearsal, account, coin, kind, decided_ms, rejection, decision)
select n, 'loser', false, '0x' || n % 100, 'BTC', 'open', n, 'maker', '{}' from generate_series(1, 20000) n;
insert into alerts (kind, opportunity_id, channel, chat, thread, created_ms, evidence)
select 'entry', n, 'telegram', n % 100, '', n, '' from generate_series(1, 20000) n;
insert into outbox (alert_id, channel, chat, thread, priority)
select alert_id, channel, chat, thread, 1 from alerts;
"""

LEASED_BY = {"outbox_in_order", "outbox_pkey", "outbox_one_on_its_way", "alerts_pkey"}
HOT: list[tuple[str, str, list[object], set[str]]] = [
    ("fills", "of", ["0x1", 1_784_000_000_000], {"fills_2026_07_pkey"}),
    ("fills", "coins_of", ["0x1"], {"fills_2026_07_pkey"}),
    ("fills", "last_ms", ["0x1"], {"fills_2026_07_pkey"}),
    ("fills", "traders_of", ["ETH", ["0x1", "0x2"], 0, 1_785_000_000_000], {"fills_2026_07_pkey"}),
    ("fills", "after", [49_000, 49_100], {"fills_2026_07_ingest_id_idx"}),
    ("outbox", "lease", [["telegram"], 50, 60.0, "me", [], []], LEASED_BY),
    ("publications", "live", [False], {"opportunities_live"}),
    ("publications", "entries_since", [19_900, "loser", False], {"decisions_by_time"}),
    ("reader", "decisions", [None, None, 20, None, False], {"decisions_by_time"}),
    ("reader", "decisions", [None, "0x1", 20, None, False], {"decisions_of"}),
    ("reader", "oldest_pending", [], {"alerts_unfinished"}),
]  # fmt: skip


@pytest.mark.asyncio
async def test_hot_statements_use_their_indexes(database: Database) -> None:
    async with database.connection() as connection:
        await connection.execute(MANY)
        await connection.execute("vacuum analyze")
        for subject, name, arguments, wanted in HOT:
            query = f"explain (format json) {statements(subject)[name]}"
            plan = await connection.fetchval(query, *arguments)
            assert set(re.findall(r'"Index Name": "(\w+)"', plan)) == wanted, f"{subject}.{name}\n{plan}"
