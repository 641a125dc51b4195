"""Who is a crowd: enough different losers, one coin and side, close in time; and who joins it."""

from typing import Any

from core.detection.crowding import CrowdRules, KnownCrowd, crowd_with
from core.model.market import Address, Coin, Direction
from core.model.opportunities import Opportunity
from tests.support.facts import MONDAY_MS, an_opportunity

MINUTE = 60_000
RULES = CrowdRules()


def nth(n: int, at_ms: int, **changes: Any) -> Opportunity:
    """Return the nth loser's opportunity."""
    values = {"opportunity_id": f"O{n}", "loser": Address(f"0x{n:040x}"), "published_ms": MONDAY_MS + at_ms}
    return an_opportunity(**(values | changes))


def ask(*live: Opportunity, last: KnownCrowd | None = None, rules: CrowdRules = RULES) -> KnownCrowd | None:
    return crowd_with(live[-1], live, last, rules)


def test_the_third_loser_within_fifteen_minutes_completes_a_crowd() -> None:
    one, two, three = nth(1, 0), nth(2, MINUTE), nth(3, 15 * MINUTE)
    assert ask(one, two) is None
    assert ask(one, two, three) == KnownCrowd("O3", MONDAY_MS, ("O1", "O2", "O3"))
    assert ask(one, two, nth(3, 15 * MINUTE + 1)) is None


def test_one_loser_three_times_another_coin_or_side_is_no_crowd() -> None:
    one, two = nth(1, 0), nth(2, MINUTE)
    assert ask(one, two, nth(3, MINUTE, loser=one.loser)) is None
    assert ask(one, nth(2, 0, coin=Coin("ETH")), nth(3, MINUTE)) is None
    assert ask(one, nth(2, 0, side=Direction.LONG), nth(3, MINUTE)) is None


def test_who_comes_later_joins_until_the_crowds_time_is_over() -> None:
    last = KnownCrowd("O3", MONDAY_MS, ("O1", "O2", "O3"))
    assert ask(nth(4, 15 * MINUTE), last=last) == KnownCrowd("O3", MONDAY_MS, ("O1", "O2", "O3", "O4"))
    assert ask(nth(4, 15 * MINUTE + 1), last=last) is None
    assert ask(nth(3, MINUTE), last=last) is None  # a member already


def test_another_crowd_gathers_without_the_members_of_the_last() -> None:
    last = KnownCrowd("O3", MONDAY_MS, ("O1", "O2", "O3"))
    three, four, five, six = (
        nth(3, 14 * MINUTE),
        nth(4, 16 * MINUTE),
        nth(5, 17 * MINUTE),
        nth(6, 18 * MINUTE),
    )
    assert ask(three, four, five, last=last) is None
    found = ask(three, four, five, six, last=last)
    assert found == KnownCrowd("O6", MONDAY_MS + 16 * MINUTE, ("O4", "O5", "O6"))


def test_how_many_is_a_setting_and_none_switches_it_off() -> None:
    one, two, three = nth(1, 0), nth(2, 0), nth(3, 0)
    assert ask(one, two, rules=CrowdRules(2)) is not None
    assert ask(one, two, three, rules=CrowdRules(0)) is None
