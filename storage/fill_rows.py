"""How fills become rows and rows fills: the one writer that every subject uses inside its transaction."""

import hashlib
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import TYPE_CHECKING

from core.model.fills import Fill, Liquidation
from core.model.market import DAY_MS, Address, Coin, Side
from storage.statements import statements
from storage.values import from_json, to_json

if TYPE_CHECKING:
    from storage.database import Connection, Database, Record

SQL = statements("fills")
WRITERS_LOCK = 0x66696C6C_73000001
"""Shared by those who write fills, exclusive for the moment in which a reader takes its mark."""

_COLUMNS = (
    "account", "coin", "time_ms", "tid", "seq", "px", "sz", "side", "start_position", "dir",
    "closed_pnl", "fee", "fee_token", "crossed", "hash", "oid", "twap_id", "liquidation", "is_twap",
    "source", "nth",
)  # fmt: skip
_FEW = 20
"""What the feed brings at a time: up to so many a single statement is quicker than COPY."""

_NULL = r"\N"
_EPOCH = date(1970, 1, 1).toordinal()
_ESCAPES = str.maketrans({"\0": None, "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})


class FillWriter:
    """Write fills inside somebody else's transaction; remember which months have their partition."""

    def __init__(self, database: "Database") -> None:
        self._database = database
        self._months: set[tuple[int, int]] = set()

    async def make_room(self, fills: Iterable[Fill]) -> None:
        """Make the partitions that these fills need; before the transaction, since it locks."""
        days = {fill.time_ms // DAY_MS for fill in fills}
        missing = {month: day * DAY_MS for day in days if (month := _month(day)) not in self._months}
        for month, ms in missing.items():
            async with self._database.connection() as connection:
                await connection.execute(SQL["add_month"], ms)
            self._months.add(month)

    async def add(
        self, connection: "Connection", fills: Sequence[Fill], source: str, *, complete: bool = True
    ) -> int:
        """Store fills and return how many were new.

        ``complete``: a fill known with less detail is completed; otherwise known ones are left alone.
        """
        if not fills:
            return 0
        if len(fills) <= _FEW:
            await connection.execute(SQL["writers_lock"], WRITERS_LOCK)
            added = int(await connection.fetchval(SQL["add_few"], _json_rows(fills, source)))
            if complete and added < len(fills):
                await _copy(connection, fills, source)
        else:
            await _copy(connection, fills, source)
            await connection.execute(SQL["writers_lock"], WRITERS_LOCK)
            added = int(await connection.fetchval(SQL["add"]))
        if complete and added < len(fills):
            await connection.execute(SQL["complete"])
        return added


async def _copy(connection: "Connection", fills: Sequence[Fill], source: str) -> None:
    await connection.execute(SQL["incoming"])
    # Text, not the driver's binary form: decimals encode four times as fast.
    await connection.copy_to_table(
        "incoming_fills", source=BytesIO(_copy_text(fills, source)), columns=_COLUMNS
    )


def _json_rows(fills: Sequence[Fill], source: str) -> bytes:
    """Return the fills as a JSON array of rows; numbers keep every digit."""
    return to_json(
        [
            {
                "account": _storable(f.user),
                "coin": _storable(f.coin),
                "time_ms": f.time_ms,
                "tid": _trade_id(f),
                "seq": f.seq,
                "px": f.px,
                "sz": f.sz,
                "side": f.side,
                "start_position": f.start_position,
                "dir": _storable(f.dir),
                "closed_pnl": f.closed_pnl,
                "fee": f.fee,
                "fee_token": _storable(f.fee_token),
                "crossed": f.crossed,
                "hash": _storable(f.hash),
                "oid": f.oid,
                "twap_id": f.twap_id,
                "liquidation": f.liquidation,
                "is_twap": f.is_twap,
                "source": source,
            }
            for f in fills
        ]
    )


def _storable(text: str | None) -> str | None:
    """Return a text as PostgreSQL can hold it: without NUL, and with nothing that UTF-8 can't say."""
    return None if text is None else text.replace("\0", "").encode(errors="replace").decode()


def _copy_text(fills: Sequence[Fill], source: str) -> bytes:
    """Return the fills as PostgreSQL's COPY text, one line each."""
    word = _Words()
    lines = [
        f"{word[f.user]}\t{word[f.coin]}\t{f.time_ms}\t{_trade_id(f)}\t{f.seq}\t{f.px}\t{f.sz}\t{f.side.value}\t"
        f"{_or_null(f.start_position)}\t{word[f.dir]}\t{_or_null(f.closed_pnl)}\t{_or_null(f.fee)}\t"
        f"{word[f.fee_token]}\t{_or_null(f.crossed)}\t{_word(f.hash)}\t{_or_null(f.oid)}\t"
        f"{_or_null(f.twap_id)}\t{_liquidation(f)}\t{f.is_twap}\t{word[source]}\t{nth}\n"
        for nth, f in enumerate(fills)
    ]
    return "".join(lines).encode(errors="replace")


class _Words(dict[str | None, str]):
    """Escapes each of the few different names only once."""

    def __missing__(self, text: str | None) -> str:
        self[text] = escaped = _word(text)
        return escaped


def _word(text: str | None) -> str:
    if text is None:
        return _NULL
    return text if text.isalnum() else text.translate(_ESCAPES)


def _or_null(value: Decimal | int | None) -> Decimal | int | str:
    return _NULL if value is None else value


def _liquidation(fill: Fill) -> str:
    return _NULL if fill.liquidation is None else _word(to_json(fill.liquidation).decode())


def _trade_id(fill: Fill) -> int:
    """Return the trade id, or a negative number made of all that the fill says."""
    if fill.tid is not None:
        return fill.tid
    parts = (fill.user, fill.coin, fill.time_ms, fill.seq, fill.px, fill.sz, fill.side, fill.oid, fill.hash)
    digest = hashlib.sha256("|".join(map(str, parts)).encode(errors="replace")).digest()
    return -1 - (int.from_bytes(digest[:8], "big") >> 2)


def _month(day: int) -> tuple[int, int]:
    """Return year and month of a day counted from 1970."""
    found = date.fromordinal(_EPOCH + day)
    return found.year, found.month


def fill_of(row: "Record") -> Fill:
    """Return the fill in a row."""
    liquidation = row["liquidation"]
    return Fill(
        user=Address(row["account"]),
        coin=Coin(row["coin"]),
        px=row["px"],
        sz=row["sz"],
        side=Side(row["side"]),
        time_ms=row["time_ms"],
        start_position=row["start_position"],
        dir=row["dir"],
        closed_pnl=row["closed_pnl"],
        fee=row["fee"],
        fee_token=row["fee_token"],
        crossed=row["crossed"],
        hash=row["hash"],
        oid=row["oid"],
        tid=row["tid"],
        twap_id=row["twap_id"],
        liquidation=None if liquidation is None else from_json(liquidation, Liquidation),
        seq=row["seq"],
        is_twap=row["is_twap"],
    )
