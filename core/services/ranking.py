"""From stored or replayed fills to a ranking, and from a ranking to whom detection watches."""

from collections.abc import Iterable, Mapping

import structlog

from core.counting import counted
from core.model.fills import Fill
from core.model.market import DAY_MS, HOUR_MS, WINDOW_MS, Address, Coin
from core.model.opportunities import Group, Watch
from core.model.traders import Eligibility, Ineligible, Ranking, RankingRules, TraderStanding
from core.ports import FillStore, Ranked, RankingStore
from core.ranking.books import AccountBooks
from core.ranking.figures import MarketHistory
from core.ranking.funding import FundingRates
from core.ranking.prices import PriceBook
from core.ranking.ranking import rank
from core.scoring.placebo import draw_placebo

log = structlog.get_logger(__name__)

HISTORY_MS = WINDOW_MS + 60 * DAY_MS
"""How far back stored fills are read: a trip that began before counts from its middle, as partial."""

PRICES_MS = WINDOW_MS + DAY_MS

CONTROL_MAY_BE = frozenset({Ineligible.NOT_LOSING, Ineligible.PNL_UNKNOWN})
"""The control has the same eligibility but for the result: reasons that don't exclude from it."""


class FillRanker:
    """Rank accounts by fills handed over one batch after another (replay)."""

    def __init__(self, rules: RankingRules, sz_decimals: Mapping[Coin, int] | None = None) -> None:
        self._rules = rules
        self._books = AccountBooks(sz_decimals)
        self._listed: frozenset[Address] = frozenset()

    def add(self, fills: Iterable[Fill]) -> None:
        """Take perp fills, each account's in execution order; raises ValueError for one that is late."""
        late = self._books.extend(sorted(fills, key=lambda fill: fill.user))
        if late:
            raise ValueError(f"fills of {', '.join(sorted(late))} don't come in execution order")

    def rank(self, prices: PriceBook, as_of_ms: int) -> Ranking:
        """Return the ranking by what was known at ``as_of_ms``."""
        accounts = self._books.accounts_at(as_of_ms, self._rules, MarketHistory(prices), {})
        ranking = rank(accounts, as_of_ms, self._rules, self._listed)
        self._listed = frozenset(standing.address for standing in ranking.listed)
        return ranking


class RankService:
    """The Ranker: reads only the accounts that have something new, and computes in the caller's thread.

    A process that must answer meanwhile asks one that ranks for it.
    """

    def __init__(self, fills: FillStore, rankings: RankingStore, rules: RankingRules) -> None:
        self._fills = fills
        self._rankings = rankings
        self._rules = rules
        self._mark = 0
        self._books: AccountBooks | None = None

    async def rank(self, as_of_ms: int) -> Ranked:
        """Bring the books up to date, rank, and store the run."""
        books = await self._up_to_date(as_of_ms)
        facts = {known.facts.address: known.facts for known in await self._fills.accounts()}
        prices = PriceBook(await self._fills.bars(as_of_ms - PRICES_MS))
        rates = await self._fills.funding_rates(as_of_ms - HISTORY_MS)
        previous = await self._rankings.ranking(as_of_ms)
        listed = frozenset(standing.address for standing in previous.listed) if previous else None
        market = MarketHistory(prices, FundingRates(rates) if rates else None)
        accounts = books.accounts_at(as_of_ms, self._rules, market, facts)
        ranking = rank(accounts, as_of_ms, self._rules, listed)
        await self._rankings.save_ranking(ranking)
        log.info(
            "ranked",
            accounts=len(ranking.standings),
            population=ranking.population,
            listed=len(ranking.listed),
        )
        funding = {rate.coin: float(rate.rate) for rate in rates if as_of_ms - rate.time_ms <= 2 * HOUR_MS}
        return Ranked(ranking, sigmas(prices, as_of_ms), funding)

    async def _up_to_date(self, as_of_ms: int) -> AccountBooks:
        if self._books is None:
            specs = await self._fills.coins()
            self._books = AccountBooks({spec.coin: spec.sz_decimals for spec in specs})
        mark, changed = await self._fills.accounts_after(self._mark)
        for account in changed:
            fills = await self._fills.fills_of(account, as_of_ms - HISTORY_MS)
            self._books.rebuild(account, [fill for fill in fills if not _is_only_heard(fill)])
        self._mark = mark  # only now: after a failure they are all read again
        return self._books


def _is_only_heard(fill: Fill) -> bool:
    """Tell whether a fill is known from the public feed alone: no position, no result, no fee."""
    return fill.start_position is None and fill.closed_pnl is None and fill.fee is None


def sigmas(prices: PriceBook, as_of_ms: int) -> dict[Coin, float]:
    """Return the standard deviation of hourly moves over seven days by coin, where known."""
    found = {coin: prices.hourly_sigma(coin, as_of_ms) for coin in prices.coins()}
    return {coin: sigma for coin, sigma in found.items() if sigma is not None}


def placebo_of(ranking: Ranking, size: int, seed: str) -> tuple[Address, ...]:
    """Draw the control of the ranking's day: eligible but for the result, matched by activity."""
    listed = {standing.address for standing in ranking.listed}
    candidates = {
        standing.address: _activity(standing)
        for standing in ranking.standings
        if standing.address not in listed and _may_be_control(standing.ineligible)
    }
    losers = {standing.address: _activity(standing) for standing in ranking.listed}
    return draw_placebo(ranking.as_of_ms // DAY_MS * DAY_MS, seed, candidates, losers, size)


def _may_be_control(ineligible: Iterable[Eligibility]) -> bool:
    return all(one.reason in CONTROL_MAY_BE for one in ineligible)


def _activity(standing: TraderStanding) -> float:
    return float(standing.figures.fills)


def watches_of(
    ranking: Ranking, placebo: Iterable[Address], *, is_rehearsal: bool = False
) -> dict[Address, Watch]:
    """Return whom detection watches: the list, and the control beside it."""
    standings = {standing.address: standing for standing in ranking.standings}
    watches = {
        address: _watch(standings[address], Group.PLACEBO, is_rehearsal)
        for address in placebo
        if address in standings
    }
    watches.update(
        {standing.address: _watch(standing, Group.LOSER, is_rehearsal) for standing in ranking.listed}
    )
    return watches


def _watch(standing: TraderStanding, group: Group, is_rehearsal: bool) -> Watch:
    return Watch(
        account=standing.address,
        group=group,
        rank=standing.rank,
        badness=standing.badness,
        record=record(standing),
        edge_bps=standing.fade_edge_bps,
        edge_low_bps=standing.fade_edge_low_bps,
        edge_high_bps=standing.fade_edge_high_bps,
        edge_n=standing.fade_edge_n,
        is_rehearsal=is_rehearsal,
    )


def record(standing: TraderStanding) -> str:
    """Return one line of a trader's last 30 days, in plain words."""
    figures = standing.figures
    parts = []
    if figures.pnl_30d is not None:
        verb = "lost" if figures.pnl_30d < 0 else "made"
        share = "" if figures.pnl_pct is None else f" ({figures.pnl_pct:+.1f} % of the account)"
        parts.append(f"{verb} {abs(figures.pnl_30d):,.0f} USD in 30 days{share}")
    if figures.raw_win_rate is not None:
        parts.append(f"won {figures.wins} of {counted(figures.round_trips, 'round trip')}")
    if figures.payoff_ratio is not None:
        parts.append(f"a mean win is {figures.payoff_ratio:.2f} × a mean loss")
    return ", ".join(parts)
