"""Plain sentences that say why an account stands where it stands."""

from core.counting import counted
from core.model.traders import BadnessPart, Figures, Part, RankingRules


def explain(
    figures: Figures, parts: tuple[BadnessPart, ...], population: int, rules: RankingRules
) -> tuple[str, ...]:
    """Return one sentence per known part, what weighs most first, and one on what the loss was."""
    known = [part for part in parts if part.percentile is not None and part.value is not None]
    known.sort(key=lambda part: (-round((part.percentile or 0.0) * part.weight, 9), part.part))
    sentences = [
        f"{_fact(part, figures, rules)}: worse than {_share(part)} % of {counted(population, 'account')}"
        for part in known
    ]
    if figures.fills and figures.price_pnl is not None and figures.cost_pnl is not None:
        sentences.append(
            f"price moves made {figures.price_pnl:+,.0f} USD, fees and funding {figures.cost_pnl:+,.0f} USD"
        )
    return tuple(sentences)


def _share(part: BadnessPart) -> int:
    """Return how many percent are less bad: never all, since the account is one of them itself."""
    return min(round((part.percentile or 0.0) * 100), 99)


def _fact(part: BadnessPart, figures: Figures, rules: RankingRules) -> str:
    value = part.value or 0.0
    if part.part is Part.PNL_PCT:
        return f"{value:+.1f} % on its capital in 30 days"
    if part.part is Part.EXPECTANCY:
        payoff = "" if figures.payoff_ratio is None else f", a win is {figures.payoff_ratio:.2f} of a loss"
        return (
            f"expects {value:+.1f} bps a trip, won {figures.wins} of {figures.round_trips}{payoff}"
            f"{_interval(part)}"
        )
    if part.part is Part.TOTAL_LOSSES:
        return f"{counted(part.n, 'losing trip')} cost {value:,.0f} USD"
    if part.part is Part.LOSING_DAYS:
        return f"lost on {value:.0%} of {counted(part.n, 'active day')}{_interval(part, as_share=True)}"
    return (
        f"fading it is expected to make {value:+.1f} bps in {rules.horizon.value} after costs, "
        f"from {counted(part.n, 'bet')}{_interval(part)}"
    )


def _interval(part: BadnessPart, as_share: bool = False) -> str:
    if part.low is None or part.high is None:
        return ""
    if as_share:
        return f" (95 %: {part.low:.0%} to {part.high:.0%})"
    return f" (95 %: {part.low:+.1f} to {part.high:+.1f})"
