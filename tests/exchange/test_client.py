"""The client against a server that behaves as told: what is asked, what is retried, what is refused."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from itertools import count
from typing import Any

import httpx
import pytest

from core.errors import ExchangeUnavailable, PayloadError, RateLimited, RequestRefused
from exchange.client import HyperliquidClient
from exchange.limits import Priority, WeightBudget
from tests.exchange.client_bench import BTC, ME, bench_of, fill, in_turn
from tests.exchange.scripted_http import Reply, ok

pytestmark = pytest.mark.asyncio

MIDS = ok({"BTC": "86326.5", "@107": "1.5"})

# --- status, content type, retries --------------------------------------------------------------


@pytest.mark.parametrize(
    "failure",
    [
        Reply(b"null", 500),
        Reply(b"<html>502 Bad Gateway</html>", 502, "text/html"),
        Reply(b"", 503, "text/plain"),
        Reply(b"", 504),
        Reply(b"<html>sorry</html>", 200, "text/html"),
        Reply(b"null"),
        Reply(b'{"BTC":"1.0"}', cut_after=5),
        Reply(b"", 403, "text/html"),
        Reply(b"", 301),
        Reply(b""),
    ],
    ids=["500 null", "502 html", "503", "504", "200 html", "null", "cut off", "403", "redirect", "nothing"],
)
async def test_a_passing_failure_is_tried_again(failure: Reply):
    async with bench_of(in_turn(failure, failure, MIDS)) as bench:
        assert (await bench.client.mids())[BTC] == pytest.approx(86326.5)
        assert len(bench.server.asked) == 3
        assert len(bench.slept) == 2


async def test_a_lasting_failure_is_given_up_after_four_tries():
    async with bench_of(in_turn(Reply(b"", 503))) as bench:
        with pytest.raises(ExchangeUnavailable, match="allMids: the exchange answered 503"):
            await bench.client.mids()
        assert len(bench.server.asked) == 4


async def test_pauses_are_jittered_under_a_growing_ceiling():
    async with bench_of(in_turn(Reply(b"", 503))) as bench:
        for _ in range(60):
            with pytest.raises(ExchangeUnavailable):
                await bench.client.mids()
        for i, ceiling in enumerate([1.0, 2.0, 4.0]):
            pauses = bench.slept[i::3]
            assert 0 <= min(pauses) < 0.2 * ceiling
            assert 0.8 * ceiling < max(pauses) <= ceiling


async def test_a_refused_request_is_never_repeated():
    said = b"Failed to deserialize the JSON body into the target type"
    async with bench_of(in_turn(Reply(said, 422, "text/plain; charset=utf-8"))) as bench:
        with pytest.raises(RequestRefused, match=r"422.*Failed to deserialize"):
            await bench.client.role(ME)
        assert len(bench.server.asked) == 1


async def test_a_wrong_payload_is_never_repeated():
    async with bench_of(in_turn(ok({"BTC": "x"}))) as bench:
        with pytest.raises(PayloadError, match=r"allMids\.BTC"):
            await bench.client.mids()
        assert len(bench.server.asked) == 1


async def test_over_budget_empties_the_bucket_and_waits():
    async with bench_of(in_turn(Reply(b"null", 429))) as bench:
        asking = asyncio.ensure_future(bench.client.mids())
        await bench.has_slept.wait()
        assert bench.budget.available == 0
        assert len(bench.server.asked) == 1
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking


async def test_over_budget_for_ever_says_when_to_come_back():
    clock = count(step=100)  # each look at it is 100 s later
    budget = WeightBudget(monotonic=lambda: float(next(clock)))
    async with bench_of(in_turn(Reply(b"null", 429)), budget) as bench:
        with pytest.raises(RateLimited) as caught:
            await bench.client.mids()
        assert 10 <= caught.value.retry_after_s <= 30


async def test_a_book_is_asked_for_while_collection_keeps_still():
    budget = WeightBudget(reserve=40, monotonic=lambda: 0.0)
    budget.drain(30)
    async with bench_of(in_turn(Reply(b"null")), budget) as bench:
        async with asyncio.timeout(5):
            assert await bench.client.at(Priority.DETECTION).book(BTC) is None


async def test_a_refused_book_fails_at_once_and_so_do_the_next_ones_unasked():
    budget = WeightBudget(reserve=40, monotonic=lambda: 0.0)
    async with bench_of(in_turn(Reply(b"null", 429)), budget) as bench:
        urgent = bench.client.at(Priority.DETECTION)
        for expected in ("l2Book: the exchange says we ask too much", "not asked: .*429.*again in"):
            with pytest.raises(RateLimited, match=expected) as caught:
                await urgent.book(BTC)
            assert 2 <= caught.value.retry_after_s <= 5
        assert len(bench.server.asked) == 1
        assert bench.slept == []
        assert bench.budget.available == 0


async def test_an_unreachable_exchange_is_unavailable():
    async with bench_of(in_turn(MIDS)) as bench:
        await bench.server.__aexit__()
        with pytest.raises(ExchangeUnavailable, match="no answer"):
            await bench.client.mids()


async def test_an_address_that_is_none_is_our_own_mistake():
    async with httpx.AsyncClient() as http:
        client = HyperliquidClient(
            http,
            base_url="http://[::bad",
            leaderboard_url="",
            budget=WeightBudget(monotonic=lambda: 0.0),
            now_ms=lambda: 0,
            rng=random.Random(1),
        )
        with pytest.raises(RequestRefused, match="address is wrong"):
            await client.mids()


async def test_a_foreign_body_is_shown_in_part():
    async with bench_of(in_turn(Reply(b"<html>" + b"x" * 100_000, 500, "text/html"))) as bench:
        with pytest.raises(ExchangeUnavailable) as caught:
            await bench.client.mids()
        assert len(str(caught.value)) < 300


async def test_cancelling_passes_through():
    async with bench_of(in_turn(Reply(stall=True))) as bench:
        asking = asyncio.ensure_future(bench.client.mids())
        await bench.server.was_asked.wait()
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking


# --- budget and log -----------------------------------------------------------------------------


async def test_every_attempt_is_logged_with_its_weight_and_status():
    async with bench_of(in_turn(Reply(b"", 503), Reply(b"{}", cut_after=1), MIDS)) as bench:
        await bench.client.mids()
        assert [(e["endpoint"], e["weight"], e["status"]) for e in bench.log] == [
            ("allMids", 2, 503),
            ("allMids", 2, 200),
            ("allMids", 2, 200),
        ]
        assert {e["time_ms"] for e in bench.log} == {77}


async def test_items_are_charged_when_they_are_known():
    async with bench_of(in_turn(ok([fill(i) for i in range(41)]))) as bench:
        pages = [page async for page in bench.client.fills(ME, 0, 10**6)]
        assert len(pages[0]) == 41
        assert bench.spent == 20 + 3
        assert bench.log[0]["weight"] == 23


class Witness(WeightBudget):
    """A budget that keeps who asked for what."""

    def __init__(self) -> None:
        super().__init__(monotonic=lambda: 0.0)
        self.seen: list[tuple[float, Priority]] = []

    async def take(self, weight: float, priority: Priority = Priority.COLLECTION) -> None:
        self.seen.append((weight, priority))


async def test_the_priority_goes_to_the_budget():
    witness = Witness()
    async with bench_of(in_turn(MIDS), witness) as bench:
        await bench.client.mids()
        await bench.client.at(Priority.DETECTION).mids()
    assert witness.seen == [(2, Priority.COLLECTION), (2, Priority.DETECTION)]


# --- what is asked ------------------------------------------------------------------------------

EMPTY_STATE = {"marginSummary": {"accountValue": "0.0"}, "assetPositions": [], "time": 5}
QUESTIONS: list[tuple[Callable[[HyperliquidClient], Awaitable[object]], dict[str, Any], Reply]] = [
    (lambda c: c.dexes(), {"type": "perpDexs"}, ok([None, {"name": "xyz"}])),
    (lambda c: c.coins(), {"type": "meta"}, ok({"universe": []})),
    (lambda c: c.coins("xyz"), {"type": "meta", "dex": "xyz"}, ok({"universe": []})),
    (
        lambda c: c.listings("xyz"),
        {"type": "metaAndAssetCtxs", "dex": "xyz"},
        ok([{"universe": []}, []]),
    ),
    (lambda c: c.mids("xyz"), {"type": "allMids", "dex": "xyz"}, ok({})),
    (lambda c: c.book(BTC), {"type": "l2Book", "coin": "BTC"}, Reply(b"null")),
    (
        lambda c: c.account_state(ME, "xyz"),
        {"type": "clearinghouseState", "user": ME, "dex": "xyz"},
        ok(EMPTY_STATE),
    ),
    (lambda c: c.spot_balances(ME), {"type": "spotClearinghouseState", "user": ME}, ok({"balances": []})),
    (lambda c: c.portfolio(ME), {"type": "portfolio", "user": ME}, ok([])),
    (lambda c: c.sub_accounts(ME), {"type": "subAccounts", "user": ME}, Reply(b"null")),
    (lambda c: c.role(ME), {"type": "userRole", "user": ME}, ok({"role": "vault"})),
    (
        lambda c: c.candles(BTC, "1h", 5, 9),
        {"type": "candleSnapshot", "req": {"coin": "BTC", "interval": "1h", "startTime": 5, "endTime": 9}},
        ok([]),
    ),
    (
        lambda c: c.funding_rates(BTC, 5, 9),
        {"type": "fundingHistory", "coin": "BTC", "startTime": 5, "endTime": 9},
        ok([]),
    ),
    (
        lambda c: c.funding(ME, 5, 9),
        {"type": "userFunding", "user": ME, "startTime": 5, "endTime": 9},
        ok([]),
    ),
    (
        lambda c: c.transfers(ME, 5, 9),
        {"type": "userNonFundingLedgerUpdates", "user": ME, "startTime": 5, "endTime": 9},
        ok([]),
    ),
    (
        lambda c: c.twap_fills(ME, 5, 9),
        {
            "type": "userTwapSliceFillsByTime",
            "user": ME,
            "startTime": 5,
            "endTime": 9,
            "aggregateByTime": False,
        },
        ok([]),
    ),
]


@pytest.mark.parametrize(("ask", "body", "reply"), QUESTIONS, ids=[q[1]["type"] for q in QUESTIONS])
async def test_each_question_is_asked_as_the_exchange_wants_it(ask, body, reply):
    async with bench_of(in_turn(reply)) as bench:
        await ask(bench.client)
        (asked,) = bench.server.asked
        assert (asked.method, asked.path, asked.body) == ("POST", "/info", body)
        assert asked.headers["content-type"] == "application/json"


async def test_null_is_an_answer_where_it_says_something():
    async with bench_of(in_turn(Reply(b"null"))) as bench:
        assert await bench.client.book(BTC) is None
        assert await bench.client.sub_accounts(ME) == ()
        assert bench.slept == []
