"""`hyperfade demo --chat`: alerts and exits within a minute, answers in chat and in a second process."""

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from tests.support.command_line import Finished, run_command
from tests.support.program import Program, data_folder, processes_of, program

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

ADDRESS = re.compile(r"0x[0-9a-f]{40}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def demo() -> AsyncIterator[tuple[Program, Path]]:
    """Run one demonstration for all tests of this file."""
    with data_folder() as folder:
        async with program(folder, "demo", "--chat", HYPERFADE_HOME=str(folder)) as started:
            yield started, folder


async def ask(folder: Path, *arguments: str) -> Finished:
    """Ask in a second process, as the demonstration says one can."""
    answer = await run_command(folder, *arguments, HYPERFADE_HOME=str(folder / "demo"))
    assert (answer.code, answer.err) == (0, ""), arguments
    return answer


async def ask_json(folder: Path, *arguments: str) -> Any:
    return json.loads((await ask(folder, *arguments, "--json")).out)


async def test_it_tells_to_enter_and_to_leave(demo: tuple[Program, Path]) -> None:
    running, _ = demo
    await running.says("made up")
    entry = await running.says("Consider ")
    assert re.search(r"Consider (LONG|SHORT) \S+ #\w{4}", entry)
    leave = await running.says("Get out: ")
    assert re.search(r"Get out: (LONG|SHORT) \S+ #\w{4}", leave)
    await running.says("bps after costs")
    await running.says("No evidence yet")


async def test_the_chat_answers(demo: tuple[Program, Path]) -> None:
    running, _ = demo
    await running.says("Get out: ")
    for command, words in (
        ("/losers", "badness"),
        ("/trader #1", "round trips"),
        ("/opportunities", "#"),
        ("/performance", "placebo"),
    ):
        before = len(running.out)
        await running.types(command)
        await running.until(
            lambda words=words, before=before: any(  # type: ignore[misc]
                words in line.lower() and not line.startswith("│") for line in running.out[before:]
            )
        )


async def test_what_cannot_be_read_is_answered_and_does_not_end_the_chat(demo: tuple[Program, Path]) -> None:
    running, _ = demo
    await running.says("Get out: ")
    await running.types("/crowd \udcff\udcfe")
    assert "\ufffd\ufffd" in await running.says("is not a coin")
    await running.types("/whoami")
    await running.says("console:stdout")


async def test_beside_the_pictures_there_is_nothing(demo: tuple[Program, Path]) -> None:
    """The drawing library's own files and words are no business of who looks at charts."""
    running, folder = demo
    await running.says("Get out: ")
    await running.types("/trader #1")
    picture = Path((await running.says("Picture: ")).removeprefix("Picture: ").strip())
    assert picture.parent == folder / "demo/charts"
    assert {path.suffix for path in picture.parent.iterdir()} == {".png"}
    assert not any("font" in line.lower() for line in (*running.out, *running.err))


async def test_the_losers_are_listed(demo: tuple[Program, Path]) -> None:
    running, folder = demo
    await running.says("Get out: ")
    listed = await ask_json(folder, "losers", "--limit", "5")
    assert len(listed["items"]) == 5
    worst = listed["items"][0]
    assert [row["rank"] for row in listed["items"]] == [1, 2, 3, 4, 5]
    assert {
        "address", "rank", "badness", "pnl_30d", "pnl_30d_source", "realized_pnl", "price_pnl", "cost_pnl",
        "capital", "pnl_pct", "round_trips", "wins", "win_rate", "payoff_ratio", "total_losses",
        "profit_factor", "losing_days", "max_drawdown_pct", "markout_bps", "fade_edge_bps", "p_edge",
        "reasons",
    } <= worst.keys()  # fmt: skip
    assert {"mean", "n", "se"} <= worst["markout_bps"]["1h"].keys()
    assert worst["pnl_30d"] < 0
    assert listed["next_cursor"]
    after = await ask_json(folder, "losers", "--limit", "5", "--cursor", listed["next_cursor"])
    assert after["items"][0]["rank"] == 6
    text = await ask(folder, "losers")
    assert ADDRESS.search(text.out)


async def test_a_trader_has_a_card(demo: tuple[Program, Path]) -> None:
    running, folder = demo
    await running.says("Get out: ")
    card = await ask_json(folder, "trader", "#1")
    assert card["address"] == card["standing"]["address"]
    assert card["standing"]["rank"] == 1
    assert card["recent_round_trips"]
    assert card["by_coin"]
    text = await ask(folder, "trader", card["address"])
    assert card["address"] in text.out


async def test_opportunities_and_their_endings_are_listed(demo: tuple[Program, Path]) -> None:
    running, folder = demo
    await running.says("Get out: ")
    answer = await ask_json(folder, "opportunities")
    assert answer["recent"]
    ended = answer["recent"][0]
    assert ended["ending"]["reason"]
    assert {
        "coin",
        "side",
        "loser",
        "reference_px",
        "drift_bps",
        "stop_px",
        "target_px",
        "expires",
    } <= ended.keys()
    text = await ask(folder, "opportunities")
    assert ended["coin"] in text.out


async def test_performance_stands_beside_the_placebo(demo: tuple[Program, Path]) -> None:
    running, folder = demo
    await running.says("Get out: ")
    answer = await ask_json(folder, "performance")
    assert answer["published"] > 0
    assert answer["evidence"]["verdict"] == "none yet"
    assert answer["at_exit"]["losers"]["n"] > 0
    assert {"n", "win_rate", "win_rate_interval", "mean_net_bps", "median_net_bps"} <= answer["at_exit"][
        "losers"
    ].keys()
    assert all("placebo" in row for row in answer["horizons"])
    text = await ask(folder, "performance", "all")
    assert "No evidence yet" in text.out


async def test_crowd_and_status(demo: tuple[Program, Path]) -> None:
    running, folder = demo
    await running.says("Get out: ")
    crowd = await ask_json(folder, "crowd")
    assert crowd["items"][0].keys() == {"coin", "long_count", "short_count", "long_usd", "short_usd"}
    assert crowd["items"][0]["coin"] in (await ask(folder, "crowd")).out
    status = await ask_json(folder, "status")
    assert status["watched"] > 0
    assert status["listed"] > 0
    assert status["published"] > 0
    assert status["fills"] > 0
    assert status["last_trade"]
    assert "No evidence yet" in (await ask(folder, "status")).out


async def test_ctrl_c_stops_it_and_leaves_nothing_behind(demo: tuple[Program, Path]) -> None:
    running, folder = demo
    await running.says("Get out: ")
    assert processes_of(folder)  # its server
    assert await running.interrupt() == 0
    assert "Traceback" not in running.text
    assert running.err == []
    assert processes_of(folder) == []
    kept = await ask_json(folder, "performance")  # what was published stays
    assert kept["published"] > 0
    assert processes_of(folder) == []
