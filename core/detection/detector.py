"""All that detection knows at one moment: watched accounts, their positions, what is live.

Pure: told of fills, prices and time; answers with updates, decisions and endings. Live hours,
replay and demo use this one class; only what they tell it differs.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from functools import partial
from math import fsum

from core.detection.entries import UNKNOWN_BADNESS, Entry, RecentEntries
from core.detection.exits import end_by_event, has_expired
from core.detection.identity import event_id
from core.detection.publishing import decide, round_px
from core.detection.rules import BEFORE_BOOK, ENTRIES, PROVISIONAL, first_rejection, taken_usd
from core.detection.scene import Scene
from core.detection.tracker import EventUpdate, PositionTracker
from core.model.fills import Fill
from core.model.market import Address, Book, Coin, Direction, is_spot
from core.model.notices import Growth
from core.model.opportunities import (
    Crowd,
    Decision,
    DetectionRules,
    Ending,
    EndReason,
    Group,
    LiveOpportunity,
    Rejection,
    Watch,
)
from core.model.positions import Cause, PositionEvent
from core.scoring.outcomes import crossed, excursions, exit_result

OLDEST_PRICE_MS = 120_000
"""An older price is missing, unless the position was held for more than four times as long."""

NOTABLE_GROWTH = 0.2
"""An order that grew by less since it was last told isn't worth another word."""

SETTLED_REMEMBERED = 20_000
"""Finished events whose ids are remembered: fills heard again (an overlap) must not ask again."""


@dataclass(slots=True)
class Market:
    """What is known of prices; everything may be missing."""

    px: dict[Coin, Decimal] = field(default_factory=dict)
    px_ms: dict[Coin, int] = field(default_factory=dict)
    """When each price was heard."""
    sigma: Mapping[Coin, float] = field(default_factory=dict)
    funding: Mapping[Coin, float] = field(default_factory=dict)
    sz_decimals: dict[Coin, int] = field(default_factory=dict)
    listed: frozenset[Coin] | None = None


class Detector:
    """Turn fills of watched accounts into decisions and endings."""

    def __init__(
        self, rules: DetectionRules, namespace: str, *, by_order: bool, book_is_required: bool
    ) -> None:
        self.rules = rules
        self.namespace = namespace
        self.market = Market()
        self.watches: dict[Address, Watch] = {}
        self.live: dict[str, LiveOpportunity] = {}
        self._by_order = by_order
        self._book_is_required = book_is_required
        self._trackers: dict[Address, PositionTracker] = {}
        self._entries = RecentEntries(rules.opposing_ms)
        self._watches_are_known = False
        self._live_by_coin: dict[Coin, dict[str, None]] = {}
        self._answered: dict[str, Address] = {}
        self._settled: dict[str, None] = {}
        self._told_usd: dict[str, float] = {}
        self._ended: dict[tuple[Address, Coin, Direction], int] = {}

    # --- whom to watch ---------------------------------------------------------------------

    def watch(self, watches: Mapping[Address, Watch], *, has_list: bool = True) -> None:
        """Watch exactly these accounts from now on; positions of those who stay are kept.

        Who leaves with a growing event is followed until that has its decision. Not ``has_list``: who
        is on the list isn't known yet, so nobody has lost the label.
        """
        self.watches = dict(watches)
        self._watches_are_known = self._watches_are_known or has_list
        for account in self._trackers.keys() - self.accounts():
            if not self._trackers[account].is_growing:
                del self._trackers[account]
        self._answered = {name: one for name, one in self._answered.items() if one in self._trackers}

    def accounts(self) -> frozenset[Address]:
        """Return whom to hear: the watched, and the losers of what is still live."""
        return frozenset((*self.watches, *(live.opportunity.loser for live in self.live.values())))

    def is_faded(self, account: Address) -> bool:
        """Tell whether an opportunity against this account is live."""
        return any(live.opportunity.loser == account for live in self.live.values())

    def tracker(self, account: Address) -> PositionTracker:
        """Return the account's tracker, made at the first call."""
        tracker = self._trackers.get(account)
        if tracker is None:
            tracker = PositionTracker(
                account, self.rules.coalesce_ms, self.market.sz_decimals, self._by_order
            )
            self._trackers[account] = tracker
        return tracker

    def restore(self, live: Iterable[LiveOpportunity]) -> None:
        """Take up opportunities that were live before a restart."""
        for one in live:
            self._add_live(one)

    def recall(self, decisions: Iterable[Decision]) -> None:
        """Take up what was decided shortly before a restart, oldest first.

        So that opposing losers count, and fills heard again don't ask again.
        """
        for decision in decisions:
            self._settle(decision.decision_id)
            event, badness = decision.event, decision.figures.get("badness")
            if self._is_own_entry(event) and decision.rejection is not Rejection.POSITION_UNKNOWN:
                known = float(badness) if isinstance(badness, int | float) else None
                self._add_entry(event, decision.group, known)

    # --- what happened ---------------------------------------------------------------------

    def hear(self, fills: Iterable[Fill], is_late: bool = False) -> list[EventUpdate]:
        """Take fills in execution order per account; return perp events that grew or finished."""
        by_account: dict[Address, list[Fill]] = {}
        for fill in fills:
            if fill.sz and not is_spot(fill.coin):
                by_account.setdefault(fill.user, []).append(fill)
        return [
            update
            for account, own in by_account.items()
            for update in self.tracker(account).hear(own, is_late)
        ]

    def settle(self, now_ms: int | None = None) -> list[EventUpdate]:
        """Finish events to which nothing more can belong by now (None: all)."""
        return [
            update
            for tracker in list(self._trackers.values())
            if tracker.is_growing
            for update in tracker.settle(now_ms)
        ]

    def wants_book(self, update: EventUpdate, now_ms: int) -> bool:
        """Tell whether everything but the order book speaks for an opportunity."""
        if self.is_answered(update.event):
            return False
        self._note_entry(update)
        rejection, _ = first_rejection(
            update.event, self._scene(update, now_ms, None), self.rules, BEFORE_BOOK
        )
        return rejection is None

    def answer(
        self, update: EventUpdate, now_ms: int, book: Book | None, book_problem: str | None = None
    ) -> Decision | None:
        """Decide about an event; None: answered before, or it may still grow into something.

        ``book_problem``: why there is no book, for the decision's figures.
        """
        name = self.event_id(update.event)
        decision = None if self._is_answered(name) else self._decide(update, now_ms, book, book_problem)
        if update.finished:
            self._answered.pop(name, None)
            self._settle(name)
        elif decision is not None:
            self._answered[name] = update.event.account
        return decision

    def _decide(
        self, update: EventUpdate, now_ms: int, book: Book | None, book_problem: str | None
    ) -> Decision | None:
        self._note_entry(update)
        scene = self._scene(update, now_ms, book, book_problem)
        decision = decide(update.event, scene, self.rules, self.namespace)
        if decision.rejection in PROVISIONAL and not update.finished:
            return None
        if decision.opportunity is not None:
            self._add_live(LiveOpportunity(decision.opportunity))
        return decision

    def is_answered(self, event: PositionEvent) -> bool:
        """Tell whether this event has its final answer."""
        return self._is_answered(self.event_id(event))

    def _is_answered(self, name: str) -> bool:
        return name in self._answered or name in self._settled or name in self.live

    def event_id(self, event: PositionEvent) -> str:
        """Return the event's id in this detector's namespace."""
        return event_id(event, self.namespace, self.rules.rule_version)

    def growth(self, update: EventUpdate, now_ms: int) -> Growth | None:
        """Return how large the order behind a live opportunity became, if that is worth telling again."""
        name = self.event_id(update.event)
        live = self.live.get(name)
        usd = taken_usd(update.event)
        if live is None or usd is None:
            return None
        told = self._told_usd.get(name, live.opportunity.loser_notional_usd)
        if usd < told * (1 + NOTABLE_GROWTH):
            return None
        self._told_usd[name] = usd
        return Growth(name, round_px(update.event.avg_px), usd, now_ms)

    # --- how it ends -----------------------------------------------------------------------

    def end_by_event(self, update: EventUpdate, now_ms: int) -> list[Ending]:
        """Return the endings that this event causes; one of an unknown position causes none."""
        if not update.position_is_known:
            return []
        return [
            self._end(live, reason, now_ms)
            for live in self._live_in(update.event.coin)
            if (reason := end_by_event(live.opportunity, update.event)) is not None
        ]

    def price(self, coin: Coin, px: Decimal, now_ms: int) -> tuple[list[Ending], list[LiveOpportunity]]:
        """Take a new price; return endings at stop or target, and opportunities with new extremes."""
        self.market.px[coin] = px
        self.market.px_ms[coin] = now_ms
        endings, moved = [], []
        for live in self._live_in(coin):
            widened = excursions(live, px)
            if widened is not live:
                self.live[live.opportunity.opportunity_id] = widened
                moved.append(widened)
            reason = crossed(live.opportunity, px)
            if reason is not None:
                endings.append(self._end(widened, reason, now_ms))
        return endings, moved

    def end_by_time(self, now_ms: int) -> list[Ending]:
        """Return the endings of expired opportunities and of losers who lost the label."""
        self._forget_cooled(now_ms)
        endings = []
        for live in list(self.live.values()):
            if has_expired(live, now_ms):
                endings.append(self._end(live, EndReason.EXPIRED, now_ms))
            elif self._lost_label(live):
                endings.append(self._end(live, EndReason.LABEL_LOST, now_ms))
        return endings

    def end_by_position(self, account: Address, now_ms: int) -> list[Ending]:
        """Return the endings of opportunities whose loser no longer holds the faded position."""
        tracker = self.tracker(account)
        endings = []
        for live in list(self.live.values()):
            opportunity = live.opportunity
            held = tracker.position(opportunity.coin)
            if opportunity.loser == account and held is not None and held * opportunity.side.sign >= 0:
                endings.append(self._end(live, EndReason.LOSER_CLOSED, now_ms))
        return endings

    def _lost_label(self, live: LiveOpportunity) -> bool:
        if not self._watches_are_known:  # after a restart nobody has lost anything before the first list
            return False
        watch = self.watches.get(live.opportunity.loser)
        return watch is None or watch.group is not live.opportunity.group

    def _end(self, live: LiveOpportunity, reason: EndReason, now_ms: int) -> Ending:
        opportunity = live.opportunity
        del self.live[opportunity.opportunity_id]
        of_coin = self._live_by_coin[opportunity.coin]
        del of_coin[opportunity.opportunity_id]
        if not of_coin:
            del self._live_by_coin[opportunity.coin]
        self._settle(opportunity.opportunity_id)
        self._told_usd.pop(opportunity.opportunity_id, None)
        self._ended[opportunity.loser, opportunity.coin, opportunity.side] = now_ms
        held_ms = now_ms - opportunity.published_ms
        exit_px = self._fresh_px(opportunity.coin, now_ms, held_ms)
        gross, net = exit_result(opportunity, exit_px, held_ms, self.rules.taker_fee_bps)
        return Ending(opportunity.opportunity_id, reason, now_ms, exit_px, gross, net, held_ms)

    def _add_live(self, live: LiveOpportunity) -> None:
        name = live.opportunity.opportunity_id
        self.live[name] = live
        self._live_by_coin.setdefault(live.opportunity.coin, {})[name] = None

    def _live_in(self, coin: Coin) -> list[LiveOpportunity]:
        return [self.live[name] for name in self._live_by_coin.get(coin, ())]

    def _forget_cooled(self, now_ms: int) -> None:
        if self._ended:
            cooldown_ms = self.rules.cooldown_ms
            self._ended = {key: at for key, at in self._ended.items() if now_ms - at < cooldown_ms}

    def _fresh_px(self, coin: Coin, now_ms: int, held_ms: int) -> Decimal | None:
        """Return the coin's last price unless it is too old to be the exit's: missing, never stale."""
        heard_ms = self.market.px_ms.get(coin)
        if heard_ms is None or now_ms - heard_ms > max(OLDEST_PRICE_MS, held_ms // 4):
            return None
        return self.market.px[coin]

    # --- the surroundings ------------------------------------------------------------------

    def crowd(self, coin: Coin) -> Crowd:
        """Return what the watched losers hold in a coin, valued at its last price."""
        px = float(self.market.px.get(coin, Decimal(0)))
        held = [
            float(szi)
            for account, watch in self.watches.items()
            if watch.group is Group.LOSER
            and (tracker := self._trackers.get(account)) is not None
            and (szi := tracker.position(coin)) is not None
            and szi != 0
        ]
        longs = [szi for szi in held if szi > 0]
        shorts = [-szi for szi in held if szi < 0]
        # rounded once: the same in whatever order the accounts come
        return Crowd(coin, len(longs), len(shorts), fsum(longs) * px, fsum(shorts) * px)

    def _scene(
        self, update: EventUpdate, now_ms: int, book: Book | None, book_problem: str | None = None
    ) -> Scene:
        event, market = update.event, self.market
        watch = self.watches.get(event.account)
        group = watch.group if watch else Group.LOSER
        side = event.direction.opposite
        return Scene(
            now_ms=now_ms,
            watch=watch,
            position_is_known=update.position_is_known,
            coin_is_listed=None if market.listed is None else event.coin in market.listed,
            is_live_already=any(
                live.opportunity.loser == event.account and live.opportunity.side is side
                for live in self._live_in(event.coin)
            ),
            last_ended_ms=self._ended.get((event.account, event.coin, side)),
            own_badness=self._entries.badness(group, event.coin, event.direction, now_ms),
            opposing_badness=self._entries.badness(group, event.coin, event.direction.opposite, now_ms),
            book=book,
            book_is_required=self._book_is_required,
            last_px=market.px.get(event.coin),
            hourly_sigma=market.sigma.get(event.coin),
            funding_rate=market.funding.get(event.coin),
            crowd=partial(self.crowd, event.coin),
            is_late=update.is_late,
            book_problem=book_problem,
        )

    def _note_entry(self, update: EventUpdate) -> None:
        watch = self.watches.get(update.event.account)
        if watch is not None and update.position_is_known and self._is_own_entry(update.event):
            self._add_entry(update.event, watch.group, watch.badness)

    def _is_own_entry(self, event: PositionEvent) -> bool:
        """Tell whether an event counts as this side's entry: taken, by order, above the floor."""
        is_free = event.kind in ENTRIES and event.cause is Cause.ORDER
        return is_free and (taken_usd(event) or 0.0) >= self.rules.min_notional_usd

    def _add_entry(self, event: PositionEvent, group: Group, badness: float | None) -> None:
        weight = UNKNOWN_BADNESS if badness is None else badness
        self._entries.add(
            Entry(
                self.event_id(event), event.account, group, event.coin, event.direction, event.time_ms, weight
            )
        )

    def _settle(self, name: str) -> None:
        self._settled[name] = None
        if len(self._settled) > SETTLED_REMEMBERED:
            del self._settled[next(iter(self._settled))]
