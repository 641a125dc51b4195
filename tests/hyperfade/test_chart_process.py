"""Another process draws; whatever happens to it, an answer waits a bounded time and the next is drawn."""

import asyncio
import os
import signal
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.charts import Charts
from core.model.fills import CurvePoint
from core.model.market import DAY_MS
from core.model.outcomes import HorizonScore
from hyperfade.chart_process import ChartProcess, chart_process
from tests.support.chat_facts import NOW_MS, make_performance, make_score, make_trader

PATIENCE_S = 60.0

TRADER = make_trader(
    trips=make_trader().recent_trips,
    equity=(CurvePoint(NOW_MS - DAY_MS, Decimal(100)), CurvePoint(NOW_MS, Decimal("90.5"))),
)


pytestmark = [pytest.mark.asyncio, pytest.mark.usefixtures("in_repository")]


async def drawn(charts: ChartProcess) -> int:
    """Have a picture drawn and return the id of the process that drew it."""
    picture = await charts.trader(TRADER)
    assert picture is not None
    assert picture.png.startswith(b"\x89PNG")
    assert charts.pid is not None
    return charts.pid


async def test_pictures_are_drawn_by_one_process_that_the_first_wish_starts(tmp_path: Path) -> None:
    points = tuple(CurvePoint(NOW_MS - nth * DAY_MS, Decimal(nth)) for nth in (3, 2, 1))
    score = make_performance(curve=points, at_exit=HorizonScore(None, make_score(), make_score()))
    async with chart_process(tmp_path, longest_s=PATIENCE_S) as charts:
        there: Charts = charts
        assert charts.pid is None
        pid = await drawn(charts)
        picture = await there.performance(score)
        assert picture is not None
        assert picture.name == "performance.png"
        assert picture.alt.startswith("Chart of what following the alerts made")
        assert charts.pid == pid
    assert charts.pid is None


async def test_nothing_to_show_is_no_picture_and_no_warning(tmp_path: Path) -> None:
    async with chart_process(tmp_path, longest_s=PATIENCE_S) as charts:
        with capture_logs() as logs:
            assert await charts.trader(make_trader(trips=(), equity=())) is None
    assert logs == []


async def test_what_cant_be_drawn_is_one_warning_and_the_next_is_drawn(tmp_path: Path) -> None:
    beyond = replace(TRADER, equity=(CurvePoint(0, Decimal(1)), CurvePoint(10**17, Decimal(1))))
    async with chart_process(tmp_path, longest_s=PATIENCE_S) as charts:
        with capture_logs() as logs:
            assert await charts.trader(beyond) is None
        assert [log["event"] for log in logs] == ["chart not drawn"]
        await drawn(charts)


async def test_who_died_is_replaced(tmp_path: Path) -> None:
    async with chart_process(tmp_path, longest_s=PATIENCE_S) as charts:
        first = await drawn(charts)
        os.kill(first, signal.SIGKILL)
        with capture_logs():
            await charts.trader(TRADER)  # perhaps only this finds it dead
        assert await drawn(charts) != first


async def test_who_hangs_is_not_waited_for_and_is_replaced(tmp_path: Path) -> None:
    async with chart_process(tmp_path, longest_s=PATIENCE_S) as charts:
        first = await drawn(charts)
        os.kill(first, signal.SIGSTOP)
        charts.longest_s = 0.05
        with capture_logs() as logs:
            assert await charts.trader(TRADER) is None
        assert [(log["event"], log["error"]) for log in logs] == [
            ("chart not drawn", "no picture within 0.05 s")
        ]
        charts.longest_s = PATIENCE_S
        assert await drawn(charts) != first


async def test_who_is_still_loading_is_left_to_it(tmp_path: Path) -> None:
    async with chart_process(tmp_path, longest_s=0.05) as charts:
        with capture_logs() as logs:
            assert await charts.trader(TRADER) is None
        assert len(logs) == 1
        first = charts.pid
        charts.longest_s = PATIENCE_S
        assert await drawn(charts) == first


async def test_two_wishes_are_drawn_one_after_the_other(tmp_path: Path) -> None:
    async with chart_process(tmp_path, longest_s=PATIENCE_S) as charts:
        pictures = await asyncio.gather(charts.trader(TRADER), charts.trader(TRADER))
    assert None not in pictures
    assert pictures[0] == pictures[1]
