"""What a chat asks about its own alerts, and why something was not alerted."""

from collections import Counter
from collections.abc import Sequence
from math import ceil

from core.answers import PERIODS, evidence
from core.errors import UsageError
from core.model.alerts import DeliveryState, Target
from core.model.chat_answers import MineAnswer, OwnMiss, WhyAnswer
from core.model.chats import Chat, HeldBecause
from core.model.market import DAY_MS, Address, Coin
from core.model.opportunities import Group
from core.model.traders import Horizon
from core.ports import ChatReader, Reader
from core.scoring import performance as scores
from core.subscription_filters import filtered

WHY_MS = DAY_MS
NEWEST_STOPPED = 8
NEWEST_MISSED = 5

UNDELIVERED = (DeliveryState.UNKNOWN, DeliveryState.DEAD, DeliveryState.EXPIRED)


async def mine(
    reader: Reader, own: ChatReader, target: Target, *, now_ms: int, horizon: Horizon, period: str = "30d"
) -> MineAnswer:
    """Score the entries that this chat got, beside the control, and count what it didn't get."""
    if period not in PERIODS:
        raise UsageError(f"{period[:40]!r} is not a period: expected one of {', '.join(PERIODS)}.")
    back_ms = PERIODS[period]
    since_ms = None if back_ms is None else now_ms - back_ms
    entries = await own.own_entries(target, since_ms or 0)
    published = await reader.scored(group=Group.LOSER, since_ms=since_ms)
    control = await reader.scored(group=Group.PLACEBO, since_ms=since_ms)
    told_ids = {one.opportunity_id for one in entries if one.is_told}
    told = [one for one in published if one.opportunity.opportunity_id in told_ids]
    states = Counter(one.state for one in entries)
    delays = sorted(one.sent_ms - one.published_ms for one in entries if one.sent_ms is not None)
    return MineAnswer(
        as_of_ms=now_ms,
        since_ms=since_ms,
        published=len(published),
        told=len(told_ids),
        on_the_way=sum(one.is_on_the_way for one in entries),
        live=sum(1 for one in told if one.ending is None),
        held=_in_order(HeldBecause, Counter(one.held_because for one in entries if one.held_because)),
        held_lost=sum(one.is_lost for one in entries),
        undelivered={state: states[state] for state in UNDELIVERED if states[state]},
        lost=await own.lost(target, since_ms or 0),
        at_exit=scores.at_horizon(told, control, None, now_ms),
        delay_p50_ms=percentile(delays, 0.50),
        delay_p95_ms=percentile(delays, 0.95),
        evidence=(await evidence(reader, horizon=horizon, now_ms=now_ms)).sentence,
    )


async def why(
    reader: Reader,
    own: ChatReader,
    chat: Chat,
    *,
    now_ms: int,
    coin: Coin | None = None,
    account: Address | None = None,
) -> WhyAnswer:
    """Tell which entries of the last 24 hours became no alert, and what didn't reach this chat."""
    since_ms = now_ms - WHY_MS
    stopped = await own.stopped(coin=coin, account=account, since_ms=since_ms)
    items = await own.near_misses(coin=coin, account=account, since_ms=since_ms, limit=NEWEST_STOPPED)
    published = await reader.scored(group=Group.LOSER, since_ms=since_ms, coin=coin, loser=account)
    entries = {one.opportunity_id: one for one in await own.own_entries(chat.target, since_ms)}
    own_of = [(one.opportunity, entries.get(one.opportunity.opportunity_id)) for one in reversed(published)]
    missed = tuple(
        OwnMiss(opportunity, entry, filtered(opportunity, chat.subscriptions, chat.follows))
        for opportunity, entry in own_of
        if entry is None or not (entry.is_told or entry.is_on_the_way)
    )
    return WhyAnswer(
        as_of_ms=now_ms,
        since_ms=since_ms,
        coin=coin,
        account=account,
        published=len(published),
        stopped=stopped,
        # Found in gaps they may have been decided in another order than they happened.
        items=tuple(sorted(items, key=lambda one: one.event.time_ms, reverse=True)),
        told=sum(1 for _, entry in own_of if entry is not None and entry.is_told),
        on_the_way=sum(1 for _, entry in own_of if entry is not None and entry.is_on_the_way),
        missed=missed,
    )


def percentile(ordered: Sequence[int], share: float) -> int | None:
    """Return the smallest of the ordered values that at least this share doesn't exceed; None: no values."""
    return ordered[max(0, ceil(share * len(ordered)) - 1)] if ordered else None


def _in_order(kinds: type[HeldBecause], counted: Counter[HeldBecause | None]) -> dict[HeldBecause, int]:
    return {kind: counted[kind] for kind in kinds if counted[kind]}
