"""Pictures are small, the same for the same facts, and there is none where nothing can be shown."""

import gc
import random
import struct
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest

from core.model.answers import PerformanceAnswer, TraderAnswer
from core.model.fills import CurvePoint
from core.model.market import DAY_MS, HOUR_MS
from core.model.outcomes import HorizonScore
from core.model.positions import RoundTrip
from messages.charts import FEWEST, performance_chart, performance_words, trader_chart, trader_words
from messages.charts.panel import LOSS, PANEL, TEXT, days, time_axis
from tests.support.chat_facts import NO_SCORE, NOW_MS, make_performance, make_score, make_trader

ROOT = Path(__file__).resolve().parents[2]
MOST_BYTES = 150_000
SPAN_MS = 30 * DAY_MS


def trips(count: int, usd: float = 100.0, span_ms: int = SPAN_MS) -> tuple[RoundTrip, ...]:
    rng = random.Random(1)
    found = []
    for nth in range(count):
        opened = NOW_MS - span_ms + int(span_ms * (nth + rng.random()) / count * 0.97)
        closed = min(opened + int(rng.random() * span_ms / count * 1.5) + 1_000, NOW_MS)
        result = Decimal(f"{rng.gauss(-0.3, 1) * usd:.2f}")
        found.append(
            replace(
                make_trader().recent_trips[0],
                opened_ms=opened,
                closed_ms=closed,
                gross_pnl=result,
                fees=Decimal(1),
            )
        )
    return tuple(sorted(found, key=lambda trip: -trip.closed_ms))


def curve(count: int, begin: float, step: float, span_ms: int = SPAN_MS) -> tuple[CurvePoint, ...]:
    rng, value, points = random.Random(2), begin, []
    for nth in range(count):
        points.append(
            CurvePoint(NOW_MS - span_ms + span_ms * nth // max(count - 1, 1), Decimal(f"{value:.2f}"))
        )
        value += rng.gauss(-step * 0.1, step)
    return tuple(points)


def score(ours: int, control: int) -> PerformanceAnswer:
    placebo = make_score(n=control) if control else NO_SCORE
    return make_performance(
        curve=curve(ours, 0, 25),
        placebo_curve=curve(control, 0, 20),
        at_exit=HorizonScore(None, make_score(n=ours), placebo),
    )


TRADERS: dict[str, TraderAnswer] = {
    "typical": make_trader(trips=trips(40, 2_000), equity=curve(60, 100_000, 3_000)),
    "one trip": make_trader(trips=trips(1)),
    "one point of equity": make_trader(trips=trips(3), equity=curve(1, 1_000, 1)),
    "no trip": make_trader(equity=curve(2, 1_000, 100)),
    "500 trips": make_trader(trips=trips(500, 300), equity=curve(200, 50_000, 2_000)),
    "5,000 trips": make_trader(trips=trips(5_000, 300), equity=curve(700, 50_000, 9_000)),
    "negative equity": make_trader(trips=trips(20, 500), equity=curve(50, -5_000, 700)),
    "huge": make_trader(trips=trips(30, 4e11), equity=curve(50, 9e12, 5e11)),
    "within an hour": make_trader(
        trips=trips(12, 3, HOUR_MS), equity=curve(10, 1_000, 3, HOUR_MS), standing=None
    ),
    "all at one moment": make_trader(
        trips=(replace(trips(1)[0], opened_ms=NOW_MS, closed_ms=NOW_MS),),
    ),
    "flat": make_trader(equity=(CurvePoint(NOW_MS - DAY_MS, Decimal(0)), CurvePoint(NOW_MS, Decimal(0)))),
}
SCORES = {"typical": score(41, 38), "many": score(3_000, 2_900), "no control": score(FEWEST, 0)}


def assert_fit(picture: bytes | None) -> None:
    assert picture is not None
    assert picture.startswith(b"\x89PNG\r\n")
    assert struct.unpack(">II", picture[16:24]) == (1200, 900)
    assert len(picture) <= MOST_BYTES


@pytest.mark.parametrize("name", list(TRADERS))
def test_trader_has_a_picture_of_bounded_size(name: str) -> None:
    assert_fit(trader_chart(TRADERS[name]))


@pytest.mark.parametrize("name", list(SCORES))
def test_score_has_a_picture_of_bounded_size(name: str) -> None:
    assert_fit(performance_chart(SCORES[name]))


@pytest.mark.parametrize(
    "draw",
    [
        lambda: trader_chart(make_trader(trips=(), equity=())),
        lambda: trader_chart(make_trader(trips=(), equity=curve(1, 5, 1))),
        lambda: trader_chart(make_trader(trips=(replace(trips(1)[0], fees=None),))),
        lambda: performance_chart(score(FEWEST - 1, 40)),
        lambda: performance_chart(score(0, 0)),
    ],
)
def test_too_little_gives_no_picture(draw: Callable[[], bytes | None]) -> None:
    assert draw() is None


def test_the_hour_after_midnight_is_named() -> None:
    from matplotlib.figure import Figure

    midnight_ms = NOW_MS // DAY_MS * DAY_MS

    def labels(from_ms: int, until_ms: int) -> list[str]:
        axes = Figure().subplots()
        time_axis(axes, from_ms, until_ms)
        return [axes.xaxis.get_major_formatter()(day, 0) for day in days([from_ms, until_ms])]

    assert labels(midnight_ms + 1_220_000, midnight_ms + 1_270_000) == ["00:20:20", "00:21:10"]
    assert labels(midnight_ms, midnight_ms + 9 * HOUR_MS) == ["00:00", "09:00"]
    assert labels(midnight_ms, midnight_ms + 2 * DAY_MS) == ["5 Jan 00:00", "7 Jan 00:00"]
    assert labels(midnight_ms, midnight_ms + 9 * DAY_MS) == ["5 Jan", "14 Jan"]


def test_same_facts_give_the_same_bytes_and_other_facts_others() -> None:
    assert trader_chart(TRADERS["typical"]) == trader_chart(TRADERS["typical"])
    assert trader_chart(TRADERS["typical"]) != trader_chart(TRADERS["huge"])


def test_words_for_those_who_see_no_picture_have_its_facts() -> None:
    assert trader_words(TRADERS["one trip"]) == (
        "Chart of 0x12ab…34ef, 30 days; 1 round trip, 0 won, -$24 after fees."
    )
    assert "equity from $1,000 to" in trader_words(TRADERS["no trip"])
    assert performance_words(SCORES["no control"]).endswith("n 5; placebo: no result yet, n 0.")
    assert len(trader_words(TRADERS["huge"])) < 1024


def test_nothing_is_left_of_a_drawn_picture() -> None:
    from matplotlib.figure import Figure

    trader_chart(TRADERS["one trip"])
    gc.collect()
    assert not [one for one in gc.get_objects() if isinstance(one, Figure)]


def test_library_is_loaded_by_the_first_picture_and_opens_no_window() -> None:
    code = (
        "import sys, messages.charts; assert 'matplotlib' not in sys.modules;"
        "from messages.charts.panel import load; load();"
        "assert 'matplotlib' in sys.modules and 'matplotlib.pyplot' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, timeout=60)


def contrast(one: str, other: str) -> float:
    """Return WCAG's ratio of two colours."""

    def light(colour: str) -> float:
        parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        red, green, blue = (p / 12.92 if p <= 0.03928 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    bright, dark = sorted((light(one), light(other)), reverse=True)
    return (bright + 0.05) / (dark + 0.05)


def test_words_and_marks_stand_out_from_their_panel() -> None:
    assert contrast(TEXT, PANEL) >= 12
    assert contrast(LOSS, PANEL) >= 4.5
