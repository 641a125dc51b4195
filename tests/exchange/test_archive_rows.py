"""A bad row is rejected with a reason and its number; the others come through."""

import json
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from exchange.archive import open_archive
from tests.support.archives import ALICE, fill_row, json_lines, write

BAD: list[tuple[dict[str, Any], str]] = [
    ({"px": "abc"}, "px: not a usable number"),
    ({"px": "NaN"}, "px: not a usable number"),
    ({"px": "Infinity"}, "px: not a usable number"),
    ({"px": "1_000"}, "px: not a usable number"),
    ({"px": "1e999999"}, "px: not a usable number"),
    ({"sz": "1e18"}, "sz: not a usable number"),
    ({"px": "1" * 100}, "px: not a usable number"),
    ({"px": "١٢"}, "px: not a usable number"),
    ({"px": "-5"}, "px: not above zero"),
    ({"px": "0.0"}, "px: not above zero"),
    ({"px": ...}, "px: missing"),
    ({"px": None}, "px: expected int | float | str, got null"),
    ({"px": True}, "px: expected int | float | str, got bool"),
    ({"sz": "-1"}, "sz: not above zero"),
    ({"sz": "0"}, "sz: not above zero"),
    ({"side": "C"}, "side: neither B nor A"),
    ({"side": ""}, "side: neither B nor A"),
    ({"coin": ""}, "coin: empty"),
    ({"coin": "B\x00TC"}, "coin: not usable text"),
    ({"coin": "X" * 300}, "coin: not usable text"),
    ({"coin": 5}, "coin: expected str, got int"),
    ({"time": "soon"}, "time: expected int, got str"),
    ({"time": 1_764_590_400}, "time: not in ms between 2020 and 2100"),
    ({"time": 1_764_590_400_000_000}, "time: not in ms between 2020 and 2100"),
    ({"time": 10**30}, "time: out of range"),
    ({"px": 10**30}, "px: out of range"),
    ({"time": -1}, "time: not in ms between 2020 and 2100"),
    ({"startPosition": "x"}, "startPosition: not a usable number"),
    ({"closedPnl": "nan"}, "closedPnl: not a usable number"),
    ({"fee": "--1"}, "fee: not a usable number"),
    ({"hash": "\x07"}, "hash: not usable text"),
    ({"oid": 2**63}, "oid: out of range"),
    ({"tid": 1.5}, "tid: expected int | null, got float"),
    ({"user": "0x12"}, "user: not 0x and 40 hex digits"),
    ({"user": "0x" + "g" * 40}, "user: not 0x and 40 hex digits"),
    ({"user": None}, "no account"),
    ({"user": ["x"]}, "user: expected str | null, got array"),
    ({"liquidation": {"markPx": "?"}}, "liquidation.markPx: not a usable number"),
    ({"liquidation": "yes"}, "liquidation: expected object | null, got str"),
    ({"crossed": "yes"}, "crossed: expected bool | null, got str"),
]


@pytest.mark.parametrize(("change", "reason"), BAD, ids=lambda value: str(value)[:40])
def test_bad_value_is_rejected_with_its_reason(tmp_path: Path, change: dict[str, Any], reason: str) -> None:
    path = write(tmp_path, json_lines([fill_row(0), fill_row(1, **change), fill_row(2)]))
    rows = sorted(open_archive(path).rows(), key=lambda row: row.number)
    assert [row.problem for row in rows] == [None, reason, None]
    assert [row.fill is not None for row in rows] == [True, False, True]
    assert [row.number for row in rows] == [1, 2, 3]


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"{", "not valid JSON"),
        (b'{"coin":"\xff"}', "not valid JSON"),
        (b"[1]", "row: expected object, got array"),
        (b"7", "row: expected object, got int"),
        (b'{"coin":' + b"[" * 100_000, "coin: expected str, got array"),
        (b'{"a":' + b"[" * 100_000, "not valid JSON"),
        (b"{}", "coin: missing"),
    ],
)
def test_line_that_is_no_object_is_rejected(tmp_path: Path, line: bytes, reason: str) -> None:
    good = json_lines([fill_row()])
    path = write(tmp_path, good + line + b"\n\n" + good)
    rows = list(open_archive(path).rows())
    assert [(row.number, row.problem) for row in rows if row.problem] == [(2, reason)]
    assert sum(row.fill is not None for row in rows) == 1  # the third repeats the first
    assert len(rows) == 3


def test_numbers_printed_bare_are_taken_as_printed(tmp_path: Path) -> None:
    path = write(tmp_path, json_lines([fill_row(px=90000.5, sz=3, startPosition=-0.1, closedPnl=1e-05)]))
    [fill] = open_archive(path).fills()
    assert (fill.px, fill.sz, fill.start_position) == (Decimal("90000.5"), Decimal(3), Decimal("-0.1"))
    assert fill.closed_pnl == Decimal("0.00001")


def test_outcome_token_may_settle_at_zero(tmp_path: Path) -> None:
    path = write(tmp_path, json_lines([fill_row(coin="#70", px="0.0", dir="Settlement", side="A")]))
    assert [fill.px for fill in open_archive(path).fills()] == [0]


def test_zero_with_a_hostile_exponent_becomes_plain(tmp_path: Path) -> None:
    path = write(tmp_path, json_lines([fill_row(fee="0E-999999")]))
    assert [str(fill.fee) for fill in open_archive(path).fills()] == ["0"]


def test_csv_rows_are_rejected_one_by_one(tmp_path: Path) -> None:
    good = "BTC,1.5,2,B,1764590400000,7,true\n"
    lines = [
        "coin,px,sz,side,time,tid,crossed\n",
        good,
        "BTC,1.5,2,B,1764590400000\n",
        "BTC,,2,B,1764590400000,8,true\n",
        "BTC,1.5,2,B,yesterday,8,true\n",
        "BTC,1.5,2,SELL,2025-12-01T12:00:01Z,9,\n",
        "BTC,1.5,2,B,1764590400000,4.98e14,true\n",
        "BTC,1.5,2,B,1764590400000,8,perhaps\n",
        '"' + "x" * 140_000 + '"\n',
        good.replace(",7,", ",10,"),
    ]
    path = write(tmp_path, "".join(lines).encode())
    rows = list(open_archive(path, ALICE).rows())
    problems = {row.number: row.problem for row in rows if row.problem}
    assert problems == {
        3: "not as many values as the header has names",
        4: "px: missing",
        5: "time: neither ms nor ISO 8601",
        7: "tid: not a whole number",
        8: "crossed: neither true nor false",
        9: "not a CSV line",
    }
    fills = {row.number: row.fill for row in rows if row.fill}
    assert sorted(fills) == [2, 6, 10]
    assert (fills[6].time_ms, fills[6].side.value, fills[6].crossed) == (1_764_590_401_000, "A", None)


WEB_PAGE = "time,coin,dir,px,sz,ntl,fee,closedPnl\n"


@pytest.mark.parametrize(
    ("label", "side"),
    [
        ("Open Long", "B"),
        ("Close Short", "B"),
        ("Open Short", "A"),
        ("Close Long", "A"),
        ("Long > Short", "A"),
        ("Short > Long", "B"),
        ("Close Long (Price Improved)", "A"),
        ("Liquidated Isolated Short", "B"),
        ("Liquidated Cross Long", "A"),
        ("Buy", "B"),
        ("Sell", "A"),
    ],
)
def test_web_page_label_tells_the_side_and_its_profit_gets_the_fee_back(
    tmp_path: Path, label: str, side: str
) -> None:
    path = write(tmp_path, f"{WEB_PAGE}31/12/2024 - 23:59:58,ETH,{label},3000,2,6000,1.5,8.5\n".encode())
    [fill] = open_archive(path, ALICE).fills()
    assert (fill.side.value, fill.dir, fill.closed_pnl, fill.fee) == (
        side,
        label,
        Decimal(10),
        Decimal("1.5"),
    )
    assert (fill.time_ms, fill.start_position) == (1_735_689_598_000, None)


def test_web_page_rows_that_cannot_be_understood_are_rejected(tmp_path: Path) -> None:
    lines = [
        "12/31/2024 - 23:59:58,ETH,Open Long,3000,2,6000,1.5,8.5",
        "31/12/2024 - 23:59:58,ETH,Auto-Deleveraging,3000,2,6000,1.5,8.5",
        "31/12/2024 - 23:59:58,ETH,Open Long,3000,2,6000,,8.5",
        "31/12/2024 - 23:59:58,ETH,Open Long,3000,2,6000,nan,8.5",
    ]
    rows = open_archive(write(tmp_path, (WEB_PAGE + "\n".join(lines)).encode()), ALICE).rows()
    assert {row.number: row.problem for row in rows} == {
        2: "time: not DD/MM/YYYY - HH:MM:SS",
        3: "dir: doesn't say whether it bought or sold",
        4: "fee: missing",
        5: "fee: not a usable number",
    }


def test_parquet_rows_are_rejected_one_by_one(tmp_path: Path) -> None:
    path = tmp_path / "fills.parquet"
    duckdb.sql(
        f"""COPY (SELECT * FROM (VALUES
            ('{ALICE}', 'BTC', 1.5::DOUBLE, 2.0::DOUBLE, 'B', 1764590400000, 1),
            ('{ALICE}', NULL, 1.5, 2.0, 'B', 1764590400001, 2),
            ('{ALICE}', 'BTC', 'nan'::DOUBLE, 2.0, 'B', 1764590400002, 3),
            ('{ALICE}', 'BTC', 1.5, 'inf'::DOUBLE, 'B', 1764590400003, 4),
            ('{ALICE}', 'BTC', 1.5, 2.0, 'B', NULL, 5),
            ('{ALICE}', 'BTC', 1.5, 2.0, 'B', 17, 6),
            (NULL, 'BTC', 1.5, 2.0, 'A', 1764590400006, NULL)
        ) AS rows("user", coin, px, sz, side, time, tid)) TO '{path}' (FORMAT parquet)"""
    )
    rows = sorted(open_archive(path).rows(), key=lambda row: row.number)
    assert [row.problem for row in rows] == [
        None,
        "coin: missing",
        "px: not a usable number",
        "sz: not a usable number",
        "time: missing",
        "time: not in ms between 2020 and 2100",
        "no account",
    ]


def test_a_page_with_a_bad_element_gives_the_others(tmp_path: Path) -> None:
    page = [fill_row(0), {"coin": "BTC"}, 5, fill_row(1)]
    path = write(
        tmp_path, json.dumps(page).encode() + b"\n" + b'[{"coin"\n' + json.dumps([fill_row(2)]).encode()
    )
    rows = list(open_archive(path).rows())
    assert Counter(row.problem for row in rows) == {
        None: 3,
        "px: missing": 1,
        "row: expected object, got int": 1,
        "not valid JSON": 1,
    }


def test_a_block_with_a_bad_event_gives_the_others(tmp_path: Path) -> None:
    events = [
        [ALICE, fill_row(0, user=...)],
        [ALICE],
        [7, fill_row(1)],
        [ALICE, fill_row(2, user=..., px="x")],
    ]
    path = write(
        tmp_path, json_lines([{"block_number": 1, "events": events}, {"block_number": 2, "events": 5}])
    )
    rows = sorted(open_archive(path).rows(), key=lambda row: row.number)
    assert [row.problem for row in rows] == [
        None,
        "row: out of range",
        "row: expected str, got int",
        "px: not a usable number",
        "events: expected array, got int",
    ]
