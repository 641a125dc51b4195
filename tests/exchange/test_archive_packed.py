"""Compression is told by the first bytes; a file cut short or damaged is one clear error."""

import bz2
import gzip
import random
from collections.abc import Callable
from pathlib import Path

import lz4.frame
import pytest
import zstandard

from core.errors import ArchiveError
from exchange.archive import open_archive
from tests.support.archives import fill_row, json_lines, write

ROWS = [fill_row(number, hash=f"0x{random.Random(number).getrandbits(256):064x}") for number in range(3000)]
PLAIN = json_lines(ROWS)
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "lz4": lz4.frame.compress,
}


@pytest.mark.parametrize("packer", PACKERS)
def test_packed_file_of_any_name_reads_as_the_plain_one(tmp_path: Path, packer: str) -> None:
    plain = open_archive(write(tmp_path, PLAIN, "plain.gz"))  # names lie
    packed = open_archive(write(tmp_path, PACKERS[packer](PLAIN), "packed.txt"))
    assert list(packed.fills()) == list(plain.fills())
    assert packed.total_rows == 3000
    assert packed.bytes_read == packed.total_bytes
    assert packed.file_hash != plain.file_hash


@pytest.mark.parametrize("packer", PACKERS)
def test_members_one_after_the_other_are_one_file(tmp_path: Path, packer: str) -> None:
    half = len(json_lines(ROWS[:1234]))
    pack = PACKERS[packer]
    archive = open_archive(write(tmp_path, pack(PLAIN[:half]) + pack(b"") + pack(PLAIN[half:])))
    assert [fill.oid for fill in archive.fills()] == [row["oid"] for row in ROWS]


@pytest.mark.parametrize("packer", PACKERS)
@pytest.mark.parametrize("kept", [0.1, 0.9, 0.9999])
def test_file_cut_short_says_how_many_rows_were_read(tmp_path: Path, packer: str, kept: float) -> None:
    packed = PACKERS[packer](PLAIN)
    path = write(tmp_path, packed[: int(len(packed) * kept)])
    with pytest.raises(ArchiveError) as refusal:
        list(open_archive(path).rows())
    text = str(refusal.value)
    start = f"fills: the {packer} data ends too early: the file is cut short, "
    assert text.startswith(start)
    if text == f"{start}before the first row; copy or download it again":
        assert kept < 0.5
        return
    assert text.endswith(" rows; copy or download it again")
    rows = int(text.split("after ")[1].split(" ")[0].replace(",", ""))
    assert rows <= 3000 * kept + 1
    if kept > 0.8:
        assert rows > 1000


@pytest.mark.parametrize("packer", PACKERS)
def test_damaged_file_is_one_clear_error(tmp_path: Path, packer: str) -> None:
    packed = bytearray(PACKERS[packer](PLAIN))
    middle = len(packed) // 2
    packed[middle : middle + 200] = bytes(200)
    path = write(tmp_path, bytes(packed))
    with pytest.raises(ArchiveError) as refusal:
        list(open_archive(path).rows())
    assert f"fills: the {packer} data " in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_what_follows_the_packed_data_is_damage(tmp_path: Path) -> None:
    path = write(tmp_path, gzip.compress(PLAIN) + b"and more")
    with pytest.raises(ArchiveError, match="the gzip data is damaged"):
        list(open_archive(path).rows())


def test_damage_in_the_first_bytes_is_seen_on_opening(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="fills: the gzip data is damaged"):
        open_archive(write(tmp_path, b"\x1f\x8b\x08\x00garbage that is no deflate stream at all"))


def test_packed_data_of_another_kind_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArchiveError, match="fills is bzip2 data: unpack or export it"):
        open_archive(write(tmp_path, bz2.compress(PLAIN)))
    with pytest.raises(ArchiveError, match="fills is a ZIP archive"):
        open_archive(write(tmp_path, gzip.compress(b"PK\x03\x04 inside")))
    with pytest.raises(ArchiveError, match="fills is parquet packed as gzip: unpack it first"):
        open_archive(write(tmp_path, gzip.compress(b"PAR1 inside")))


def test_last_line_cut_short_in_a_plain_file_is_one_bad_row(tmp_path: Path) -> None:
    rows = list(open_archive(write(tmp_path, PLAIN[:-40])).rows())
    assert [(row.number, row.problem) for row in rows if row.problem] == [(3000, "not valid JSON")]
    assert sum(row.fill is not None for row in rows) == 2999
