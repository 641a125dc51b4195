"""What people ask is answered from what was stored, each question with its filters."""

from dataclasses import replace
from decimal import Decimal

import pytest

from core.model.alerts import Channel
from core.model.answers import HeldPosition
from core.model.fills import CurvePoint, Portfolio, PortfolioWindow
from core.model.market import Address, Bar, Coin
from core.model.opportunities import Crowd, Group, Rejection
from core.model.traders import AccountFacts
from core.ports import KnownAccount, StateStore
from core.ports import Reader as ReaderPort
from storage.database import Database
from storage.fills import Fills
from storage.logs import RequestLogs
from storage.outbox import Outbox
from storage.publications import Publications
from storage.rankings import Rankings
from storage.reader import Reader
from tests.support.facts import LOSER, MONDAY_MS, a_ranking, a_standing
from tests.support.fill_values import a_fill
from tests.support.published import (
    EVIDENCE,
    end,
    nth_decision,
    nth_ending,
    publication,
    publish,
)

pytestmark = pytest.mark.asyncio
BTC, ETH = Coin("BTC"), Coin("ETH")


async def test_an_empty_store_answers_every_question(database: Database) -> None:
    reader: ReaderPort = Reader(database)
    assert await reader.live() == []
    assert await reader.scored(group=Group.LOSER) == []
    assert await reader.decisions(coin=None, account=None, limit=5, before=None) == []
    assert await reader.crowd() == []
    assert await reader.positions(LOSER) == []
    assert set((await reader.delivery_counts()).values()) == {0}
    assert await reader.oldest_pending_ms() is None
    assert await reader.request_counts(0) == (0, 0)
    assert set((await reader.totals()).values()) == {0}
    assert await reader.state("nothing") is None


async def test_scored_opportunities_are_filtered_and_in_order(database: Database) -> None:
    await publish(database, 2, coin=ETH)
    await publish(database, 1, loser=Address("0x" + "b" * 40))
    await publish(database, 3, group=Group.PLACEBO)
    await end(database, 1)
    reader = Reader(database)

    async def found(**filters: object) -> list[str]:
        scored = await reader.scored(**{"group": Group.LOSER, **filters})  # type: ignore[arg-type]
        return [one.opportunity.short_id for one in scored]

    assert await found() == ["0001", "0002"]
    assert await found(coin=ETH) == ["0002"]
    assert await found(loser=LOSER) == ["0002"]
    assert await found(since_ms=MONDAY_MS + 1001) == ["0002"]
    assert await found(group=Group.PLACEBO) == ["0003"]
    assert await found(rehearsal=True) == []
    ended, live = await reader.scored(group=Group.LOSER)
    assert (ended.ending, live.ending) == (nth_ending(1), None)
    assert [one.opportunity.short_id for one in await reader.live()] == ["0002", "0003"]


async def test_decisions_page_from_the_newest_without_gap_or_repeat(database: Database) -> None:
    decisions = [nth_decision(n, Rejection.TOO_OLD, coin=(BTC, ETH)[n % 2]) for n in range(7)]
    decisions = [replace(one, decided_ms=MONDAY_MS + n // 3) for n, one in enumerate(decisions)]
    await Publications(database).publish(publication(*decisions), EVIDENCE)
    reader = Reader(database)
    seen, before = [], None
    while page := await reader.decisions(coin=None, account=None, limit=2, before=before):
        seen += page
        before = page[-1].decision_id
    assert seen == decisions[::-1]
    assert await reader.decisions(coin=ETH, account=LOSER, limit=9, before=None) == decisions[5::-2]
    assert await reader.decisions(coin=None, account=Address("0x1"), limit=9, before=None) == []


async def test_the_crowd_is_the_listed_losers_at_the_last_known_price(database: Database) -> None:
    names = [Address(f"0x{n:040x}") for n in range(4)]
    standings = [a_standing(name, rank=n + 1, is_listed=n < 3) for n, name in enumerate(names)]
    await Rankings(database).save_ranking(a_ranking(*standings))
    store = Publications(database)

    async def hold(n: int, coin: Coin, szi: str, entry_px: str | None) -> None:
        entry = None if entry_px is None else Decimal(entry_px)
        held = HeldPosition(coin, Decimal(szi), entry, MONDAY_MS)
        await store.publish(publication(positions=((names[n], held),)), EVIDENCE)

    await hold(0, BTC, "2", "90")
    await hold(1, BTC, "-1", "80")
    await hold(2, BTC, "0", None)
    await hold(3, BTC, "50", "90")
    await hold(0, ETH, "-3", "10")
    bars = [Bar(BTC, MONDAY_MS + n, MONDAY_MS + n + 1, 1, 1, 1, 100.0 + n) for n in range(2)]
    await Fills(database).add_bars("1m", bars)
    reader = Reader(database)
    assert await reader.crowd() == [Crowd(BTC, 1, 1, 202.0, 101.0), Crowd(ETH, 0, 1, 0.0, 30.0)]
    assert await reader.crowd(ETH) == [Crowd(ETH, 0, 1, 0.0, 30.0)]


async def test_totals_count_what_was_stored(database: Database) -> None:
    fills = Fills(database)
    await fills.add_fills([a_fill(n) for n in range(3)], "api")
    await fills.save_account(KnownAccount(AccountFacts(Address("0x1")), None, None, -5.0), 1)
    await fills.save_account(KnownAccount(AccountFacts(Address("0x2")), 1, 2, None), 1)
    await publish(database, 1, 2)
    [alert] = await Outbox(database).lease([Channel.CONSOLE], 1, 60, "me")
    await Outbox(database).unknown(alert.alert_id, "no answer")
    assert await Reader(database).totals() == {
        "accounts": 2,
        "refined": 1,
        "fills": 3,
        "published": 2,
        "undelivered": 1,
    }


async def test_state_outlives_and_is_replaced(database: Database) -> None:
    state: StateStore = Reader(database)
    await state.set_state("started_ms", "1")
    await state.set_state("started_ms", "2")
    assert await state.state("started_ms") == "2"


async def test_requests_are_counted_with_their_failures(database: Database) -> None:
    logs = RequestLogs(database)
    for status, time_ms in ((200, 10), (429, 20), (None, 30), (404, 40)):
        logs.note(endpoint="l2Book", weight=2, status=status, latency_ms=12, time_ms=time_ms)
    await logs.flush()
    await logs.flush()
    assert await Reader(database).request_counts(0) == (4, 3)
    assert await Reader(database).request_counts(30) == (2, 2)
    assert await logs.forget_before(30) == 2
    assert await Reader(database).request_counts(0) == (2, 2)


async def test_facts_of_accounts_come_back(database: Database) -> None:
    store = Fills(database)
    plain = KnownAccount(AccountFacts(Address("0x2")), None, None, None)
    standing = a_standing().figures
    known = KnownAccount(
        AccountFacts(
            Address("0x1"), 1.5, False, True, -7.25, standing.pnl_30d_source, 900.0, "dietz", -0.5, True, 0.25
        ),
        5,
        6,
        -8.0,
    )
    for account in (plain, replace(known, month_pnl=1.0), known):
        await store.save_account(account, 1)
    assert await store.accounts() == [known, plain]


async def test_the_exchanges_month_becomes_our_own_history(database: Database) -> None:
    store = Fills(database)

    def portfolio(start_ms: int, *values: str) -> Portfolio:
        points = tuple(CurvePoint(start_ms + n, Decimal(value)) for n, value in enumerate(values))
        month, day = PortfolioWindow(points, points, Decimal(0)), PortfolioWindow((), (), Decimal(0))
        return Portfolio(LOSER, {"perpMonth": month, "day": day})

    await store.save_portfolio(portfolio(100, "1.5", "2.5"))
    await store.save_portfolio(portfolio(101, "2.50", "3.5"))
    await store.save_portfolio(Portfolio(LOSER, {}))
    assert await store.equity_curve(LOSER, 0) == [
        CurvePoint(100, Decimal("1.5")),
        CurvePoint(101, Decimal("2.50")),
        CurvePoint(102, Decimal("3.5")),
    ]
    assert await store.equity_curve(LOSER, 102) == [CurvePoint(102, Decimal("3.5"))]
