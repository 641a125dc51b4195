"""CSV forms: the exchange's field names, and the export of its web page; changes with those forms."""

import codecs
import csv
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from functools import lru_cache

from exchange.archive.compression import Hash, PackedFile
from exchange.archive.lines import Numbered
from exchange.archive.records import BadRow, Record, decimal_of, time_ms_of

WEB_PAGE_COLUMNS = ("time", "coin", "dir", "px", "sz", "ntl", "fee", "closedPnl")
_TRUTHS = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}
_BOUGHT = {"Open Long", "Close Short", "Short > Long", "Buy"}
_SOLD = {"Open Short", "Close Long", "Long > Short", "Sell", "Spot Dust Conversion"}
_REMARK = re.compile(r" \([^)]*\)$")


def header_of(line: bytes) -> tuple[str, ...]:
    """Return the column names of a CSV's first line."""
    text = line.decode("utf-8-sig", "replace").strip("\r\n")
    try:
        return tuple(name.strip() for name in next(csv.reader([text], delimiter=_delimiter(text)), []))
    except csv.Error:
        return ()


def csv_fills(file: PackedFile, hasher: Hash | None) -> Iterator[Numbered]:
    """Yield the fills of a CSV with the exchange's field names, numbered by line."""
    return _rows(file, hasher, _from_exchange_names)


def web_page_fills(file: PackedFile, hasher: Hash | None) -> Iterator[Numbered]:
    """Yield the fills of the web page's export; its times are taken as UTC, its zone being unknown."""
    return _rows(file, hasher, _from_web_page)


def _rows(
    file: PackedFile, hasher: Hash | None, to_record: Callable[[Mapping[str, str]], Record]
) -> Iterator[Numbered]:
    lines = _text_lines(file, hasher)
    first = next(lines, "")
    names = header_of(first.encode("utf-8", "replace"))
    reader = csv.reader(lines, delimiter=_delimiter(first))
    while True:
        try:
            values = next(reader)
        except StopIteration:
            return
        except csv.Error:
            yield reader.line_num + 1, "not a CSV line"
            continue
        number = reader.line_num + 1
        if not values:
            continue
        if len(values) != len(names):
            yield number, "not as many values as the header has names"
            continue
        try:
            yield number, to_record(dict(zip(names, values, strict=True)))
        except BadRow as problem:
            yield number, str(problem)


def _text_lines(file: PackedFile, hasher: Hash | None) -> Iterator[str]:
    decode = codecs.getincrementaldecoder("utf-8-sig")("replace").decode
    for line in file.lines(hasher):
        yield decode(line + b"\n")


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)


def _from_exchange_names(row: Mapping[str, str]) -> Record:
    def text(name: str) -> str | None:
        value = row.get(name, "").strip()
        return value or None

    crossed = text("crossed")
    if crossed is not None and crossed.lower() not in _TRUTHS:
        raise BadRow("crossed: neither true nor false")
    return Record(
        coin=_required(row, "coin"),
        px=_required(row, "px"),
        sz=_required(row, "sz"),
        side=_required(row, "side"),
        time=time_ms_of(_required(row, "time")),
        start_position=text("startPosition"),
        dir=text("dir"),
        closed_pnl=text("closedPnl"),
        fee=text("fee"),
        fee_token=text("feeToken"),
        crossed=None if crossed is None else _TRUTHS[crossed.lower()],
        hash=text("hash"),
        oid=integer_of(text("oid"), "oid"),
        tid=integer_of(text("tid"), "tid"),
        twap_id=integer_of(text("twapId"), "twapId"),
        user=text("user"),
    )


def integer_of(text: str | None, name: str) -> int | None:
    """Return the whole number, or None for nothing; raise BadRow."""
    if text is None:
        return None
    if len(text) > 20 or not text.isascii() or not text.removeprefix("-").isdigit():
        raise BadRow(f"{name}: not a whole number")
    value = int(text)
    if not -(2**63) <= value < 2**63:
        raise BadRow(f"{name}: out of range")
    return value


def _from_web_page(row: Mapping[str, str]) -> Record:
    fee = decimal_of(_required(row, "fee"), "fee")
    # Here, unlike in the API, the fee is already off the profit: an opening fill shows -fee.
    gross = decimal_of(_required(row, "closedPnl"), "closedPnl") + fee
    label = _required(row, "dir")
    return Record(
        coin=_required(row, "coin"),
        px=_required(row, "px"),
        sz=_required(row, "sz"),
        side=_side_of(label),
        time=_local_time_ms(_required(row, "time")),
        dir=label,
        closed_pnl=str(gross),
        fee=str(fee),
    )


def _required(row: Mapping[str, str], name: str) -> str:
    value = row.get(name, "").strip()
    if not value:
        raise BadRow(f"{name}: missing")
    return value


@lru_cache(maxsize=1000)
def _side_of(label: str) -> str:
    plain = _REMARK.sub("", label)
    if plain.startswith("Liquidated"):
        plain = "Close " + plain.rpartition(" ")[2]
    if plain in _BOUGHT:
        return "B"
    if plain in _SOLD:
        return "A"
    raise BadRow("dir: doesn't say whether it bought or sold")


@lru_cache(maxsize=10_000)
def _local_time_ms(text: str) -> int:
    try:
        moment = datetime.strptime(text, "%d/%m/%Y - %H:%M:%S").replace(tzinfo=UTC)
    except ValueError:
        raise BadRow("time: not DD/MM/YYYY - HH:MM:SS") from None
    return round(moment.timestamp() * 1000)
