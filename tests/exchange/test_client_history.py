"""Histories come whole and in order; the leaderboard comes as a stream."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from core.errors import ExchangeUnavailable, PayloadError
from core.model.fills import Fill
from tests.exchange.client_bench import BTC, ME, Bench, bench_of, fill, in_turn
from tests.exchange.scripted_http import Asked, Reply, ok

pytestmark = pytest.mark.asyncio

# --- history ------------------------------------------------------------------------------------


def by_time(rows: list[dict[str, Any]], page: int = 2000, wrap: str | None = None):
    """Answer a time range as the exchange does: both ends inclusive, oldest first, 2000 at most."""

    def answer(asked: Asked) -> Reply:
        start, end = asked.body["startTime"], asked.body["endTime"]
        return ok([row for row in rows if start <= (row[wrap] if wrap else row)["time"] <= end][:page])

    return answer


async def fills_between(bench: Bench, start: int, end: int) -> list[Fill]:
    return [fill async for page in bench.client.fills(ME, start, end) for fill in page]


async def test_pages_that_cut_a_millisecond_lose_and_repeat_nothing():
    times = [i // 55 for i in range(5000)]  # 55 fills to the millisecond
    rows = [fill(i, time) for i, time in enumerate(times)]
    async with bench_of(by_time(rows)) as bench:
        got = await fills_between(bench, 0, 10**9)
        assert [f.tid for f in got] == [row["tid"] for row in rows]
        assert [f.seq for f in got] == [i % 55 for i in range(5000)]
        assert [asked.body["startTime"] for asked in bench.server.asked] == [0, 36, 72]


async def test_fills_taken_up_from_the_middle_have_the_same_places():
    rows = [fill(i, i // 7) for i in range(100)]
    async with bench_of(by_time(rows)) as bench:
        whole = await fills_between(bench, 0, 10**9)
        later = await fills_between(bench, 5, 10**9)
        assert later == [f for f in whole if f.time_ms >= 5]


async def test_an_old_servers_newest_first_is_turned_round():
    rows = [fill(i, i // 3) for i in range(30)]

    def answer(asked: Asked) -> Reply:
        return ok(rows[::-1])

    async with bench_of(answer) as bench:
        assert [f.tid for f in await fills_between(bench, 0, 99)] == [row["tid"] for row in rows]


async def test_a_crowded_millisecond_is_stepped_over():
    rows = [fill(i, 5) for i in range(2100)] + [fill(2100, 6)]
    async with bench_of(by_time(rows)) as bench:
        got = await fills_between(bench, 0, 99)
        assert len(got) == 2001
        assert got[-1].tid == 2101


async def test_twap_slices_are_paged_and_marked():
    rows = [{"fill": fill(i, i // 9), "twapId": 3} for i in range(2500)]
    async with bench_of(by_time(rows, wrap="fill")) as bench:
        got = await bench.client.twap_fills(ME, 0, 10**9)
        assert [f.tid for f in got] == [row["fill"]["tid"] for row in rows]  # type: ignore[index]
        assert all(f.is_twap and f.twap_id == 3 for f in got)


async def test_funding_of_more_than_a_page_comes_whole():
    rows = [
        {"time": i // 3, "delta": {"coin": f"C{i % 3}", "usdc": "1", "szi": "1", "fundingRate": "0"}}
        for i in range(1300)
    ]
    async with bench_of(by_time(rows, page=500)) as bench:
        got = await bench.client.funding(ME, 0, 10**9)
        assert [(p.time_ms, p.coin) for p in got] == [(i // 3, f"C{i % 3}") for i in range(1300)]


async def test_candles_that_reach_the_end_need_no_further_page():
    rows = [
        {"t": i * 10, "T": i * 10 + 9, "s": "BTC", "i": "1m", "o": "1", "c": "1", "h": "1", "l": "1"}
        for i in range(700)
    ]
    async with bench_of(in_turn(ok(rows))) as bench:
        assert len(await bench.client.candles(BTC, "1m", 0, 6995)) == 700
        assert len(bench.server.asked) == 1


async def test_real_fills_come_through_whole(shared: Path):
    rows = json.loads((shared / "exchange/recorded/paul_userFillsByTime.json").read_bytes())
    async with bench_of(by_time(rows)) as bench:
        got = await fills_between(bench, 0, 10**13)
        assert [(f.tid, str(f.px)) for f in got] == [(row["tid"], row["px"]) for row in rows]


# --- the statistics host ------------------------------------------------------------------------


def board(rows: int) -> dict[str, Any]:
    figures = {"pnl": "-1.5", "roi": "-0.1", "vlm": "10"}
    windows = [[name, figures] for name in ("day", "week", "month", "allTime")]
    return {
        "leaderboardRows": [
            {
                "ethAddress": f"0x{i:040X}",
                "accountValue": "1.0",
                "windowPerformances": windows,
                "prize": 0,
                "displayName": '}]"[{\\',
            }
            for i in range(rows)
        ]
    }


async def test_the_leaderboard_streams_rows():
    reply = ok(board(500))
    reply.chunk = 1013
    async with bench_of(in_turn(reply)) as bench:
        rows = [row async for row in bench.client.leaderboard()]
        assert len(rows) == 500
        assert rows[31].address == f"0x{31:040x}"
        assert bench.server.asked[0].path == "/Mainnet/leaderboard"
        assert bench.log[0]["endpoint"] == "leaderboard"
        assert bench.spent == 0


async def test_a_leaderboard_is_asked_again_before_its_first_row():
    async with bench_of(in_turn(Reply(b"", 403), ok(board(3)))) as bench:
        assert len([row async for row in bench.client.leaderboard()]) == 3


async def test_a_leaderboard_cut_in_the_middle_is_not_begun_again():
    whole = ok(board(2000))
    whole.cut_after = len(whole.body) // 2
    async with bench_of(in_turn(whole, ok(board(2000)))) as bench:
        rows = bench.client.leaderboard()
        await anext(rows)
        with pytest.raises(ExchangeUnavailable):
            [row async for row in rows]
        assert len(bench.server.asked) == 1


async def test_a_leaderboard_that_ends_early_is_called_so():
    async with bench_of(in_turn(Reply(b'{"leaderboardRows":['))) as bench:
        with pytest.raises(PayloadError, match="ends before its list does"):
            [row async for row in bench.client.leaderboard()]


async def test_a_few_bad_rows_do_not_hide_the_others():
    document = board(30)
    document["leaderboardRows"][7]["accountValue"] = "NaN"
    async with bench_of(in_turn(ok(document))) as bench:
        assert len([row async for row in bench.client.leaderboard()]) == 29


async def test_rows_without_a_real_address_are_left_out_and_reported_once():
    document = board(200)
    wrong = ["0xZZ", "0x1", "", "vault", "0x" + "g" * 40, "0x" + "1" * 41, "1" * 40, "0x" + "\u0661" * 40]
    for i, row in enumerate(document["leaderboardRows"][:150]):
        row["ethAddress"] = wrong[i % 8] or "0x"
    document["leaderboardRows"][150]["ethAddress"] = "0x" + "AB" * 20
    with capture_logs() as logs:
        async with bench_of(in_turn(ok(document))) as bench:
            rows = [row async for row in bench.client.leaderboard()]
    assert len(rows) == 50
    assert rows[0].address == "0x" + "ab" * 20
    (line,) = logs
    assert line["event"] == "leaderboard rows left out"
    assert (line["malformed_address"], line["unreadable"]) == (150, 0)
    assert "0xzz" in line["first"]


async def test_a_leaderboard_of_another_shape_is_refused():
    document = {"leaderboardRows": [{"address": "0x1"}] * 200}
    async with bench_of(in_turn(ok(document))) as bench:
        with pytest.raises(PayloadError, match="ethAddress"):
            [row async for row in bench.client.leaderboard()]


async def test_vaults_are_listed_with_the_exchanges_own():
    rows = [{"apr": 0, "pnls": [], "summary": {"vaultAddress": "0xAA", "name": "x"}}]
    async with bench_of(in_turn(ok(rows))) as bench:
        found = await bench.client.vaults()
        assert {"0xaa", "0xdfc24b077bc1425ad1dea75bcb6f8158e10df303"} <= found
        assert bench.server.asked[0].path == "/Mainnet/vaults"


async def test_recorded_states_are_read(shared: Path):
    raw = gzip.decompress((shared / "data/api/clearinghouse_whale.json.gz").read_bytes())
    async with bench_of(in_turn(Reply(raw))) as bench:
        assert (await bench.client.account_state(ME)).positions
