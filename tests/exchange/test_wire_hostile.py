"""What is refused, and how: errors name the path, show little, and nothing else escapes."""

import base64
import contextlib
import json
import zlib
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import PayloadError
from core.model.market import Address
from exchange.wire import accounts, fills, frames, leaderboard, market
from exchange.wire.decode import SHOWN_CHARS, exact

ME = Address("0x" + "ab" * 20)

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


# --- what is refused ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"px": "NaN"}, r"userFills\[1\]\.px"),
        ({"px": "Infinity"}, r"userFills\[1\]\.px"),
        ({"px": 1.5}, r"userFills\[1\]\.px"),
        ({"px": True}, r"userFills\[1\]\.px"),
        ({"px": "1_000"}, r"userFills\[1\]\.px"),
        ({"px": "1e999999"}, r"userFills\[1\]\.px"),
        ({"px": "9" * 5000}, r"userFills\[1\]\.px"),
        ({"sz": None}, r"userFills\[1\]\.sz"),
        ({"side": "X"}, r"userFills\[1\]\.side"),
        ({"time": -1}, r"userFills\[1\]\.time"),
        ({"time": 10**18}, r"userFills\[1\]\.time"),
        ({"tid": 2**64}, r"userFills\[1\]\.tid"),
        ({"coin": ""}, r"userFills\[1\]\.coin"),
        ({"liquidation": {"markPx": "x"}}, r"userFills\[1\]\.liquidation\.markPx"),
    ],
)
def test_an_error_names_the_path(changes: dict[str, object], path: str):
    with pytest.raises(PayloadError, match=path):
        fills.fills_of(body([FILL, {**FILL, **changes}]), ME)


def test_an_error_shows_little_of_the_foreign_body():
    with pytest.raises(PayloadError) as caught:
        fills.user_fills.decode(b"<html>\x1b[31m" + b"x" * 10_000)
    assert "x" * (SHOWN_CHARS - 20) in str(caught.value)
    assert len(str(caught.value)) < SHOWN_CHARS + 200
    assert "\x1b" not in str(caught.value)


def test_a_mids_message_that_inflates_without_end_is_refused():
    bomb = zlib.compress(b" " * (frames.MAX_INFLATED_BYTES + 10), wbits=-15)
    with pytest.raises(PayloadError, match="more than"):
        frames.mids_of(json.dumps(base64.b64encode(bomb).decode()).encode())


def split(raw: bytes) -> list[bytes]:
    return leaderboard.RowSplitter("leaderboard", "leaderboardRows").feed(raw)


READERS: list[Callable[[bytes], object]] = [
    lambda raw: fills.fills_of(raw, ME),
    lambda raw: fills.twap_fills_of(raw, ME),
    lambda raw: market.specs_of(market.meta.decode(raw)),
    lambda raw: market.dexes_of(market.perp_dexs.decode(raw)),
    lambda raw: market.all_mids.read(raw, market.mids_of),
    market.l2_book.decode,
    lambda raw: [market.bar_of(row) for row in market.candle_snapshot.decode(raw)],
    market.funding_history.decode,
    market.meta_and_contexts.decode,
    market.spot_meta.decode,
    lambda raw: accounts.state_of(accounts.clearinghouse_state.decode(raw), ME),
    accounts.spot_clearinghouse_state.decode,
    accounts.sub_accounts.decode,
    accounts.user_role.decode,
    lambda raw: accounts.portfolio_of(accounts.portfolio.decode(raw), ME),
    lambda raw: [accounts.payment_of(row, ME) for row in accounts.user_funding.decode(raw)],
    lambda raw: [accounts.transfer_of(row, ME) for row in accounts.user_ledger.decode(raw)],
    leaderboard.leaderboard_row_of,
    leaderboard.vaults_of,
    split,
    frames.frame.decode,
    frames.light_trades.decode,
    lambda raw: [frames.trade_of(row) for row in frames.trade_rows.decode(raw)],
    lambda raw: frames.quote_of(frames.bbo.decode(raw)),
    frames.mids_of,
    lambda raw: frames.named_in(raw.decode("utf-8", "replace")),
]

KEYS = st.text(max_size=3) | st.sampled_from([*FILL, "fill", "users", "delta", "universe"])
LEAVES = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["1.5", "B"])
JSONISH = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=6),
    max_leaves=12,
)
FILLISH = st.lists(
    st.builds(lambda key, value: {**FILL, key: value}, st.sampled_from([*FILL]), JSONISH), max_size=3
)


def read_by_all(raw: bytes) -> None:
    for reader in READERS:
        with contextlib.suppress(PayloadError):
            reader(raw)


@given(raw=st.binary(max_size=60) | (JSONISH | FILLISH).map(body))
def test_nothing_but_payload_error_escapes(raw):
    read_by_all(raw)


UGLY = [b"[" * 200_000, b'{"a":' * 200_000, b"\xff\xfe", b'"\xed\xa0\x80"', b"", b"1" * 100_000]


@pytest.mark.parametrize("raw", UGLY, ids=range(len(UGLY)))
def test_ugly_documents_are_payload_errors_too(raw):
    read_by_all(raw)


@pytest.mark.parametrize("text", ["9" * 58, "1e18", "-1E+99", "1" + "0" * 18 + ".5", 10**18])
def test_more_than_there_can_be_of_anything_is_refused(text):
    # it could not be rounded to six decimals with 28 digits: the ranking would fall over it
    with pytest.raises(ValueError, match="finite decimal"):
        exact(text)


@given(st.decimals(allow_nan=False, allow_infinity=False, places=10, min_value=-(10**17), max_value=10**17))
def test_exact_reads_back_what_was_written(value):
    assert exact(f"{value:f}") == value
