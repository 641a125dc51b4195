"""Files that hold no fills but can be replayed: feed recordings and candles."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import msgspec

from core.errors import ArchiveError, PayloadError
from core.model.market import DAY_MS, HOUR_MS, Bar, Coin
from core.ports import TradesHeard
from exchange.archive.compression import BrokenData, PackedFile
from exchange.archive.forms import BAR_COLUMNS, Found, look_at, require_fills
from exchange.archive.parquet import ParquetFile
from exchange.wire.frames import trade_of, trades

Content = Literal["fills", "trades", "bars"]

_UNITS_MS = {"m": 60_000, "h": HOUR_MS, "d": DAY_MS, "w": 7 * DAY_MS}


class _Envelope(msgspec.Struct, gc=False):
    channel: str
    received_wall_ns: int | None = None


def sniff(path: Path) -> Content:
    """Tell what a file holds; raise ArchiveError, naming what it looks like, when it's none of them."""
    found = look_at(path)
    if _is_bars(found):
        return "bars"
    if _is_recording(found):
        return "trades"
    require_fills(found, path)
    return "fills"


def open_recording(path: Path) -> Iterator[TradesHeard]:
    """Yield the trades messages of a feed recording, with the time they were received.

    Each coin's first message is marked as history. Without a received time a message counts as
    received at its last trade. Other channels are passed over; a trade that was heard is left out.
    """
    found = look_at(path)
    if not _is_recording(found) or not isinstance(found.file, PackedFile):
        raise ArchiveError(f"{path.name} is no recording of the feed: expected lines with channel and data")
    return _messages(path.name, found.file)


def open_bars(path: Path) -> Iterator[tuple[str, Bar]]:
    """Yield ``(interval, bar)`` of a parquet file of candles, by open time and coin."""
    found = look_at(path)
    if not _is_bars(found) or not isinstance(found.file, ParquetFile):
        raise ArchiveError(
            f"{path.name} is no file of candles: expected parquet with {', '.join(BAR_COLUMNS)}"
        )
    return _bars(path.name, found.file)


def interval_ms(interval: str) -> int:
    """Return the length of a candle like ``15m``, ``4h``, ``1d``; raise ValueError."""
    count, unit = interval[:-1], interval[-1:]
    if unit not in _UNITS_MS or not (count.isascii() and count.isdigit()) or not 0 < int(count) < 1000:
        raise ValueError(f"{interval!r} is no interval: expected one like 15m, 4h, 1d")
    return int(count) * _UNITS_MS[unit]


def _is_bars(found: Found) -> bool:
    return found.form == "parquet" and set(BAR_COLUMNS) <= found.fields


def _is_recording(found: Found) -> bool:
    return found.form == "json lines" and {"channel", "data"} <= found.fields


def _messages(name: str, file: PackedFile) -> Iterator[TradesHeard]:
    decode = msgspec.json.Decoder(_Envelope).decode
    begun: set[Coin] = set()
    heard: set[tuple[Coin, int]] = set()
    number = 0
    try:
        for line in file.lines():
            number += 1
            if not line or line.isspace():
                continue
            envelope = decode(line)
            if envelope.channel != "trades":
                continue
            rows = [trade_of(row) for row in trades.decode(line).data]
            fresh = tuple(trade for trade in rows if (trade.coin, trade.tid) not in heard)
            if not fresh:
                continue
            heard.update((trade.coin, trade.tid) for trade in fresh)
            coins = {trade.coin for trade in fresh}
            received_ns = envelope.received_wall_ns
            yield TradesHeard(
                trades=fresh,
                received_ms=max(trade.time_ms for trade in fresh)
                if received_ns is None
                else received_ns // 1_000_000,
                is_history=not coins <= begun,
            )
            begun |= coins
    except BrokenData as problem:
        raise ArchiveError(
            f"{name}: {problem}, after {number:,} lines: copy or download it again"
        ) from problem
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, PayloadError) as problem:
        raise ArchiveError(f"{name}: line {number:,} is no message of the feed ({problem})") from problem
    except OSError as problem:
        raise ArchiveError(f"{name}: reading failed after {number:,} lines ({problem.strerror})") from problem


def _bars(name: str, file: ParquetFile) -> Iterator[tuple[str, Bar]]:
    wanted = "coin, interval, TRY_CAST(t AS BIGINT), " + ", ".join(
        f'TRY_CAST("{column}" AS DOUBLE)' for column in ("open", "high", "low", "close")
    )
    lengths: dict[str, int] = {}
    for batch in file.batches(f"SELECT {wanted} FROM read_parquet(?) ORDER BY t, coin, interval"):  # noqa: S608 - fixed names
        for coin, interval, start, *prices in batch:
            if None in (coin, interval, start) or not all(_is_price(price) for price in prices):
                raise ArchiveError(
                    f"{name}: the candle of {coin} {interval} at {start} has an unusable value"
                )
            if interval not in lengths:
                try:
                    lengths[interval] = interval_ms(interval)
                except ValueError as problem:
                    raise ArchiveError(f"{name}: {problem}") from problem
            yield interval, Bar(Coin(coin), start, start + lengths[interval], *prices)


def _is_price(value: float | None) -> bool:
    return value is not None and 0 < value < float("inf")
