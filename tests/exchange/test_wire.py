"""What payloads mean: exact numbers, orders, marks, directions of money."""

import json
from decimal import Decimal
from pathlib import Path

import pytest

from core.errors import PayloadError
from core.model.fills import Fill
from core.model.market import Address, Coin
from exchange.wire import accounts, fills, market

ME = Address("0x" + "ab" * 20)
OTHER = "0x" + "cd" * 20

FILL = {
    "coin": "BTC",
    "px": "95901.0",
    "sz": "0.00016",
    "side": "B",
    "time": 1763228044580,
    "startPosition": "0.0",
    "dir": "Open Long",
    "closedPnl": "0.0",
    "hash": "0x1",
    "oid": 1,
    "crossed": True,
    "fee": "0.006904",
    "tid": 7,
    "feeToken": "USDC",
    "twapId": None,
}


def body(value: object) -> bytes:
    return json.dumps(value).encode()


def breaks(rows: tuple[Fill, ...]) -> int:
    """Count the places where a coin's next start position isn't the last one's end."""
    positions: dict[Coin, Decimal] = {}
    count = 0
    for fill in rows:
        assert fill.start_position is not None
        expected = positions.get(fill.coin)
        count += expected is not None and round(expected - fill.start_position, 6) != 0
        positions[fill.coin] = fill.start_position + fill.signed_sz
    return count


# --- fills --------------------------------------------------------------------------------------


def test_decimals_stay_as_written():
    (fill,) = fills.fills_of(body([{**FILL, "startPosition": "-3695042.8999999999"}]), ME)
    assert str(fill.start_position) == "-3695042.8999999999"
    assert str(fill.px) == "95901.0"


def test_unknown_fields_are_ignored():
    (fill,) = fills.fills_of(body([{**FILL, "brandNew": {"a": [1]}, "liquidation": None}]), ME)
    assert fill.user == ME


def test_fills_of_2023_have_no_tid_and_no_fee_token(shared: Path):
    got = fills.fills_of((shared / "exchange/recorded/sdk_userFills_2023.json").read_bytes(), ME)
    assert len(got) == 500
    assert {fill.tid for fill in got} == {None}
    assert {fill.fee_token for fill in got} == {None}


def test_rows_that_run_backward_are_turned_round_and_others_are_not():
    forward = [{**FILL, "time": t, "tid": i} for i, t in enumerate([5, 5, 6, 6])]
    expected = fills.fills_of(body(forward), ME)
    assert [fill.tid for fill in expected] == [0, 1, 2, 3]
    assert fills.fills_of(body(forward[::-1]), ME) == expected
    one_moment = [{**FILL, "tid": i} for i in range(3)]
    assert [fill.tid for fill in fills.fills_of(body(one_moment), ME)] == [0, 1, 2]


def test_newest_first_is_turned_round_inside_the_millisecond_too(shared: Path):
    raw = (shared / "exchange/recorded/sdk_userFillsByTime_2023.json").read_bytes()
    got = fills.fills_of(raw, ME)
    assert [f.time_ms for f in got] == sorted(f.time_ms for f in got)
    last = json.loads(raw)[0]  # the newest row of an answer that runs backward is our last
    assert (got[-1].start_position, got[-1].sz) == (Decimal(last["startPosition"]), Decimal(last["sz"]))


def test_ascending_rows_keep_their_order_inside_a_millisecond(shared: Path):
    raw = (shared / "exchange/recorded/paul_userFillsByTime.json").read_bytes()
    got = fills.fills_of(raw, ME)
    assert [f.tid for f in got] == [row["tid"] for row in json.loads(raw)]


def test_reversed_real_fills_chain_again(shared: Path):
    lines = (shared / "exchange/recorded/paul_userFillsByTime.json").read_bytes()
    rows = json.loads(lines)
    forward = fills.fills_of(lines, ME)
    backward = fills.fills_of(body(rows[::-1]), ME)
    assert backward == forward
    assert breaks(backward) == breaks(forward)


def test_seq_counts_within_a_time_stamp():
    rows = [{**FILL, "time": t, "tid": i} for i, t in enumerate([5, 5, 5, 6, 9, 9])]
    assert [fill.seq for fill in fills.fills_of(body(rows), ME)] == [0, 1, 2, 0, 0, 1]


def test_dust_conversion_is_a_fill_with_tid_zero(shared: Path):
    raw = (shared / "exchange/recorded/nautilus_userFills_dust_conversion.json").read_bytes()
    dust = [f for f in fills.fills_of(raw, ME) if f.dir == "Spot Dust Conversion"]
    assert [f.tid for f in dust] == [0]
    assert not dust[0].is_twap


def test_a_liquidation_mark_is_kept_and_is_the_other_partys(shared: Path):
    raw = (shared / "exchange/recorded/paul_userFillsByTime.json").read_bytes()
    marked = [f for f in fills.fills_of(raw, ME) if f.liquidation]
    assert len(marked) == 37
    assert not any(f.is_own_liquidation for f in marked)


def test_a_liquidated_user_is_compared_in_lower_case():
    mark = {"liquidatedUser": "0x" + "AB" * 20, "markPx": "84109.0", "method": "market"}
    (fill,) = fills.fills_of(body([{**FILL, "liquidation": mark}]), ME)
    assert fill.is_own_liquidation


def test_a_builder_perp_keeps_its_dex_prefix(shared: Path):
    raw = (shared / "exchange/recorded/leader_userFillsByTime_extract.json").read_bytes()
    assert any(f.coin.startswith("xyz:") for f in fills.fills_of(raw, ME))


def test_a_twap_slice_is_marked_and_carries_its_id():
    slices = [{"fill": {**FILL, "twapId": None}, "twapId": 90}]
    (fill,) = fills.twap_fills_of(body(slices), ME)
    assert (fill.is_twap, fill.twap_id) == (True, 90)


# --- market -------------------------------------------------------------------------------------


def test_delisted_coins_stay_in_their_place(shared: Path):
    raw = (shared / "exchange/recorded/meta_2026-10-02.json").read_bytes()
    specs = market.specs_of(market.meta.decode(raw))
    assert len(specs) == 234
    assert sum(spec.is_delisted for spec in specs) == 56
    assert (specs[3].coin, specs[3].is_delisted) == ("MATIC", True)


def test_current_funding_is_that_of_the_coin_in_the_same_place(shared: Path):
    raw = (shared / "exchange/recorded/metaAndAssetCtxs_first8_2026-10-02.json").read_bytes()
    decoded = market.meta_and_contexts.decode(raw)
    listings = market.listings_of(decoded)
    assert [spec.coin for spec in listings.specs][:4] == ["BTC", "ETH", "ATOM", "MATIC"]
    assert Coin("MATIC") not in listings.funding
    assert listings.funding[Coin("BTC")] == decoded[1][0].funding
    assert len(listings.funding) == sum(not spec.is_delisted for spec in listings.specs)
    shifted = (decoded[0], decoded[1][1:])
    assert market.listings_of(shifted).funding == {}
    assert market.listings_of(shifted).specs == listings.specs


def test_the_null_dex_is_the_main_one():
    assert market.dexes_of(market.perp_dexs.decode(b'[null,{"name":"xyz","deployer":"0x1"}]')) == ("", "xyz")


def test_a_candles_end_becomes_exclusive(shared: Path):
    raw = (shared / "exchange/recorded/sdk_candleSnapshot_kPEPE_1h.json").read_bytes()
    bar = market.bar_of(market.candle_snapshot.decode(raw)[0])
    assert bar.close_ms - bar.open_ms == 3_600_000
    assert (bar.open, bar.high, bar.low, bar.close) == (0.001601, 0.001616, 0.001601, 0.001604)


def test_a_premium_that_is_nan_is_unknown():
    row = {"coin": "BTC", "fundingRate": "0.0000125", "premium": "NaN", "time": 1}
    (got,) = market.funding_history.decode(body([row]))
    assert got.premium is None
    with pytest.raises(PayloadError, match=r"fundingHistory\[0\]\.fundingRate"):
        market.funding_history.decode(body([{**row, "fundingRate": "NaN"}]))


def test_a_bookless_coin_has_an_empty_book():
    row = market.l2_book.decode(b'{"coin":"MATIC","time":1,"levels":[[],[]]}')
    assert row is not None
    assert market.book_of(row).mid is None
    assert market.l2_book.decode(b"null") is None


def test_a_bad_mid_names_its_coin():
    with pytest.raises(PayloadError, match=r"allMids\.@107"):
        market.all_mids.read(b'{"BTC":"1","@107":"x"}', market.mids_of)


# --- accounts -----------------------------------------------------------------------------------


def test_a_state_of_2026_keeps_its_identity(shared: Path):
    raw = (shared / "exchange/recorded/clearinghouseState_2026-10-02.json").read_bytes()
    row = accounts.clearinghouse_state.decode(raw)
    state = accounts.state_of(row, ME)
    signed = sum((p.position_value or Decimal(0)) * (1 if p.szi > 0 else -1) for p in state.positions)
    assert len(state.positions) == 10
    assert row.margin_summary.total_raw_usd is not None
    assert abs(state.account_value - row.margin_summary.total_raw_usd - signed) < Decimal("1e-6")


def test_a_state_of_2023_has_no_time(shared: Path):
    raw = (shared / "exchange/recorded/sdk_clearinghouseState_2023.json").read_bytes()
    state = accounts.state_of(accounts.clearinghouse_state.decode(raw), ME)
    assert state.time_ms is None
    assert state.positions


def test_sub_accounts_carry_their_masters(shared: Path):
    raw = (shared / "exchange/recorded/subAccounts_first3_2026-10-02.json").read_bytes()
    rows = accounts.sub_accounts.decode(raw)
    assert rows is not None
    subs = accounts.sub_accounts_of(rows)
    assert {s.master for s in subs} == {"0x85ecf584f25db6f146718b86d493e33c5af72052"}
    assert all(s.state.user == s.address for s in subs)


def test_a_portfolio_has_eight_windows_that_start_at_zero(shared: Path):
    raw = (shared / "exchange/recorded/sdk_portfolio_vault.json").read_bytes()
    windows = accounts.portfolio_of(accounts.portfolio.decode(raw), ME).windows
    assert len(windows) == 8
    assert {w.pnl[0].value for name, w in windows.items() if name != "allTime"} >= {Decimal("0.0")}


def test_daily_funding_rows_say_how_many_hours_they_cover(shared: Path):
    raw = (shared / "exchange/recorded/paul_userFunding_slice.json").read_bytes()
    payments = [accounts.payment_of(row, ME) for row in accounts.user_funding.decode(raw)]
    assert {p.samples for p in payments} == {1, 6, 24}


@pytest.mark.parametrize(
    ("delta", "expected"),
    [
        ({"type": "deposit", "usdc": "99.9"}, "99.9"),
        ({"type": "withdraw", "usdc": "29.0", "fee": "1.0", "nonce": 1}, "-30.0"),
        ({"type": "internalTransfer", "usdc": "5", "user": OTHER, "destination": ME, "fee": "1"}, "5"),
        ({"type": "internalTransfer", "usdc": "5", "user": ME, "destination": OTHER, "fee": "1"}, "-6"),
        ({"type": "send", "usdcValue": "5", "user": OTHER, "destination": ME.swapcase()}, "5"),
        (
            {"type": "send", "usdcValue": "5", "user": ME, "destination": OTHER, "fee": "1", "feeToken": "X"},
            "-5",
        ),
        ({"type": "send", "usdcValue": "5", "user": ME, "destination": ME}, None),
        ({"type": "accountClassTransfer", "usdc": "12.0", "toPerp": False}, None),
        ({"type": "vaultDeposit", "usdc": "7", "vault": OTHER}, "-7"),
        ({"type": "vaultWithdraw", "netWithdrawnUsd": "7", "user": ME, "vault": OTHER}, "7"),
        ({"type": "liquidation", "liquidatedNtlPos": "1", "accountValue": "0"}, None),
        ({"type": "something of next year", "usdc": "1"}, None),
    ],
)  # fmt: skip
def test_money_has_the_sign_of_the_accounts_side(delta: dict[str, object], expected: str | None):
    (row,) = accounts.user_ledger.decode(body([{"time": 1, "hash": "0x", "delta": delta}]))
    transfer = accounts.transfer_of(row, ME)
    assert (None if transfer is None else transfer.usdc) == (None if expected is None else Decimal(expected))
