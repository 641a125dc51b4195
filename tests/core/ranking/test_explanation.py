"""The sentences of a row: what they claim is true, and reads well for one as for many."""

import pytest

from core.model.traders import BadnessPart, Part, RankingRules
from core.ranking.explanation import explain
from tests.core.ranking.made_accounts import made_figures


def said(part: Part, percentile: float, n: int = 5, population: int = 393) -> str:
    one = BadnessPart(part, 100.0, percentile, 0.2, n, None, None)
    return explain(made_figures(), (one,), population, RankingRules())[0]


@pytest.mark.parametrize(
    ("percentile", "words"),
    [
        (1.0, "worse than 99 % of 393 accounts"),
        (0.9987, "worse than 99 % of 393 accounts"),
        (0.58, "worse than 58 % of 393 accounts"),
        (0.004, "worse than 0 % of 393 accounts"),
    ],
)
def test_nobody_is_worse_than_everybody(percentile: float, words: str) -> None:
    assert said(Part.PNL_PCT, percentile).endswith(words)


def test_one_is_no_plural() -> None:
    assert said(Part.TOTAL_LOSSES, 0.5, n=1).startswith("1 losing trip cost")
    assert said(Part.TOTAL_LOSSES, 0.5, n=2).startswith("2 losing trips cost")
    assert "of 1 active day:" in said(Part.LOSING_DAYS, 0.5, n=1)
    assert "from 1 bet:" in said(Part.FADE_EDGE, 0.5, n=1)
    assert said(Part.PNL_PCT, 0.5, population=1).endswith("of 1 account")
