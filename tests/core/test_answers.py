"""What people ask, and what they get."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Any

import pytest

from core import answers
from core.errors import UsageError
from core.model.answers import HeldPosition
from core.model.fills import CurvePoint, Fill, FundingPayment
from core.model.market import DAY_MS, WINDOW_MS, Address, Coin, Direction, Side
from core.model.opportunities import Crowd, Decision, Group, LiveOpportunity, Rejection
from core.model.outcomes import ScoredOpportunity, Verdict
from core.model.positions import RoundTrip
from core.model.traders import AccountFacts, Horizon, Markout, Ranking, TraderStanding
from core.ports import KnownAccount
from core.trader_names import find_trader
from tests.support.facts import (
    LOSER,
    MONDAY_MS,
    a_decision,
    a_ranking,
    a_scored,
    a_standing,
    an_ending,
    an_opportunity,
)

pytestmark = pytest.mark.asyncio

BTC, ETH = Coin("BTC"), Coin("ETH")


def address(i: int) -> Address:
    return Address(f"0x{i:040x}")


@dataclass
class Shelf:
    """Rows that a store would return; only what the answers ask for."""

    runs: list[Ranking] = field(default_factory=list)
    rows: list[Fill] = field(default_factory=list)
    known: list[Address] = field(default_factory=list)
    equity: list[CurvePoint] = field(default_factory=list)
    held: list[HeldPosition] = field(default_factory=list)
    living: list[LiveOpportunity] = field(default_factory=list)
    scores: list[ScoredOpportunity] = field(default_factory=list)
    decided: list[Decision] = field(default_factory=list)
    crowds: list[Crowd] = field(default_factory=list)
    left: dict[str, str] = field(default_factory=dict)
    requests: dict[int, tuple[int, int]] = field(default_factory=dict)

    async def ranking(self, as_of_ms: int | None = None) -> Ranking | None:
        fitting = [r for r in self.runs if as_of_ms is None or r.as_of_ms <= as_of_ms]
        return fitting[-1] if fitting else None

    async def earliest_ms(self) -> int | None:
        return self.runs[0].as_of_ms if self.runs else None

    async def standing(
        self, account: Address, as_of_ms: int | None = None
    ) -> tuple[int, TraderStanding] | None:
        run = await self.ranking(as_of_ms)
        standings = run.standings if run else ()
        return next(((run.as_of_ms, s) for s in standings if run and s.address == account), None)

    async def address_at(self, rank: int) -> Address | None:
        run = await self.ranking()
        return next((s.address for s in run.standings if s.rank == rank), None) if run else None

    async def traders_of(
        self, coin: Coin, accounts: Sequence[Address], after_ms: int, until_ms: int
    ) -> frozenset[Address]:
        return frozenset(
            f.user
            for f in self.rows
            if f.user in accounts and f.coin == coin and after_ms < f.time_ms <= until_ms
        )

    async def fills_of(self, account: Address, from_ms: int = 0) -> list[Fill]:
        return [f for f in self.rows if f.user == account]

    async def funding_of(self, account: Address, from_ms: int = 0) -> list[FundingPayment]:
        return []

    async def accounts(self) -> list[KnownAccount]:
        return [KnownAccount(AccountFacts(a), None, None, None) for a in self.known]

    async def equity_curve(self, account: Address, from_ms: int) -> list[CurvePoint]:
        return [p for p in self.equity if p.time_ms >= from_ms]

    async def positions(self, account: Address) -> list[HeldPosition]:
        return self.held

    async def live(self, rehearsal: bool = False) -> list[LiveOpportunity]:
        return [o for o in self.living if o.opportunity.is_rehearsal is rehearsal]

    async def scored(
        self,
        *,
        group: Group,
        since_ms: int | None = None,
        coin: Coin | None = None,
        loser: Address | None = None,
        rehearsal: bool = False,
    ) -> list[ScoredOpportunity]:
        return [
            s
            for s in self.scores
            for o in [s.opportunity]
            if o.group is group
            and o.is_rehearsal is rehearsal
            and (since_ms is None or o.published_ms >= since_ms)
            and coin in (None, o.coin)
            and loser in (None, o.loser)
        ]

    async def decisions(
        self, *, coin: Coin | None, account: Address | None, limit: int, before: str | None
    ) -> list[Decision]:
        newest = sorted(self.decided, key=lambda d: (d.decided_ms, d.decision_id), reverse=True)
        ids = [d.decision_id for d in newest]
        start = 0 if before is None else ids.index(before) + 1
        return [d for d in newest[start:] if coin in (None, d.event.coin)][:limit]

    async def crowd(self, coin: Coin | None = None) -> list[Crowd]:
        return [c for c in self.crowds if coin in (None, c.coin)]

    async def delivery_counts(self) -> dict[str, int]:
        return {"sent": 3, "unknown": 1}

    async def oldest_pending_ms(self) -> int | None:
        return None

    async def request_counts(self, since_ms: int) -> tuple[int, int]:
        return self.requests.get(since_ms, (0, 0))

    async def totals(self) -> dict[str, int]:
        return {"accounts": 9, "refined": 4, "fills": 99, "published": 2, "undelivered": 1}

    async def state(self, key: str) -> str | None:
        return self.left.get(key)


def a_fill(user: Address, coin: Coin, time_ms: int) -> Fill:
    return Fill(user, coin, Decimal(1), Decimal(1), Side.BUY, time_ms, Decimal(0))


def a_list(n: int = 5) -> Ranking:
    """Return n losers whose pnl, losses, win rate and markout each put them in another order."""
    return a_ranking(
        *(
            a_standing(
                address(i),
                rank=i,
                win_rate=(i * 2 % 5) / 10,
                figures={
                    "pnl_30d": -100.0 * (i * 3 % 5),
                    "total_losses": 10.0 * (i * 2 % 5),
                    "markouts": (Markout(Horizon.H1, 9, 0.0, None if i == 1 else float(-i), 1.0),),
                },
            )
            for i in range(1, n + 1)
        ),
        a_standing(address(99), rank=None, is_listed=False, badness=None),
    )


async def ask_losers(shelf: Any, **how: Any) -> list[int]:
    found = await answers.losers(shelf, shelf, **how)
    return [int(s.address, 16) for s in found.items]


async def test_losers_come_worst_first_and_only_the_listed() -> None:
    shelf: Any = Shelf(runs=[a_list()])
    found = await answers.losers(shelf, shelf)
    assert [s.rank for s in found.items] == [1, 2, 3, 4, 5]
    assert (found.as_of_ms, found.population, found.listed, found.label_fdr) == (MONDAY_MS, 250, 5, 0.04)
    assert found.next_cursor is None


@pytest.mark.parametrize(
    ("sort", "order"),
    [
        ("badness", [1, 2, 3, 4, 5]),
        ("pnl", [3, 1, 4, 2, 5]),
        ("loss", [2, 4, 1, 3, 5]),
        ("winrate", [5, 3, 1, 4, 2]),
        ("markout", [5, 4, 3, 2, 1]),
    ],
)
async def test_losers_sort_by_what_is_asked_and_unknown_is_last(sort: str, order: list[int]) -> None:
    assert await ask_losers(Shelf(runs=[a_list()]), sort=sort) == order


async def test_those_not_eligible_come_last_and_only_when_asked_for() -> None:
    assert await ask_losers(Shelf(runs=[a_list()]), include_ineligible=True) == [1, 2, 3, 4, 5, 99]


async def test_pages_join_without_gap_and_stay_inside_their_run() -> None:
    shelf: Any = Shelf(runs=[a_list()])
    first = await answers.losers(shelf, shelf, limit=2, sort="winrate")
    shelf.runs.append(replace(a_list(2), as_of_ms=MONDAY_MS + DAY_MS))
    second = await answers.losers(shelf, shelf, limit=2, sort="winrate", cursor=first.next_cursor)
    third = await answers.losers(shelf, shelf, limit=2, sort="winrate", cursor=second.next_cursor)
    pages = [int(s.address, 16) for page in (first, second, third) for s in page.items]
    assert pages == [5, 3, 1, 4, 2]
    assert third.next_cursor is None
    assert {p.as_of_ms for p in (first, second, third)} == {MONDAY_MS}


async def test_a_cursor_of_a_run_that_is_gone_is_refused() -> None:
    shelf: Any = Shelf(runs=[a_list()])
    first = await answers.losers(shelf, shelf, limit=2)
    shelf.runs = [replace(a_list(), as_of_ms=MONDAY_MS - DAY_MS)]
    with pytest.raises(UsageError, match="leave it out"):
        await answers.losers(shelf, shelf, limit=2, cursor=first.next_cursor)


async def test_a_cursor_of_another_sorting_is_refused() -> None:
    shelf: Any = Shelf(runs=[a_list()])
    first = await answers.losers(shelf, shelf, limit=2)
    with pytest.raises(UsageError, match="same filters and sorting"):
        await answers.losers(shelf, shelf, limit=2, sort="pnl", cursor=first.next_cursor)


async def test_losers_of_a_coin_are_those_who_traded_it_inside_the_window() -> None:
    rows = [
        a_fill(address(2), ETH, MONDAY_MS),
        a_fill(address(3), BTC, MONDAY_MS),
        a_fill(address(4), ETH, MONDAY_MS - WINDOW_MS),
        a_fill(address(5), ETH, MONDAY_MS + 1),
    ]
    assert await ask_losers(Shelf(runs=[a_list()], rows=rows), coin=ETH) == [2]


async def test_a_page_begins_where_asked_and_says_its_place() -> None:
    shelf: Any = Shelf(runs=[a_list()])
    everybody = [row.figures.address for row in (await answers.losers(shelf, shelf)).items]
    second = await answers.losers(shelf, shelf, limit=2, first=3)
    assert [row.figures.address for row in second.items] == everybody[2:4]
    assert (second.first, second.total) == (3, len(everybody))


async def test_a_page_beyond_the_end_is_the_last_one() -> None:
    shelf: Any = Shelf(runs=[a_list()])
    whole = await answers.losers(shelf, shelf)
    beyond = await answers.losers(shelf, shelf, limit=2, first=99)
    assert beyond.first == (whole.total - 1) // 2 * 2 + 1
    assert beyond.items == whole.items[beyond.first - 1 :]
    nobody = await answers.losers(shelf, shelf, coin=Coin("NOBODY"), first=9)
    assert (nobody.first, nobody.total, nobody.items) == (1, 0, ())


async def test_the_past_is_answered_by_the_run_of_then() -> None:
    older = replace(a_list(2), as_of_ms=MONDAY_MS - DAY_MS)
    shelf: Any = Shelf(runs=[older, a_list()])
    assert await ask_losers(shelf, as_of_ms=MONDAY_MS - 1) == [1, 2]
    assert (await answers.losers(shelf, shelf, as_of_ms=5)).as_of_ms is None


async def test_an_unknown_sorting_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="badness, pnl, loss, winrate, markout"):
        await ask_losers(Shelf(runs=[a_list()]), sort="luck")


# --- one trader --------------------------------------------------------------------------------


def a_trip(closed_ms: int, gross: str | None, coin: Coin = BTC) -> RoundTrip:
    return RoundTrip(
        account=LOSER,
        coin=coin,
        direction=Direction.LONG,
        opened_ms=closed_ms - 1000,
        closed_ms=closed_ms,
        entry_notional_usd=Decimal(100),
        max_size=Decimal(1),
        gross_pnl=None if gross is None else Decimal(gross),
        fees=Decimal("0.5"),
        funding=Decimal(0),
        fills=2,
    )


async def test_round_trips_of_a_card_are_made_aside_from_the_loop() -> None:
    makers: list[int] = []

    def trips_of(*_: object) -> list[RoundTrip]:
        makers.append(threading.get_ident())
        return []

    shelf: Any = Shelf(runs=[a_list()])
    await answers.trader(shelf, shelf, shelf, LOSER, now_ms=MONDAY_MS, trips_of=trips_of)
    assert makers
    assert makers[0] != threading.get_ident()


async def test_a_card_holds_standing_trips_record_equity_and_what_fading_made() -> None:
    trips = [
        a_trip(MONDAY_MS - 3, "2"),
        a_trip(MONDAY_MS - 2, "-4"),
        a_trip(MONDAY_MS - 1, None, ETH),
        a_trip(MONDAY_MS - WINDOW_MS, "50"),
        a_trip(MONDAY_MS + 1, "70"),
    ]
    shelf: Any = Shelf(
        runs=[a_ranking(a_standing())],
        equity=[CurvePoint(MONDAY_MS - 5, Decimal(7)), CurvePoint(MONDAY_MS + 5, Decimal(8))],
        held=[HeldPosition(BTC, Decimal(1), None, MONDAY_MS)],
        scores=[a_scored(MONDAY_MS, 7.0, horizon=None, ending=an_ending())],
    )
    card = await answers.trader(
        shelf, shelf, shelf, LOSER.upper().replace("X", "x"), now_ms=MONDAY_MS + 9, trips_of=lambda *_: trips
    )
    assert card.standing is not None
    assert (card.address, card.as_of_ms, card.standing.rank) == (LOSER, MONDAY_MS, 3)
    assert [t.closed_ms - MONDAY_MS for t in card.recent_trips] == [-1, -2, -3]
    assert [(r.coin, r.round_trips, r.wins, r.net_pnl) for r in card.by_coin] == [
        (BTC, 2, 1, -3.0),
        (ETH, 1, 0, None),
    ]
    assert [p.value for p in card.equity] == [Decimal(7)]
    assert (card.faded.n, card.faded.mean_net_bps) == (1, 7.0)
    assert card.positions == tuple(shelf.held)


async def test_an_address_that_nobody_knows_gives_an_empty_card() -> None:
    shelf: Any = Shelf()
    card = await answers.trader(shelf, shelf, shelf, LOSER, now_ms=MONDAY_MS, trips_of=lambda *_: [])
    assert (card.as_of_ms, card.standing, card.recent_trips, card.faded.n) == (None, None, (), 0)


@pytest.mark.parametrize("query", ["#3", "leader-acc6", "leader-acc6-b", "LEADER-ACC6-", "Whal"])
async def test_a_trader_is_meant_by_rank_or_the_beginning_of_a_label(query: str) -> None:
    long, short = Address("leader-acc6-b"), Address("leader-acc6")
    shelf: Any = Shelf(runs=[a_ranking(a_standing(label="whale"))], known=[short, long, address(7)])
    expected = {"#3": LOSER, "Whal": LOSER, "leader-acc6": short}.get(query, long)
    assert await find_trader(shelf, shelf, query) == expected


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("#8", "Nobody has rank 8"),
        ("#x", "is not a rank"),
        ("#", "is not a rank"),
        ("leader", "means 2 traders"),
        ("nobody", "No trader's label begins with"),
        ("0x12", "is not an account address"),
        ("a b", "is not an account address"),
    ],
)
async def test_what_means_nobody_or_several_is_refused_in_one_line(query: str, says: str) -> None:
    shelf: Any = Shelf(runs=[a_ranking(a_standing())], known=[Address("leader-a"), Address("leader-b")])
    with pytest.raises(UsageError, match=says):
        await find_trader(shelf, shelf, query)


# --- opportunities and their score -------------------------------------------------------------


def living(i: int, **changes: Any) -> LiveOpportunity:
    return LiveOpportunity(an_opportunity(opportunity_id=f"O{i}", published_ms=MONDAY_MS + i // 2, **changes))


async def test_live_opportunities_come_newest_first_in_pages_that_join() -> None:
    shelf: Any = Shelf(living=[living(i) for i in range(5)])
    shown: list[str] = []
    cursor = None
    for _ in range(3):
        page = await answers.opportunities(shelf, now_ms=MONDAY_MS, limit=2, cursor=cursor)
        shown += [o.opportunity.opportunity_id for o in page.items]
        cursor = page.next_cursor
    assert shown == ["O4", "O3", "O2", "O1", "O0"]
    assert cursor is None


async def test_the_placebo_and_rehearsals_are_never_shown_as_opportunities() -> None:
    control, rehearsed = living(1, group=Group.PLACEBO), living(2, is_rehearsal=True)
    shelf: Any = Shelf(living=[control, rehearsed, living(3, coin=ETH)])
    found = await answers.opportunities(shelf, now_ms=MONDAY_MS)
    assert [o.opportunity.opportunity_id for o in found.items] == ["O3"]
    assert (await answers.opportunities(shelf, now_ms=MONDAY_MS, coin=BTC)).items == ()
    assert (await answers.opportunities(shelf, now_ms=MONDAY_MS, rehearsal=True)).items == (rehearsed,)


async def test_the_last_endings_are_beside_the_first_page_only() -> None:
    ended = [
        a_scored(MONDAY_MS, 1.0, opportunity_id=f"E{i:02}", ending=an_ending(ended_ms=MONDAY_MS + i))
        for i in range(12)
    ]
    shelf: Any = Shelf(living=[living(1), living(2)], scores=[*ended, a_scored(MONDAY_MS, 1.0)])
    first = await answers.opportunities(shelf, now_ms=MONDAY_MS, limit=1)
    assert [s.opportunity.opportunity_id for s in first.recent] == [f"E{i:02}" for i in range(11, 1, -1)]
    second = await answers.opportunities(shelf, now_ms=MONDAY_MS, limit=1, cursor=first.next_cursor)
    assert second.recent == ()


def some_scores() -> list[ScoredOpportunity]:
    exited = an_ending(ended_ms=MONDAY_MS + 60_000)
    return [
        a_scored(MONDAY_MS, 10.0, horizon=None, ending=exited),
        a_scored(MONDAY_MS, 20.0, horizon=None, ending=exited, coin=ETH, is_late=True),
        a_scored(MONDAY_MS, None, coin=ETH, loser=address(2)),
        a_scored(MONDAY_MS - 20 * DAY_MS, 30.0, horizon=None, ending=exited),
        a_scored(MONDAY_MS, -9.0, horizon=None, ending=exited, group=Group.PLACEBO),
        a_scored(MONDAY_MS, 99.0, horizon=None, ending=exited, is_rehearsal=True),
    ]


async def ask_performance(**how: Any) -> Any:
    shelf: Any = Shelf(scores=some_scores())
    return await answers.performance(shelf, now_ms=MONDAY_MS + DAY_MS, horizon=Horizon.H1, **how)


async def test_performance_is_shown_beside_the_placebo_and_the_verdict() -> None:
    found = await ask_performance(period="all")
    assert (found.published, found.live, found.late, found.undelivered) == (4, 1, 1, 1)
    assert (found.at_exit.losers.n, found.at_exit.losers.mean_net_bps) == (3, 20.0)
    assert found.at_exit.placebo.mean_net_bps == -9.0
    assert [h.horizon for h in found.horizons] == list(Horizon)
    assert len(found.delays) == 4
    assert [c.coin for c in found.by_coin] == [BTC, ETH]
    assert [p.value for p in found.curve] == [Decimal("60.000000")]
    assert found.evidence.verdict is Verdict.NONE_YET
    assert found.since_ms is None


async def test_period_coin_and_loser_narrow_the_score_but_never_the_verdict() -> None:
    assert (await ask_performance(period="7d")).published == 3
    assert (await ask_performance(coin=ETH)).at_exit.losers.mean_net_bps == 20.0
    of_one = await ask_performance(loser=address(2))
    assert (of_one.published, of_one.at_exit.placebo.n) == (1, 1)
    assert of_one.evidence == (await ask_performance(period="all")).evidence


async def test_a_rehearsal_has_its_own_score_and_no_evidence() -> None:
    found = await ask_performance(rehearsal=True)
    assert (found.rehearsal, found.published, found.at_exit.losers.mean_net_bps) == (True, 1, 99.0)
    assert found.evidence.losers.n + found.evidence.losers.missing == 4


async def test_a_verdict_that_once_was_supported_is_withdrawn() -> None:
    shelf: Any = Shelf(left={answers.EVIDENCE_STATE: "5"})
    found = await answers.evidence(shelf, horizon=Horizon.H1, now_ms=MONDAY_MS)
    assert found.verdict is Verdict.WITHDRAWN


async def test_an_unknown_period_is_refused_with_those_there_are() -> None:
    with pytest.raises(UsageError, match="7d, 30d, all"):
        await ask_performance(period="1y")


# --- the rest ----------------------------------------------------------------------------------


async def test_the_coin_with_the_most_money_of_losers_comes_first() -> None:
    small, big = Crowd(BTC, 9, 0, 10.0, 0.0), Crowd(ETH, 1, 1, 5.0, 50.0)
    shelf: Any = Shelf(crowds=[small, big])
    assert (await answers.crowd(shelf, now_ms=MONDAY_MS)).items == (big, small)
    assert (await answers.crowd(shelf, now_ms=MONDAY_MS, coin=BTC)).items == (small,)


async def test_decisions_page_over_the_placebos_without_showing_them() -> None:
    decided = [
        a_decision(
            decision_id=f"D{i:02}",
            decided_ms=MONDAY_MS + i,
            rejection=Rejection.MAKER,
            group=Group.LOSER if i % 4 == 0 else Group.PLACEBO,
        )
        for i in range(20)
    ]
    shelf: Any = Shelf(decided=decided)
    shown: list[str] = []
    cursor = None
    for _ in range(3):
        page = await answers.decisions(shelf, now_ms=MONDAY_MS, limit=2, cursor=cursor)
        shown += [d.decision_id for d in page.items]
        cursor = page.next_cursor
    assert shown == ["D16", "D12", "D08", "D04", "D00"]
    assert cursor is None


async def test_status_says_what_is_known_and_null_what_is_not() -> None:
    today_ms = MONDAY_MS + 5_000
    shelf: Any = Shelf(
        runs=[a_list()],
        living=[living(1), living(2, group=Group.PLACEBO)],
        left={"started_ms": "12", "alive_ms": str(today_ms - 2_000), "watched": "600", "reading": ""},
        requests={MONDAY_MS: (50, 1), today_ms - 7 * DAY_MS: (400, 4)},
    )
    found = await answers.status(shelf, shelf, now_ms=today_ms, horizon=Horizon.H1)
    assert (found.accounts_known, found.accounts_refined, found.fills, found.published) == (9, 4, 99, 2)
    assert (found.listed, found.population, found.ranking_as_of_ms) == (5, 250, MONDAY_MS)
    assert (found.is_running, found.started_ms, found.seen_ms) == (True, 12, today_ms - 2_000)
    assert (found.watched, found.last_trade_ms, found.feed_gaps, found.reading) == (600, None, 0, None)
    assert (found.requests_today, found.request_errors_today, found.error_rate_7d) == (50, 1, 0.01)
    assert found.live_opportunities == 1
    assert found.outbox == {"sent": 3, "unknown": 1}
    assert found.evidence.startswith("No evidence yet: 0 of 100 opportunities")


@pytest.mark.parametrize(
    ("left", "is_running", "seen_ms"),
    [
        ({}, False, None),
        ({"alive_ms": 998_000}, True, 998_000),
        ({"alive_ms": 998_000, "stopped_ms": 500_000}, True, 998_000),  # an earlier life's end
        ({"alive_ms": 998_000, "stopped_ms": 999_000}, False, 999_000),  # stopped by itself
        ({"alive_ms": 979_999}, False, 979_999),  # killed: it left no word, and no sign of life since
        ({"alive_ms": 1_003_000}, True, 1_003_000),  # its clock is a little ahead of ours
    ],
)
async def test_status_tells_who_runs_from_who_was_killed(
    left: dict[str, int], is_running: bool, seen_ms: int | None
) -> None:
    facts = {"started_ms": "7", "watched": "600", "reading": "300/900"}
    shelf: Any = Shelf(left={**facts, **{key: str(ms) for key, ms in left.items()}})
    found = await answers.status(shelf, shelf, now_ms=1_000_000, horizon=Horizon.H1)
    assert (found.is_running, found.started_ms, found.seen_ms) == (is_running, 7, seen_ms)
    assert found.reading == ((300, 900) if is_running else None)
    assert found.watched == (600 if is_running else 0)


async def test_a_past_without_a_ranking_says_where_the_past_begins() -> None:
    shelf: Any = Shelf(runs=[a_list()])
    for as_of_ms in (MONDAY_MS - 1, 0):
        found = await answers.losers(shelf, shelf, as_of_ms=as_of_ms)
        assert (found.as_of_ms, found.earliest_ms) == (None, MONDAY_MS)
    empty: Any = Shelf()
    for as_of in (None, MONDAY_MS):
        found = await answers.losers(empty, empty, as_of_ms=as_of)
        assert (found.as_of_ms, found.earliest_ms) == (None, None)


async def test_status_of_an_empty_store_has_no_rates() -> None:
    shelf: Any = Shelf()
    found = await answers.status(shelf, shelf, now_ms=MONDAY_MS, horizon=Horizon.H1)
    assert (found.ranking_as_of_ms, found.error_rate_7d, found.listed) == (None, None, 0)
