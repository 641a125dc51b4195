"""The chain of what was published: each entry holds the hash of the one before."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import msgspec

from core.model.opportunities import Ending, Opportunity
from storage.opportunity_rows import ending_of, opportunity_of
from storage.statements import statements

if TYPE_CHECKING:
    from storage.database import Connection, Database, Record

SQL = statements("ledger")
BEGINNING = "0" * 64
_LOCK = 0x6C656467_65720001
_PAGE = 1_000


@dataclass(frozen=True, slots=True)
class LedgerCheck:
    """What a walk along the chain found; ``broken`` is the first entry that doesn't fit."""

    entries: int
    head: str
    broken: int | None
    problem: str | None


def entry_body(opportunity: Opportunity) -> dict[str, object]:
    """Return what the ledger says of a publication; times and prices are the value's own."""
    return {
        "kind": "entry",
        "opportunity_id": opportunity.opportunity_id,
        "rule_version": opportunity.rule_version,
        "time_ms": opportunity.published_ms,
        "event_ms": opportunity.event_ms,
        "loser": opportunity.loser,
        "coin": opportunity.coin,
        "side": opportunity.side.value,
        "px": _plain(opportunity.reference_px),
        "loser_px": _plain(opportunity.loser_px),
        "stop_px": _plain(opportunity.stop_px),
        "target_px": _plain(opportunity.target_px),
        "expires_ms": opportunity.expires_ms,
        "cost_bps": opportunity.cost_bps,
    }


def ending_body(ending: Ending, rule_version: str) -> dict[str, object]:
    """Return what the ledger says of an ending."""
    return {
        "kind": "ending",
        "opportunity_id": ending.opportunity_id,
        "rule_version": rule_version,
        "time_ms": ending.ended_ms,
        "reason": ending.reason.value,
        "px": _plain(ending.exit_px),
        "gross_bps": ending.gross_bps,
        "net_bps": ending.net_bps,
        "held_ms": ending.held_ms,
    }


def _plain(px: Decimal | None) -> str | None:
    """Return a price without an exponent, as the database gives it back."""
    return None if px is None else f"{px:f}"


def canonical(n: int, body: dict[str, object]) -> str:
    """Return an entry's text: JSON with sorted names and no spaces."""
    return msgspec.json.encode({"n": n, **body}, order="sorted").decode()


def chained(previous: str, text: str) -> str:
    """Return an entry's hash: SHA-256 of the previous hash, a newline and the text."""
    return hashlib.sha256(f"{previous}\n{text}".encode()).hexdigest()


async def append(connection: "Connection", bodies: Sequence[dict[str, object]]) -> None:
    """Add entries at the end of the chain, inside the transaction that publishes them."""
    if not bodies:
        return
    await connection.execute(SQL["lock"], _LOCK)
    head = await connection.fetchrow(SQL["head"], [body["opportunity_id"] for body in bodies])
    n, previous = (0, BEGINNING) if head is None else (head["n"], head["hash"])
    known = frozenset((head["known"] or ()) if head is not None else ())
    rows = []
    for body in bodies:
        if f"{body['kind']} {body['opportunity_id']}" in known:
            continue
        n += 1
        text = canonical(n, body)
        this = chained(previous, text)
        rows.append((n, body["kind"], body["opportunity_id"], text, previous, this))
        previous = this
    await connection.executemany(SQL["append"], rows)


class Ledger:
    """The table ``ledger``."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    async def verify(self) -> LedgerCheck:
        """Walk along the whole chain and compare it with what is shown of each opportunity."""
        n, head = 0, BEGINNING
        async with self._database.transaction() as connection:
            async for row in connection.cursor(SQL["all"], prefetch=_PAGE):
                problem = _problem(row, n + 1, head)
                if problem is not None:
                    return LedgerCheck(n, head, row["n"], problem)
                n, head = row["n"], row["hash"]
        return LedgerCheck(n, head, None, None)


def _problem(row: "Record", n: int, previous: str) -> str | None:
    """Return what is wrong with one entry, or None."""
    if row["n"] != n:
        return f"entry {n} is missing"
    if row["previous"] != previous:
        return "it doesn't follow the entry before it"
    if chained(previous, row["body"]) != row["hash"]:
        return "its text was changed"
    if row["opportunity"] is None:
        return "its opportunity is gone"
    if row["body"] != canonical(n, _shown(row)):
        return "the opportunity that is shown says something else"
    return None


def _shown(row: "Record") -> dict[str, object]:
    if row["kind"] == "entry":
        return entry_body(opportunity_of(row))
    ending = ending_of(row)
    return {} if ending is None else ending_body(ending, row["rule_version"])
