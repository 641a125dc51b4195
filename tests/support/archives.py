"""Rows and files of fills, as the exchange and the node print them."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ALICE, BOB = "0x" + "a1" * 20, "0x" + "b0" * 20
NOON_MS = 1_764_590_400_000  # 2025-12-01 12:00 UTC


def fill_row(number: int = 0, **changes: Any) -> dict[str, Any]:
    """Return one fill in the exchange's form; a changed field that is ``...`` is left out."""
    row = {
        "user": ALICE,
        "coin": "BTC",
        "px": "90000.0",
        "sz": "0.1",
        "side": "B",
        "time": NOON_MS + number,
        "startPosition": "0.0",
        "dir": "Open Long",
        "closedPnl": "0.0",
        "hash": "0x" + "1f" * 32,
        "oid": 1000 + number,
        "crossed": True,
        "fee": "4.05",
        "tid": 5000 + number,
        "feeToken": "USDC",
        "twapId": None,
        **changes,
    }
    return {name: value for name, value in row.items() if value is not ...}


def chained(steps: Iterable[tuple[int, str, str]], start: float = 0.0) -> list[dict[str, Any]]:
    """Return fills of ``(time offset, side, size)`` whose start positions chain, in that order."""
    rows, position = [], start
    for number, (offset, side, size) in enumerate(steps):
        rows.append(
            fill_row(
                offset,
                side=side,
                sz=size,
                startPosition=repr(position),
                tid=9000 + number * 7919 % 1000,
                oid=number,
            )
        )
        position = round(position + (float(size) if side == "B" else -float(size)), 6)
    return rows


def json_lines(rows: Iterable[Any]) -> bytes:
    """Return one JSON document a line."""
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


def write(folder: Path, content: bytes, name: str = "fills") -> Path:
    """Write a file and return its path."""
    path = folder / name
    path.write_bytes(content)
    return path


def raw_rows(path: Path) -> list[dict[str, Any]]:
    """Read gzipped JSON lines by the standard library alone."""
    with gzip.open(path, "rt") as file:
        return [json.loads(line) for line in file]
