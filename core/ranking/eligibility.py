"""Who can be called a loser at all; every refusal says why, with the figures that decided."""

from core.counting import counted
from core.model.market import DAY_MS
from core.model.traders import AccountFacts, Eligibility, Figures, Ineligible, RankingRules

INACTIVE_MS = 7 * DAY_MS

MAKER_SHARE = 0.70
MAKER_BUYS = (0.35, 0.65)
"""A market maker rests most of what it trades and buys about as much as it sells."""


def ineligible(figures: Figures, facts: AccountFacts, rules: RankingRules) -> tuple[Eligibility, ...]:
    """Return every reason why the account can't be on the list; none: it can.

    Unknown equity, role or spot hedge excludes nobody; an unknown result does.
    """
    reasons = (
        _too_few(figures, rules),
        _inactive(figures),
        _finished(figures, rules),
        _vault(facts),
        _market_maker(figures),
        _hedged(facts),
        _not_losing(figures),
    )
    return tuple(reason for reason in reasons if reason is not None)


def _too_few(figures: Figures, rules: RankingRules) -> Eligibility | None:
    if figures.round_trips >= rules.min_round_trips:
        return None
    return Eligibility(
        Ineligible.TOO_FEW_ROUND_TRIPS,
        f"{counted(figures.round_trips, 'closed round trip')} in 30 days, at least {rules.min_round_trips} "
        f"{'is' if rules.min_round_trips == 1 else 'are'} needed",
    )


def _inactive(figures: Figures) -> Eligibility | None:
    if figures.last_fill_ms is None:
        return Eligibility(Ineligible.INACTIVE, "no perpetuals fill is known")
    idle_ms = figures.as_of_ms - figures.last_fill_ms
    if idle_ms <= INACTIVE_MS:
        return None
    return Eligibility(
        Ineligible.INACTIVE,
        f"last fill {idle_ms / DAY_MS:.1f} days ago, the limit is {INACTIVE_MS // DAY_MS}",
    )


def _finished(figures: Figures, rules: RankingRules) -> Eligibility | None:
    if figures.equity_usd is None or figures.equity_usd >= rules.min_equity_usd:
        return None
    return Eligibility(
        Ineligible.EQUITY_BELOW_FLOOR,
        f"{figures.equity_usd:,.2f} USD left, the floor is {rules.min_equity_usd:,.0f}",
    )


def _vault(facts: AccountFacts) -> Eligibility | None:
    return Eligibility(Ineligible.VAULT, "a vault, or part of one") if facts.is_vault else None


def _market_maker(figures: Figures) -> Eligibility | None:
    maker, buys = figures.maker_share, figures.buy_share
    if maker is None or buys is None:
        return None
    if maker < MAKER_SHARE or not MAKER_BUYS[0] <= buys <= MAKER_BUYS[1]:
        return None
    return Eligibility(
        Ineligible.MARKET_MAKER,
        f"{maker:.0%} of the volume rested in the book and {buys:.0%} of it were buys: a market maker",
    )


def _hedged(facts: AccountFacts) -> Eligibility | None:
    if not facts.is_spot_hedged:
        return None
    return Eligibility(Ineligible.SPOT_HEDGED, "its perpetuals are hedged by spot holdings")


def _not_losing(figures: Figures) -> Eligibility | None:
    if figures.pnl_30d is None:
        return Eligibility(Ineligible.PNL_UNKNOWN, "the result of the last 30 days isn't known")
    if figures.pnl_30d < 0:
        return None
    return Eligibility(Ineligible.NOT_LOSING, f"made {figures.pnl_30d:,.2f} USD in 30 days: no loser")
