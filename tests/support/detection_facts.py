"""A detector with one listed loser, and the fills, books and moments that try its rules."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any
from zlib import crc32

from core.detection.detector import Detector
from core.detection.identity import LIVE
from core.detection.scene import Scene
from core.detection.tracker import EventUpdate
from core.model.fills import Fill
from core.model.market import Address, Book, Coin, Level, Side
from core.model.opportunities import Decision, DetectionRules, Ending, Group, Opportunity, Watch
from core.model.positions import PositionEvent
from tests.support.facts import an_event

LOSER = Address("0x" + "a1" * 20)
OTHER = Address("0x" + "b2" * 20)
CONTROL = Address("0x" + "c3" * 20)
BTC, ETH = Coin("BTC"), Coin("ETH")
T0 = 1_767_571_200_000
"""2026-01-05 00:00 UTC."""

RULES = DetectionRules()


def a_watch(account: Address = LOSER, group: Group = Group.LOSER, **more: Any) -> Watch:
    """Return the third of the list, badness 90."""
    values: dict[str, Any] = {"rank": 3, "badness": 90.0} | more
    return Watch(account, group, **values)


def heard(
    sz: str | Decimal,
    at_ms: int = 0,
    *,
    account: Address = LOSER,
    coin: Coin = BTC,
    px: str | Decimal = "100",
    crossed: bool | None = True,
    **more: Any,
) -> Fill:
    """Return a fill as the feed tells it; a negative size sells; time counts from ``T0``."""
    size = Decimal(sz)
    values: dict[str, Any] = {
        "start_position": None,
        "tid": crc32(f"{at_ms} {sz} {coin} {account}".encode()),
    } | more
    return Fill(
        user=account,
        coin=coin,
        px=Decimal(px),
        sz=abs(size),
        side=Side.BUY if size > 0 else Side.SELL,
        time_ms=T0 + at_ms,
        crossed=crossed,
        **values,
    )


def a_book(
    bid: str = "99.99", ask: str = "100.01", sz: str = "1000", coin: Coin = BTC, time_ms: int = T0
) -> Book:
    """Return a book of one level a side; 2 bps wide and 100,000 USD deep unless told otherwise."""
    return Book(coin, time_ms, (Level(Decimal(bid), Decimal(sz)),), (Level(Decimal(ask), Decimal(sz)),))


def an_open(**changes: Any) -> PositionEvent:
    """Return the opening of 100 BTC at 100 USD by a taker at ``T0``."""
    values: dict[str, Any] = {
        "time_ms": T0,
        "after": Decimal(100),
        "sz": Decimal(100),
        "notional_usd": Decimal(10_000),
        "taker_notional_usd": Decimal(10_000),
    }
    return an_event(**(values | changes))


def a_scene(**changes: Any) -> Scene:
    """Return surroundings in which everything speaks for an opportunity."""
    scene = Scene(
        now_ms=T0 + 1_000,
        watch=a_watch(),
        position_is_known=True,
        coin_is_listed=True,
        is_live_already=False,
        last_ended_ms=None,
        own_badness=90.0,
        opposing_badness=0.0,
        book=a_book(),
        book_is_required=True,
        last_px=Decimal(100),
        hourly_sigma=0.01,
        funding_rate=0.0001,
        crowd=lambda: None,
    )
    return replace(scene, **changes)


def a_detector(
    *watches: Watch,
    rules: DetectionRules | None = None,
    by_order: bool = False,
    book_is_required: bool = True,
    namespace: str = LIVE,
    **changes: Any,
) -> Detector:
    """Return a detector that watches these (default: the loser), all flat, BTC at 100 and listed."""
    detector = Detector(
        replace(rules or RULES, **changes), namespace, by_order=by_order, book_is_required=book_is_required
    )
    detector.watch({watch.account: watch for watch in watches or (a_watch(),)})
    for account in detector.watches:
        detector.tracker(account).seed({})
    detector.market.listed = frozenset({BTC, ETH})
    detector.price(BTC, Decimal(100), T0)
    detector.price(ETH, Decimal(100), T0)
    return detector


def answers(
    detector: Detector,
    updates: Iterable[EventUpdate],
    now_ms: int = 0,
    book: Book | None = None,
) -> list[Decision]:
    """Return the decisions about these updates at ``T0 + now_ms``."""
    at = T0 + now_ms
    found = (detector.answer(update, at, a_book() if book is None else book) for update in updates)
    return [decision for decision in found if decision is not None]


def decide_one(
    detector: Detector, fills: Sequence[Fill], now_ms: int = 0, book: Book | None = None
) -> Decision:
    """Return the one decision about fills after which all is settled."""
    updates = [*detector.hear(fills), *detector.settle(None)]
    (decision,) = answers(detector, updates, now_ms, book)
    return decision


def publish(detector: Detector, *fills: Fill, now_ms: int = 0) -> Opportunity:
    """Return the opportunity that these fills (default: the loser buys 100 BTC) lead to."""
    decision = decide_one(detector, fills or [heard("100")], now_ms)
    assert decision.opportunity is not None, (decision.rejection, decision.figures)
    return decision.opportunity


def end(detector: Detector, *fills: Fill, now_ms: int = 0) -> list[Ending]:
    """Return the endings that these fills cause."""
    updates = [*detector.hear(fills), *detector.settle(None)]
    return [ending for update in updates for ending in detector.end_by_event(update, T0 + now_ms)]
