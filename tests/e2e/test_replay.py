"""`hyperfade replay`: recorded and simulated fills through the real pipeline, the same at every run."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio

from storage.embedded import embedded_server
from tests.support.command_line import Finished, run_command
from tests.support.program import data_folder
from tests.support.simulated_fills import write_recording

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.slow]

ACCOUNTS = 150
NEWEST = "fills-leaders-jul2026.jsonl.gz"
OLDEST = "fills-3accounts-full.parquet"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def folder() -> AsyncIterator[Path]:
    """Make a data folder whose server runs on between commands, which saves each its start."""
    with data_folder() as made:
        async with embedded_server(made / "home"):
            yield made


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def other_folder() -> AsyncIterator[Path]:
    with data_folder() as made:
        async with embedded_server(made / "home"):
            yield made


async def replay(folder: Path, *arguments: str, **settings: str) -> Finished:
    done = await run_command(folder, "replay", *arguments, **settings)
    assert (done.code, done.err) == (0, ""), arguments
    return done


@pytest.mark.parametrize("name", [OLDEST, NEWEST])
@pytest.mark.parametrize("watch", ["all", "list"])
async def test_two_runs_say_the_same(
    folder: Path, other_folder: Path, shared: Path, name: str, watch: str
) -> None:
    path = str(shared / "data" / name)
    text = await replay(folder, path, "--watch", watch, PYTHONHASHSEED="1")
    assert (await replay(folder, path, "--watch", watch, PYTHONHASHSEED="2")).out == text.out
    document = await replay(folder, path, "--watch", watch, "--json", PYTHONHASHSEED="3")
    elsewhere = await replay(other_folder, path, "--watch", watch, "--json", PYTHONHASHSEED="4")
    assert elsewhere.out == document.out


@pytest.mark.parametrize("name", [OLDEST, NEWEST])
async def test_all_watched_gives_events_opportunities_exits_and_outcomes(
    folder: Path, shared: Path, name: str
) -> None:
    path = str(shared / "data" / name)
    text = (await replay(folder, path, "--watch", "all")).out
    assert "a rehearsal on recorded data, which never counts as evidence" in text
    answer = json.loads((await replay(folder, path, "--watch", "all", "--json")).out)
    assert answer["rehearsal"] is True
    assert answer["performance"]["rehearsal"] is True
    assert answer["performance"]["evidence"]["verdict"] == "none yet"
    assert min(answer["events"][kind] for kind in ("open", "increase", "decrease", "close", "flip")) > 0
    found = answer["opportunities"]
    assert len(found) == answer["decisions"]["published"] > 0
    assert sum(answer["decisions"].values()) == sum(answer["events"].values())
    ended = [one for one in found if one["ending"]]
    assert any(one["ending"]["reason"] == "loser_closed" for one in ended)
    assert any(mark["net_bps"] is not None for one in ended for mark in one["outcomes"])
    for one in found:
        assert one["rehearsal"] is True
        assert one["short_id"] in text
        opposite = {"long": "short", "short": "long"}[one["side"]]
        assert f" {opposite} " in one["reasons"][0] or one["reasons"][0].endswith(f"{opposite} as a taker.")
    kept = json.loads((await run_command(folder, "performance", "all", "--json")).out)
    assert kept["published"] == 0  # a rehearsal is no part of the score


async def test_the_real_rule_names_each_accounts_reason(folder: Path, shared: Path) -> None:
    path = str(shared / "data" / NEWEST)
    answer = json.loads((await replay(folder, path, "--json")).out)
    assert answer["watch"] == "list"
    assert answer["rankings"] == 2
    assert len(answer["standings"]) == answer["accounts"] == 6
    for row in answer["standings"]:
        assert row["listed"] or row["ineligible"]
        assert row["eligible"] == (not row["ineligible"])
    text = (await replay(folder, path)).out
    for row in answer["standings"]:
        for why in row["ineligible"]:
            assert why["detail"] in text


async def test_candles_beside_fills_mark_what_fills_alone_cannot(folder: Path, shared: Path) -> None:
    fills, candles = str(shared / "data" / OLDEST), str(shared / "data" / "candles-binance.parquet")
    alone = json.loads((await replay(folder, fills, "--watch", "all", "--json")).out)
    beside = json.loads((await replay(folder, fills, candles, "--watch", "all", "--json")).out)
    assert beside["candles"] > 0
    assert beside["fills"] == alone["fills"]
    assert known(beside) > known(alone)


def known(answer: Any) -> int:
    """Count the outcomes that have a price."""
    return sum(mark["net_bps"] is not None for one in answer["opportunities"] for mark in one["outcomes"])


@pytest.mark.parametrize("name", ["ws-trades-bbo-jul2026.jsonl.gz", "ws-trades-l2book-jul2026.jsonl.gz"])
async def test_a_recording_of_the_feed_is_heard(folder: Path, shared: Path, name: str) -> None:
    path = str(shared / "data" / name)
    answer = json.loads((await replay(folder, path, "--watch", "all", "--json")).out)
    assert answer["trades"] > 0
    assert answer["accounts"] > 0
    assert sum(answer["events"].values()) > 0
    # nobody was seeded before the recording began: an unknown position invents no opening
    assert answer["decisions"]["position_unknown"] > 0


async def test_a_scaled_speed_prints_alerts_as_they_come(folder: Path, shared: Path) -> None:
    path = str(shared / "data" / NEWEST)
    text = (await replay(folder, path, "--watch", "all", "--speed", "100000")).out
    assert text.index("Consider ") < text.index("Get out: ") < text.index("Replay of ")
    assert "REHEARSAL" in text.upper()


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def simulated(folder: Path) -> AsyncIterator[Any]:
    """Replay what simulated accounts did in 35 days, and an hour across midnight on the tape."""
    path = folder / "simulated.jsonl"
    write_recording(path, ACCOUNTS)
    yield json.loads((await replay(folder, str(path), "--watch", "list", "--json")).out)


async def test_what_the_simulator_recorded_gives_opportunities_under_the_real_rule(simulated: Any) -> None:
    assert simulated["watch"] == "list"
    assert simulated["rankings"] == 35
    listed = {row["address"]: row for row in simulated["standings"] if row["listed"]}
    assert len(listed) > 10
    assert len(simulated["opportunities"]) == simulated["decisions"]["published"] > 50
    late = [one for one in simulated["opportunities"] if one["published"] >= "2026-05-27"]
    for one in simulated["opportunities"]:
        assert one["loser"]["rank"]
        assert one["reasons"][0].startswith(f"Number {one['loser']['rank']} on the losers' list")
    assert late, simulated["to"]
    assert {one["loser"]["address"] for one in late} & listed.keys()


async def test_who_is_not_listed_has_a_reason(simulated: Any) -> None:
    others = [row for row in simulated["standings"] if not row["listed"]]
    assert len(others) > 10
    for row in others:
        assert row["ineligible"], row["address"]
        assert all(why["detail"] for why in row["ineligible"])
