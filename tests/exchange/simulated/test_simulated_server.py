"""The simulated exchange over HTTP: shapes, paging, weights, errors, faults."""

from collections.abc import AsyncIterator
from hashlib import sha256
from itertools import pairwise

import aiohttp
import pytest
import pytest_asyncio

from exchange.simulated import HttpFault, SimulatedExchange, SimulationConfig
from exchange.simulated.people import Kind
from tests.exchange.simulated.hand_clock import NOW, HandClock

pytestmark = pytest.mark.asyncio
CONFIG = SimulationConfig(accounts=60, weight_per_minute=1200)


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[SimulatedExchange]:
    async with SimulatedExchange(CONFIG, clock=HandClock()) as server:
        yield server


@pytest_asyncio.fixture
async def http() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as session:
        yield session


async def ask(http: aiohttp.ClientSession, sim: SimulatedExchange, **query):
    async with http.post(f"{sim.url}/info", json=query) as response:
        assert response.status == 200, await response.text()
        assert response.content_type == "application/json"
        return await response.json()


def loser(sim: SimulatedExchange) -> str:
    return sim.simulation.population.of_kind(Kind.LOSER)[0].address


# every request of the issue ------------------------------------------------------------------------------

MARKET = [
    {"type": "meta"},
    {"type": "meta", "dex": "xyz"},
    {"type": "metaAndAssetCtxs"},
    {"type": "perpDexs"},
    {"type": "spotMeta"},
    {"type": "spotMetaAndAssetCtxs"},
    {"type": "allMids", "dex": ""},
    {"type": "l2Book", "coin": "BTC", "nSigFigs": 3},
    {"type": "recentTrades", "coin": "BTC"},
    {
        "type": "candleSnapshot",
        "req": {"coin": "BTC", "interval": "1m", "startTime": NOW - 600_000, "endTime": None},
    },
    {"type": "fundingHistory", "coin": "BTC", "startTime": NOW - 86_400_000},
    {"type": "predictedFundings"},
    {"type": "exchangeStatus"},
    {"type": "allPerpMetas"},
]
ACCOUNT = [
    "clearinghouseState", "spotClearinghouseState", "userFills", "userTwapSliceFills", "portfolio",
    "userFunding", "userNonFundingLedgerUpdates", "subAccounts", "userRole", "userFees", "userRateLimit",
    "openOrders", "frontendOpenOrders", "historicalOrders", "userAbstraction", "extraAgents",
]  # fmt: skip


@pytest.mark.parametrize("query", MARKET, ids=lambda q: q["type"])
async def test_market_requests_are_answered(sim, http, query) -> None:
    assert await ask(http, sim, **query)


@pytest.mark.parametrize("kind", ACCOUNT)
async def test_account_requests_are_answered(sim, http, kind) -> None:
    await ask(http, sim, type=kind, user=loser(sim))


async def test_order_status_knows_filled_orders(sim, http) -> None:
    (fill, *_) = await ask(http, sim, type="userFills", user=loser(sim))
    answer = await ask(http, sim, type="orderStatus", user=loser(sim), oid=fill["oid"])
    assert answer["order"]["status"] == "filled"
    assert await ask(http, sim, type="orderStatus", user=loser(sim), oid=1) == {"status": "unknownOid"}


async def test_contexts_align_with_the_universe_and_delisted_ones_are_null(sim, http) -> None:
    meta, contexts = await ask(http, sim, type="metaAndAssetCtxs")
    assert len(meta["universe"]) == len(contexts)
    by_name = dict(zip((a["name"] for a in meta["universe"]), contexts, strict=True))
    assert next(a for a in meta["universe"] if a["name"] == "MATIC")["isDelisted"] is True
    assert "isDelisted" not in meta["universe"][0]
    assert by_name["MATIC"]["midPx"] is by_name["MATIC"]["premium"] is by_name["MATIC"]["impactPxs"] is None
    assert list(by_name["BTC"]) == [
        "funding", "openInterest", "prevDayPx", "dayNtlVlm", "premium", "oraclePx", "markPx", "midPx",
        "impactPxs", "dayBaseVlm",
    ]  # fmt: skip


async def test_candles_end_with_the_unfinished_one_and_are_at_most_5000(sim, http) -> None:
    rows = await ask(http, sim, type="candleSnapshot", req={"coin": "BTC", "interval": "1m", "startTime": 0})
    assert len(rows) == 5000
    assert rows[-1]["t"] <= NOW < rows[-1]["T"]
    assert all(b["t"] - a["t"] == 60_000 for a, b in pairwise(rows))
    assert list(rows[0]) == ["t", "T", "s", "i", "o", "c", "h", "l", "v", "n"]


async def test_funding_history_pages_by_500(sim, http) -> None:
    rows = await ask(http, sim, type="fundingHistory", coin="BTC", startTime=NOW - 40 * 86_400_000)
    assert len(rows) == 500
    rest = await ask(http, sim, type="fundingHistory", coin="BTC", startTime=rows[-1]["time"])
    assert rows[-1] == rest[0] or rest[0]["time"] > rows[-1]["time"]
    assert rest[-1]["time"] <= NOW


# paging --------------------------------------------------------------------------------------------------


async def test_fills_by_time_are_inclusive_and_oldest_first(sim, http) -> None:
    rows = await ask(http, sim, type="userFillsByTime", user=loser(sim), startTime=0)
    times = [r["time"] for r in rows]
    assert times == sorted(times)
    first, last = times[3], times[-3]
    part = await ask(
        http,
        sim,
        type="userFillsByTime",
        user=loser(sim),
        startTime=first,
        endTime=last,
        aggregateByTime=False,
    )
    assert part == [r for r in rows if first <= r["time"] <= last]
    newest = await ask(http, sim, type="userFills", user=loser(sim))
    assert newest == rows[::-1]
    turned = await ask(http, sim, type="userFillsByTime", user=loser(sim), startTime=0, reversed=True)
    assert turned == rows[::-1]


async def test_fills_come_2000_at_a_time(http) -> None:
    clock = HandClock()
    config = SimulationConfig(accounts=60, weight_per_minute=10**6, trades_per_second=120)
    async with SimulatedExchange(config, clock=clock) as sim:
        clock.now += 360_000
        sim.step()
        registry, makers = sim.simulation.registry, sim.simulation.population.of_kind(Kind.MAKER)
        busiest = max(makers, key=lambda p: len(registry.of(p).fills))
        assert len(registry.of(busiest).fills) > 2000
        page = await ask(http, sim, type="userFillsByTime", user=busiest.address, startTime=0)
        assert len(page) == 2000
        rest = await ask(http, sim, type="userFillsByTime", user=busiest.address, startTime=page[-1]["time"])
        assert rest[0]["time"] == page[-1]["time"]
        seen = {(r["coin"], r["tid"]) for r in page + rest}
        assert len(seen) == len([f for f in registry.of(busiest).fills if not f.twap_id])


async def test_merged_fills_keep_size_and_profit(sim, http) -> None:
    plain = await ask(http, sim, type="userFills", user=loser(sim))
    merged = await ask(http, sim, type="userFills", user=loser(sim), aggregateByTime=True)
    assert len(merged) < len(plain)
    for key in ("closedPnl", "fee"):
        assert sum(float(r[key]) for r in merged) == pytest.approx(sum(float(r[key]) for r in plain))


# leaderboard ---------------------------------------------------------------------------------------------


async def test_leaderboard_has_the_real_shape(sim, http) -> None:
    async with http.get(sim.leaderboard_url) as response:
        board = await response.json()
    assert list(board) == ["leaderboardRows"]
    row = board["leaderboardRows"][0]
    assert list(row) == ["ethAddress", "accountValue", "windowPerformances", "prize", "displayName"]
    assert [w for w, _ in row["windowPerformances"]] == ["day", "week", "month", "allTime"]
    assert list(row["windowPerformances"][0][1]) == ["pnl", "roi", "vlm"]
    assert len(board["leaderboardRows"]) == 60
    assert sim.budgets.spent == 0


async def test_vault_list_names_the_vaults(sim, http) -> None:
    async with http.get(sim.vaults_url) as response:
        vaults = await response.json()
    addresses = {v["summary"]["vaultAddress"] for v in vaults}
    assert "0xdfc24b077bc1425ad1dea75bcb6f8158e10df303" in addresses
    details = await ask(http, sim, type="vaultDetails", vaultAddress=next(iter(addresses)))
    assert details["vaultAddress"] in addresses


# weights -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "base"),
    [
        ({"type": "clearinghouseState", "user": "0x" + "0" * 40}, 2),
        ({"type": "meta"}, 20),
        ({"type": "userRole", "user": "0x" + "0" * 40}, 60),
        (
            {
                "type": "candleSnapshot",
                "req": {"coin": "BTC", "interval": "1h", "startTime": NOW - 119 * 3_600_000},
            },
            22,
        ),
    ],
)
async def test_requests_cost_their_weight(sim, http, query, base) -> None:
    await ask(http, sim, **query)
    assert sim.budgets.spent == base


async def test_rows_cost_extra(sim, http) -> None:
    rows = await ask(http, sim, type="userFills", user=loser(sim))
    assert sim.budgets.spent == 20 + -(-len(rows) // 20)


async def test_over_budget_is_429_until_the_bucket_refills(http) -> None:
    clock = HandClock()
    async with SimulatedExchange(SimulationConfig(accounts=20, weight_per_minute=60), clock=clock) as sim:
        for _ in range(3):
            await ask(http, sim, type="meta")
        async with http.post(f"{sim.url}/info", json={"type": "meta"}) as response:
            assert response.status == 429
            assert await response.json() is None
        clock.now += 20_000
        await ask(http, sim, type="meta")


# errors --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b'{"type":"nonsense"}',
        b'{"type":"userFills"}',
        b'{"type":"userFills","user":"0x12"}',
        b'{"type":"userFillsByTime","user":"0x0000000000000000000000000000000000000000"}',
        b'{"type":"userFillsByTime","user":"0x0000000000000000000000000000000000000000","startTime":"x"}',
        b'{"type":"candleSnapshot","coin":"BTC","interval":"1m","startTime":0}',
        b'{"type":"l2Book"}',
        b'{"type":"meta","dex":"nope"}',
        b'{"type":["meta"]}',
    ],
)
async def test_unreadable_request_is_422_to_the_byte(sim, http, body) -> None:
    async with http.post(
        f"{sim.url}/info", data=body, headers={"Content-Type": "application/json"}
    ) as response:
        assert response.status == 422
        assert response.headers["Content-Type"] == "text/plain; charset=utf-8"
        raw = await response.read()
    assert sha256(raw).hexdigest()[:8] == "6448c95b"


async def test_unknown_coin_has_no_book(sim, http) -> None:
    assert await ask(http, sim, type="l2Book", coin="NOPE") is None


# faults --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "status", "start"),
    [
        (HttpFault.HTML_500, 500, b"<html>"),
        (HttpFault.BAD_GATEWAY, 502, b"<html>"),
        (HttpFault.FORBIDDEN, 403, b"<html>"),
        (HttpFault.NULL_500, 500, b"null"),
        (HttpFault.NULL, 200, b"null"),
        (HttpFault.TOO_MANY, 429, b"null"),
    ],
)
async def test_fault_hits_the_next_request_only(sim, http, fault, status, start) -> None:
    sim.faults.fail_next(fault)
    async with http.post(f"{sim.url}/info", json={"type": "exchangeStatus"}) as response:
        assert response.status == status
        assert (await response.read()).startswith(start)
    assert (await ask(http, sim, type="exchangeStatus"))["time"] == NOW


async def test_fault_can_be_kept_for_one_kind_of_request(sim, http) -> None:
    sim.faults.fail_always(HttpFault.NULL, "meta")
    assert await ask(http, sim, type="meta") is None
    assert await ask(http, sim, type="meta") is None
    assert await ask(http, sim, type="exchangeStatus")
    sim.faults.fail_always(None, "meta")
    assert await ask(http, sim, type="meta")


async def test_truncated_answer_breaks_off(sim, http) -> None:
    sim.faults.fail_next(HttpFault.TRUNCATED)
    with pytest.raises(aiohttp.ClientError):
        async with http.post(f"{sim.url}/info", json={"type": "meta"}) as response:
            await response.read()


async def test_slow_answer_comes_in_the_end(sim, http) -> None:
    sim.faults.slow_s = 0.02
    sim.faults.fail_next(HttpFault.SLOW)
    assert await ask(http, sim, type="exchangeStatus")


async def test_leaderboard_can_be_refused(sim, http) -> None:
    sim.faults.fail_next(HttpFault.FORBIDDEN, kind="leaderboard")
    assert await ask(http, sim, type="exchangeStatus")
    async with http.get(sim.leaderboard_url) as response:
        assert response.status == 403


async def test_taken_port_is_refused(sim) -> None:
    port = int(sim.url.rsplit(":", 1)[1])
    with pytest.raises(OSError, match=str(port)):
        async with SimulatedExchange(CONFIG, port=port, clock=HandClock()):
            pass


async def test_leaderboard_shows_what_was_traded_since(http) -> None:
    clock = HandClock()
    config = SimulationConfig(accounts=60, leaderboard_max_age_s=60)
    async with SimulatedExchange(config, clock=clock) as sim:
        async with http.get(sim.leaderboard_url) as response:
            before = {r["ethAddress"]: r for r in (await response.json())["leaderboardRows"]}
        clock.now += 120_000
        async with http.get(sim.leaderboard_url) as response:
            after = {r["ethAddress"]: r for r in (await response.json())["leaderboardRows"]}
        moved = {e.address for e in sim.simulation.truth} & set(before)
        assert moved
        assert all(
            dict(before[a]["windowPerformances"])["month"] != dict(after[a]["windowPerformances"])["month"]
            for a in moved
        )
