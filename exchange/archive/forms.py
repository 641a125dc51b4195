"""What a file is, told from its first bytes and its field names; changes when a form is added."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

import msgspec

from core.errors import ArchiveError
from exchange.archive.compression import PackedFile, unreadable_kind
from exchange.archive.parquet import MAGIC as PARQUET_MAGIC
from exchange.archive.parquet import ParquetFile
from exchange.archive.tables import WEB_PAGE_COLUMNS, header_of

HEAD_BYTES = 1 << 20
LINES_TRIED = 20
ENDS_TRIED = 50
"""How far to look for the first whole object: the first line may be damaged, objects are nested."""
REQUIRED = ("coin", "px", "sz", "side", "time")
NEVER_IN_FILLS = ("users", "side_info", "limitPx")
BAR_COLUMNS = ("coin", "interval", "t", "open", "high", "low", "close")
_KEY = re.compile(rb'"([A-Za-z_]\w{0,40})"\s*:')
_PAIR = re.compile(rb'\[\s*"[^"]{1,80}"\s*,\s*\{')
_SLICE = frozenset(("fill", "twapId"))
_EMPTY = re.compile(rb"\[\s*\]\s*")

_KINDS: tuple[tuple[frozenset[str], str], ...] = tuple(
    (frozenset(names.split()), kind)
    for names, kind in (
        ("side_info", "the node's trades (node_trades), which name no position: take node_fills instead"),
        ("channel data", "a recording of the feed: `replay` reads its trades"),
        ("users tid", "public trades, which are no account's fills"),
        ("szi_prev szi", "position changes found between snapshots"),
        ("dir closedPnl time", "fills without coin and price"),
        ("open high low close", "candles"),
        ("o h l c", "candles"),
        ("fundingRate", "funding rates"),
        ("usdc rate", "funding payments"),
        ("usdc event_type", "deposits and withdrawals"),
        ("delta hash", "funding payments or transfers"),
        ("szi entryPx", "open positions"),
        ("leaderboardRows", "a leaderboard"),
        ("dashboard", "a leaderboard"),
        ("wallets", "rated wallets"),
        ("philosophies", "rated wallets"),
        ("accountValueHistory", "portfolio curves"),
        ("levels", "order books"),
        ("limitPx", "orders"),
        ("order status", "orders"),
        ("marginSummary", "an account's state"),
        ("universe", "the list of coins"),
        ("request response", "recorded requests and answers"),
        ("request snapshots", "snapshots of answers"),
    )
)


@dataclass(frozen=True, slots=True)
class Found:
    """A file's form by its short name, its field names, and whether its rows name an account."""

    form: str
    fields: frozenset[str]
    names_account: bool
    file: PackedFile | ParquetFile


def look_at(path: Path) -> Found:
    """Return what the file is; raise ArchiveError when it can't be opened or has no known form."""
    try:
        with path.open("rb") as opened:
            magic = opened.read(16)
        if magic.startswith(PARQUET_MAGIC):
            parquet = ParquetFile(path)
            names = frozenset(parquet.columns)
            return Found("parquet", names, "user" in names, parquet)
        file = PackedFile(path)
        head, broken = file.head(HEAD_BYTES)
    except OSError as problem:
        raise ArchiveError(f"{path}: can't be read ({problem.strerror or problem})") from problem
    kind = unreadable_kind(magic if file.compression is None else head[:16])
    if kind is not None:
        raise ArchiveError(f"{path.name} is {kind}: unpack or export it as JSON lines, CSV or parquet first")
    if file.compression is not None and head.startswith(PARQUET_MAGIC):
        raise ArchiveError(f"{path.name} is parquet packed as {file.compression}: unpack it first")
    try:
        found = _by_text(path, file, head)
        if broken is not None:
            require_fills(found, path)
    except ArchiveError:
        if broken is None:
            raise
        raise ArchiveError(
            f"{path.name}: {broken}, before the first row; copy or download it again"
        ) from broken
    return found


def require_fills(found: Found, path: Path) -> None:
    """Raise ArchiveError, naming what the file looks like, unless it can be fills."""
    if found.form == "empty":
        raise ArchiveError(f"{path.name} is empty")
    if found.form in ("node_fills", "node_fills_by_block", "web-page csv", "json []"):
        return
    kind = kind_of(found.fields)
    lacking = [name for name in REQUIRED if name not in found.fields]
    if kind is not None and (lacking or not found.fields.isdisjoint(NEVER_IN_FILLS)):
        raise ArchiveError(f"{path.name} isn't fills: it looks like {kind}")
    if len(lacking) == len(REQUIRED):
        raise ArchiveError(
            f"{path.name} isn't fills: expected JSON lines, JSON, CSV or parquet with {', '.join(REQUIRED)}"
            f"{_seen(found.fields)}"
        )
    if found.form == "json object":
        raise ArchiveError(f"{path.name} is one JSON object: expected an array of fills, or one fill a line")
    if lacking:
        raise ArchiveError(
            f"{path.name} isn't complete fills: it has no {', '.join(lacking)}{_seen(found.fields)}"
        )


def kind_of(names: Collection[str]) -> str | None:
    """Return what rows with these field names are, where that is known and they aren't fills."""
    present = set(names)
    return next((kind for needed, kind in _KINDS if needed <= present), None)


def _seen(fields: frozenset[str]) -> str:
    shown = ", ".join(sorted(name for name in fields if name.isprintable())[:8])
    return f" (found {shown[:200]})" if shown else ""


def _by_text(path: Path, file: PackedFile, head: bytes) -> Found:
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not text:
        return Found("empty", frozenset(), False, file)
    if text.startswith(b"["):
        return _array(file, text)
    if text.startswith(b"{"):
        return _objects(file, text)
    if b"\x00" in text[:4096]:
        raise ArchiveError(
            f"{path.name} is binary data of no known form: expected JSON lines, JSON, CSV or parquet"
        )
    columns = header_of(text.split(b"\n", 1)[0])
    if set(WEB_PAGE_COLUMNS) <= set(columns) and "side" not in columns:
        return Found("web-page csv", frozenset(columns), False, file)
    return Found("csv", frozenset(columns), "user" in columns, file)


def _objects(file: PackedFile, text: bytes) -> Found:
    fields = next(filter(None, map(_fields_of, text.split(b"\n", LINES_TRIED)[:LINES_TRIED])), None)
    form = "json lines"
    if fields is None:  # one object over many lines, or a line longer than the head
        fields, form = _keys(text), "json object"
    if {"events", "block_number"} <= fields or {"events", "block_time"} <= fields:
        return Found("node_fills_by_block", fields, True, file)
    return Found(form, fields, "user" in fields, file)


def _array(file: PackedFile, text: bytes) -> Found:
    if _PAIR.match(text):
        return Found("node_fills", frozenset(), True, file)
    if _EMPTY.fullmatch(text):
        return Found("json []", frozenset(), True, file)
    first, newline, _ = text.partition(b"\n")
    is_page_a_line = not newline or first.rstrip().endswith(b"]")
    fields = _first_element_fields(text)
    return Found("json pages" if is_page_a_line else "json array", fields, "user" in fields, file)


def _first_element_fields(text: bytes) -> frozenset[str]:
    """Return the keys of an array's first object; of the wrapped fill, where it is a TWAP slice."""
    start = end = text.find(b"{")
    for _ in range(ENDS_TRIED):
        end = text.find(b"}", end + 1)
        if end < 0:
            break
        fields = _fields_of(text[start : end + 1])
        if fields is None:
            continue
        return _keys(text[start : end + 1]) - fields if fields == _SLICE else fields
    return _keys(text)


def _fields_of(data: bytes) -> frozenset[str] | None:
    """Return the keys of a whole JSON object, or None if it isn't one."""
    try:
        return frozenset(msgspec.json.decode(data, type=dict[str, msgspec.Raw]))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def _keys(text: bytes) -> frozenset[str]:
    return frozenset(key.decode() for key in _KEY.findall(text[:20_000]))
