"""Every known form gives the same fills; what isn't fills is refused by a sentence that says why."""

import csv
import io
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from core.errors import ArchiveError, UsageError
from core.model.fills import Fill, Liquidation
from core.model.market import Side
from exchange.archive import open_archive, sniff
from tests.support.archives import ALICE, BOB, NOON_MS, chained, fill_row, json_lines, raw_rows, write

ROWS = [
    *chained([(0, "B", "1.5"), (0, "A", "0.5"), (7, "A", "1.0")]),
    fill_row(
        9, liquidation={"liquidatedUser": BOB.upper().replace("X", "x"), "markPx": "1.5", "method": "market"}
    ),
    fill_row(11, user=BOB, twapId=77, hash="0x" + "0" * 64, cloid="0xd8", builderFee="0.1", feeToken="USDH"),
]


def without_user(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name != "user"}


def as_csv(rows: list[dict[str, Any]], delimiter: str = ",") -> bytes:
    text = io.StringIO()
    names = [name for name in rows[0] if name != "liquidation"]
    writer = csv.DictWriter(text, names, extrasaction="ignore", delimiter=delimiter)
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def by_block(rows: list[dict[str, Any]]) -> bytes:
    blocks = [
        {
            "local_time": "2025-11-25T08:33:18.508962742",
            "block_time": "2025-11-25T08:33:18.1",
            "block_number": 807847463 + number,
            "events": [[row["user"], without_user(row)] for row in rows if row["time"] == time],
        }
        for number, time in enumerate(sorted({row["time"] for row in rows}))
    ]
    return json_lines(blocks)


FORMS: dict[str, Callable[[list[dict[str, Any]]], bytes]] = {
    "json lines": json_lines,
    "node_fills": lambda rows: json_lines([row["user"], without_user(row)] for row in rows),
    "node_fills_by_block": by_block,
    "json pages": lambda rows: json_lines([rows[:2], rows[2:]]),
    "json array": lambda rows: json.dumps(rows, indent=2).encode(),
}


@pytest.mark.parametrize("form", FORMS)
def test_every_json_form_gives_the_same_fills(tmp_path: Path, form: str) -> None:
    archive = open_archive(write(tmp_path, FORMS[form](ROWS)))
    fills = list(archive.fills())
    assert archive.form == form
    assert sniff(tmp_path / "fills") == "fills"
    assert fills == list(open_archive(write(tmp_path, json_lines(ROWS))).fills())
    assert [fill.oid for fill in fills] == [row["oid"] for row in ROWS]
    assert [fill.seq for fill in fills] == [0, 1, 0, 0, 0]
    assert fills[3].liquidation == Liquidation(BOB, Decimal("1.5"), "market")  # type: ignore[arg-type]
    assert fills[4] == Fill(
        user=BOB,  # type: ignore[arg-type]
        coin="BTC",  # type: ignore[arg-type]
        px=Decimal("90000.0"),
        sz=Decimal("0.1"),
        side=Side.BUY,
        time_ms=NOON_MS + 11,
        start_position=Decimal("0.0"),
        dir="Open Long",
        closed_pnl=Decimal("0.0"),
        fee=Decimal("4.05"),
        fee_token="USDH",
        crossed=True,
        hash="0x" + "0" * 64,
        oid=1011,
        tid=5011,
        twap_id=77,
        is_twap=True,
    )


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_csv_gives_what_json_does(tmp_path: Path, delimiter: str) -> None:
    rows = [{**row, "liquidation": None} for row in ROWS]
    archive = open_archive(write(tmp_path, b"\xef\xbb\xbf" + as_csv(rows, delimiter)))
    assert archive.form == "csv"
    assert list(archive.fills()) == list(open_archive(write(tmp_path, json_lines(rows))).fills())


def test_parquet_gives_what_json_does(shared: Path, tmp_path: Path) -> None:
    lines = shared / "data" / "fills-leaders-jul2026.jsonl.gz"
    path = tmp_path / "fills.parquet"
    texts = (
        "coin",
        "px",
        "sz",
        "side",
        "startPosition",
        "dir",
        "closedPnl",
        "hash",
        "fee",
        "feeToken",
        "user",
    )
    columns = dict.fromkeys(texts, "VARCHAR") | dict.fromkeys(("oid", "tid", "time", "twapId"), "BIGINT")
    kinds = ", ".join(f"{name}: '{kind}'" for name, kind in {**columns, "crossed": "BOOLEAN"}.items())
    duckdb.sql(
        f"""COPY (SELECT * EXCLUDE time, to_timestamp(time / 1000)::TIMESTAMP AS time
        FROM read_json('{lines}', format = 'newline_delimited', columns = {{{kinds}}}))
        TO '{path}' (FORMAT parquet)"""
    )
    packed, plain = list(open_archive(path).fills()), list(open_archive(lines).fills())
    assert len(packed) == 2720
    for ours, theirs in zip(packed, plain, strict=True):
        if theirs.liquidation is None:
            assert ours == theirs


def test_every_value_is_as_printed(shared: Path) -> None:
    path = shared / "data" / "fills-leaders-jul2026.jsonl.gz"
    for fill, raw in zip(open_archive(path).fills(), raw_rows(path), strict=True):
        printed = [str(fill.px), str(fill.sz), str(fill.closed_pnl), str(fill.fee), str(fill.start_position)]
        assert printed == [raw["px"], raw["sz"], raw["closedPnl"], raw["fee"], raw["startPosition"]]
        facts = [fill.coin, fill.side.value, fill.dir, fill.hash, fill.oid, fill.crossed, fill.fee_token]
        assert facts == [raw[name] for name in ("coin", "side", "dir", "hash", "oid", "crossed", "feeToken")]


def test_twap_slices_are_unwrapped(tmp_path: Path) -> None:
    slices = [{"fill": without_user(fill_row(number, twapId=...)), "twapId": 42} for number in range(2)]
    archive = open_archive(write(tmp_path, json.dumps(slices).encode()), ALICE)
    assert [(fill.twap_id, fill.is_twap) for fill in archive.fills()] == [(42, True), (42, True)]


def test_the_makers_side_of_a_twap_slice_is_no_twap(shared: Path) -> None:
    fills = list(open_archive(shared / "data" / "fills-leaders-jul2026.jsonl.gz").fills())
    assert sum(not (fill.hash or "").strip("0x") for fill in fills) == 363
    assert not any(fill.is_twap for fill in fills)


def test_an_empty_answer_is_no_fills_and_no_error(tmp_path: Path) -> None:
    archive = open_archive(write(tmp_path, b"[]\n"))
    assert (list(archive.rows()), archive.total_rows) == ([], 0)


def test_account_is_needed_where_no_row_names_one(tmp_path: Path) -> None:
    path = write(tmp_path, json_lines(without_user(row) for row in ROWS[:3]))
    with pytest.raises(
        ArchiveError, match=r"fills \(json lines\) doesn't say whose fills these are: give --account"
    ):
        open_archive(path)
    assert {fill.user for fill in open_archive(path, ALICE.upper().replace("X", "x")).fills()} == {ALICE}
    with pytest.raises(UsageError, match="--account '0x12' is no account"):
        open_archive(path, "0x12")


def test_made_ids_are_the_same_again_and_differ_between_files(tmp_path: Path) -> None:
    rows = [fill_row(0, tid=...), fill_row(0, tid=...), fill_row(0, tid=77)]
    first = list(open_archive(write(tmp_path, json_lines(rows), "a")).fills())
    again = list(open_archive(write(tmp_path, json_lines(rows), "renamed")).fills())
    other = list(open_archive(write(tmp_path, json_lines([*rows, fill_row(5)]), "b")).fills())
    assert first == again
    assert [fill.tid == 77 for fill in first] == [False, False, True]
    assert len({fill.tid for fill in first} | {fill.tid for fill in other}) == 6  # 77 is the same, 5005 new


@pytest.mark.parametrize(
    ("name", "looks_like"),
    [
        ("pnl-32accounts.parquet", "fills without coin and price"),
        ("funding-btc-hourly.parquet", "funding rates"),
        ("funding-vault-0x15be.parquet", "funding payments"),
        ("funding-0xdae4-btc.jsonl.gz", "funding payments or transfers"),
        ("ledger-vault-0x15be.parquet", "deposits and withdrawals"),
        ("position-events-aug2026.parquet", "position changes found between snapshots"),
        ("positions-whales-aug2026.parquet", "open positions"),
        ("leaderboard-top500-feb2026.json.gz", "a leaderboard"),
        ("rated-wallets-jun2026.json.gz", "rated wallets"),
        ("candles-binance.parquet", "candles"),
        ("ws-trades-bbo-jul2026.jsonl.gz", "a recording of the feed"),
        ("api/clearinghouseState-mm-nov2025.json.gz", "an account's state"),
        ("api/historicalOrders-0xdae4.json.gz", "orders"),
        ("api/portfolio-0xee16.json.gz", "portfolio curves"),
    ],
)
def test_other_data_is_refused_by_name(shared: Path, name: str, looks_like: str) -> None:
    path = shared / "data" / name
    with pytest.raises(ArchiveError) as refusal:
        open_archive(path)
    assert str(refusal.value).startswith(f"{path.name} isn't fills: it looks like {looks_like}")


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        (b"PK\x03\x04 and so on", "is a ZIP archive or an Excel workbook: unpack or export it"),
        (b"SQLite format 3\x00", "is an SQLite database"),
        (b"BZh91AY&SY", "is bzip2 data"),
        (b"\x00\x01\x02\x03", "is binary data of no known form"),
        (
            b"once upon a time\n",
            "isn't fills: expected JSON lines, JSON, CSV or parquet with coin, px, sz, side, time",
        ),
        (
            b"coin,px,side,time\nBTC,1,B,2\n",
            "isn't complete fills: it has no sz (found coin, px, side, time)",
        ),
        (b'{"coin":"BTC","px":"1","sz":"1"}\n', "isn't complete fills: it has no side, time"),
        (json.dumps(fill_row(), indent=1).encode(), "is one JSON object: expected an array of fills"),
        (
            b'[{"coin":"BTC","side":"B","px":"1","sz":"1","time":1,"tid":1,"users":["0x","0x"]}]',
            "like public trades",
        ),
        (
            b'{"coin":"BTC","side":"B","time":"2025-03-22T10:50:20","px":"1","sz":"2","side_info":[]}\n',
            "it looks like the node's trades (node_trades), which name no position: take node_fills instead",
        ),
        (b"PAR1 but no more", "the parquet data can't be read"),
    ],
)
def test_what_is_no_archive_is_refused_in_one_line(tmp_path: Path, content: bytes, says: str) -> None:
    path = write(tmp_path, content)
    for opened in (open_archive, sniff):
        with pytest.raises(ArchiveError) as refusal:
            opened(path)
        assert says in str(refusal.value)
        assert "\n" not in str(refusal.value)
        assert str(refusal.value).startswith("fills")


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"nothing: can't be read \(No such file or directory\)"):
        open_archive(tmp_path / "nothing")
    with pytest.raises(ArchiveError, match=r"can't be read \(Is a directory\)"):
        open_archive(tmp_path)
