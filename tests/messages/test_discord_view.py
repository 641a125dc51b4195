"""Buttons as Discord takes them: few, short, each id once."""

from core.model.buttons import Button
from messages.discord_view import discord_buttons
from messages.presses import read_press


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
