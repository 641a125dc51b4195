"""Every recorded payload is decoded; a file that nobody entered in the table fails a test."""

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from exchange.wire import accounts, fills, frames, leaderboard, market, orders
from exchange.wire.decode import Payload

RECORDED: dict[str, Payload[Any]] = {
    "clearinghouseState_2026-10-02.json": accounts.clearinghouse_state,
    "jkorf_clearinghouseState_isolated.json": accounts.clearinghouse_state,
    "jkorf_l2Book_spot_107.json": market.l2_book,
    "l2Book_BTC_2026-10-02.json": market.l2_book,
    "leader_userFillsByTime_extract.json": fills.user_fills_by_time,
    "metaAndAssetCtxs_first8_2026-10-02.json": market.meta_and_contexts,
    "meta_2026-10-02.json": market.meta,
    "nautilus_l2Book_BTC_trimmed.json": market.l2_book,
    "nautilus_userFills_dust_conversion.json": fills.user_fills,
    "paul_clearinghouseState.json": accounts.clearinghouse_state,
    "paul_frontendOpenOrders.json": orders.open_orders,
    "paul_historicalOrders_sample.json": orders.historical_orders,
    "paul_openOrders.json": orders.open_orders,
    "paul_spotClearinghouseState.json": accounts.spot_clearinghouse_state,
    "paul_userFillsByTime.json": fills.user_fills_by_time,
    "paul_userFunding_slice.json": accounts.user_funding,
    "paul_userNonFundingLedgerUpdates.json": accounts.user_ledger,
    "sdk_allMids_2023.json": market.all_mids,
    "sdk_candleSnapshot_kPEPE_1h.json": market.candle_snapshot,
    "sdk_clearinghouseState_2023.json": accounts.clearinghouse_state,
    "sdk_delegatorHistory.json": orders.delegator_history,
    "sdk_extraAgents.json": orders.extra_agents,
    "sdk_frontendOpenOrders.json": orders.open_orders,
    "sdk_fundingHistory_BTC.json": market.funding_history,
    "sdk_fundingHistory_BTC_range.json": market.funding_history,
    "sdk_historicalOrders.json": orders.historical_orders,
    "sdk_l2Book_DYDX.json": market.l2_book,
    "sdk_meta_2023.json": market.meta,
    "sdk_openOrders.json": orders.open_orders,
    "sdk_portfolio_vault.json": accounts.portfolio,
    "sdk_userFillsByTime_2023.json": fills.user_fills_by_time,
    "sdk_userFills_2023.json": fills.user_fills,
    "sdk_userFunding_with_end.json": accounts.user_funding,
    "sdk_userFunding_without_end.json": accounts.user_funding,
    "sdk_userNonFundingLedgerUpdates.json": accounts.user_ledger,
    "sdk_userNonFundingLedgerUpdates_empty.json": accounts.user_ledger,
    "sdk_userRateLimit.json": orders.user_rate_limit,
    "sdk_userRole_vault.json": accounts.user_role,
    "sdk_userTwapSliceFills_empty.json": fills.user_twap_slice_fills,
    "sdk_userVaultEquities.json": orders.user_vault_equities,
    "subAccounts_first3_2026-10-02.json": accounts.sub_accounts,
    "userFees_2026-10-03.json": orders.user_fees,
    "userNonFundingLedgerUpdates_send_2026-09.json": accounts.user_ledger,
}
"""A whole answer each; the files below are in an envelope of the recorder's."""

ENVELOPED = {
    "leaderboard_sample_2026-10-02.json",
    "math_mainnet_2026-07-19_m1.json",
    "math_mainnet_2026-07-19_m2.json",
    "math_mainnet_2026-07-19_m3.json",
    "math_mainnet_2026-07-19_m4.json",
    "math_mainnet_2026-07-19_m5.json",
    "nautilus_ws_allDexsAssetCtxs.json",
    "nautilus_ws_user_fill_liquidation.json",
    "ws_frames_mainnet_2026-09-03.json",
    "ws_mainnet_bbo_trades_2026-07-21.jsonl",
    "ws_mainnet_trades_l2Book_2026-07-21.jsonl",
}

BY_REQUEST: dict[str, Payload[Any]] = {
    "allMids": market.all_mids,
    "candleSnapshot": market.candle_snapshot,
    "clearinghouseState": accounts.clearinghouse_state,
    "frontendOpenOrders": orders.open_orders,
    "l2Book": market.l2_book,
    "meta": market.meta,
    "openOrders": orders.open_orders,
    "portfolio": accounts.portfolio,
    "spotClearinghouseState": accounts.spot_clearinghouse_state,
    "spotMeta": market.spot_meta,
    "userRateLimit": orders.user_rate_limit,
    "userRole": accounts.user_role,
    "userTwapSliceFills": fills.user_twap_slice_fills,
}
WHOLE_API_FILES: dict[str, Payload[Any]] = {
    "clearinghouseState-mm-nov2025.json.gz": accounts.clearinghouse_state,
    "clearinghouse_whale.json.gz": accounts.clearinghouse_state,
    "frontendOpenOrders-mm-nov2025.json.gz": orders.open_orders,
    "historicalOrders-0xdae4.json.gz": orders.historical_orders,
    "portfolio-0xee16.json.gz": accounts.portfolio,
    "userFunding-mm-nov2025.json.gz": accounts.user_funding,
    "userNonFundingLedgerUpdates-mm-nov2025.json.gz": accounts.user_ledger,
}

# The fragments that the m1 to m5 files show of real answers, as (file number, path, payload).
FRAGMENTS: list[tuple[int, str, Payload[Any]]] = [
    (1, "perpUniverse", Payload("universe", list[market.PerpRow])),
    (1, "hip3Universe", Payload("universe", list[market.PerpRow])),
    (1, "spotUniverse", Payload("universe", list[market.SpotPair])),
    (1, "spotTokens", Payload("tokens", list[market.SpotToken])),
    (1, "perpDexs", market.perp_dexs),
    (1, "l2Book", market.l2_book),
    (2, "positions", Payload("positions", list[accounts.PositionRow])),
    (2, "fills", fills.user_fills),
    (2, "funding", accounts.user_funding),
    (2, "btcAssetContext", Payload("context", market.ContextRow)),
    (2, "btcFundingHistory", market.funding_history),
    (3, "perpUniverse", Payload("universe", list[market.PerpRow])),
    (3, "assetContexts", Payload("contexts", list[market.ContextRow])),
    (3, "marginSummary", Payload("marginSummary", accounts.MarginSummary)),
    (3, "positions", Payload("positions", list[accounts.PositionRow])),
    (4, "fills", fills.user_fills_by_time),
    (4, "orderStatus", orders.order_status),
    (4, "openOrders", orders.open_orders),
    (5, "spotUniverse", Payload("universe", list[market.SpotPair])),
    (5, "spotTokens", Payload("tokens", list[market.SpotToken])),
    (5, "spotAssetContexts", Payload("contexts", list[market.ContextRow])),
    (5, "hip3AssetContexts", Payload("contexts", list[market.ContextRow])),
    (5, "hip3Meta", market.meta),
    (5, "spotClearinghouseState", accounts.spot_clearinghouse_state),
]


@pytest.fixture
def recorded(shared: Path) -> Path:
    return shared / "exchange" / "recorded"


def test_no_recorded_file_is_forgotten(recorded: Path):
    present = {path.name for path in recorded.iterdir()} - {"ORIGINS.md"}
    assert present == set(RECORDED) | ENVELOPED


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_answer_is_decoded(recorded: Path, name: str):
    value = RECORDED[name].decode((recorded / name).read_bytes())
    raw = json.loads((recorded / name).read_bytes())
    if isinstance(raw, list):
        assert len(value) == len(raw)
    assert value is not None


@pytest.mark.parametrize(("number", "path", "payload"), FRAGMENTS, ids=lambda x: str(x)[:20])
def test_a_recorded_fragment_is_decoded(recorded: Path, number: int, path: str, payload: Payload[Any]):
    document = json.loads((recorded / f"math_mainnet_2026-07-19_m{number}.json").read_bytes())
    fragments = {**document, **document["selection"]}
    payload.decode(json.dumps(fragments[path]).encode())


def api_answers(path: Path) -> list[tuple[Payload[Any], object]]:
    document = json.loads(gzip.decompress(path.read_bytes()))
    if path.name in WHOLE_API_FILES:
        return [(WHOLE_API_FILES[path.name], document)]
    if isinstance(document, dict):  # snapshots of one request
        payload = BY_REQUEST[document["request"]["type"]]
        return [(payload, snapshot["response"]) for snapshot in document["snapshots"]]
    return [(BY_REQUEST[call["request"]["type"]], call["response"]) for call in document]


def test_every_answer_beside_the_fills_is_decoded(shared: Path):
    answers = [answer for path in sorted((shared / "data" / "api").iterdir()) for answer in api_answers(path)]
    assert len(answers) > len(WHOLE_API_FILES)
    for payload, answer in answers:
        payload.decode(json.dumps(answer).encode())


def frame_bodies(recorded: Path) -> list[bytes]:
    bodies = [
        line.encode()
        for path in sorted(recorded.glob("ws_mainnet_*.jsonl"))
        for line in path.read_text().splitlines()
    ]
    single = json.loads((recorded / "ws_frames_mainnet_2026-09-03.json").read_bytes())
    bodies += [json.dumps(element).encode() for element in single if "channel" in element]
    return [*bodies, *(path.read_bytes() for path in sorted(recorded.glob("nautilus_ws_*.json")))]


CHANNELS: dict[str, Payload[Any]] = {
    "activeAssetCtx": Payload("activeAssetCtx", dict[str, str | market.ContextRow]),
    "allDexsAssetCtxs": Payload("allDexsAssetCtxs", dict[str, list[tuple[str, list[market.ContextRow]]]]),
    "bbo": frames.bbo,
    "candle": Payload("candle", market.CandleRow),
    "error": frames.text,
    "l2Book": market.l2_book,
    "subscriptionResponse": frames.ack,
    "trades": frames.trade_rows,
    "user": Payload("user", fills.FillsFrame),
    "userFills": Payload("userFills", fills.FillsFrame),
}


def test_every_recorded_frame_is_decoded(recorded: Path):
    seen = set()
    for body in frame_bodies(recorded):
        frame = frames.frame.decode(body)
        seen.add(frame.channel)
        if frame.channel != "pong":
            CHANNELS[frame.channel].decode(bytes(frame.data))
    assert seen == set(CHANNELS) | {"pong"}


def test_a_recorded_leaderboard_becomes_rows(recorded: Path):
    body = (recorded / "leaderboard_sample_2026-10-02.json").read_bytes()
    splitter = leaderboard.RowSplitter("leaderboard", "leaderboardRows")
    rows = [leaderboard.leaderboard_row_of(row) for row in splitter.feed(body)]
    assert splitter.is_complete
    assert len(rows) == 14
    assert str(rows[0].account_value) == "62426218.3606450111"
    assert any(row.month_pnl < 0 for row in rows)
    assert all(row.address == row.address.lower() for row in rows)
