"""The table that people read, and the line that is kept."""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.measuring import Report, Row

HISTORY = Path(__file__).parent / "results" / "history.jsonl"


def show(console: Console, reports: Mapping[str, Report]) -> None:
    """Print one table of all ratios."""
    table = Table(title="ours against a bare baseline, medians", title_justify="left")
    for name in ("benchmark", "what", "unit"):
        table.add_column(name)
    for name in ("ours", "bare", "ours/bare", "spread", "peak MB", "bare MB"):
        table.add_column(name, justify="right")
    for report in reports.values():
        for row in report.rows:
            table.add_row(*_cells(row))
        table.add_section()
    console.print(table)
    console.print(
        "ours/bare: of a rate, more is better (↑); of a time, less (↓). spread: max/min of our rounds."
    )
    for name, report in reports.items():
        for key, value in report.details.items():
            console.print(f"{name}: {key}: {_short(value)}", highlight=False)


def as_dict(
    reports: Mapping[str, Report], machine: Mapping[str, Any], commit: str, loads: Sequence[float]
) -> dict[str, Any]:
    """Return the whole run as one JSON value."""
    return {
        "at": datetime.now(UTC).strftime("%Y-%m-%dT%H:%MZ"),
        "commit": commit,
        "machine": dict(machine),
        "load_before": loads[0],
        "load_after": loads[1],
        "rows": [_row_dict(row) for report in reports.values() for row in report.rows],
        "details": {name: dict(report.details) for name, report in reports.items() if report.details},
    }


def keep(result: Mapping[str, Any]) -> None:
    """Add the run to the history, one line each."""
    HISTORY.parent.mkdir(exist_ok=True)
    with HISTORY.open("a", encoding="utf-8") as file:
        file.write(json.dumps(result, ensure_ascii=False) + "\n")


def _cells(row: Row) -> tuple[str, ...]:
    arrow = "↑" if row.better == "higher" else "↓"
    return (
        row.benchmark,
        row.what,
        row.unit,
        _number(row.ours),
        _number(row.bare),
        f"{row.ratio:.2f} {arrow}",
        "" if row.spread is None else f"{row.spread:.2f}",
        "" if row.ours_peak_mb is None else f"{row.ours_peak_mb:,.0f}",
        "" if row.bare_peak_mb is None else f"{row.bare_peak_mb:,.0f}",
    )


def _row_dict(row: Row) -> dict[str, Any]:
    return {
        "benchmark": row.benchmark,
        "what": row.what,
        "unit": row.unit,
        "ours": float(f"{row.ours:.4g}"),
        "bare": float(f"{row.bare:.4g}"),
        "ratio": float(f"{row.ratio:.3g}"),
        "better": row.better,
        "spread": None if row.spread is None else round(row.spread, 2),
        "ours_peak_mb": row.ours_peak_mb,
        "bare_peak_mb": row.bare_peak_mb,
    }


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def _short(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_short(part)}" for key, part in value.items())
    return _number(value) if isinstance(value, float) else str(value)
