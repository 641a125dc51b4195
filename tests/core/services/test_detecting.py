"""Detection as a service: nothing heard is lost, and all of one step is written together."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress
from decimal import Decimal
from typing import Any

import pytest
from structlog.testing import capture_logs

from core.detection.detector import Detector
from core.errors import ExchangeUnavailable, RateLimited
from core.model.market import Book, Coin
from core.model.opportunities import EndReason, Rejection
from core.services.detecting import BookSource, Concluded, DetectionService
from tests.support.detection_facts import (
    BTC,
    ETH,
    LOSER,
    OTHER,
    T0,
    a_book,
    a_detector,
    a_watch,
    heard,
)
from tests.support.detection_ports import HandClock, ScriptedStore, Sleeper, sizes

pytestmark = pytest.mark.asyncio
BOTH = (a_watch(), a_watch(OTHER, badness=80.0))


class Desk:
    """A detection service with scripted surroundings."""

    def __init__(self, detector: Detector | None = None, book: BookSource | None = None, **more: Any) -> None:
        self.clock = HandClock()
        self.store = ScriptedStore()
        self.sleep = Sleeper()
        self.asked: list[Coin] = []
        self.concluded: list[Concluded] = []
        self.detector = detector or a_detector()
        self.service = DetectionService(
            self.detector,
            self.store,
            self.clock,
            self.sleep,
            book=book or self.book,
            evidence=lambda: "none yet",
            on_concluded=self.concluded.append,
            **more,
        )

    async def book(self, coin: Coin) -> Book | None:
        self.asked.append(coin)
        return a_book(coin=coin)

    async def until(self, is_so: Callable[[], object]) -> None:
        """Let the other tasks run until something is so."""
        async with asyncio.timeout(5):
            while not is_so():  # noqa: ASYNC110  what a step does has no event of its own
                await asyncio.sleep(0)


async def stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def test_one_publication_holds_all_of_one_step() -> None:
    desk = Desk(a_detector(*BOTH))
    desk.service.take([heard("100"), heard("3", coin=ETH, account=OTHER)])
    desk.service.take([heard("1", 10)])
    await desk.service.conclude()
    (publication,) = desk.store.published
    assert sizes(publication.fills) == [100, 3, 1]
    assert [(e.account, e.coin, e.sz) for e in publication.events] == [
        (LOSER, BTC, 101),
        (OTHER, ETH, 3),
    ]
    assert {(account, held.coin): held.szi for account, held in publication.positions} == {
        (LOSER, BTC): 101,
        (OTHER, ETH): 3,
    }
    assert desk.store.verdicts == ["published"]
    assert (publication.now_ms, publication.namespace) == (T0, "live")
    assert desk.asked == [BTC]


async def test_nothing_new_writes_nothing() -> None:
    desk = Desk()
    await desk.service.conclude()
    desk.service.tick(T0 + 1)
    await desk.service.conclude()
    assert desk.store.published == []
    assert desk.concluded == []


async def test_a_flip_ends_the_old_and_publishes_the_new_in_one_step() -> None:
    desk = Desk()
    desk.service.take([heard("100")])
    await desk.service.conclude()
    desk.clock.go_to(60_000)
    desk.service.take([heard("-180", 60_000)])
    await desk.service.conclude()
    step = desk.store.published[-1]
    assert [ending.reason for ending in step.endings] == [EndReason.LOSER_FLIPPED]
    assert [one.rejection for one in step.decisions] == [None]
    assert len(desk.detector.live) == 1


async def test_closing_and_opening_again_in_one_step_is_published_with_a_book() -> None:
    desk = Desk()
    desk.service.take([heard("100")])
    await desk.service.conclude()
    desk.clock.go_to(60_000)
    desk.service.take([heard("-100", 60_000), heard("120", 60_000, tid=9)])
    await desk.service.conclude()
    assert desk.store.endings == ["loser_closed"]
    assert desk.store.verdicts == ["published", "not_an_entry", "published"]


async def test_opened_and_closed_before_anything_was_concluded_ends_what_it_published() -> None:
    desk = Desk()
    desk.service.take([heard("100"), heard("-100", 400)])
    await desk.service.conclude()
    (step,) = desk.store.published
    assert step.decisions[0].opportunity is not None
    assert [one.opportunity_id for one in step.endings] == [step.decisions[0].decision_id]


# --- books -----------------------------------------------------------------------------------


async def late(coin: Coin) -> Book | None:
    await asyncio.Event().wait()
    return None


async def away(coin: Coin) -> Book | None:
    raise ExchangeUnavailable("no answer")


async def unlisted(coin: Coin) -> Book | None:
    return None


async def refused(coin: Coin) -> Book | None:
    raise RateLimited("not asked: the exchange says we ask too much (429)", 3.0)


@pytest.mark.parametrize(
    ("book", "problem"),
    [
        (late, "no answer within 0.05 s"),
        (away, "no answer"),
        (unlisted, "the exchange has no order book of this coin"),
        (refused, "not asked: the exchange says we ask too much (429)"),
    ],
    ids=["time-out", "error", "none", "refused"],
)
async def test_without_a_book_it_is_book_unknown_and_the_decision_says_why(
    book: BookSource, problem: str
) -> None:
    desk = Desk(book=book, book_timeout_s=0.05)
    desk.service.take([heard("100")])
    with capture_logs() as logs:
        await desk.service.conclude()
    (decision,) = desk.store.decisions
    assert decision.rejection is Rejection.BOOK_UNKNOWN
    assert decision.figures["book_problem"] == problem
    (line,) = logs
    assert line["event"].startswith("no order book")
    assert line["reason"] == f"BTC: {problem}"


async def test_one_conclusion_waits_once_however_many_books_dont_come() -> None:
    asked: list[Coin] = []

    async def late_then_slow(coin: Coin) -> Book | None:
        asked.append(coin)
        if len(asked) == 3:
            await late(coin)
        for _ in range(10 if len(asked) > 3 else 0):  # soon, but after the third one's time was over
            await asyncio.sleep(0)
        return a_book(coin=coin)

    desk = Desk(book=late_then_slow, book_timeout_s=0.05)
    desk.service.take([heard("100"), heard("100", coin=ETH)])
    await desk.service.conclude()
    desk.clock.go_to(60_000)
    for coin in (BTC, ETH):
        desk.service.take([heard("-100", 60_000, coin=coin), heard("100", 60_000, tid=9, coin=coin)])
    await desk.service.conclude()
    assert asked[2:] == [BTC, ETH]
    assert desk.store.verdicts[2:] == ["not_an_entry", "book_unknown"] * 2


async def test_one_slow_book_keeps_no_other_coin_from_its_own() -> None:
    async def slow_btc(coin: Coin) -> Book | None:
        return await late(coin) if coin == BTC else a_book(coin=coin)

    desk = Desk(book=slow_btc, book_timeout_s=0.05)
    desk.service.take([heard("100"), heard("100", coin=ETH)])
    await desk.service.conclude()
    assert {one.event.coin: one.rejection for one in desk.store.decisions} == {
        BTC: Rejection.BOOK_UNKNOWN,
        ETH: None,
    }


async def test_a_coin_is_asked_for_once_however_many_enter_it() -> None:
    desk = Desk(a_detector(*BOTH))
    desk.service.take([heard("100"), heard("100", 1, account=OTHER)])
    await desk.service.conclude()
    assert desk.asked == [BTC]
    assert desk.store.verdicts == ["published", "published"]


async def test_fills_that_come_while_books_are_asked_for_go_into_the_next_step() -> None:
    asked, go_on = asyncio.Event(), asyncio.Event()

    async def gated(coin: Coin) -> Book | None:
        asked.set()
        await go_on.wait()
        return a_book(coin=coin)

    desk = Desk(book=gated)
    desk.service.take([heard("100")])
    first = asyncio.create_task(desk.service.conclude())
    await asked.wait()
    desk.service.take([heard("5", 10)])
    go_on.set()
    await first
    await desk.service.conclude()
    assert [sizes(p.fills) for p in desk.store.published] == [[100], [5]]
    assert desk.store.verdicts == ["published"]


# --- the database is away ----------------------------------------------------------------------


async def test_a_database_that_is_away_loses_nothing_and_keeps_the_order() -> None:
    desk = Desk()
    desk.store.failures = 4
    running = asyncio.create_task(desk.service.run())
    desk.service.take([heard("100")])
    await desk.until(lambda: desk.store.failures < 4)
    desk.service.take([heard("-100", 1_000)])
    desk.service.take_price(BTC, Decimal(99), T0 + 1_500)
    await desk.until(lambda: len(desk.store.published) == 2)
    await stop(running)
    assert desk.sleep.slept == [0.5, 1.0, 2.0, 4.0]
    assert sizes(desk.store.fills) == [100, -100]
    assert (desk.store.verdicts, desk.store.endings) == (["published"], ["loser_closed"])
    assert [len(one.decisions) for one in desk.concluded] == [1, 0]


async def test_an_outage_of_the_database_is_said_once_and_once_when_it_is_over() -> None:
    desk = Desk()
    desk.store.failures = 9
    running = asyncio.create_task(desk.service.run())
    with capture_logs() as logs:
        desk.service.take([heard("100")])
        await desk.until(lambda: desk.store.published)
    await stop(running)
    assert [(one["event"].partition(":")[0], one.get("times")) for one in logs] == [
        ("the database is away", None),
        ("the database is back", 9),
    ]


async def test_nobody_is_told_before_it_is_written() -> None:
    desk = Desk()
    desk.store.is_open.clear()
    desk.service.take([heard("100")])
    step = asyncio.create_task(desk.service.conclude())
    await desk.until(lambda: desk.asked)
    await asyncio.sleep(0)
    assert desk.concluded == []
    desk.store.is_open.set()
    await step
    assert len(desk.concluded) == 1


async def test_a_stop_in_the_middle_of_a_write_waits_for_it() -> None:
    desk = Desk()
    desk.store.is_open.clear()
    running = asyncio.create_task(desk.service.run())
    desk.service.take([heard("100")])
    await desk.until(lambda: desk.asked)
    await asyncio.sleep(0)
    desk.service.take([heard("-100", 1_000)])
    running.cancel()
    await asyncio.sleep(0)
    desk.store.is_open.set()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert (desk.store.verdicts, desk.store.endings) == (["published"], ["loser_closed"])


async def test_a_stop_writes_what_nobody_had_begun_to_conclude() -> None:
    desk = Desk()
    running = asyncio.create_task(desk.service.run())
    await asyncio.sleep(0)
    desk.service.take([heard("100")])
    await stop(running)
    assert desk.store.verdicts == ["published"]


async def test_a_stop_doesnt_wait_for_ever() -> None:
    desk = Desk(wind_down_s=0.05)
    desk.store.is_open.clear()
    running = asyncio.create_task(desk.service.run())
    desk.service.take([heard("100")])
    await desk.until(lambda: desk.asked)
    async with asyncio.timeout(5):
        await stop(running)
    assert running.cancelled()


# --- accounts whose position is asked for --------------------------------------------------------


async def test_fills_of_a_held_account_wait_and_others_dont() -> None:
    desk = Desk(a_detector(*BOTH))
    desk.service.hold(LOSER)
    desk.service.take([heard("100"), heard("60", account=OTHER)])
    await desk.service.conclude()
    assert [e.account for p in desk.store.published for e in p.events] == [OTHER]
    assert desk.service.has_waiting(LOSER)
    assert not desk.service.has_waiting(OTHER)


async def test_what_is_in_the_position_already_makes_no_event_but_stays_a_fill() -> None:
    desk = Desk()
    desk.service.hold(LOSER)
    fills = [heard("100", 1_000), heard("-100", 2_000), heard("70", 2_001)]
    desk.service.take(fills)
    desk.service.release(LOSER, {"": T0 + 2_000})
    await desk.service.conclude()
    (step,) = desk.store.published
    assert [(e.sz, e.before) for e in step.events] == [(70, 0)]
    assert sorted(sizes(step.fills)) == [-100, 70, 100]
    desk.service.hear_late(fills[:2])
    await desk.service.conclude()
    assert [len(p.events) for p in desk.store.published[1:]] in ([], [0])


async def test_a_release_goes_dex_by_dex() -> None:
    desk = Desk()
    xyz = Coin("xyz:CL")
    desk.detector.tracker(LOSER).seed({}, ("", "xyz"))
    desk.service.hold(LOSER)
    desk.service.take([heard("1", 1_000), heard("2", 1_000, coin=xyz)])
    desk.service.release(LOSER, {"": T0 + 1_000, "xyz": T0})
    await desk.service.conclude()
    assert [e.coin for p in desk.store.published for e in p.events] == [xyz]


async def test_held_twice_is_held_until_released_once() -> None:
    desk = Desk()
    desk.service.hold(LOSER)
    desk.service.take([heard("100")])
    desk.service.hold(LOSER)
    desk.service.release(LOSER, {})
    assert not desk.service.has_waiting(LOSER)
    await desk.service.conclude()
    assert desk.store.verdicts == ["published"]


async def test_waiting_fills_that_nothing_was_missed_before_are_heard_as_they_came() -> None:
    desk = Desk()
    desk.service.hold(LOSER)
    desk.service.take([heard("100", 1_000), heard("5", 9_000)])
    desk.service.hear_waiting(LOSER, {"": T0 + 2_000})
    desk.service.release(LOSER, {"": T0 + 2_000})
    await desk.service.conclude()
    assert sizes(desk.store.fills) == [100, 5]
    assert [e.is_late for p in desk.store.published for e in p.events] == [False, False]


async def test_back_filled_fills_go_past_the_hold_and_are_marked() -> None:
    desk = Desk()
    desk.service.hold(LOSER)
    desk.service.hear_late([heard("100", start_position=Decimal(0))])
    await desk.service.conclude()
    (decision,) = desk.store.decisions
    assert decision.opportunity is not None
    assert decision.opportunity.is_late


# --- endings ---------------------------------------------------------------------------------------


async def published(desk: Desk) -> str:
    desk.service.take([heard("100")])
    await desk.service.conclude()
    return desk.store.decisions[0].decision_id


async def test_a_price_beyond_the_stop_ends_and_wakes() -> None:
    desk = Desk()
    desk.detector.market.sigma = {BTC: 0.01}
    opportunity_id = await published(desk)
    running = asyncio.create_task(desk.service.run())
    desk.service.take_price(BTC, Decimal(105), T0 + 5_000)
    await desk.until(lambda: desk.store.endings)
    await stop(running)
    (ending,) = desk.store.published[-1].endings
    assert (ending.opportunity_id, ending.reason, ending.exit_px) == (opportunity_id, EndReason.STOP, 105)


async def test_new_extremes_are_written_with_the_next_tick() -> None:
    desk = Desk()
    await published(desk)
    for px in ("100.5", "100.9", "100.7"):
        desk.service.take_price(BTC, Decimal(px), T0 + 1_000)
    desk.service.tick(T0 + 1_000)
    await desk.service.conclude()
    (moved,) = desk.store.published[-1].moved
    assert moved.worst_bps == pytest.approx(-91.0, abs=0.1)


async def test_expiry_comes_with_a_tick() -> None:
    desk = Desk()
    await published(desk)
    desk.service.tick(T0 + 86_400_000)
    await desk.service.conclude()
    assert desk.store.endings == ["expired"]


@pytest.mark.parametrize(
    ("late", "reason"),
    [([], "loser_closed"), (["-150"], "loser_flipped"), (["-100"], "loser_closed")],
)
async def test_who_left_in_a_gap_ends_it_once_by_what_is_known_best(late: Iterable[str], reason: str) -> None:
    desk = Desk()
    await published(desk)
    desk.clock.go_to(60_000)
    desk.service.hear_late([heard(sz, 50_000, start_position=Decimal(100)) for sz in late])
    desk.detector.tracker(LOSER).correct({} if reason == "loser_closed" else {BTC: Decimal(-50)})
    desk.service.end_where_gone(LOSER)
    await desk.service.conclude()
    await desk.service.conclude()
    assert desk.store.endings == [reason]


async def test_an_unknown_position_writes_a_decision_but_no_event_and_no_position() -> None:
    desk = Desk()
    desk.detector.tracker(LOSER).forget()
    desk.service.take([heard("100")])
    await desk.service.conclude()
    (step,) = desk.store.published
    assert (step.events, step.positions) == ((), ())
    assert desk.store.verdicts == ["position_unknown"]
    assert sizes(step.fills) == [100]


async def test_the_end_of_a_recording_finishes_every_event() -> None:
    desk = Desk(a_detector(by_order=True), keep_fills=False)
    desk.service.take([heard("1", oid=4, start_position=Decimal(0))])
    await desk.service.conclude()
    assert desk.store.verdicts == []
    desk.service.finish_all()
    await desk.service.conclude()
    assert desk.store.verdicts == ["notional_below_floor"]
    assert desk.store.fills == []
