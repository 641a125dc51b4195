"""What can be pressed under an alert: command lines that fit, and only what still makes sense."""

import pytest

from core.model.alerts import AlertKind, Channel
from core.model.market import Address, Coin
from core.model.notices import RequestFacts
from messages.alert_buttons import LONGEST_LINE, alert_buttons
from tests.support.chat_facts import LOSER, make_alert, make_ending, make_opportunity


def lines(kind: AlertKind, **changes: object) -> list[str]:
    rows = alert_buttons(make_alert(kind, Channel.TELEGRAM, **changes))
    return [button.line for row in rows for button in row]


def test_an_entry_leads_to_its_trader_and_can_be_muted() -> None:
    wanted = [f"trader {LOSER}", f"follow {LOSER}", "mute BTC 4h", f"mute {LOSER} 24h"]
    assert lines(AlertKind.ENTRY) == wanted
    assert lines(AlertKind.UPDATE) == wanted


def test_what_is_over_has_no_buttons() -> None:
    assert lines(AlertKind.UPDATE, ending=make_ending()) == []
    assert lines(AlertKind.EXIT) == lines(AlertKind.TEST) == []


def test_an_owner_answers_a_request_with_a_button() -> None:
    asks = RequestFacts("telegram:-1001234567890/4711", "a group", "77")
    assert lines(AlertKind.REQUEST, opportunity=None, facts=asks) == [
        "approve telegram:-1001234567890/4711",
        "decline telegram:-1001234567890/4711",
    ]


def test_who_was_let_in_begins_with_coins() -> None:
    said = RequestFacts("telegram:77", "Eve", "77", is_let_in=True)
    assert lines(AlertKind.REQUEST, opportunity=None, facts=said) == ["subscribe", "help"]


@pytest.mark.parametrize("kind", AlertKind)
def test_what_does_not_fit_into_a_button_has_none(kind: AlertKind) -> None:
    long = make_opportunity(loser=Address("x" * 80), coin=Coin("ten:LONGNAMEDCOIN99"))
    for line in lines(kind, opportunity=long):
        assert len(line.encode()) <= LONGEST_LINE
        assert "x" * 80 not in line
