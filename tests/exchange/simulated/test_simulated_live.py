"""The live tape and its truth."""

from collections import Counter, defaultdict
from decimal import Decimal

import pytest

from exchange.simulated import Simulation, SimulationConfig
from exchange.simulated.matching import Trade
from exchange.simulated.people import Kind
from tests.exchange.simulated.hand_clock import NOW, HandClock

CONFIG = SimulationConfig(accounts=160, seed=3)
MINUTES = 10


@pytest.fixture(scope="module")
def run() -> tuple[Simulation, list[Trade]]:
    simulation = Simulation(CONFIG, HandClock())
    return simulation, simulation.run_until(NOW + MINUTES * 60_000)


def test_tape_does_not_depend_on_how_often_it_is_asked(run) -> None:
    _, whole = run
    other = Simulation(CONFIG, HandClock())
    pieces = [t for at in range(NOW, NOW + 60_001, 137) for t in other.run_until(at)]
    pieces += other.run_until(NOW + 60_000)
    assert pieces == whole[: len(pieces)]
    assert len(pieces) > 2000


def test_reading_accounts_changes_nothing(run) -> None:
    _, whole = run
    other = Simulation(CONFIG, HandClock())
    for person in other.population.rows:
        other.answer({"type": "clearinghouseState", "user": person.address})
    assert other.run_until(NOW + 20_000) == [t for t in whole if t.time <= NOW + 20_000]


def test_tape_has_the_asked_for_speed_and_order(run) -> None:
    _, trades = run
    assert 34 < len(trades) / (MINUTES * 60) < 50
    times = [t.time for t in trades]
    assert times == sorted(times)
    assert times[-1] <= NOW + MINUTES * 60_000


def test_each_trade_has_two_fills_with_one_tid(run) -> None:
    simulation, trades = run
    assert len({t.tid for t in trades}) == len(trades)
    for trade in trades[::50]:
        assert trade.bought.tid == trade.sold.tid == trade.tid < 2**50
        assert trade.bought.size == -trade.sold.size == trade.size
        assert trade.bought.taker != trade.sold.taker
        assert trade.bought.taker == trade.taker_buys
        wire = simulation.wire(trade)
        assert wire.trade["users"] == [wire.fills[0][0], wire.fills[1][0]]
        assert wire.trade["hash"] == wire.fills[0][1]["hash"] == wire.fills[1][1]["hash"]
        assert list(wire.trade) == ["coin", "side", "px", "sz", "time", "hash", "tid", "users"]


def test_twap_slices_are_on_the_tape_and_not_in_user_fills(run) -> None:
    simulation, trades = run
    slices = [t for t in trades if t.tx == 0]
    assert 0.05 < len(slices) / len(trades) < 0.25
    trade = slices[0]
    slicer = trade.buyer if trade.taker_buys else trade.seller
    seen = simulation.answer({"type": "userFillsByTime", "user": slicer, "startTime": trade.time})
    assert trade.tid not in {f["tid"] for f in seen}
    sliced = simulation.answer({"type": "userTwapSliceFillsByTime", "user": slicer, "startTime": trade.time})
    assert trade.tid in {f["fill"]["tid"] for f in sliced}


def test_truth_is_what_the_tape_says(run) -> None:
    """Seeded with the positions at the origin, the trades alone rebuild every event's before and after."""
    simulation, trades = run
    start = Simulation(CONFIG, HandClock())
    held: dict[tuple[str, int], int] = defaultdict(int)
    for person in start.population.by_address.values():
        for coin, position in start.registry.of(person).positions.items():
            held[person.address, coin] = position.size
    before: dict[tuple[str, int], int] = {}
    after: dict[tuple[str, int], int] = {}
    for trade in trades:
        for user, size in ((trade.buyer, trade.size), (trade.seller, -trade.size)):
            key = user, trade.coin.index
            before.setdefault((user, trade.tid), held[key])
            held[key] += size
            after[user, trade.tid] = held[key]
    for event in simulation.truth:
        assert before[event.address, event.tid] == event.before
    last = {}
    for event in simulation.truth:
        last[event.address, event.coin.index] = event.after
    assert all(held[key] == size for key, size in last.items())


def test_events_of_one_account_and_coin_stay_apart() -> None:
    """Nobody can take two decisions for one, however busy everybody is."""
    simulation = Simulation(SimulationConfig(accounts=30, pace=60), HandClock())
    simulation.run_until(NOW + 120_000)
    assert len(simulation.truth) > 300
    ended: dict[tuple[str, str], int] = {}
    for event in simulation.truth:
        key = event.address, event.coin.coin
        assert event.time - ended.get(key, 0) > 2_000
        assert event.last_time - event.time < 2_000
        ended[key] = event.last_time


def test_every_kind_of_event_happens(run) -> None:
    simulation, _ = run
    assert {e.kind for e in simulation.truth} == {
        "open", "increase", "decrease", "close", "flip", "liquidation",
    }  # fmt: skip
    assert {e.source for e in simulation.truth} == {"order", "twap", "liquidation"}
    assert not {e.kind_of_account for e in simulation.truth} & {"maker", "crowd", "vault"}


def test_losers_open_often_and_leave_soon() -> None:
    """At pace 1 an opening of 5000 USD comes every 5 to 8 seconds, and some end within half a minute."""
    simulation = Simulation(SimulationConfig(), HandClock())
    simulation.run_until(NOW + 300_000)
    losers = [e for e in simulation.truth if e.kind_of_account == "loser" and e.source == "order"]
    opened = [e for e in losers if e.kind in ("open", "flip") and e.notional_usd >= 5_000 and e.taker]
    assert 5 <= 300 / len(opened) <= 8
    early = [e for e in losers if e.time < NOW + 30_000]
    assert any(e.kind == "open" for e in early)
    assert any(e.kind == "close" for e in early)


def test_pace_zero_leaves_the_crowd_alone() -> None:
    simulation = Simulation(SimulationConfig(accounts=40, pace=0.0), HandClock())
    assert simulation.run_until(NOW + 5_000)
    assert simulation.truth == []


def test_liquidation_names_the_victim_on_both_sides(run) -> None:
    simulation, trades = run
    event = next(e for e in simulation.truth if e.source == "liquidation")
    trade = next(t for t in trades if t.tid == event.tid)
    for _, fill, _ in simulation.wire(trade).fills:
        assert fill["liquidation"]["liquidatedUser"] == event.address
        assert fill["liquidation"]["method"] == "market"
    rows = simulation.answer(
        {"type": "userNonFundingLedgerUpdates", "user": event.address, "startTime": event.time}
    )
    assert rows[0]["delta"]["type"] == "liquidation"


def test_fills_happen_at_prices_near_the_book(run) -> None:
    simulation, trades = run
    for trade in trades[::20]:
        mid = simulation.market.mid(trade.coin, trade.time)
        assert abs(trade.px / mid - 1) < 0.004


def test_big_orders_move_through_the_book() -> None:
    simulation = Simulation(SimulationConfig(accounts=20), HandClock())
    coin = next(c for c in simulation.population.rows[5].coins)
    pieces = simulation.books.sweep(coin, NOW, 10**9)
    assert len({px for px, _ in pieces}) > 1
    assert sum(size for _, size in pieces) == 10**9
    assert [px for px, _ in pieces] == sorted(px for px, _ in pieces)


def test_live_accounts_go_on_from_their_history(run) -> None:
    simulation, _ = run
    start = Simulation(CONFIG, HandClock())
    moved = Counter(e.address for e in simulation.truth)
    for address, _ in moved.most_common(10):
        person = start.population.by_address[address]
        old = start.registry.of(person).fills
        assert simulation.registry.of(person).fills[: len(old)] == old


def test_book_is_sane_for_every_coin(run) -> None:
    simulation, _ = run
    for name in simulation.coins():
        book = simulation.book(name, None, 20)
        bids, asks = ([Decimal(level["px"]) for level in side] for side in book["levels"])
        if name == "MATIC":
            assert bids == asks == []
            continue
        assert bids == sorted(bids, reverse=True)
        assert asks == sorted(asks)
        assert 0 < bids[0] < asks[0]
        best = simulation.best(name)["bbo"]
        assert (best[0]["px"], best[1]["px"]) == (book["levels"][0][0]["px"], book["levels"][1][0]["px"])


def test_majors_are_tight_and_deep(run) -> None:
    simulation, _ = run
    for name in ("BTC", "ETH", "SOL", "HYPE"):
        bids, asks = simulation.book(name, None, 20)["levels"]
        mid = (Decimal(bids[0]["px"]) + Decimal(asks[0]["px"])) / 2
        assert (Decimal(asks[0]["px"]) - Decimal(bids[0]["px"])) / mid * 10_000 < 5
        near = sum(
            Decimal(level["px"]) * Decimal(level["sz"])
            for level in asks
            if Decimal(level["px"]) < mid * Decimal("1.001")
        )
        assert near > 50_000


def test_kinds_of_accounts_are_all_there() -> None:
    simulation = Simulation(SimulationConfig(accounts=400), HandClock())
    assert {p.kind for p in simulation.population.rows} == set(Kind) - {Kind.CROWD}


def test_coin_can_be_listed_while_running() -> None:
    clock = HandClock()
    simulation = Simulation(SimulationConfig(accounts=20, listing_after_s=60), clock)

    def names() -> list[str]:
        return [asset["name"] for asset in simulation.answer({"type": "meta"})["universe"]]

    before = names()
    assert "MON" not in simulation.coins()
    assert simulation.answer({"type": "l2Book", "coin": "MON"}) is None
    clock.now += 59_000
    assert not any(t.coin == "MON" for t in simulation.advance())
    clock.now += 30_000
    assert any(t.coin == "MON" for t in simulation.advance())
    assert names() == [*before, "MON"]
    assert len(simulation.answer({"type": "metaAndAssetCtxs"})[1]) == len(before) + 1
    assert "MON" in simulation.coins()
    assert "MON" in simulation.answer({"type": "allMids"})


def test_two_second_coalescing_of_the_tape_finds_exactly_the_truth(run) -> None:
    """What a detector has to do, done plainly: nothing missed, nothing invented."""
    simulation, trades = run
    start = Simulation(CONFIG, HandClock())
    held: dict[tuple[str, int], int] = defaultdict(int)
    decisive = {p.address for p in start.population.by_address.values() if p.directional}
    for address in decisive:
        for coin, position in start.registry.of(start.population.by_address[address]).positions.items():
            held[address, coin] = position.size
    last: dict[tuple[str, int], tuple[int, int]] = {}  # when and where in the list
    found: list[tuple[str, int, int, int, int]] = []
    for trade in trades:
        for user, size in ((trade.buyer, trade.size), (trade.seller, -trade.size)):
            if user not in decisive:
                continue
            key = user, trade.coin.index
            before, held[key] = held[key], held[key] + size
            seen = last.get(key)
            if seen and trade.time - seen[0] <= 2_000:
                found[seen[1]] = (*found[seen[1]][:4], held[key])
                last[key] = trade.time, seen[1]
            else:
                last[key] = trade.time, len(found)
                found.append((*key, trade.tid, before, held[key]))
    truth = [(e.address, e.coin.index, e.tid, e.before, e.after) for e in simulation.truth]
    assert sorted(found) == sorted(truth)
