"""Feed recordings and candle files, as a replay reads them."""

import gzip
import json
from pathlib import Path

import duckdb
import pytest

from core.errors import ArchiveError
from core.model.market import HOUR_MS, Side
from exchange.archive import open_bars, open_recording, sniff
from exchange.archive.market import interval_ms
from tests.support.archives import ALICE, BOB, json_lines, write


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("fills-mm-nov2025.jsonl.gz", "fills"),
        ("fills-3accounts-full.parquet", "fills"),
        ("ui-export-2024.csv.gz", "fills"),
        ("ws-trades-bbo-jul2026.jsonl.gz", "trades"),
        ("candles-hyperliquid.parquet", "bars"),
    ],
)
def test_content_is_told_by_what_is_inside(shared: Path, name: str, holds: str) -> None:
    assert sniff(shared / "data" / name) == holds


@pytest.mark.parametrize("name", ["ws-trades-l2book-jul2026.jsonl.gz", "ws-trades-bbo-jul2026.jsonl.gz"])
def test_every_recorded_trade_is_heard_once(shared: Path, name: str) -> None:
    path = shared / "data" / name
    with gzip.open(path, "rt") as file:
        messages = [message for line in file if (message := json.loads(line))["channel"] == "trades"]
    raw = {(row["coin"], row["tid"]): row for message in messages for row in message["data"]}
    heard = list(open_recording(path))
    trades = [trade for message in heard for trade in message.trades]
    assert len(trades) == len(raw)
    for trade in trades:
        row = raw[trade.coin, trade.tid]
        assert [
            str(trade.px),
            str(trade.sz),
            trade.side.value,
            trade.time_ms,
            [trade.buyer, trade.seller],
        ] == [row[name] for name in ("px", "sz", "side", "time", "users")]
    assert [m.received_ms for m in heard] == sorted(m.received_ms for m in heard)
    history = [message.trades[0].coin for message in heard if message.is_history]
    assert len(history) == len(set(history)) == len({trade.coin for trade in trades})


def trade(tid: int, time: int = 1000) -> dict[str, object]:
    users = [ALICE, BOB.upper().replace("X", "x")]
    return {
        "coin": "BTC",
        "side": "A",
        "px": "1",
        "sz": "2",
        "time": time,
        "hash": "0x",
        "tid": tid,
        "users": users,
    }


def test_plain_frames_count_as_received_at_their_last_trade(tmp_path: Path) -> None:
    frames = [
        {"channel": "pong", "data": None},
        {"channel": "trades", "data": [trade(1, 500), trade(2, 900)]},
        {"channel": "trades", "data": [trade(2, 900), trade(3, 950)]},
        {"channel": "trades", "data": [trade(3, 950)]},
    ]
    first, second = open_recording(write(tmp_path, json_lines(frames)))
    earliest = first.trades[0]
    assert (earliest.tid, earliest.side, earliest.buyer, earliest.seller) == (1, Side.SELL, ALICE, BOB)
    assert (first.received_ms, first.is_history) == (900, True)
    assert ([t.tid for t in second.trades], second.received_ms, second.is_history) == ([3], 950, False)


@pytest.mark.parametrize(
    "bad", [b"{", b'{"channel":"trades","data":[{"coin":"BTC"}]}', b'{"data":[]}', b"\xff"]
)
def test_bad_line_of_a_recording_is_named(tmp_path: Path, bad: bytes) -> None:
    good = json_lines([{"channel": "trades", "data": [trade(1)]}])
    with pytest.raises(ArchiveError, match="fills: line 2 is no message of the feed"):
        list(open_recording(write(tmp_path, good + bad + b"\n")))


def test_candles_come_by_time_with_their_interval(shared: Path) -> None:
    path = shared / "data" / "candles-binance.parquet"
    bars = list(open_bars(path))
    assert len(bars) == 226_080
    assert [bar.open_ms for _, bar in bars] == sorted(bar.open_ms for _, bar in bars)
    assert {(interval, bar.close_ms - bar.open_ms) for interval, bar in bars} == {
        ("15m", HOUR_MS // 4),
        ("1h", HOUR_MS),
    }
    high = duckdb.execute(f"SELECT max(high) FROM '{path}' WHERE coin = 'SOL'").fetchall()[0][0]
    assert max(bar.high for _, bar in bars if bar.coin == "SOL") == high


@pytest.mark.parametrize(
    ("values", "says"), [("'1x', 5, 1.0", "'1x' is no interval"), ("'1h', 5, 'nan'::DOUBLE", "unusable")]
)
def test_bad_candle_is_refused(tmp_path: Path, values: str, says: str) -> None:
    path = tmp_path / "candles.parquet"
    interval, start, price = values.split(", ")
    duckdb.sql(
        f"""COPY (SELECT 'BTC' AS coin, {interval} AS interval, {start} AS t, {price} AS open,
        {price} AS high, {price} AS low, {price} AS close) TO '{path}' (FORMAT parquet)"""
    )
    with pytest.raises(ArchiveError, match=says):
        list(open_bars(path))


def test_the_wrong_reader_says_what_it_expects(shared: Path) -> None:
    fills = shared / "data" / "fills-mm-nov2025.jsonl.gz"
    with pytest.raises(
        ArchiveError, match="is no recording of the feed: expected lines with channel and data"
    ):
        open_recording(fills)
    with pytest.raises(
        ArchiveError, match="is no file of candles: expected parquet with coin, interval, t, open"
    ):
        open_bars(fills)


@pytest.mark.parametrize("text", ["", "m", "0m", "15", "-1h", "1M", "1.5h", "٣m", "9999h"])
def test_unknown_interval_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is no interval: expected one like 15m, 4h, 1d"):
        interval_ms(text)
