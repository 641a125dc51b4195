"""A trader's month: equity above, realized result below, each round trip marked where it ended."""

from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from typing import TYPE_CHECKING

from core.counting import counted
from core.model.answers import TraderAnswer
from core.model.fills import CurvePoint
from core.model.positions import RoundTrip
from messages import figures
from messages.charts import panel as look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

MOST_MARKED = 50
"""Of more round trips only those with the largest results are marked: the others would hide them."""


def trader_chart(answer: TraderAnswer) -> bytes | None:
    """Return the picture as a PNG, or None where there is neither a line nor a round trip to show."""
    known = [trip for trip in reversed(answer.trips) if trip.net_pnl is not None]
    trips = sorted(known, key=lambda trip: (trip.closed_ms, trip.opened_ms))
    equity = answer.equity if len(answer.equity) > 1 else ()
    if not trips and not equity:
        return None
    moments = [p.time_ms for p in equity] + [ms for t in trips for ms in (t.opened_ms, t.closed_ms)]
    marked = sorted(trips, key=_size, reverse=True)[:MOST_MARKED]
    with look.panel() as figure:
        count = bool(equity) + bool(trips)
        grid = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
        if equity:
            _equity(grid[0], equity, marked)
        if trips:
            _result(grid[-1], trips, marked)
            handles, labels = grid[-1].get_legend_handles_labels()
            figure.legend(handles, labels, loc="outside lower left", ncols=3, frameon=False, fontsize=10.5)
        for axes in grid:
            look.plain_axes(axes)
            look.usd_axis(axes)
        for upper in grid[:-1]:
            upper.spines["bottom"].set_visible(False)
        look.time_axis(grid[-1], min(moments), max(moments))
        look.title(figure, _title(answer))
        return look.png(figure)


def _size(trip: RoundTrip) -> float:
    return abs(float(trip.net_pnl or 0))


def _title(answer: TraderAnswer) -> str:
    standing = answer.standing
    rank = f", rank {standing.rank}" if standing is not None and standing.is_listed else ""
    return f"{figures.short_address(answer.address)}{rank}"


def _equity(axes: "Axes", equity: Sequence[CurvePoint], marked: Sequence[RoundTrip]) -> None:
    times = [point.time_ms for point in equity]
    values = [float(point.value) for point in equity]
    axes.plot(look.days(times), values, color=look.EQUITY, linewidth=2.0)
    inside = [trip for trip in marked if times[0] <= trip.closed_ms <= times[-1]]
    _ends(axes, [(trip, _between(times, values, trip.closed_ms)) for trip in inside])
    axes.set_title(f"equity, last {figures.usd(values[-1])}", loc="left", fontsize=11.5, color=look.EQUITY)


def _between(times: Sequence[int], values: Sequence[float], ms: int) -> float:
    """Return the line's height at a moment between its first point and its last."""
    right = min(bisect_right(times, ms), len(times) - 1)
    left = max(right - 1, 0)
    if times[right] == times[left]:
        return values[right]
    share = (ms - times[left]) / (times[right] - times[left])
    return values[left] + share * (values[right] - values[left])


def _result(axes: "Axes", trips: Sequence[RoundTrip], marked: Sequence[RoundTrip]) -> None:
    sums = [0.0, *accumulate(float(trip.net_pnl or 0) for trip in trips)]
    closed = [trip.closed_ms for trip in trips]
    begin = min(trip.opened_ms for trip in trips)
    axes.axhline(0.0, color=look.FAINT, linewidth=0.8)
    axes.step(look.days([begin, *closed]), sums, where="post", color=look.RESULT, linewidth=1.6)
    opened = [trip.opened_ms for trip in marked]
    axes.scatter(
        look.days(opened), [sums[bisect_right(closed, ms)] for ms in opened], s=30, marker="o",
        facecolors=look.PANEL, edgecolors=look.FAINT, linewidths=1.3, zorder=3, label="opened",
    )  # fmt: skip
    after = {id(trip): value for trip, value in zip(trips, sums[1:], strict=True)}
    _ends(axes, [(trip, after[id(trip)]) for trip in marked])
    words = f"{counted(len(trips), 'round trip')}, {figures.usd(sums[-1], signed=True)} after fees"
    if len(marked) < len(trips):
        words += f", the {len(marked)} largest marked"
    axes.set_title(words, loc="left", fontsize=11.5)


def _ends(axes: "Axes", ends: Sequence[tuple[RoundTrip, float]]) -> None:
    """Mark gains by a green triangle that points up, losses by a red one that points down."""
    for label, marker, colour, is_gain in (
        ("won", "^", look.GAIN, True),
        ("lost", "v", look.LOSS, False),
    ):
        shown = [(trip.closed_ms, y) for trip, y in ends if ((trip.net_pnl or 0) > 0) is is_gain]
        if shown:
            axes.scatter(
                look.days([ms for ms, _ in shown]), [y for _, y in shown], s=46, marker=marker,
                color=colour, edgecolors=look.PANEL, linewidths=0.6, zorder=4, label=label,
            )  # fmt: skip
