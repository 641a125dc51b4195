"""Recordings: several files are one stream in time, in which each fill is there once."""

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest

from core.errors import ArchiveError, UsageError
from hyperfade.recordings import open_recordings

ANN, BOB = "0x" + "a" * 40, "0x" + "b" * 40
START_MS = 1_753_000_000_000


def rows(user: str, count: int, first_tid: int) -> list[dict[str, Any]]:
    """Return buys of one coin; several share a millisecond, whose order only the chain tells."""
    return [
        {
            "user": user,
            "coin": "BTC",
            "px": "100.0",
            "sz": "1.0",
            "side": "B",
            "time": START_MS + number // 4,
            "startPosition": f"{number}.0",
            "dir": "Open Long",
            "closedPnl": "0.0",
            "fee": "0.01",
            "tid": first_tid + number,
            "oid": number,
            "crossed": True,
        }
        for number in range(count)
    ]


def write(path: Path, lines: Sequence[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def test_two_overlapping_files_count_each_fill_once(tmp_path: Path) -> None:
    ann = rows(ANN, 40, 1_000)
    first = write(tmp_path / "first.jsonl", ann[:30])
    second = write(tmp_path / "second.jsonl", ann[20:])
    recording = open_recordings([first, second], None)
    assert [fill.tid for fill in recording.fills] == [1_000 + number for number in range(40)]
    assert len(recording) == 40
    again = open_recordings([second, first], None)
    assert again.fills == recording.fills


def test_the_same_file_twice_is_the_file_once(tmp_path: Path) -> None:
    path = write(tmp_path / "fills.jsonl", rows(ANN, 10, 1))
    assert open_recordings([path, path], None).fills == open_recordings([path], None).fills


def test_accounts_are_merged_by_time_each_in_its_own_order(tmp_path: Path) -> None:
    ann, bob = rows(ANN, 40, 1_000), rows(BOB, 40, 5_000)
    both = [*ann, *bob]
    random.Random(3).shuffle(both)
    recording = open_recordings([write(tmp_path / "both.jsonl", both)], None)
    assert [fill.time_ms for fill in recording.fills] == sorted(fill.time_ms for fill in recording.fills)
    for user, first_tid in ((ANN, 1_000), (BOB, 5_000)):
        mine = [fill.tid for fill in recording.fills if fill.user == user]
        assert mine == [first_tid + number for number in range(40)]


def test_the_name_is_made_of_the_content(tmp_path: Path) -> None:
    one = write(tmp_path / "one.jsonl", rows(ANN, 5, 1))
    moved = write(tmp_path / "moved.jsonl", rows(ANN, 5, 1))
    other = write(tmp_path / "other.jsonl", rows(ANN, 6, 1))
    digest = open_recordings([one], None).digest
    assert open_recordings([moved], None).digest == digest
    assert open_recordings([other], None).digest != digest


def test_moments_come_by_time(tmp_path: Path) -> None:
    recording = open_recordings([write(tmp_path / "fills.jsonl", rows(ANN, 20, 1))], None)
    assert len(list(recording.moments())) == len(recording)


def test_candles_alone_are_nothing_to_replay(tmp_path: Path) -> None:
    path = tmp_path / "candles.parquet"
    row = f"'BTC' as coin, '1h' as interval, {START_MS} as t, 1 as open, 1 as high, 1 as low, 1 as close"
    duckdb.connect().execute(f"copy (select {row}) to '{path}' (format parquet)")
    with pytest.raises(UsageError, match="nothing to replay: expected fills or recorded trades"):
        open_recordings([path], None)


def test_an_account_that_is_none_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "fills.jsonl", rows(ANN, 1, 1))
    with pytest.raises(UsageError, match="--account '0x12' is no account"):
        open_recordings([path], "0x12")


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match=r"absent\.jsonl"):
        open_recordings([tmp_path / "absent.jsonl"], None)
