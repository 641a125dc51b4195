"""One person can't use up the bot: so many commands a minute, one line, then silence."""

from hypothesis import given
from hypothesis import strategies as st

from bot import rates
from bot.rates import MOST, REMEMBERED, WINDOW_MS, Allowance, Rates

YES, SAY_NO, SILENCE = Allowance


def test_one_too_many_is_told_once_and_then_met_with_silence() -> None:
    paced = Rates()
    assert [paced.ask("a", 0) for _ in range(MOST)] == [YES] * MOST
    assert [paced.ask("a", 1) for _ in range(3)] == [SAY_NO, SILENCE, SILENCE]
    assert paced.ask("b", 1) is YES


def test_a_minute_later_all_is_forgiven_and_said_again_if_need_be() -> None:
    paced = Rates(2)
    assert [paced.ask("a", at) for at in (0, 10, 20)] == [YES, YES, SAY_NO]
    assert [paced.ask("a", WINDOW_MS - 1), paced.ask("a", WINDOW_MS)] == [SILENCE, YES]
    assert [paced.ask("a", WINDOW_MS + at) for at in (1, 10, 11)] == [SILENCE, YES, SILENCE]
    assert paced.ask("a", WINDOW_MS + 21) is SAY_NO


def test_a_crowd_of_people_is_bounded() -> None:
    paced = Rates()
    for person in range(REMEMBERED * 2 + 5):
        assert paced.ask(str(person), 0) is YES
    assert len(paced._given) <= REMEMBERED
    assert rates.REMEMBERED == REMEMBERED


@given(st.lists(st.integers(0, 30_000), max_size=120))
def test_no_window_ever_holds_more_than_allowed(gaps: list[int]) -> None:
    paced, now, taken = Rates(5), 0, []
    for gap in gaps:
        now += gap
        if paced.ask("a", now) is YES:
            taken.append(now)
    for at in taken:
        assert sum(1 for other in taken if at <= other < at + WINDOW_MS) <= 5
