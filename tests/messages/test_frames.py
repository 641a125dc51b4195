"""A ranking as a table that other programs read."""

import io

import pandas as pd

from core.model.answers import LosersAnswer
from core.model.traders import TraderStanding
from messages.frames import losers_frame
from tests.support.facts import a_standing


def _answer(*standings: TraderStanding) -> LosersAnswer:
    return LosersAnswer(1_795_000_000_000, 100, 50, standings, None, None)


def test_a_frame_survives_csv_with_units_in_the_column_names():
    standing = a_standing()
    text = losers_frame(_answer(standing)).to_csv(index=False)
    row = pd.read_csv(io.StringIO(text)).iloc[0]
    assert row["address"] == standing.address
    assert row["pnl_30d_usd"] == standing.figures.pnl_30d
    assert row["total_losses_usd"] == standing.figures.total_losses
    assert row["as_of"].endswith("Z")


def test_nobody_listed_is_an_empty_table():
    assert losers_frame(_answer()).empty
