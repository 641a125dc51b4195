"""Bytes of a file, unpacked; changes when an archive comes in another compression."""

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

CHUNK_BYTES = 1 << 18
LINE_LIMIT_BYTES = 1 << 30
"""A line longer than this is no line; JSON that is one line is read whole up to here."""

GZIP, ZSTD, LZ4 = b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18"
_UNREADABLE = {
    b"PK\x03\x04": "a ZIP archive or an Excel workbook",
    b"BZh": "bzip2 data",
    b"\xfd7zXZ\x00": "xz data",
    b"7z\xbc\xaf": "a 7-Zip archive",
    b"SQLite format 3": "an SQLite database",
    b"\x02\x21\x4c\x18": "the old LZ4 format",
}


class BrokenData(Exception):
    """Compressed data is cut short or damaged; the text says which."""


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


class Hash(Protocol):
    """What takes in the raw bytes as they are read."""

    def update(self, data: bytes, /) -> None: ...


def compression_of(magic: bytes) -> str | None:
    """Return ``gzip``, ``zstd`` or ``lz4`` by the first bytes, or None."""
    for name, start in (("gzip", GZIP), ("zstd", ZSTD), ("lz4", LZ4)):
        if magic.startswith(start):
            return name
    return None


def unreadable_kind(magic: bytes) -> str | None:
    """Return what a file is that no reader here can open, or None."""
    return next((kind for start, kind in _UNREADABLE.items() if magic.startswith(start)), None)


class PackedFile:
    """A file of one of the compressions, told by its first bytes and never by its name."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.total_bytes = path.stat().st_size
        self.bytes_read = 0
        with path.open("rb") as file:
            self.compression = compression_of(file.read(4))

    def chunks(self, hasher: Hash | None = None) -> Iterator[bytes]:
        """Yield the unpacked bytes; raise BrokenData where they end too early or are damaged."""
        raw = self._raw(hasher)
        if self.compression is None:
            return raw
        return _unpacked(raw, self.compression)

    def head(self, size: int) -> tuple[bytes, BrokenData | None]:
        """Return the first unpacked bytes, about ``size`` at most, and what ended them too early."""
        parts: list[bytes] = []
        total = 0
        try:
            for chunk in self.chunks():
                parts.append(chunk)
                total += len(chunk)
                if total >= size:
                    break
        except BrokenData as problem:
            return b"".join(parts)[:size], problem
        return b"".join(parts)[:size], None

    def lines(self, hasher: Hash | None = None) -> Iterator[bytes]:
        """Yield the unpacked lines without their end."""
        rest: list[bytes] = []
        waiting = 0
        for chunk in self.chunks(hasher):
            first, *others = chunk.split(b"\n")
            rest.append(first)
            waiting += len(first)
            if not others:
                if waiting > LINE_LIMIT_BYTES:
                    raise BrokenData("a line is longer than 1 GiB")
                continue
            yield b"".join(rest)
            last = others.pop()
            yield from others
            rest, waiting = [last], len(last)
        if waiting:
            yield b"".join(rest)

    def _raw(self, hasher: Hash | None) -> Iterator[bytes]:
        self.bytes_read = 0
        with self.path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                self.bytes_read += len(chunk)
                if hasher is not None:
                    hasher.update(chunk)
                yield chunk


def _unpacked(raw: Iterator[bytes], compression: str) -> Iterator[bytes]:
    unpacker = _new_unpacker(compression)
    for data in raw:
        while data:
            if unpacker.eof:  # another member or frame follows: files are often concatenated
                unpacker = _new_unpacker(compression)
            try:
                unpacked = unpacker.decompress(data)
            except Exception as problem:  # each library has its own error, and lz4 plain RuntimeError
                raise BrokenData(f"the {compression} data is damaged ({problem})") from problem
            if unpacked:
                yield unpacked
            data = unpacker.unused_data if unpacker.eof else b""
    if not unpacker.eof:
        raise BrokenData(f"the {compression} data ends too early: the file is cut short")


def _new_unpacker(compression: str) -> _Decompressor:
    new: Any
    if compression == "gzip":
        new = zlib.decompressobj(wbits=31)
    elif compression == "zstd":
        import zstandard

        new = zstandard.ZstdDecompressor(max_window_size=1 << 31).decompressobj()
    else:
        import lz4.frame

        new = lz4.frame.LZ4FrameDecompressor()
    unpacker: _Decompressor = new
    return unpacker
