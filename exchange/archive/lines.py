"""JSON forms: a fill a line, a page a line, a document, the node's lines; changes with those forms."""

import re
from collections.abc import Iterator

import msgspec

from exchange.archive.compression import LINE_LIMIT_BYTES, BrokenData, Hash, PackedFile
from exchange.archive.records import Record, Whole

Numbered = tuple[int, Record | str]
"""A row's number and the record, or the reason why it is none."""

NOT_JSON = "not valid JSON"
_PATH = re.compile(r" - at `\$(?:\[[^\]]*\])*\.?([\w.]*)[^`]*`$")
_MISSING = re.compile(r"missing required field `(\w+)`")
_EXPECTED = re.compile(r"^Expected `([^`]+)`, got `([^`]+)`")


class _Slice(msgspec.Struct, gc=False, rename="camel"):
    """A row of the exchange's TWAP slice answers."""

    fill: Record
    twap_id: Whole | None = None


class _Block(msgspec.Struct, gc=False):
    events: list[msgspec.Raw]


_decode = msgspec.json.Decoder(Record).decode
_decode_slice = msgspec.json.Decoder(_Slice).decode
_decode_pair = msgspec.json.Decoder(tuple[str, Record]).decode
_decode_block = msgspec.json.Decoder(_Block).decode
_decode_page = msgspec.json.Decoder(list[Record]).decode
_decode_raw_page = msgspec.json.Decoder(list[msgspec.Raw]).decode
_FAILURES = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


def reason_of(problem: Exception) -> str:
    """Return why a line is no fill, in words that are the same for the same kind of fault."""
    if not isinstance(problem, msgspec.ValidationError):
        return NOT_JSON
    text = str(problem)
    if missing := _MISSING.search(text):
        return f"{missing[1]}: missing"
    path = _PATH.search(text)
    field = path[1] if path and path[1] else "row"
    if expected := _EXPECTED.match(text):
        return f"{field}: expected {expected[1]}, got {expected[2]}"
    return f"{field}: out of range"


def fill_lines(file: PackedFile, hasher: Hash | None) -> Iterator[Numbered]:
    """Yield the fills of a file with one fill a line, numbered by line."""
    for number, line in enumerate(file.lines(hasher), 1):
        try:
            yield number, _decode(line)
        except _FAILURES as problem:
            if line and not line.isspace():
                yield number, reason_of(problem)


def pages(file: PackedFile, hasher: Hash | None) -> Iterator[Numbered]:
    """Yield the fills of a file with one answer of the exchange (a JSON array) a line."""
    number = 0
    for line in file.lines(hasher):
        if line and not line.isspace():
            for row in _page(line):
                number += 1
                yield number, row


def document(file: PackedFile, hasher: Hash | None) -> Iterator[Numbered]:
    """Yield the fills of a file that is one JSON array over many lines."""
    parts: list[bytes] = []
    total = 0
    for chunk in file.chunks(hasher):
        parts.append(chunk)
        total += len(chunk)
        if total > LINE_LIMIT_BYTES:
            raise BrokenData("one JSON array of over 1 GiB: give it as JSON lines, one fill a line")
    yield from enumerate(_page(b"".join(parts)), 1)


def node_fills(file: PackedFile, hasher: Hash | None) -> Iterator[Numbered]:
    """Yield the fills of a node's ``[account, fill]`` lines."""
    for number, line in enumerate(file.lines(hasher), 1):
        if line and not line.isspace():
            yield number, _pair(line)


def node_blocks(file: PackedFile, hasher: Hash | None) -> Iterator[Numbered]:
    """Yield the fills of a node's lines by block, numbered by fill."""
    number = 0
    for line in file.lines(hasher):
        if not line or line.isspace():
            continue
        try:
            events = _decode_block(line).events
        except _FAILURES as problem:
            number += 1
            yield number, reason_of(problem)
            continue
        for event in events:
            number += 1
            yield number, _pair(event)


def _pair(data: bytes | msgspec.Raw) -> Record | str:
    try:
        user, record = _decode_pair(data)
    except _FAILURES as problem:
        return reason_of(problem)
    record.user = user
    return record


def _page(data: bytes) -> Iterator[Record | str]:
    try:
        yield from _decode_page(data)
        return
    except _FAILURES:
        pass  # some element isn't a plain fill: take them one by one
    try:
        elements = _decode_raw_page(data)
    except _FAILURES:
        yield NOT_JSON
        return
    for element in elements:
        yield _element(element)


def _element(element: msgspec.Raw) -> Record | str:
    try:
        return _decode(element)
    except _FAILURES as problem:
        try:
            wrapped = _decode_slice(element)
        except _FAILURES:
            return reason_of(problem)
    wrapped.fill.twap_id = wrapped.twap_id
    return wrapped.fill
