"""What arrives in pieces or frames: leaderboard, vaults, trades, quotes, mids."""

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import PayloadError
from core.model.market import Level, Side
from exchange.wire import frames, leaderboard


def body(value: object) -> bytes:
    return json.dumps(value).encode()


# --- the two lists ------------------------------------------------------------------------------


def test_a_vault_row_names_its_children():
    row = {"apr": 0.1, "pnls": [], "summary": {"vaultAddress": "0xA", "relationship": {
        "type": "parent", "data": {"childAddresses": ["0xB"]}}}}  # fmt: skip
    assert leaderboard.vaults_of(body(row)) == {"0xa", "0xb"}
    assert leaderboard.vaults_of(b'{"vaultAddress":"0xC"}') == {"0xc"}
    with pytest.raises(PayloadError, match="vaultAddress"):
        leaderboard.vaults_of(b'{"name":"x"}')


NAMES = st.one_of(st.none(), st.text(), st.sampled_from(['"}]', "\\", '\\"', "[{", "</b>", "\u2028"]))


@given(
    names=st.lists(NAMES, max_size=6),
    indent=st.sampled_from([None, 1]),
    ascii_only=st.booleans(),
    data=st.data(),
)
def test_rows_come_out_whole_however_the_stream_is_cut(names, indent, ascii_only, data):
    rows = [{"id": i, "displayName": name, "w": [["day", {"pnl": "1"}]]} for i, name in enumerate(names)]
    document = {"meta": [{"leaderboardRows": []}], "leaderboardRows": rows, "after": {"x": [{}]}}
    raw = json.dumps(document, indent=indent, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    splitter = leaderboard.RowSplitter("leaderboard", "leaderboardRows")
    got: list[object] = []
    while raw:
        size = data.draw(st.integers(1, len(raw)))
        got += [json.loads(row) for row in splitter.feed(raw[:size])]
        raw = raw[size:]
    assert got == rows
    assert splitter.is_complete


def test_a_list_that_is_the_document_is_cut_too():
    splitter = leaderboard.RowSplitter("vaults", None)
    assert splitter.feed(b' [ {"a":[1,{"b":2}]} , {"c":"]"} ] ') == [b'{"a":[1,{"b":2}]}', b'{"c":"]"}']
    assert splitter.is_complete


def test_a_truncated_list_is_not_complete():
    splitter = leaderboard.RowSplitter("leaderboard", "leaderboardRows")
    assert splitter.feed(b'{"leaderboardRows":[{"a":1},{"b":') == [b'{"a":1}']
    assert not splitter.is_complete


def test_an_endless_row_is_refused_before_it_fills_the_memory():
    splitter = leaderboard.RowSplitter("leaderboard", "leaderboardRows")
    splitter.feed(b'{"leaderboardRows":[{"displayName":"')
    for _ in range(leaderboard.MAX_ROW_BYTES // 65536 - 1):
        splitter.feed(b"x" * 65536)
    with pytest.raises(PayloadError, match="a row of more than"):
        splitter.feed(b"x" * 65536)


# --- frames -------------------------------------------------------------------------------------


def trade(**changes: object) -> dict[str, object]:
    return {
        "coin": "BTC", "side": "A", "px": "80639.0", "sz": "0.00022", "time": 1788490042052,
        "hash": "0x1", "tid": 9, "users": ["0xB", "0xs"], **changes,
    }  # fmt: skip


def test_a_trades_users_are_buyer_and_seller_whatever_the_side():
    (row,) = frames.trade_rows.decode(body([trade()]))
    got = frames.trade_of(row)
    assert (got.buyer, got.seller, got.taker, got.side) == ("0xb", "0xs", "0xs", Side.SELL)
    assert not got.is_twap


def test_a_trade_with_an_empty_hash_is_a_twap_slice():
    (row,) = frames.trade_rows.decode(body([trade(hash="0x" + "0" * 64)]))
    assert frames.trade_of(row).is_twap


def test_a_quote_may_lack_a_side():
    row = frames.bbo.decode(b'{"coin":"X","time":1,"bbo":[null,{"px":"2","sz":"1","n":1}]}')
    assert frames.quote_of(row).bid is None
    assert frames.quote_of(row).ask == Level(Decimal(2), Decimal(1))


def test_an_error_text_may_repeat_the_subscription():
    assert frames.named_in('Already subscribed: {"type":"trades","coin":"ETH"}') == ("trades", "ETH")
    assert frames.named_in("Cannot subscribe to more than 1000 channels.") is None
    assert frames.named_in("Invalid subscription {oops") is None
