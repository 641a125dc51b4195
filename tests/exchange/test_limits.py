"""The weight budget: no more than allowed, the urgent first, nobody forgotten."""

import asyncio
import heapq
import itertools
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import RateLimited
from exchange.limits import Priority, WeightBudget, base_weight, extra_weight

pytestmark = pytest.mark.asyncio


class FakeTime:
    """A clock that moves only when told, and the timers that hang on it."""

    def __init__(self) -> None:
        self.now = 100.0
        self._timers: list[tuple[float, int, FakeTimer]] = []
        self._order = itertools.count()
        self.timers_set = 0

    def monotonic(self) -> float:
        return self.now

    def call_later(self, delay_s: float, call: Callable[[], None]) -> "FakeTimer":
        timer = FakeTimer(call)
        self.timers_set += 1
        heapq.heappush(self._timers, (self.now + delay_s, next(self._order), timer))
        return timer

    async def advance(self, seconds: float) -> None:
        until = self.now + seconds
        while self._timers and self._timers[0][0] <= until:
            self.now, _, timer = heapq.heappop(self._timers)
            if not timer.cancelled:
                timer.call()
                await settle()
        self.now = until
        await settle()


class FakeTimer:
    def __init__(self, call: Callable[[], None]) -> None:
        self.call = call
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


def budget_of(
    time: FakeTime, per_minute: float = 60.0, burst: float = 10.0, reserve: float = 0.0
) -> WeightBudget:
    return WeightBudget(
        per_minute, burst, reserve=reserve, monotonic=time.monotonic, call_later=time.call_later
    )


def start(
    budget: WeightBudget, went: list[str], name: str, weight: float, priority: Priority
) -> asyncio.Task[None]:
    async def ask() -> None:
        await budget.take(weight, priority)
        went.append(name)

    return asyncio.create_task(ask())


async def test_a_burst_goes_at_once_and_the_rest_at_the_refill_rate():
    time = FakeTime()
    went: list[str] = []
    budget = budget_of(time)
    tasks = [start(budget, went, str(i), 5, Priority.COLLECTION) for i in range(4)]
    await settle()
    assert went == ["0", "1"]
    await time.advance(4.9)
    assert went == ["0", "1"]
    await time.advance(0.2)
    assert went == ["0", "1", "2"]
    await time.advance(5)
    assert went == ["0", "1", "2", "3"]
    await asyncio.gather(*tasks)


async def test_the_urgent_overtake_and_equals_keep_their_order():
    time = FakeTime()
    went: list[str] = []
    budget = budget_of(time)
    budget.charge(10)
    tasks = [
        start(budget, went, "rank", 2, Priority.COLLECTION),
        start(budget, went, "fill 1", 2, Priority.BACKFILL),
        start(budget, went, "fill 2", 2, Priority.BACKFILL),
        start(budget, went, "book", 2, Priority.DETECTION),
    ]
    await settle()
    await time.advance(100)
    await asyncio.gather(*tasks)
    assert went == ["book", "fill 1", "fill 2", "rank"]


async def test_an_urgent_request_that_comes_later_need_not_wait_for_a_heavy_one():
    time = FakeTime()
    went: list[str] = []
    budget = budget_of(time)
    budget.charge(10)
    heavy = start(budget, went, "heavy", 10, Priority.COLLECTION)
    await settle()
    await time.advance(3)
    light = start(budget, went, "light", 2, Priority.DETECTION)
    await settle()
    assert went == ["light"]
    await time.advance(20)
    await asyncio.gather(heavy, light)


async def test_a_debt_found_on_the_answer_is_paid_before_the_next():
    time = FakeTime()
    went: list[str] = []
    budget = budget_of(time)
    budget.charge(30)
    task = start(budget, went, "next", 2, Priority.DETECTION)
    await settle()
    await time.advance(21.9)
    assert went == []
    await time.advance(0.2)
    assert went == ["next"]
    await task


async def test_a_drained_budget_lets_nobody_through_for_that_long():
    time = FakeTime()
    went: list[str] = []
    budget = budget_of(time)
    budget.drain(20)
    task = start(budget, went, "next", 3, Priority.DETECTION)
    await settle()
    await time.advance(22.9)
    assert went == []
    await time.advance(0.2)
    assert went == ["next"]
    await task


async def test_draining_reaches_those_already_in_line():
    time = FakeTime()
    went: list[str] = []
    budget = budget_of(time)
    budget.charge(10)
    task = start(budget, went, "next", 1, Priority.DETECTION)
    await settle()
    budget.drain(30)
    await time.advance(30.9)
    assert went == []
    await time.advance(0.2)
    assert went == ["next"]
    await task


async def test_a_shorter_drain_does_not_end_a_longer_one():
    time = FakeTime()
    budget = budget_of(time)
    budget.drain(30)
    budget.drain(1)
    await time.advance(29)
    assert budget.available == 0


async def test_a_request_heavier_than_the_bucket_goes_when_the_bucket_is_full():
    time = FakeTime()
    went: list[str] = []
    budget = budget_of(time)
    task = start(budget, went, "huge", 25, Priority.COLLECTION)
    await settle()
    assert went == ["huge"]
    assert budget.available == -15
    await task


async def test_one_who_gives_up_blocks_nobody_and_spends_nothing():
    time = FakeTime()
    went: list[str] = []
    budget = budget_of(time)
    budget.charge(10)
    first = start(budget, went, "gives up", 10, Priority.DETECTION)
    second = start(budget, went, "stays", 2, Priority.COLLECTION)
    await settle()
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    await time.advance(2.1)
    assert went == ["stays"]
    assert budget.waiting == 0
    await second


async def test_weight_granted_in_the_moment_of_cancelling_comes_back():
    time = FakeTime()
    went: list[str] = []
    budget = budget_of(time)
    budget.charge(10)
    task = start(budget, went, "late", 4, Priority.DETECTION)
    await settle()
    time.now += 4
    budget._serve()  # the timer's call; the task hasn't run since
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert budget.available == pytest.approx(4)


async def test_waiting_sets_a_timer_per_change_not_per_moment():
    time = FakeTime()
    went: list[str] = []
    budget = budget_of(time)
    budget.charge(10)
    task = start(budget, went, "next", 10, Priority.DETECTION)
    await settle()
    await time.advance(1000)
    assert went == ["next"]
    assert time.timers_set == 1
    await task


# --- the reserve ----------------------------------------------------------------------------------


async def test_collection_never_makes_detection_wait():
    time = FakeTime()
    went: list[str] = []
    budget = budget_of(time, reserve=4)
    collecting = [start(budget, went, "fills", 2, Priority.COLLECTION) for _ in range(30)]
    await settle()
    assert went == ["fills"] * 3  # and the reserve is left
    budget.charge(800)  # eight full pages came back at once
    books = [start(budget, went, "book", 2, Priority.DETECTION) for _ in range(2)]
    await settle()
    assert went[3:] == ["book", "book"]
    for task in collecting:
        task.cancel()
    await asyncio.gather(*books, *collecting, return_exceptions=True)


async def test_the_reserve_fills_before_the_rest():
    time = FakeTime()
    went: list[str] = []
    budget = budget_of(time, reserve=4)
    budget.charge(6)
    tasks = [start(budget, went, "book", 2, Priority.DETECTION) for _ in range(2)]
    await settle()
    tasks += [start(budget, went, "fills", 6, Priority.COLLECTION)]
    await time.advance(2)
    tasks += [start(budget, went, "third book", 2, Priority.DETECTION)]
    await settle()
    assert went == ["book", "book", "third book"]
    await time.advance(9.9)
    assert went[3:] == []
    await time.advance(0.2)
    assert went[3:] == ["fills"]
    await asyncio.gather(*tasks)


async def test_more_urgent_requests_than_the_reserve_holds_wait_for_the_next_refill_only():
    time = FakeTime()
    went: list[str] = []
    budget = budget_of(time, reserve=4)
    budget.charge(1000)
    tasks = [start(budget, went, "book", 2, Priority.DETECTION) for _ in range(4)]
    await settle()
    await time.advance(1.9)
    assert len(went) == 2
    await time.advance(2.2)
    assert len(went) == 4
    await asyncio.gather(*tasks)


async def test_detection_may_try_while_all_others_keep_still():
    time = FakeTime()
    went: list[str] = []
    budget = budget_of(time, reserve=4)
    budget.drain(20)
    tasks = [start(budget, went, "book", 2, Priority.DETECTION) for _ in range(3)]
    tasks += [start(budget, went, "position", 2, Priority.BACKFILL)]
    await settle()
    await time.advance(2.1)
    assert went == ["book"] * 3
    await time.advance(19.8)
    assert went[3:] == []
    await time.advance(0.2)
    assert went[3:] == ["position"]
    await asyncio.gather(*tasks)


async def test_after_a_refused_try_detection_is_refused_at_once_and_learns_why():
    time = FakeTime()
    went: list[str] = []
    budget = budget_of(time, reserve=4)
    budget.charge(100)
    first = [start(budget, went, "book", 2, Priority.DETECTION) for _ in range(3)]
    await settle()
    budget.shut(3)
    late = start(budget, went, "late book", 2, Priority.DETECTION)
    await settle()
    assert went == ["book", "book"]
    for task in (first[2], late):
        with pytest.raises(RateLimited, match=r"429.*again in 3\.0 s") as caught:
            await task
        assert caught.value.retry_after_s == 3
    await time.advance(3)
    await start(budget, went, "book again", 2, Priority.DETECTION)
    assert went[2:] == ["book again"]
    await asyncio.gather(*first[:2])


async def test_a_reserve_given_back_stays_the_reserve():
    time = FakeTime()
    went: list[str] = []
    budget = budget_of(time, reserve=4)
    budget.charge(6)
    first = start(budget, went, "first", 4, Priority.DETECTION)
    late = start(budget, went, "late", 2, Priority.DETECTION)
    await settle()
    time.now += 2
    budget._serve()  # the timer's call; the task hasn't run since
    late.cancel()
    with pytest.raises(asyncio.CancelledError):
        await late
    assert budget.available == 0
    again = start(budget, went, "again", 2, Priority.DETECTION)
    await settle()
    assert went == ["first", "again"]
    await asyncio.gather(first, again)


async def test_it_works_on_the_real_loop():
    budget = WeightBudget(600_000, 10, monotonic=asyncio.get_running_loop().time)
    await asyncio.gather(*(budget.take(10) for _ in range(5)))
    assert budget.waiting == 0


@given(
    requests=st.lists(
        st.tuples(st.integers(1, 8), st.sampled_from(Priority), st.integers(0, 5)), max_size=25
    ),
    reserve=st.sampled_from([0, 4]),
)
async def test_no_window_ever_spends_more_than_burst_plus_refill(requests, reserve):
    time = FakeTime()
    budget = budget_of(time, per_minute=60, burst=12, reserve=reserve)
    spent: list[tuple[float, int]] = []

    async def ask(weight: int, priority: Priority) -> None:
        await budget.take(weight, priority)
        spent.append((time.now, weight))

    tasks = []
    for weight, priority, pause in requests:
        tasks.append(asyncio.create_task(ask(weight, priority)))
        await time.advance(pause)
    await time.advance(1000)
    await asyncio.gather(*tasks)
    for i, (begin, _) in enumerate(spent):
        for end, _ in spent[i:]:
            used = sum(w for t, w in spent if begin <= t <= end)
            assert used <= 12 + (end - begin) + 1e-6


async def test_weights_are_those_of_the_published_page():
    assert [base_weight(e) for e in ("l2Book", "clearinghouseState", "meta", "userRole")] == [2, 2, 20, 60]
    assert extra_weight("userFillsByTime", 2000) == 100
    assert extra_weight("userFillsByTime", 1) == 1
    assert extra_weight("candleSnapshot", 61) == 2
    assert extra_weight("portfolio", 8) == 0
