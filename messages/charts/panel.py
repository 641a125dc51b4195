"""The one look of all charts: a dark panel of its own, readable in a light chat and in a dark one."""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from io import BytesIO
from math import inf
from typing import TYPE_CHECKING, Any

from messages import figures

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PANEL = "#20242c"
"""Lighter than a chat's dark background, so that the panel is seen; white text on it reads at 15:1."""

TEXT = "#f2f4f8"
FAINT = "#b6bdca"
GRID = "#3a414e"
EQUITY = "#7cc4ff"
RESULT = "#f2f4f8"
GAIN = "#4cd08a"
LOSS = "#ff7b6b"
OTHER = "#ffb454"

WIDTH_IN, HEIGHT_IN = 6.0, 4.5
DOTS = 200
"""Pixels an inch: 1,200 across, two for each of a phone's points."""

DAY_S = 86_400.0

TIME_FORMS = ((0.007, "%H:%M:%S"), (1.0, "%H:%M"), (3.0, "%d %b %H:%M"), (inf, "%d %b"))
"""How a time is written by the span of the axis in days: as little as tells two labels apart."""

_ZEROS = re.compile(r"\.0+(?=\D*$)")


def load() -> None:
    """Load the library, which takes a second, before the first picture is asked for."""
    with panel() as figure:
        plain_axes(figure.subplots())
        png(figure)


@contextmanager
def panel() -> Iterator["Figure"]:
    """Yield an empty figure that nobody else knows: no pyplot, so nothing is left behind."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    look: dict[Any, Any] = {
        "font.family": "DejaVu Sans",  # ships with the library: looks the same on every machine
        "font.size": 11.5,
        "text.color": TEXT,
        "axes.labelcolor": FAINT,
        "axes.edgecolor": GRID,
        "axes.facecolor": PANEL,
        "xtick.color": FAINT,
        "ytick.color": FAINT,
        "figure.facecolor": PANEL,
        "text.parse_math": False,  # a dollar is a dollar
        "axes.unicode_minus": False,
    }
    with mpl.rc_context(look):
        layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.09)
        figure = Figure(figsize=(WIDTH_IN, HEIGHT_IN), dpi=DOTS, layout=layout)
        FigureCanvasAgg(figure)
        try:
            yield figure
        finally:
            figure.clear()


def png(figure: "Figure") -> bytes:
    """Return the figure as a PNG without the time or the library's name in it: equal facts, equal bytes."""
    out = BytesIO()
    figure.savefig(
        out, format="png", metadata={"Software": None}, pil_kwargs={"optimize": True, "compress_level": 9}
    )
    return out.getvalue()


def title(figure: "Figure", words: str) -> None:
    """Write what the picture is about."""
    figure.suptitle(words, x=0.02, ha="left", fontsize=13, fontweight="bold")


def plain_axes(axes: "Axes") -> None:
    """Take away what carries no fact: three of the four borders, and the ticks' own lines."""
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.tick_params(length=0, pad=5)
    axes.grid(axis="y", color=GRID, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.margins(x=0.02, y=0.12)


def days(moments_ms: Sequence[int]) -> list[float]:
    """Return moments as the days since 1970 that a time axis counts in."""
    return [ms / 1000.0 / DAY_S for ms in moments_ms]


def time_axis(axes: "Axes", from_ms: int, until_ms: int) -> None:
    """Label the time from one moment to another with at most six dates or times of day, UTC."""
    from matplotlib.dates import AutoDateLocator
    from matplotlib.ticker import FuncFormatter

    if until_ms <= from_ms:  # one moment: an hour around it
        from_ms, until_ms = from_ms - 1_800_000, until_ms + 1_800_000
    margin = (until_ms - from_ms) * 0.025
    axes.set_xlim(*days([round(from_ms - margin), round(until_ms + margin)]))
    locator = AutoDateLocator(minticks=3, maxticks=6, interval_multiples=False)  # type: ignore[no-untyped-call]
    axes.xaxis.set_major_locator(locator)
    span_days = (until_ms - from_ms) / 1000.0 / DAY_S
    form = next(form for longest_days, form in TIME_FORMS if span_days < longest_days)

    def label(day: float, _: object) -> str:
        at = datetime.fromtimestamp(day * DAY_S, UTC)
        text = at.strftime(form)
        return text.removeprefix("0") if form.startswith("%d") else text  # 5 Jan, but 00:20

    axes.xaxis.set_major_formatter(FuncFormatter(label))
    axes.set_xlabel("time (UTC)" if span_days < 3 else "day (UTC)")


def usd_axis(axes: "Axes") -> None:
    """Label amounts as the texts write them, whole ones without decimals: ``-$25.3k``, ``$90k``."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(nbins=4))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: _ZEROS.sub("", figures.usd(value))))


def bps_axis(axes: "Axes") -> None:
    """Label basis points with their sign."""
    from matplotlib.ticker import FuncFormatter, MaxNLocator

    axes.yaxis.set_major_locator(MaxNLocator(nbins=5))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: figures.number(value, 0, signed=True)))
