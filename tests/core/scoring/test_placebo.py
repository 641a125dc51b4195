"""The daily draw of control accounts."""

from random import Random
from statistics import median

from core.model.market import DAY_MS, Address
from core.scoring.placebo import draw_placebo
from tests.support.facts import MONDAY_MS


def accounts(prefix: str, activities: list[float]) -> dict[Address, float]:
    return {Address(f"{prefix}{i:04}"): a for i, a in enumerate(activities)}


CANDIDATES = accounts("c", [float(i) for i in range(1000)])
LOSERS = accounts("l", [float(i) for i in range(400, 500)])


def draw(day_ms: int = MONDAY_MS, seed: str = "s", size: int = 100) -> tuple[Address, ...]:
    return draw_placebo(day_ms, seed, CANDIDATES, LOSERS, size)


def test_the_draw_is_the_same_all_day_and_another_the_next() -> None:
    assert draw() == draw(MONDAY_MS + DAY_MS - 1)
    assert draw() != draw(MONDAY_MS + DAY_MS)
    assert draw() != draw(seed="t")


def test_the_order_of_the_candidates_changes_nothing() -> None:
    shuffled = list(CANDIDATES.items())
    Random(5).shuffle(shuffled)
    assert draw_placebo(MONDAY_MS, "s", dict(shuffled), dict(reversed(LOSERS.items())), 100) == draw()


def test_the_draw_has_its_size_and_no_account_twice() -> None:
    assert len(set(draw())) == len(draw()) == 100


def test_the_drawn_do_about_as_much_as_the_losers() -> None:
    drawn = [CANDIDATES[a] for a in draw()]
    assert abs(median(drawn) - median(LOSERS.values())) < 10
    assert min(drawn) > 380
    assert max(drawn) < 520


def test_the_nearest_are_taken_where_activities_lie_far_apart() -> None:
    near = accounts("n", [490.0, 495.0, 500.0, 505.0, 510.0])
    far = accounts("c", [float(i) for i in range(100)])
    losers = accounts("l", [500.0] * 10)
    drawn = [draw_placebo(day * DAY_MS, "s", {**far, **near}, losers, 1)[0] for day in range(30)]
    assert set(drawn) == set(near)


def test_no_loser_is_its_own_control() -> None:
    both = {**CANDIDATES, **LOSERS}
    assert not set(draw_placebo(MONDAY_MS, "s", both, LOSERS, 100)) & set(LOSERS)


def test_too_few_candidates_are_all_drawn() -> None:
    few = accounts("c", [1.0, 2.0])
    assert draw_placebo(MONDAY_MS, "s", few, LOSERS, 100) == ("c0000", "c0001")


def test_without_losers_the_draw_is_uniform() -> None:
    drawn = draw_placebo(MONDAY_MS, "s", CANDIDATES, {}, 200)
    assert 350 < median(CANDIDATES[a] for a in drawn) < 650


def test_among_equals_no_account_is_favoured_by_its_name() -> None:
    equals = accounts("c", [3.0] * 100)
    counts = dict.fromkeys(equals, 0)
    for day in range(400):
        for address in draw_placebo(day * DAY_MS, "s", equals, accounts("l", [3.0] * 10), 10):
            counts[address] += 1
    assert min(counts.values()) > 15
    assert max(counts.values()) < 75
