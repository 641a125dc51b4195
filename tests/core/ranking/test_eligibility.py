"""Every refusal has its reason; what isn't known excludes nobody, but for the result itself."""

from typing import Any

import pytest

from core.model.market import DAY_MS, Address
from core.model.traders import AccountFacts, Ineligible, RankingRules
from core.ranking.eligibility import ineligible
from tests.core.ranking.made_accounts import AS_OF_MS, made_figures

A = Address("0xaa")
RULES = RankingRules()


def test_a_loser_of_whom_nothing_else_is_known_is_eligible() -> None:
    assert ineligible(made_figures(maker_share=None, buy_share=None), AccountFacts(A), RULES) == ()


@pytest.mark.parametrize(
    ("figures", "facts", "reason", "words"),
    [
        ({"trips": 9, "wins": 1}, {}, Ineligible.TOO_FEW_ROUND_TRIPS, "9 closed round trips"),
        ({"trips": 1, "wins": 1}, {}, Ineligible.TOO_FEW_ROUND_TRIPS, "1 closed round trip in"),
        ({"last_fill_ms": AS_OF_MS - 7 * DAY_MS - 1}, {}, Ineligible.INACTIVE, "7.0 days ago"),
        ({"last_fill_ms": None}, {}, Ineligible.INACTIVE, "no perpetuals fill"),
        ({"equity_usd": 499.99}, {}, Ineligible.EQUITY_BELOW_FLOOR, "499.99 USD left, the floor is 500"),
        ({}, {"is_vault": True}, Ineligible.VAULT, "vault"),
        ({"maker_share": 0.7, "buy_share": 0.35}, {}, Ineligible.MARKET_MAKER, "70% of the volume"),
        ({"maker_share": 1.0, "buy_share": 0.65}, {}, Ineligible.MARKET_MAKER, "65% of it were buys"),
        ({}, {"is_spot_hedged": True}, Ineligible.SPOT_HEDGED, "hedged by spot"),
        ({"pnl": 0.0}, {}, Ineligible.NOT_LOSING, "made 0.00 USD"),
        ({"pnl": None}, {}, Ineligible.PNL_UNKNOWN, "isn't known"),
    ],
)
def test_each_rule_refuses_and_says_why(
    figures: dict[str, Any], facts: dict[str, Any], reason: Ineligible, words: str
) -> None:
    (found,) = ineligible(made_figures(**figures), AccountFacts(A, **facts), RULES)
    assert found.reason is reason
    assert words in found.detail


@pytest.mark.parametrize(
    "figures",
    [
        {"trips": 10, "wins": 1},
        {"last_fill_ms": AS_OF_MS - 7 * DAY_MS},
        {"equity_usd": 500.0},
        {"maker_share": 0.6999, "buy_share": 0.5},
        {"maker_share": 0.9, "buy_share": 0.66},
        {"maker_share": 0.9, "buy_share": 0.34},
        {"pnl": -0.01},
    ],
)
def test_on_the_near_side_of_each_limit_an_account_is_eligible(figures: dict[str, Any]) -> None:
    assert ineligible(made_figures(**figures), AccountFacts(A, is_vault=False), RULES) == ()


def test_all_reasons_are_given_not_only_the_first() -> None:
    found = ineligible(made_figures(trips=2, wins=2, pnl=5.0), AccountFacts(A, is_vault=True), RULES)
    assert [one.reason for one in found] == [
        Ineligible.TOO_FEW_ROUND_TRIPS,
        Ineligible.VAULT,
        Ineligible.NOT_LOSING,
    ]
