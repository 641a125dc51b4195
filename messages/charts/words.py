"""What a picture shows, for those who can't see it."""

from core.counting import counted
from core.model.answers import PerformanceAnswer, TraderAnswer
from messages import figures


def trader_words(answer: TraderAnswer) -> str:
    """Return the facts of a trader's chart."""
    parts = [f"Chart of {figures.short_address(answer.address)}, 30 days"]
    if len(answer.equity) > 1:
        first, last = answer.equity[0].value, answer.equity[-1].value
        parts.append(f"equity from {figures.usd(first)} to {figures.usd(last)}")
    known = [trip.net_pnl for trip in answer.trips if trip.net_pnl is not None]
    if known:
        won = sum(1 for net in known if net > 0)
        total = figures.usd(sum(known), signed=True)
        parts.append(f"{counted(len(known), 'round trip')}, {won} won, {total} after fees")
    return "; ".join(parts) + "."


def performance_words(answer: PerformanceAnswer) -> str:
    """Return the facts of the chart of the alerts."""
    said = []
    for name, curve, score in (
        ("alerts", answer.curve, answer.at_exit.losers),
        ("placebo", answer.placebo_curve, answer.at_exit.placebo),
    ):
        last = f"{figures.bps(float(curve[-1].value))} in sum" if curve else "no result yet"
        said.append(f"{name}: {last}, n {score.n}")
    return f"Chart of what following the alerts made after costs; {'; '.join(said)}."
