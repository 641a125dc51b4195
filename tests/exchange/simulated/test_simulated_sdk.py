"""The public hyperliquid-python-sdk, unchanged, against the simulated exchange."""

import asyncio
import queue
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from hyperliquid.info import Info

from exchange.simulated import SimulatedExchange, SimulationConfig
from exchange.simulated.people import Kind

pytestmark = pytest.mark.asyncio
CONFIG = SimulationConfig(accounts=60, weight_per_minute=100_000)


@pytest_asyncio.fixture
async def sim() -> AsyncIterator[SimulatedExchange]:
    async with SimulatedExchange(CONFIG) as server:
        yield server


async def test_rest_questions(sim: SimulatedExchange) -> None:
    user = sim.simulation.population.of_kind(Kind.LOSER)[0].address
    now = sim.simulation.now()

    def work() -> None:
        info = Info(sim.url, skip_ws=True, perp_dexs=["", "xyz"])
        assert info.name_to_asset("xyz:CL") == 110_002
        assert info.name_to_asset("HYPE/USDC") == 10_107
        assert info.asset_to_sz_decimals[0] == 5
        assert "BTC" in info.all_mids()
        assert float(info.user_state(user)["marginSummary"]["accountValue"]) > 0
        assert info.user_fills(user)
        assert info.user_fills_by_time(user, now - 30 * 86_400_000, now)
        assert info.open_orders(user) == info.frontend_open_orders(user) == []
        assert info.meta()["universe"][0]["name"] == "BTC"
        assert len(info.meta_and_asset_ctxs()) == len(info.spot_meta_and_asset_ctxs()) == 2
        assert info.perp_dexs()[0] is None
        assert info.funding_history("BTC", now - 7_200_000)
        assert info.user_funding_history(user, now - 86_400_000 * 30) is not None
        assert info.l2_snapshot("BTC")["levels"][0]
        assert info.candles_snapshot("BTC", "15m", now - 3_600_000, now)
        assert info.user_fees(user)["userCrossRate"] == "0.00045"
        assert len(info.portfolio(user)) == 8
        assert info.user_role(user)["role"] == "user"
        assert info.historical_orders(user)
        assert info.query_sub_accounts(user) is None
        assert info.user_non_funding_ledger_updates(user, 0)
        assert info.user_twap_slice_fills(user) == []
        assert info.user_rate_limit(user)["nRequestsCap"]
        assert info.query_order_by_oid(user, 1) == {"status": "unknownOid"}
        assert info.extra_agents(user) is not None
        assert info.spot_user_state(user)["balances"]

    await asyncio.to_thread(work)


async def test_websocket_channels(sim: SimulatedExchange) -> None:
    user = sim.simulation.population.of_kind(Kind.LOSER)[0].address
    subscriptions = [
        {"type": "trades", "coin": "BTC"},
        {"type": "bbo", "coin": "ETH"},
        {"type": "l2Book", "coin": "SOL"},
        {"type": "allMids"},
        {"type": "candle", "coin": "BTC", "interval": "1m"},
        {"type": "activeAssetCtx", "coin": "BTC"},
        {"type": "userFills", "user": user},
        {"type": "userFundings", "user": user},
        {"type": "userNonFundingLedgerUpdates", "user": user},
        {"type": "orderUpdates", "user": user},
        {"type": "webData2", "user": user},
        {"type": "activeAssetData", "user": user, "coin": "BTC"},
    ]
    got: queue.Queue[dict[str, Any]] = queue.Queue()

    def listen() -> Info:
        info = Info(sim.url)
        for subscription in subscriptions:
            info.subscribe(subscription, got.put)
        missing = {s["type"] for s in subscriptions}
        while missing:
            missing.discard(got.get(timeout=20)["channel"])
        return info

    info = await asyncio.to_thread(listen)
    sim.drop_connections()  # its thread would otherwise wait ten seconds for a quiet socket
    await asyncio.to_thread(info.ws_manager.join, 20)
    info.disconnect_websocket()
