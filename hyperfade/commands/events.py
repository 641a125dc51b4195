"""`events`: the position events and round trips found in fills; needs no database."""

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from core.counting import counted
from core.detection.events import position_events
from core.model.market import Address
from core.model.positions import PositionEvent, RoundTrip
from core.ranking.trips import AccountBook
from hyperfade.recordings import Recording, open_recordings
from messages.figures import short_address
from messages.json import row_to_dict
from messages.json_values import time


async def show_events(paths: Sequence[Path], *, account: str | None, as_json: bool) -> None:
    """Print all events by time, then all round trips by closing time."""
    recording = await asyncio.to_thread(open_recordings, paths, account)
    events = sorted(position_events(recording.fills), key=lambda event: event.time_ms)
    trips = _trips(recording)
    if as_json:
        for event in events:
            print(json.dumps({"type": "event", **row_to_dict(event)}, ensure_ascii=False))
        for trip in trips:
            print(json.dumps({"type": "round_trip", **row_to_dict(trip)}, ensure_ascii=False))
        return
    console = Console(highlight=False)
    console.print(_event_table(events))
    console.print(_trip_table(trips))


def _trips(recording: Recording) -> list[RoundTrip]:
    books: dict[Address, AccountBook] = {}
    for fill in recording.fills:
        book = books.setdefault(fill.user, AccountBook(fill.user))
        book.extend([fill])
    trips = [trip for book in books.values() for trip in book.trips]
    return sorted(trips, key=lambda trip: (trip.closed_ms, trip.account, trip.coin))


def _event_table(events: Sequence[PositionEvent]) -> Table:
    table = Table(
        title=counted(len(events), "position event"), title_justify="left", box=None, pad_edge=False
    )
    for name in ("time", "account", "coin", "event"):
        table.add_column(name)
    for name in ("from", "to", "average price", "notional", "fills"):
        table.add_column(name, justify="right")
    for event in events:
        kind = (
            event.kind.value if event.cause.value == "order" else f"{event.kind.value} ({event.cause.value})"
        )
        table.add_row(
            time(event.time_ms),
            short_address(event.account),
            event.coin,
            kind,
            f"{event.before:f}",
            f"{event.after:f}",
            f"{event.avg_px:.6g}",
            f"{event.notional_usd:,.2f}",
            str(event.fills),
        )
    return table


def _trip_table(trips: Sequence[RoundTrip]) -> Table:
    table = Table(title=counted(len(trips), "round trip"), title_justify="left", box=None, pad_edge=False)
    for name in ("opened", "closed", "account", "coin", "side"):
        table.add_column(name)
    for name in ("entry notional", "gross", "fees", "net"):
        table.add_column(name, justify="right")
    for trip in trips:
        table.add_row(
            time(trip.opened_ms),
            time(trip.closed_ms),
            short_address(trip.account),
            trip.coin,
            trip.direction.value + (" (partial)" if trip.partial else ""),
            f"{trip.entry_notional_usd:,.2f}",
            *(
                "unknown" if value is None else f"{value:,.2f}"
                for value in (trip.gross_pnl, trip.fees, trip.net_pnl)
            ),
        )
    return table
