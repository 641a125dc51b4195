"""What people ask: one function per question, one typed answer for chat, CLI and API alike."""

import asyncio
from collections.abc import Callable, Sequence

from core.cursors import Place, check_limit, decode_cursor, encode_cursor, foreign_cursor
from core.errors import UsageError
from core.loser_order import loser_order
from core.model.answers import (
    CrowdAnswer,
    DecisionsAnswer,
    LosersAnswer,
    OpportunitiesAnswer,
    PerformanceAnswer,
    StatusAnswer,
    TraderAnswer,
)
from core.model.fills import Fill, FundingPayment
from core.model.market import DAY_MS, WINDOW_MS, Address, Coin
from core.model.opportunities import Decision, Group, LiveOpportunity
from core.model.outcomes import Evidence, ScoredOpportunity
from core.model.positions import RoundTrip
from core.model.traders import Horizon
from core.ports import FillStore, RankingStore, Reader
from core.ranking.coin_records import coin_records
from core.scoring import evidence as verdicts
from core.scoring import performance as scores
from core.trader_names import find_trader

TripsOf = Callable[[Sequence[Fill], Sequence[FundingPayment], int], Sequence[RoundTrip]]
"""Round trips that closed in the window up to a time in ms, of one account's fills (in execution order)
and own funding; the caller knows the market's funding rates and prices."""

PERIODS: dict[str, int | None] = {"7d": 7 * DAY_MS, "30d": 30 * DAY_MS, "all": None}
"""The words of ``performance`` and how far back they look, in ms."""

EVIDENCE_STATE = "evidence_supported_ms"
"""State that a process leaves when the verdict first is *supported*; without it nothing is withdrawn."""

STARTED, ALIVE, STOPPED = "started_ms", "alive_ms", "stopped_ms"
"""State: when a process last started, was last known to live, and last ended by itself."""

READING = "reading"
"""State: how far the reading of traders is, as ``300/900``; empty when nothing is being read."""

ALIVE_MS = 20_000
"""A process leaves a sign of life every 2 s; after so long without one it is gone."""

RECENT_ENDINGS = 10
RECENT_TRIPS = 20


# --- losers ------------------------------------------------------------------------------------


async def losers(
    rankings: RankingStore,
    fills: FillStore,
    *,
    limit: int = 20,
    cursor: str | None = None,
    first: int = 1,
    coin: Coin | None = None,
    sort: str = "badness",
    include_ineligible: bool = False,
    as_of_ms: int | None = None,
    horizon: Horizon = Horizon.H1,
) -> LosersAnswer:
    """List the losers of one ranking run, the worst first; later pages stay inside that run.

    ``first``: the place to begin at, where no cursor says it; beyond the end: the last page.
    ``coin``: only those who traded it in the window. ``include_ineligible``: also accounts that
    aren't on the list, with their reasons. ``horizon``: of the sort by markout. Raises UsageError
    for an impossible limit, sort or cursor.
    """
    check_limit(limit)
    order = loser_order(sort, horizon)
    listing = f"losers {sort}"
    after = decode_cursor(listing, cursor)
    ranking = await rankings.ranking(after.time_ms if after else as_of_ms)
    if ranking is None:
        earliest_ms = None if as_of_ms is None else await rankings.earliest_ms()
        return LosersAnswer(None, 0, 0, (), None, None, earliest_ms)
    rows = sorted(ranking.standings if include_ineligible else ranking.listed, key=order)
    if coin is not None:
        until_ms = ranking.as_of_ms
        traded = await fills.traders_of(coin, [row.address for row in rows], until_ms - WINDOW_MS, until_ms)
        rows = [row for row in rows if row.address in traded]
    start = begin_of_page(first, limit, len(rows))
    if cursor is not None and after is not None:
        addresses = [row.address for row in rows]
        if ranking.as_of_ms != after.time_ms or after.name not in addresses:
            raise foreign_cursor(cursor)
        start = addresses.index(Address(after.name)) + 1
    page = rows[start : start + limit]
    place = Place(ranking.as_of_ms, page[-1].address) if start + limit < len(rows) else None
    return LosersAnswer(
        as_of_ms=ranking.as_of_ms,
        population=ranking.population,
        listed=len(ranking.listed),
        items=tuple(page),
        next_cursor=None if place is None else encode_cursor(listing, place),
        label_fdr=ranking.label_fdr,
        first=start + 1,
        total=len(rows),
    )


def begin_of_page(first: int, limit: int, total: int) -> int:
    """Return how many rows come before the page; a place beyond the end gives the last page."""
    if first <= total:
        return max(first, 1) - 1
    return max(total - 1, 0) // limit * limit


# --- one trader --------------------------------------------------------------------------------


async def trader(
    rankings: RankingStore,
    fills: FillStore,
    reader: Reader,
    query: str,
    *,
    now_ms: int,
    trips_of: TripsOf,
    as_of_ms: int | None = None,
    rehearsal: bool = False,
) -> TraderAnswer:
    """Show one trader's card: standing, positions, round trips, equity, and what fading made.

    ``query`` is an address, ``#RANK`` or the beginning of a label; UsageError when it is none of
    them or means several. An address that nobody here knows gives an empty card.
    """
    address = await find_trader(rankings, fills, query)
    known = await rankings.standing(address, as_of_ms)
    until_ms = known[0] if known else now_ms if as_of_ms is None else as_of_ms
    from_ms = until_ms - WINDOW_MS
    # Aside: an account of 100,000 fills takes most of a second, in which no alert would move.
    closed = await asyncio.to_thread(
        trips_of, await fills.fills_of(address), await fills.funding_of(address), until_ms
    )
    trips = sorted(
        (trip for trip in closed if from_ms < trip.closed_ms <= until_ms),
        key=lambda trip: (-trip.closed_ms, -trip.opened_ms, trip.coin),
    )
    equity = [p for p in await fills.equity_curve(address, from_ms) if p.time_ms <= until_ms]
    faded = await reader.scored(group=Group.LOSER, loser=address, rehearsal=rehearsal)
    return TraderAnswer(
        address=address,
        as_of_ms=known[0] if known else None,
        standing=known[1] if known else None,
        positions=tuple(await reader.positions(address)),
        recent_trips=tuple(trips[:RECENT_TRIPS]),
        by_coin=coin_records(trips),
        equity=tuple(equity),
        faded=scores.score_at(faded, None, now_ms),
        trips=tuple(trips),
    )


# --- opportunities and their score -------------------------------------------------------------


async def opportunities(
    reader: Reader,
    *,
    now_ms: int,
    limit: int = 20,
    cursor: str | None = None,
    coin: Coin | None = None,
    loser: Address | None = None,
    rehearsal: bool = False,
) -> OpportunitiesAnswer:
    """List what is live, newest first; the first page also has the last endings. Never the placebo."""
    check_limit(limit)
    after = decode_cursor("opportunities", cursor)
    live = [
        one
        for one in await reader.live(rehearsal)
        if one.opportunity.group is Group.LOSER
        and coin in (None, one.opportunity.coin)
        and loser in (None, one.opportunity.loser)
    ]

    def place(one: LiveOpportunity) -> tuple[int, str]:
        return one.opportunity.published_ms, one.opportunity.opportunity_id

    rows = sorted(live, key=place, reverse=True)
    if after is not None:
        rows = [one for one in rows if place(one) < (after.time_ms, after.name)]
    page = rows[:limit]
    return OpportunitiesAnswer(
        as_of_ms=now_ms,
        items=tuple(page),
        recent=() if after else await _recent(reader, coin, loser, rehearsal),
        next_cursor=encode_cursor("opportunities", Place(*place(page[-1]))) if len(rows) > limit else None,
    )


async def _recent(
    reader: Reader, coin: Coin | None, loser: Address | None, rehearsal: bool
) -> tuple[ScoredOpportunity, ...]:
    scored = await reader.scored(group=Group.LOSER, coin=coin, loser=loser, rehearsal=rehearsal)
    ended = [(one.ending.ended_ms, one.opportunity.opportunity_id, one) for one in scored if one.ending]
    ended.sort(key=lambda row: row[:2], reverse=True)
    return tuple(one for _, _, one in ended[:RECENT_ENDINGS])


async def performance(
    reader: Reader,
    *,
    now_ms: int,
    horizon: Horizon,
    period: str = "30d",
    coin: Coin | None = None,
    loser: Address | None = None,
    rehearsal: bool = False,
) -> PerformanceAnswer:
    """Score what was published, beside the placebo and the verdict on the whole.

    Period, coin and loser narrow the score; the placebo knows no loser, so it is narrowed by the
    others only; the verdict is never narrowed.
    """
    if period not in PERIODS:
        raise UsageError(f"{period[:40]!r} is not a period: expected one of {', '.join(PERIODS)}.")
    back_ms = PERIODS[period]
    since_ms = None if back_ms is None else now_ms - back_ms
    ours = await reader.scored(
        group=Group.LOSER, since_ms=since_ms, coin=coin, loser=loser, rehearsal=rehearsal
    )
    control = await reader.scored(group=Group.PLACEBO, since_ms=since_ms, coin=coin, rehearsal=rehearsal)
    return performance_of(
        ours,
        control,
        await evidence(reader, horizon=horizon, now_ms=now_ms),
        now_ms=now_ms,
        since_ms=since_ms,
        horizon=horizon,
        undelivered=(await reader.totals()).get("undelivered", 0),
        rehearsal=rehearsal,
    )


def performance_of(
    ours: Sequence[ScoredOpportunity],
    control: Sequence[ScoredOpportunity],
    verdict: Evidence,
    *,
    now_ms: int,
    since_ms: int | None,
    horizon: Horizon,
    undelivered: int,
    rehearsal: bool,
) -> PerformanceAnswer:
    """Return the score of these opportunities beside the control's."""
    return PerformanceAnswer(
        as_of_ms=now_ms,
        since_ms=since_ms,
        published=len(ours),
        live=sum(1 for one in ours if one.ending is None),
        undelivered=undelivered,
        at_exit=scores.at_horizon(ours, control, None, now_ms),
        horizons=tuple(scores.at_horizon(ours, control, h, now_ms) for h in Horizon),
        delays=scores.by_delay(ours, horizon, now_ms),
        by_coin=scores.by_coin(ours, now_ms),
        curve=scores.curve(ours, now_ms),
        evidence=verdict,
        rehearsal=rehearsal,
        by_side=scores.by_side(ours, now_ms),
        by_loser=scores.by_loser(ours, now_ms),
        late=sum(1 for one in ours if one.opportunity.is_late),
        placebo_curve=scores.curve(control, now_ms),
    )


async def evidence(reader: Reader, *, horizon: Horizon, now_ms: int) -> Evidence:
    """Return the verdict over all that was ever published, rehearsals left out."""
    ours = await reader.scored(group=Group.LOSER)
    control = await reader.scored(group=Group.PLACEBO)
    was_supported = await reader.state(EVIDENCE_STATE) is not None
    return verdicts.evidence(ours, control, horizon, now_ms, was_supported)


# --- the rest ----------------------------------------------------------------------------------


async def crowd(reader: Reader, *, now_ms: int, coin: Coin | None = None) -> CrowdAnswer:
    """Show where all losers together stand, the coin with the most money in it first."""
    rows = await reader.crowd(coin)
    rows.sort(key=lambda row: (-(row.long_usd + row.short_usd), row.coin))
    return CrowdAnswer(now_ms, tuple(rows))


async def decisions(
    reader: Reader,
    *,
    now_ms: int,
    limit: int = 20,
    cursor: str | None = None,
    coin: Coin | None = None,
    account: Address | None = None,
) -> DecisionsAnswer:
    """List what was decided about losers' events, newest first: also what was not published, and why.

    The placebo's decisions are left out: to show them would publish the draw.
    """
    check_limit(limit)
    after = decode_cursor("decisions", cursor)
    before = after.name if after else None
    found: list[Decision] = []
    while len(found) <= limit:
        batch = await reader.decisions(coin=coin, account=account, limit=limit + 1, before=before)
        found += [decision for decision in batch if decision.group is Group.LOSER]
        if len(batch) <= limit:
            break
        before = batch[-1].decision_id
    page = found[:limit]
    more = len(found) > limit
    place = Place(page[-1].decided_ms, page[-1].decision_id) if more else None
    return DecisionsAnswer(now_ms, tuple(page), encode_cursor("decisions", place) if place else None)


async def status(reader: Reader, rankings: RankingStore, *, now_ms: int, horizon: Horizon) -> StatusAnswer:
    """Say how the product is: coverage, age of the list and the feed, queue, errors, verdict."""
    totals = await reader.totals()
    ranking = await rankings.ranking()
    today, failed_today = await reader.request_counts(now_ms // DAY_MS * DAY_MS)
    week, failed_week = await reader.request_counts(now_ms - 7 * DAY_MS)
    live = [one for one in await reader.live() if one.opportunity.group is Group.LOSER]
    alive_ms = await _number(reader, ALIVE)
    stopped_ms = await _number(reader, STOPPED)
    is_running = alive_ms is not None and (stopped_ms or 0) < alive_ms and now_ms - alive_ms <= ALIVE_MS
    return StatusAnswer(
        as_of_ms=now_ms,
        is_running=is_running,
        started_ms=await _number(reader, STARTED),
        seen_ms=max((ms for ms in (alive_ms, stopped_ms) if ms is not None), default=None),
        reading=await _reading(reader) if is_running else None,
        accounts_known=totals.get("accounts", 0),
        accounts_refined=totals.get("refined", 0),
        fills=totals.get("fills", 0),
        ranking_as_of_ms=ranking.as_of_ms if ranking else None,
        listed=len(ranking.listed) if ranking else 0,
        population=ranking.population if ranking else 0,
        watched=(await _number(reader, "watched") or 0) if is_running else 0,
        last_trade_ms=await _number(reader, "last_trade_ms"),
        feed_gaps=await _number(reader, "feed_gaps") or 0,
        live_opportunities=len(live),
        published=totals.get("published", 0),
        outbox=await reader.delivery_counts(),
        oldest_pending_ms=await reader.oldest_pending_ms(),
        requests_today=today,
        request_errors_today=failed_today,
        error_rate_7d=failed_week / week if week else None,
        evidence=(await evidence(reader, horizon=horizon, now_ms=now_ms)).sentence,
    )


async def _reading(reader: Reader) -> tuple[int, int] | None:
    done, _, total = (await reader.state(READING) or "").partition("/")
    return (int(done), int(total)) if total else None


async def _number(reader: Reader, key: str) -> int | None:
    value = await reader.state(key)
    return None if value is None else int(value)
