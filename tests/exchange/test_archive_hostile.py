"""Whatever the bytes, only ArchiveError comes out, and every row is accounted for."""

import gzip
from contextlib import suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import ArchiveError
from exchange.archive import open_archive, open_bars, open_recording, sniff
from tests.support.archives import ALICE, fill_row, json_lines, write

SEEDS = [
    json_lines([fill_row(number) for number in range(3)]),
    json_lines([[ALICE, fill_row(0)], [ALICE, fill_row(1)]]),
    json_lines([[fill_row(0), fill_row(1)]]),
    json_lines([{"block_number": 1, "events": [[ALICE, fill_row(0)]]}]),
    b"coin,px,sz,side,time,user\nBTC,1,2,B,1764590400000," + ALICE.encode() + b"\n",
    b"time,coin,dir,px,sz,ntl,fee,closedPnl\n08/07/2024 - 09:51:49,ETH,Open Long,1,2,2,0.1,-0.1\n",
    b'{"channel":"trades","data":[{"coin":"BTC","side":"B","px":"1","sz":"1","time":1,"hash":"0x","tid":1,'
    b'"users":["0xa","0xb"]}]}\n',
    b"\x1f\x8b\x08\x00",
    b"\x28\xb5\x2f\xfd",
    b"\x04\x22\x4d\x18",
    b"PAR1",
    b"",
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """Draw a sound file with a few bytes replaced, cut or inserted."""
    content = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(0, 4))):
        place = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 6))
        content[place : place + length] = draw(st.binary(max_size=8))
    packed = gzip.compress(bytes(content), mtime=0) if draw(st.booleans()) else bytes(content)
    return packed[: len(packed) - draw(st.sampled_from([0, 0, 0, 1, 9]))]


def read_all(path: Path) -> None:
    """Read by every door; whatever but an ArchiveError in one line comes out fails the test."""
    for read in (sniff, lambda path: list(open_recording(path)), lambda path: list(open_bars(path))):
        with suppress(ArchiveError):
            read(path)
    refusals = []
    for account in (None, ALICE):
        try:
            archive = open_archive(path, account)
            rows = list(archive.rows())
        except ArchiveError as refusal:
            refusals.append(str(refusal))
            continue
        assert len(rows) == archive.total_rows
        assert list(archive.rows()) == rows
    assert all(text.isprintable() for text in refusals)


@settings(max_examples=400, deadline=None)
@given(content=st.one_of(damaged(), st.binary(max_size=200)))
def test_only_archive_errors_escape(content: bytes) -> None:
    with TemporaryDirectory() as folder:
        read_all(write(Path(folder), content))


@pytest.fixture(scope="module")
def small_parquet(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("parquet") / "fills.parquet"
    duckdb.sql(
        f"""COPY (SELECT '{ALICE}' AS "user", 'BTC' AS coin, 1.5 + i AS px, 2.0 AS sz, 'B' AS side,
        1764590400000 + i AS time FROM range(50) AS t(i)) TO '{path}' (FORMAT parquet)"""
    )
    return path.read_bytes()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_damaged_parquet_is_an_archive_error(small_parquet: bytes, data: st.DataObject) -> None:
    content = bytearray(small_parquet)
    place = data.draw(st.integers(4, len(content) - 1))
    content[place : place + data.draw(st.integers(0, 5))] = data.draw(st.binary(max_size=6))
    with TemporaryDirectory() as folder:
        read_all(write(Path(folder), bytes(content)))
