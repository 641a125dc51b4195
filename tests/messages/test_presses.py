"""What buttons carry, and what comes back."""

import pytest

from core.model.buttons import Button
from messages.presses import Press, discord_buttons, press_data, read_press


def test_line_comes_back_as_name_and_words() -> None:
    assert press_data(Button("Next", "losers 10 by pnl from 11", edits=True)) == "=losers 10 by pnl from 11"
    assert read_press("=losers 10 by pnl from 11") == Press(
        "losers", ("10", "by", "pnl", "from", "11"), edits=True
    )
    assert read_press("+trader #7") == Press("trader", ("#7",), edits=False)


@pytest.mark.parametrize("data", ["", "=", "+ ", "losers", "page:2", "?losers", "=2|", "\0"])
def test_what_is_not_ours_is_nothing(data: str) -> None:
    assert read_press(data) is None


def test_forged_data_is_bounded() -> None:
    press = read_press("+" + "losers" + " x" * 40)
    assert press is not None
    assert len(press.words) == 20


def test_one_line_twice_in_a_message_gets_two_ids_of_one_meaning() -> None:
    row = (Button("1", "losers"), Button("Refresh", "losers"), Button("Edit", "losers", edits=True))
    [[(_, first), (_, second), (_, third)]] = discord_buttons((row,))
    assert (first, second, third) == ("+losers", "+2|losers", "=losers")
    assert read_press(second) == read_press(first)


def test_discord_never_gets_more_or_longer_than_it_takes() -> None:
    row = tuple(Button("l" * 90, f"losers {number}") for number in range(7))
    rows = discord_buttons(tuple(row for _ in range(7)))
    assert [len(one) for one in rows] == [5] * 5
    assert all(len(label) == 80 for one in rows for label, _ in one)
    assert len({custom_id for one in rows for _, custom_id in one}) == 25
    assert discord_buttons(((Button("x", "y" * 120), Button(" ", "losers")),)) == []
