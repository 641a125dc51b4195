"""Simulated answers have the keys, their order and the JSON types of recorded ones."""

import json
from pathlib import Path
from typing import Any

import pytest

from exchange.simulated import Simulation
from exchange.simulated.people import Kind
from tests.exchange.simulated.hand_clock import NOW

# keys that recorded answers have only sometimes, or that belong to a kind of account we don't simulate
OPTIONAL = {"liquidation", "cloid", "builderFee", "isDelisted", "onlyIsolated", "marginMode", "growthMode",
            "lastGrowthModeChangeTime", "rawUsd", "tokenToAvailableAfterMaintenance", "nRequestsSurplus",
            "deposit", "token", "usdc"}  # fmt: skip


def recorded(shared: Path, name: str) -> Any:
    return json.loads((shared / "exchange/recorded" / f"{name}.json").read_text())


def difference(real: Any, made: Any, path: str = "$") -> str | None:
    """Return where two values differ in shape, or None."""
    if real is None or made is None:
        return None
    if type(real) is not type(made):
        return f"{path}: {type(made).__name__}, recorded {type(real).__name__}"
    if isinstance(real, dict):
        keys = [k for k in made if k not in OPTIONAL]
        wanted = [k for k in real if k not in OPTIONAL]
        if keys != wanted:
            return f"{path}: {keys}, recorded {wanted}"
        return next((d for k in keys if (d := difference(real[k], made[k], f"{path}.{k}"))), None)
    if isinstance(real, list) and real and made:
        if all(isinstance(x, list) for x in real) and len(real[0]) == len(made[0]):
            pairs = zip(real[0], made[0], strict=True)
            return next(
                (d for i, (a, b) in enumerate(pairs) if (d := difference(a, b, f"{path}[0][{i}]"))), None
            )
        return difference(real[0], made[0], f"{path}[0]")
    if isinstance(real, str) and real.replace(".", "").lstrip("-").isdigit() != (
        made.replace(".", "").lstrip("-").isdigit()
    ):
        return f"{path}: {made!r}, recorded {real!r}"
    return None


def test_difference_finds_differences() -> None:
    assert difference({"a": "1.0"}, {"a": 1.0})
    assert difference({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert difference([{"a": "1.0"}], [{"a": "x"}])
    assert difference({"a": [[1, "2.0"]]}, {"a": [[1, 2.0]]})
    assert difference({"a": [[1, "2.0"]]}, {"a": [[3, "4.5"], [5, "6.0"]]}) is None


CASES = [
    ("clearinghouseState_2026-10-02", {"type": "clearinghouseState", "user": "holder"}),
    ("paul_spotClearinghouseState", {"type": "spotClearinghouseState", "user": "holder"}),
    ("l2Book_BTC_2026-10-02", {"type": "l2Book", "coin": "BTC"}),
    ("meta_2026-10-02", {"type": "meta"}),
    ("metaAndAssetCtxs_first8_2026-10-02", {"type": "metaAndAssetCtxs"}),
    ("userFees_2026-10-03", {"type": "userFees", "user": "holder"}),
    ("sdk_portfolio_vault", {"type": "portfolio", "user": "holder"}),
    ("sdk_userRateLimit", {"type": "userRateLimit", "user": "holder"}),
    ("sdk_fundingHistory_BTC", {"type": "fundingHistory", "coin": "BTC", "startTime": NOW - 10**8}),
    ("paul_userFunding_slice", {"type": "userFunding", "user": "holder", "startTime": 0}),
    ("paul_userFillsByTime", {"type": "userFillsByTime", "user": "holder", "startTime": 0}),
    ("paul_userNonFundingLedgerUpdates", {"type": "userNonFundingLedgerUpdates", "user": "holder"}),
    ("paul_openOrders", {"type": "openOrders", "user": "maker"}),
    ("paul_frontendOpenOrders", {"type": "frontendOpenOrders", "user": "maker"}),
    ("paul_historicalOrders_sample", {"type": "historicalOrders", "user": "holder"}),
    ("subAccounts_first3_2026-10-02", {"type": "subAccounts", "user": "master"}),
    ("sdk_extraAgents", {"type": "extraAgents", "user": "owner"}),
    ("sdk_userRole_vault", {"type": "userRole", "user": "vault"}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "request_"), CASES, ids=[name for name, _ in CASES])
def test_answer_has_the_recorded_shape(
    shared: Path, quiet: Simulation, name: str, request_: dict[str, Any]
) -> None:
    people = quiet.population
    holder = next(
        p
        for p in people.of_kind(Kind.LOSER)
        if quiet.answer({"type": "clearinghouseState", "user": p.address})["assetPositions"]
    )
    users = {
        "holder": holder.address,
        "maker": people.of_kind(Kind.MAKER)[0].address,
        "master": next(iter(people.subs)),
        "owner": next(iter(people.agents.values())),
        "vault": people.of_kind(Kind.VAULT)[0].address,
    }
    made = quiet.answer(request_ | ({"user": users[request_["user"]]} if "user" in request_ else {}))
    assert made
    assert difference(recorded(shared, name), made) is None


def test_leaderboard_has_the_recorded_shape(shared: Path, quiet: Simulation) -> None:
    assert difference(recorded(shared, "leaderboard_sample_2026-10-02"), quiet.leaderboard()) is None


def test_frames_have_the_recorded_shape(shared: Path, quiet: Simulation) -> None:
    frames = {
        f["channel"]: f.get("data")
        for f in recorded(shared, "ws_frames_mainnet_2026-09-03")
        if "channel" in f
    }
    assert difference(frames["activeAssetCtx"], quiet.context("BTC")[1]) is None
    assert difference(frames["trades"], quiet.recent("BTC")) is None
    assert difference(frames["candle"], quiet.candle("BTC", "1m")) is None
    assert difference(frames["l2Book"], quiet.book("MATIC", None, 20)) is None
    assert quiet.book("MATIC", None, 20)["levels"] == frames["l2Book"]["levels"]
    assert quiet.best("MATIC")["bbo"] == [None, None]


def test_liquidated_fill_has_the_recorded_shape(shared: Path, quiet: Simulation) -> None:
    real = recorded(shared, "nautilus_ws_user_fill_liquidation")["data"]["fills"][0]
    made = next(
        fill
        for person in quiet.population.of_kind(Kind.LOSER)
        for fill in quiet.answer({"type": "userFills", "user": person.address})
        if "liquidation" in fill
    )
    assert difference(real["liquidation"], made["liquidation"]) is None
    assert [k for k in real if k != "cloid"] == list(made)
