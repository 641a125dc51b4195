"""Rows of real files come out in execution order, every fill once."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from decimal import Decimal
from itertools import accumulate, groupby, pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from core.model.fills import Fill
from core.model.market import Address, is_spot
from core.ranking.chain import chain_breaks
from exchange.archive import open_archive
from exchange.archive.compression import PackedFile
from exchange.archive.lines import fill_lines
from exchange.archive.ordering import in_execution_order, survey
from exchange.archive.records import Record, to_fill
from tests.support.archives import ALICE, BOB, NOON_MS, chained, fill_row, json_lines, raw_rows, write


def ids(fills: list[Fill]) -> list[tuple[str, int, int | None]]:
    return [(fill.user, fill.time_ms, fill.tid) for fill in fills]


def read(path: Path, account: str | None = None) -> list[Fill]:
    return list(open_archive(path, account).fills())


def assert_seq_counts_from_zero(fills: list[Fill]) -> None:
    by_user = defaultdict(list)
    for fill in fills:
        by_user[fill.user].append(fill)
    for mine in by_user.values():
        assert mine == sorted(mine, key=lambda fill: (fill.time_ms, fill.seq))
        for _, group in groupby(mine, key=lambda fill: fill.time_ms):
            seqs = [fill.seq for fill in group]
            assert seqs == list(range(len(seqs)))


@pytest.mark.parametrize("name", ["fills-leaders-jul2026", "fills-mm-nov2025"])
def test_api_order_is_kept_inside_a_millisecond(shared: Path, name: str) -> None:
    path = shared / "data" / f"{name}.jsonl.gz"
    fills = read(path)
    assert ids(fills) == [(row["user"], row["time"], row["tid"]) for row in raw_rows(path)]
    assert chain_breaks(fills) == []
    assert_seq_counts_from_zero(fills)


def test_repeated_pages_newest_first_become_one_page_oldest_first(shared: Path) -> None:
    path = shared / "data" / "fills-0xb317-duplicates.jsonl.gz"
    raw = raw_rows(path)
    archive = open_archive(path)
    rows = list(archive.rows())
    fills = [row.fill for row in rows if row.fill]
    assert ids(fills) == [(row["user"], row["time"], row["tid"]) for row in reversed(raw[:2000])]
    assert (len(rows), archive.total_rows) == (8000, 8000)
    assert Counter(row.number for row in rows) == Counter(range(1, 8001))
    assert sum(row.fill is None and row.problem is None for row in rows) == 6000
    assert chain_breaks(fills) == []
    assert_seq_counts_from_zero(fills)


def test_order_lost_to_sorting_by_tid_is_restored_by_the_chain(shared: Path) -> None:
    path = shared / "data" / "fills-0xdae4-btc.jsonl.gz"
    raw = raw_rows(path)
    in_file_order = sum(
        abs(
            float(before["startPosition"])
            + (float(before["sz"]) if before["side"] == "B" else -float(before["sz"]))
            - float(after["startPosition"])
        )
        > 1e-6
        for before, after in pairwise(raw)
    )
    assert in_file_order > 10
    fills = read(path)
    assert chain_breaks(fills) == []
    assert sorted(ids(fills)) == sorted((row["user"], row["time"], row["tid"]) for row in raw)
    assert_seq_counts_from_zero(fills)


def test_minute_times_keep_the_order_of_the_row_column(shared: Path) -> None:
    path = shared / "data" / "fills-3accounts-full.parquet"
    fills = read(path)
    raw = duckdb.execute(f"SELECT user, time, oid, sz FROM '{path}' ORDER BY row").fetchall()
    assert [(f.user, f.time_ms, f.oid, float(f.sz)) for f in fills] == raw
    assert len(chain_breaks(fill for fill in fills if not is_spot(fill.coin))) == 6
    assert_seq_counts_from_zero(fills)
    assert len({fill.tid for fill in fills}) == 14_229
    assert all(fill.tid is not None and -(1 << 62) <= fill.tid < 0 for fill in fills)


def test_a_row_column_orders_a_shuffled_file(shared: Path, tmp_path: Path) -> None:
    source = shared / "data" / "fills-3accounts-full.parquet"
    shuffled = tmp_path / "shuffled.parquet"
    duckdb.sql(f"COPY (SELECT * FROM '{source}' ORDER BY hash(row)) TO '{shuffled}' (FORMAT parquet)")

    def facts(fills: list[Fill]) -> list[tuple[object, ...]]:
        return [(f.user, f.time_ms, f.seq, f.oid, f.px, f.sz) for f in sorted(fills, key=lambda f: f.user)]

    assert facts(read(shuffled)) == facts(read(source))


def test_floats_of_32_bits_become_the_decimals_they_stand_for(shared: Path) -> None:
    fills = read(shared / "data" / "fills-vault-0x15be.parquet")
    assert len(fills) == 200
    assert fills[0].px == Decimal("0.24881")
    assert chain_breaks(fills) == []
    assert all(f.dir is f.hash is f.crossed is f.fee_token is None for f in fills)
    assert all(fill.tid is not None and fill.tid > 0 for fill in fills)
    assert_seq_counts_from_zero(fills)


def test_rows_whose_number_is_lost_keep_their_place(shared: Path) -> None:
    path = shared / "data" / "fills-23accounts-sample.parquet"
    fills = read(path)
    raw = duckdb.execute(f"SELECT user, time, oid FROM '{path}'").fetchall()
    by_user = defaultdict(list)
    for user, time, oid in raw:
        by_user[user].append((time, oid))
    got = defaultdict(list)
    for fill in fills:
        got[fill.user].append((fill.time_ms, fill.oid))
    assert {user: [time for time, _ in rows] for user, rows in got.items()} == {
        user: [time for time, _ in rows] for user, rows in by_user.items()
    }
    assert sum(len(rows) for rows in got.values()) == 3700
    assert_seq_counts_from_zero(fills)


def test_only_the_times_run_backward_in_an_answer_of_2023(shared: Path) -> None:
    path = shared / "data" / "fills-0xb7b6-may2023.jsonl.gz"
    raw = raw_rows(path)
    as_printed = sorted(raw, key=lambda row: row["time"])
    fills = read(path)
    assert len(fills) == 500
    assert len(chain_breaks(fills)) == 167  # turning it round as a whole would leave 283
    assert [f.time_ms for f in fills] == [row["time"] for row in as_printed]
    assert_seq_counts_from_zero(fills)


def test_web_page_export_keeps_its_order_and_lines_that_are_alike(shared: Path) -> None:
    fills = read(shared / "data" / "ui-export-2024.csv.gz", ALICE)
    assert len(fills) == 5116
    assert len({(f.time_ms, f.coin, f.px, f.sz, f.dir) for f in fills}) < 5116
    assert len({f.tid for f in fills}) == 5116
    assert {f.user for f in fills} == {ALICE}
    opening = [f for f in fills if f.dir is not None and f.dir.startswith("Open")]
    assert all(f.closed_pnl == 0 for f in opening)
    assert (fills[0].time_ms, fills[0].side, fills[0].fee) == (1_720_432_309_000, "B", Decimal("0.175209"))
    assert_seq_counts_from_zero(fills)


STEPS = [
    (0, "B", "1"),
    (0, "B", "2"),
    (5, "A", "3"),
    (5, "A", "1"),
    (5, "B", "4"),
    (9, "A", "3"),
    (9, "B", "7"),
]


def test_newest_first_is_turned_round(tmp_path: Path) -> None:
    rows = chained(STEPS)
    path = write(tmp_path, json_lines(reversed(rows)))
    assert [fill.oid for fill in read(path)] == [row["oid"] for row in rows]


def test_the_position_before_decides_where_a_closed_loop_begins(tmp_path: Path) -> None:
    rows = chained([(0, "B", "1"), (5, "A", "1"), (5, "B", "1"), (9, "A", "1")])
    swapped = [rows[0], rows[2], rows[1], rows[3]]  # 0 → 1 → 0 chains in itself, but the account held 1
    path = write(tmp_path, json_lines(swapped))
    assert [fill.oid for fill in read(path)] == [row["oid"] for row in rows]


def test_accounts_one_after_the_other_and_interleaved_read_alike(tmp_path: Path) -> None:
    mine = chained(STEPS)
    theirs = [{**row, "user": BOB} for row in chained(STEPS, 3.0)]
    in_turn = write(tmp_path, json_lines(mine + theirs), "in-turn")
    mixed = write(
        tmp_path, json_lines(row for pair in zip(mine, theirs, strict=True) for row in pair), "mixed"
    )
    backward = write(tmp_path, json_lines(mine[::-1] + theirs), "backward")

    def by_user(path: Path) -> Mapping[Address, list[tuple[int | None, int]]]:
        found = defaultdict(list)
        for fill in read(path):
            found[fill.user].append((fill.oid, fill.seq))
        return found

    assert by_user(in_turn) == by_user(mixed) == by_user(backward)


def test_a_disordered_file_is_sorted_on_disk(tmp_path: Path) -> None:
    rows = [fill_row(number // 3, tid=number, startPosition=...) for number in range(2000)]
    shuffled = [rows[number * 701 % 2000] for number in range(2000)]
    path = write(tmp_path, json_lines([*shuffled, {"coin": "BTC"}]))

    def sorted_holding(held_rows: int) -> list[tuple[int, str | None, Fill | None]]:
        known = survey(fill_lines(PackedFile(path), None))
        lines = fill_lines(PackedFile(path), None)

        def convert(record: Record, number: int, seq: int) -> Fill:
            return to_fill(record, number, "hash", None, seq)

        rows = in_execution_order(lines, known, convert, held_rows)
        return [(row.number, row.problem, row.fill) for row in rows]

    on_disk = sorted_holding(64)
    fills = [fill for _, _, fill in on_disk if fill]
    assert [fill.time_ms for fill in fills] == [NOON_MS + number // 3 for number in range(2000)]
    assert [(number, problem) for number, problem, _ in on_disk if problem] == [(2001, "px: missing")]
    assert sorted_holding(5000) == on_disk
    assert_seq_counts_from_zero(fills)


@given(
    steps=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from("BA"), st.integers(1, 9)), min_size=2, max_size=40
    ),
    page=st.integers(2, 15),
    overlap=st.integers(0, 14),
    newest_first=st.booleans(),
)
def test_overlapping_pages_in_either_direction_give_every_fill_once_in_order(
    steps: list[tuple[int, str, int]], page: int, overlap: int, newest_first: bool
) -> None:
    offsets = list(accumulate((gap for gap, _, _ in steps), initial=0))[1:]
    rows = chained((offset, side, str(size)) for offset, (_, side, size) in zip(offsets, steps, strict=True))
    assume(offsets[0] < offsets[-1])
    given_order = rows[::-1] if newest_first else rows
    stride = max(1, page - overlap)
    printed = [row for start in range(0, len(rows), stride) for row in given_order[start : start + page]]
    with TemporaryDirectory() as folder:
        fills = read(write(Path(folder), json_lines(printed)))
    assert chain_breaks(fills) == []
    assert Counter(fill.oid for fill in fills) == Counter(row["oid"] for row in rows)
    assert [fill.time_ms for fill in fills] == [row["time"] for row in rows]
    assert_seq_counts_from_zero(fills)


def test_a_time_stamp_torn_apart_by_another_account_is_counted_as_one(tmp_path: Path) -> None:
    mine = chained([(5, "B", "1"), (5, "B", "1"), (6, "B", "1")])
    theirs = fill_row(3, user=BOB)
    path = write(tmp_path, json_lines([mine[0], theirs, *mine[1:]]))
    assert [(fill.oid, fill.seq) for fill in read(path) if fill.user == ALICE] == [(0, 0), (1, 1), (2, 0)]


def test_an_account_printed_in_two_cases_is_one_account(tmp_path: Path) -> None:
    mine = [fill_row(5, oid=number, coin=f"C{number}") for number in range(3)]
    mine[1]["user"] = ALICE.upper().replace("X", "x")
    fills = read(write(tmp_path, json_lines(mine)))
    assert [(fill.user, fill.oid, fill.seq) for fill in fills] == [
        (ALICE, 0, 0),
        (ALICE, 1, 1),
        (ALICE, 2, 2),
    ]


def test_rows_without_a_name_join_those_of_the_account_given(tmp_path: Path) -> None:
    mine = [fill_row(5, oid=number, coin=f"C{number}") for number in range(4)]
    del mine[1]["user"]
    fills = read(write(tmp_path, json_lines(mine)), ALICE)
    assert {fill.user for fill in fills} == {ALICE}
    assert sorted(fill.seq for fill in fills) == [0, 1, 2, 3]
