"""The recorded fills, funding and bars as raw rows (plain dicts), and as our values."""

import gzip
import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import duckdb

from core.model.fills import Fill, FundingPayment, Liquidation
from core.model.market import Address, Bar, Coin, FundingRate, Side

Row = dict[str, Any]

INTERVAL_MS = {"1m": 60_000, "15m": 900_000, "1h": 3_600_000}


def _lines(path: Path) -> list[Row]:
    with gzip.open(path, "rt") as lines:
        return [json.loads(line) for line in lines]


def _table(path: Path, order: str = "") -> list[Row]:
    # Numbers come as their shortest decimal text: a 32-bit float would widen into noise.
    names = [row[0] for row in duckdb.execute(f"describe select * from '{path}'").fetchall()]
    kinds = {row[0]: row[1] for row in duckdb.execute(f"describe select * from '{path}'").fetchall()}
    texts = [f'"{n}"::varchar' if kinds[n] in ("FLOAT", "DOUBLE") else f'"{n}"' for n in names]
    query = f"select {', '.join(texts)} from '{path}' {order}"
    return [dict(zip(names, row, strict=True)) for row in duckdb.execute(query).fetchall()]


@cache
def raw_fills(data: Path, name: str) -> list[Row]:
    """Return a file's fills as they are in it."""
    if name.endswith(".gz"):
        return _lines(data / name)
    return _table(data / name, "order by row" if "3accounts" in name else "")


def as_fill(row: Row) -> Fill:
    """Return a raw row as a fill."""
    hit = row.get("liquidation")

    def decimal(name: str) -> Decimal | None:
        return None if row.get(name) is None else Decimal(row[name])

    return Fill(
        user=Address(row["user"]),
        coin=Coin(row["coin"]),
        px=Decimal(row["px"]),
        sz=Decimal(row["sz"]),
        side=Side(row["side"]),
        time_ms=row["time"],
        start_position=decimal("startPosition"),
        dir=row.get("dir"),
        closed_pnl=decimal("closedPnl"),
        fee=decimal("fee"),
        crossed=row.get("crossed"),
        oid=row.get("oid"),
        tid=row.get("tid"),
        liquidation=None
        if hit is None
        else Liquidation(Address(hit["liquidatedUser"]), Decimal(hit["markPx"]), hit["method"]),
    )


@cache
def raw_funding(data: Path, name: str) -> list[Row]:
    """Return funding rows as ``{user, coin, time, usdc, samples}``."""
    if name.endswith(".gz"):
        return [
            {
                "user": row["user"],
                "coin": row["delta"]["coin"],
                "time": row["time"],
                "usdc": row["delta"]["usdc"],
                "samples": row["delta"]["nSamples"] or 1,
            }
            for row in _lines(data / name)
        ]
    return [{**row, "samples": 1} for row in _table(data / name)]


def as_payment(row: Row) -> FundingPayment:
    """Return a raw funding row as a payment."""
    return FundingPayment(
        user=Address(row["user"]),
        coin=Coin(row["coin"]),
        time_ms=row["time"],
        usdc=Decimal(row["usdc"]),
        szi=Decimal(0),
        rate=Decimal(0),
        samples=row["samples"],
    )


@cache
def raw_bars(data: Path, venue: str = "hyperliquid") -> list[Row]:
    """Return a venue's quarter-hour and hourly bars as ``{coin, interval, t, close}``."""
    path = data / f"candles-{venue}.parquet"
    return _table(path, "where interval in ('15m', '1h') order by coin, interval, t")


def as_bar(row: Row) -> tuple[str, Bar]:
    """Return a raw bar as ``(interval, bar)``."""
    end = row["t"] + INTERVAL_MS[row["interval"]]
    prices = [float(row[name]) for name in ("open", "high", "low", "close")]
    return row["interval"], Bar(Coin(row["coin"]), row["t"], end, *prices)


@cache
def raw_rates(data: Path) -> list[Row]:
    """Return BTC's hourly funding rates as ``{coin, time, fundingRate}``."""
    return _table(data / "funding-btc-hourly.parquet")


def as_rate(row: Row) -> FundingRate:
    """Return a raw rate as ours."""
    return FundingRate(Coin(row["coin"]), row["time"], Decimal(row["fundingRate"]))
