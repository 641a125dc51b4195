"""What buttons carry, and what comes back."""

import pytest

from core.model.buttons import Button
from messages.presses import Press, press_data, read_press


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
