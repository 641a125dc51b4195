"""One simulated hour of the public tape against what the simulated accounts really did."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import groupby

import pytest

from core.detection.detector import Detector
from core.detection.tracker import EventUpdate
from core.model.fills import Fill
from core.model.market import HOUR_MS, Address, Coin, Side, Trade, is_spot
from core.model.opportunities import Decision, Rejection
from core.model.positions import EventKind, PositionEvent
from core.services.listening import fills_of_trade
from exchange.simulated import PositionEvent as Truth
from exchange.simulated import Simulation, SimulationConfig
from exchange.simulated.coins import UNIVERSE
from tests.support.detection_facts import RULES, T0, a_watch

DEXES = ("", "xyz")
Key = tuple[Address, Coin, int]
OPENINGS = {EventKind.OPEN, EventKind.FLIP, EventKind.INCREASE}


class Watcher:
    """A detector that starts to watch at a moment and hears every trade from then on."""

    def __init__(self, simulation: Simulation, accounts: Iterable[Address]) -> None:
        self.since = len(simulation.truth)
        self.detector = Detector(RULES, "truth", by_order=False, book_is_required=False)
        self.detector.watch({account: a_watch(account) for account in accounts})
        self.detector.market.sz_decimals.update({Coin(coin.coin): coin.sz_decimals for coin in UNIVERSE})
        for account in self.detector.watches:
            found = simulation.registry.find(account)
            assert found is not None
            self.detector.tracker(account).seed(
                {
                    Coin(UNIVERSE[index].coin): Decimal(held.size).scaleb(-UNIVERSE[index].sz_decimals)
                    for index, held in found.positions.items()
                },
                DEXES,
            )
        self.events: dict[Key, PositionEvent] = {}
        self.decisions: list[Decision] = []
        self.ended: list[str] = []

    def hear(self, fills: list[Fill], now_ms: int) -> None:
        self._conclude([*self.detector.settle(now_ms), *self.detector.hear(fills)], now_ms)

    def finish(self, now_ms: int) -> None:
        self._conclude(self.detector.settle(None), now_ms)

    def _conclude(self, updates: list[EventUpdate], now_ms: int) -> None:
        for update in updates:
            event = update.event
            assert update.position_is_known
            assert event.first_tid is not None
            self.ended += [e.opportunity_id for e in self.detector.end_by_event(update, now_ms)]
            decision = self.detector.answer(update, now_ms, None)
            if decision is not None:
                self.decisions.append(decision)
            if update.finished:
                key = (event.account, event.coin, event.first_tid)
                assert key not in self.events
                self.events[key] = event


def trade_of(simulation: Simulation, trade: object) -> Trade:
    row = simulation.trade(trade)  # type: ignore[arg-type]
    return Trade(
        coin=Coin(row["coin"]),
        side=Side(row["side"]),
        px=Decimal(row["px"]),
        sz=Decimal(row["sz"]),
        time_ms=row["time"],
        tid=row["tid"],
        buyer=Address(row["users"][0]),
        seller=Address(row["users"][1]),
        is_twap=int(row["hash"], 16) == 0,
    )


def key_of(truth: Truth) -> Key:
    return Address(truth.address), Coin(truth.coin.coin), truth.tid


def kinds_of(truth: Truth) -> set[str]:
    """Return how an event may be called: the public tape doesn't tell a liquidation from a close."""
    return {"close", "decrease"} if truth.kind == "liquidation" else {truth.kind}


@pytest.fixture(scope="module")
def hour() -> tuple[Simulation, Watcher, Watcher]:
    """Play one hour: one watcher hears it all, the other starts cold in the middle of it."""
    simulation = Simulation(SimulationConfig(accounts=300, trades_per_second=25), lambda: T0)
    accounts = [Address(p.address) for p in simulation.population.by_address.values() if p.directional]
    watchers = [Watcher(simulation, accounts)]
    watched = frozenset(accounts)
    for until_ms in (T0 + HOUR_MS // 2, T0 + HOUR_MS):
        for time_ms, block in groupby(simulation.run_until(until_ms), key=lambda trade: trade.time):
            trades = [trade_of(simulation, trade) for trade in block]
            fills = [fill for trade in trades for fill in fills_of_trade(trade, watched)]
            for watcher in watchers:
                for trade in trades:
                    watcher.detector.price(trade.coin, trade.px, time_ms)
                watcher.hear(fills, time_ms)
        if len(watchers) == 1:
            watchers.append(Watcher(simulation, accounts))
    for watcher in watchers:
        watcher.finish(T0 + HOUR_MS)
    return simulation, watchers[0], watchers[1]


@pytest.mark.parametrize("which", [1, 2], ids=["heard from the start", "cold start in the middle"])
def test_no_opening_is_missed_and_none_invented(
    hour: tuple[Simulation, Watcher, Watcher], which: int
) -> None:
    simulation, watcher = hour[0], hour[which]
    assert isinstance(watcher, Watcher)
    truth = {key_of(one): one for one in simulation.truth[watcher.since :] if not is_spot(one.coin.coin)}
    found = watcher.events
    # an order in the middle of its fills when a watcher starts is seen from its second fill on
    begun = {key for key, event in found.items() if which == 2 and event.time_ms < T0 + HOUR_MS // 2 + 4_500}
    opened = {key for key, event in found.items() if event.kind in OPENINGS} - begun
    really = {key for key, one in truth.items() if kinds_of(one) & {"open", "flip", "increase"}}
    assert len(really) > 300
    assert really - found.keys() == set()  # missed
    assert opened - really == set()  # invented
    assert found.keys() - begun == truth.keys() - begun


def test_every_event_is_exact(hour: tuple[Simulation, Watcher, Watcher]) -> None:
    simulation, watcher, _ = hour
    kinds = set()
    for truth in simulation.truth:
        if is_spot(truth.coin.coin):
            continue
        event = watcher.events[key_of(truth)]
        unit = -truth.coin.sz_decimals
        assert event.before == Decimal(truth.before).scaleb(unit)
        assert event.after == Decimal(truth.after).scaleb(unit)
        assert event.kind.value in kinds_of(truth)
        assert float(event.notional_usd) == pytest.approx(truth.notional_usd)
        assert event.taker_notional_usd == (event.notional_usd if truth.taker else 0)
        assert event.cause.value == ("twap" if truth.source == "twap" else "order")
        kinds.add(truth.kind)
    assert kinds == {"open", "increase", "decrease", "close", "flip", "liquidation"}


def test_positions_at_the_end_are_the_exchanges(hour: tuple[Simulation, Watcher, Watcher]) -> None:
    simulation = hour[0]
    for watcher in hour[1:]:
        for account in watcher.detector.watches:
            real = simulation.registry.find(account)
            assert real is not None
            held = {
                Coin(UNIVERSE[index].coin): Decimal(position.size).scaleb(-UNIVERSE[index].sz_decimals)
                for index, position in real.positions.items()
                if position.size and not UNIVERSE[index].spot
            }
            ours = watcher.detector.tracker(account).positions()
            assert {coin: szi for coin, szi in ours.items() if not is_spot(coin)} == held


def test_every_event_is_decided_once_and_every_exit_is_found(
    hour: tuple[Simulation, Watcher, Watcher],
) -> None:
    _, watcher, _ = hour
    assert (
        len(watcher.decisions) == len({one.decision_id for one in watcher.decisions}) == len(watcher.events)
    )
    assert Rejection.POSITION_UNKNOWN not in {one.rejection for one in watcher.decisions}
    published = {one.decision_id for one in watcher.decisions if one.opportunity}
    assert len(published) > 50
    assert len(watcher.ended) == len(set(watcher.ended))
    assert published == set(watcher.ended) | watcher.detector.live.keys()
    for live in watcher.detector.live.values():
        held = watcher.detector.tracker(live.opportunity.loser).position(live.opportunity.coin)
        assert held is not None
        assert held * live.opportunity.side.sign < 0
