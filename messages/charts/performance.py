"""What the alerts made, ending by ending, beside the same rule on accounts that are no losers."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.model.answers import PerformanceAnswer
from core.model.fills import CurvePoint
from messages import figures
from messages.charts import panel as look

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FEWEST = 5
"""Results below which a curve would only mislead."""


def performance_chart(answer: PerformanceAnswer) -> bytes | None:
    """Return the picture as a PNG, or None with fewer than ``FEWEST`` results."""
    if answer.at_exit.losers.n < FEWEST or len(answer.curve) < 2:
        return None
    ours, control = answer.curve, answer.placebo_curve
    begin_ms = min(point.time_ms for point in (*ours, *control))
    end_ms = max(answer.as_of_ms, *(point.time_ms for point in (*ours, *control)))
    with look.panel() as figure:
        axes = figure.subplots()
        axes.axhline(0.0, color=look.FAINT, linewidth=0.8)
        _curve(axes, ours, begin_ms, end_ms, look.EQUITY, "alerts", answer.at_exit.losers.n, "-")
        if control:
            _curve(axes, control, begin_ms, end_ms, look.OTHER, "placebo", answer.at_exit.placebo.n, "--")
        else:
            axes.plot([], [], color=look.OTHER, linestyle="--", label="placebo: no result yet")
        look.plain_axes(axes)
        look.bps_axis(axes)
        look.time_axis(axes, begin_ms, end_ms)
        axes.set_ylabel("sum of results, bps after costs")
        look.title(figure, "Following the alerts" + (" (rehearsal)" if answer.rehearsal else ""))
        figure.legend(loc="outside lower left", ncols=2, frameon=False, fontsize=11)
        return look.png(figure)


def _curve(
    axes: "Axes",
    curve: Sequence[CurvePoint],
    begin_ms: int,
    end_ms: int,
    colour: str,
    name: str,
    n: int,
    style: str,
) -> None:
    """Draw steps: nothing moves between two endings."""
    times = [begin_ms, *(point.time_ms for point in curve), end_ms]
    values = [0.0, *(float(point.value) for point in curve)]
    values.append(values[-1])
    label = f"{name}: {figures.number(values[-1], 0, signed=True)} bps, n {n:,}"
    axes.step(
        look.days(times), values, where="post", color=colour, linewidth=2.2, linestyle=style, label=label
    )
