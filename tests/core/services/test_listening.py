"""From the feed to detection: nothing is invented, a gap is found and marked, what fails is unknown."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from decimal import Decimal
from typing import cast

import pytest
from structlog.testing import capture_logs

from core.model.fills import Fill
from core.model.market import Address, Book, Coin, Level, Quote, Side, Trade
from core.model.opportunities import LiveOpportunity
from core.ports import Exchange, FillStore, GapHeard, MidsHeard, QuoteHeard, TradesHeard
from core.services.detecting import DetectionService
from core.services.listening import (
    LONGEST_REPAIR_MS,
    OVERLAP_MS,
    RETRY_MS,
    SHORT_GAP_MS,
    ListenService,
    fills_of_trade,
)
from tests.support.detection_facts import BTC, ETH, LOSER, OTHER, T0, a_book, a_detector, a_watch, heard
from tests.support.detection_ports import (
    HandClock,
    ScriptedExchange,
    ScriptedFeed,
    ScriptedFills,
    ScriptedStore,
    Sleeper,
    held,
    sizes,
)
from tests.support.facts import an_opportunity

pytestmark = pytest.mark.asyncio
XYZ = Coin("xyz:CL")
STRANGER = Address("0x" + "ee" * 20)


class Life:
    """One life of the program around a scripted exchange; ``begin`` another to restart it."""

    def __init__(self, at_ms: int = 0, before: "Life | None" = None) -> None:
        self.clock = HandClock(at_ms)
        self.store: ScriptedStore = before.store if before else ScriptedStore()
        self.exchange: ScriptedExchange = before.exchange if before else ScriptedExchange(self.clock)
        self.exchange.clock = self.clock
        self.fills: ScriptedFills = before.fills if before else ScriptedFills()
        self.feed = ScriptedFeed()
        self.detector = a_detector()
        self.detector._trackers.clear()
        self.detector.market.listed = None
        self.detection = DetectionService(
            self.detector,
            self.store,
            self.clock,
            Sleeper(),
            book=self.book,
            evidence=lambda: "",
        )
        self.listening = ListenService(
            self.feed,
            cast(Exchange, self.exchange),
            cast(FillStore, self.fills),
            self.store,
            self.detection,
            self.clock,
        )

    async def book(self, coin: Coin) -> Book | None:
        return a_book(coin=coin)

    def watch(self, *accounts: Address, since_ms: int | None = None) -> None:
        """Watch these; ``since_ms`` counts from ``T0``."""
        self.detector.watch({account: a_watch(account) for account in accounts})
        since = None if since_ms is None else T0 + since_ms
        self.listening.watch(frozenset(accounts), since)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        task = asyncio.create_task(self.listening.run())
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def until(self, is_so: Callable[[], object]) -> None:
        async with asyncio.timeout(5):
            while not is_so():  # noqa: ASYNC110  what another task does has no event of its own
                await asyncio.sleep(0)

    async def settled(self) -> None:
        """Return when no position is being asked for any more, and conclude what came of it."""
        await self.until(lambda: not self.listening._wanted and not self.listening._at_work)
        await self.detection.conclude()

    async def start(self, *accounts: Address) -> None:
        self.watch(*accounts or (LOSER,))
        await self.settled()

    async def trade(
        self, sz: str, at_ms: int, account: Address = LOSER, coin: Coin = BTC, *, tell: bool = True
    ) -> None:
        """Let an account trade as taker at the exchange; tell it on the feed unless that is deaf."""
        fill = heard(sz, at_ms, account=account, coin=coin)
        before = self.exchange.held[account].get(coin, Decimal(0))
        self.exchange.done[account].append(replace(fill, start_position=before, oid=at_ms))
        self.exchange.held[account][coin] = before + fill.signed_sz
        self.clock.go_to(max(at_ms, self.clock.at_ms - T0))
        if tell:
            await self.feed.tell(TradesHeard((trade_of(fill),), self.clock.now_ms()))
            await self.detection.conclude()

    async def gap(self, from_ms: int, to_ms: int) -> None:
        self.clock.go_to(to_ms)
        await self.feed.tell(GapHeard(T0 + from_ms, T0 + to_ms, ()))

    async def mids(self, at_ms: int) -> None:
        self.clock.go_to(at_ms)
        await self.feed.tell(MidsHeard({BTC: Decimal(100), ETH: Decimal(100)}, T0 + at_ms))


def trade_of(fill: Fill) -> Trade:
    buys = fill.side is Side.BUY
    return Trade(
        fill.coin,
        fill.side,
        fill.px,
        fill.sz,
        fill.time_ms,
        fill.tid or 0,
        fill.user if buys else STRANGER,
        STRANGER if buys else fill.user,
    )


def kinds(life: Life) -> list[str]:
    return [one.event.kind.value for one in life.store.decisions]


# --- trades into fills ---------------------------------------------------------------------------


@pytest.mark.parametrize("side", Side)
async def test_a_trade_is_a_fill_of_each_watched_party(side: Side) -> None:
    trade = Trade(BTC, side, Decimal(100), Decimal(2), T0, 7, LOSER, OTHER)
    fills = fills_of_trade(trade, {LOSER, OTHER})
    assert [(f.user, f.side, f.crossed, f.tid) for f in fills] == [
        (LOSER, Side.BUY, side is Side.BUY, 7),
        (OTHER, Side.SELL, side is Side.SELL, 7),
    ]
    assert [fill.user for fill in fills_of_trade(trade, {OTHER})] == [OTHER]
    assert fills_of_trade(trade, set()) == []


async def test_a_slice_of_a_twap_is_its_takers_alone() -> None:
    trade = Trade(BTC, Side.BUY, Decimal(100), Decimal(2), T0, 7, LOSER, OTHER, is_twap=True)
    assert [(f.user, f.is_twap) for f in fills_of_trade(trade, {LOSER, OTHER})] == [
        (LOSER, True),
        (OTHER, False),
    ]


# --- cold start ----------------------------------------------------------------------------------


async def test_a_cold_start_never_invents_an_open() -> None:
    life = Life()
    life.exchange.held[LOSER] = {BTC: Decimal(500)}
    async with life.running():
        await life.start()
        assert life.listening.seeded == 1
        await life.trade("100", 1_000)
        await life.trade("-600", 5_000)
        await life.trade("70", 9_000)
    assert life.store.verdicts == ["increase_too_small", "not_an_entry", "published"]
    assert kinds(life) == ["increase", "close", "open"]
    assert life.store.decisions[0].event.before == 500


async def test_what_trades_while_its_position_is_asked_for_waits_and_is_in_it() -> None:
    life = Life()
    life.exchange.held[LOSER] = {BTC: Decimal(100)}
    gate = life.exchange.gate[LOSER] = asyncio.Event()
    async with life.running():
        life.watch(LOSER)
        await life.exchange.was_asked.wait()
        await life.feed.tell(TradesHeard((trade_of(heard("100")),), T0))  # part of the position
        await life.trade("200", 1_000)
        assert life.store.decisions == []
        gate.set()
        await life.settled()
    events = [event for step in life.store.published for event in step.events]
    assert [(event.before, event.after) for event in events] == [(100, 300)]
    assert sorted(sizes(life.store.fills)) == [100, 200]


async def test_the_replay_after_a_subscription_is_history() -> None:
    life = Life()
    async with life.running():
        await life.start()
        trades = (trade_of(heard("100")),)
        await life.feed.tell(TradesHeard(trades, T0, is_history=True))
        await life.detection.conclude()
    assert life.store.fills == []


async def test_strangers_are_not_heard() -> None:
    life = Life()
    async with life.running():
        await life.start()
        await life.trade("100", 1_000, OTHER)
    assert life.store.published == []
    assert life.feed.watched == [frozenset({LOSER})]


async def test_positions_are_stored_as_of_their_time() -> None:
    life = Life(at_ms=7_000)
    life.exchange.held[LOSER] = {BTC: Decimal(5), ETH: Decimal(0)}
    async with life.running():
        await life.start()
    assert life.store.saved == [(LOSER, {BTC: 5}, T0 + 7_000)]


async def test_those_who_trade_while_they_wait_are_asked_for_first() -> None:
    life = Life()
    crowd = [Address(f"0x{n:040x}") for n in range(30)]
    for account in crowd[:8]:  # all eight seeders have their hands full
        life.exchange.gate[account] = asyncio.Event()
    async with life.running():
        life.watch(*crowd)
        await life.until(lambda: len(life.exchange.asked) == 8)
        await life.trade("100", 1_000, crowd[27])
        life.exchange.gate[crowd[0]].set()
        await life.until(lambda: len(life.exchange.asked) == 30)
        for gate in life.exchange.gate.values():
            gate.set()
        await life.settled()
    assert life.exchange.asked[8][0] == crowd[27]
    assert life.listening.seeded == 30


# --- what is said of it ----------------------------------------------------------------------------


async def test_a_gap_is_said_once_however_many_positions_it_changed() -> None:
    crowd = [Address(f"0x{n:040x}") for n in range(20)]
    life = Life()
    async with life.running():
        await life.start(*crowd)
        with capture_logs() as logs:
            for account in crowd[:15]:
                life.exchange.held[account] = {BTC: Decimal(5)}
            await life.gap(10_000, 22_500)
            await life.until(lambda: any(one["event"] == "positions are known again" for one in logs))
    told = [one for one in logs if one["log_level"] == "warning"]
    assert [(one["event"].partition(":")[0], one.get("reason")) for one in told] == [
        ("positions are in doubt", "the feed was deaf for 12.5 s"),
        ("positions are known again", None),
    ]
    assert (told[1]["gaps"], told[1]["corrected"]) == (1, 15)


async def test_an_exchange_that_is_away_is_said_once_however_many_positions_it_hides() -> None:
    crowd = [Address(f"0x{n:040x}") for n in range(20)]
    life = Life()
    life.exchange.away = set(crowd)
    with capture_logs() as logs:
        async with life.running():
            await life.start(*crowd)
            assert [one["event"].partition(":")[0] for one in logs if one["log_level"] == "warning"] == [
                "positions are in doubt"
            ]
            life.watch(*crowd[:10])  # nobody asks for the others any more
            life.exchange.away = set()
            await life.mids(RETRY_MS)
            await life.settled()
    told = [
        (one["event"].partition(":")[0], one.get("times")) for one in logs if one["log_level"] == "warning"
    ]
    assert told == [("positions are in doubt", None), ("positions are known again", 20)]


# --- a gap ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("opened_ms", "verdict"), [(45_000, "published"), (20_000, "too_old")], ids=["young", "old"]
)
async def test_what_opened_in_a_gap_is_found_and_marked_late(opened_ms: int, verdict: str) -> None:
    life = Life()
    async with life.running():
        await life.start()
        await life.trade("100", opened_ms, tell=False)
        await life.gap(10_000, 60_000)
        await life.settled()
    assert life.store.verdicts == [verdict]
    (decision,) = life.store.decisions
    assert decision.event.is_late
    assert (decision.event.before, decision.event.after) == (0, 100)
    assert life.exchange.read == [(LOSER, T0 + 10_000 - OVERLAP_MS, T0 + 60_000)]


async def test_a_loser_who_left_during_the_gap_ends_it() -> None:
    life = Life()
    async with life.running():
        await life.start()
        await life.trade("100", 1_000)
        await life.trade("-100", 20_000, tell=False)
        await life.gap(10_000, 30_000)
        await life.settled()
    assert (life.store.verdicts[0], life.store.endings) == ("published", ["loser_closed"])


async def test_who_left_and_came_back_in_the_gap_ends_the_old_one() -> None:
    life = Life()
    async with life.running():
        await life.start()
        await life.trade("100", 1_000)
        await life.trade("-100", 20_000, tell=False)
        await life.trade("100", 25_000, tell=False)
        await life.gap(10_000, 30_000)
        await life.settled()
    assert life.store.endings == ["loser_closed"]
    assert life.store.verdicts.count("published") == 2
    assert len(life.detector.live) == 1


async def test_back_fill_that_fails_to_tell_still_ends_by_the_position() -> None:
    life = Life()
    async with life.running():
        await life.start()
        await life.trade("100", 1_000)
        life.exchange.held[LOSER] = {}  # as after TWAP slices, which no list of fills names
        await life.gap(10_000, 30_000)
        await life.settled()
        await life.trade("100", 40_000)
    assert life.store.endings == ["loser_closed"]
    assert life.store.decisions[-1].event.before == 0


async def test_fills_heard_before_the_gap_dont_count_again() -> None:
    life = Life()
    async with life.running():
        await life.start()
        await life.trade("100", 9_900)
        await life.trade("30", 20_000, tell=False)
        await life.gap(10_000, 30_000)
        await life.settled()
    events = {e.time_ms: e for step in life.store.published for e in step.events}
    assert [(e.before, e.after) for e in events.values()] == [(0, 100), (100, 130)]
    assert set(sizes(life.store.fills)) == {30, 100}  # written again with what the exchange knows


async def test_what_the_collector_stored_meanwhile_wasnt_heard() -> None:
    life = Life()
    async with life.running():
        await life.start()
        await life.trade("100", 20_000, tell=False)
        life.fills.stored[LOSER] = list(life.exchange.done[LOSER])
        await life.gap(10_000, 30_000)
        await life.settled()
    assert life.store.verdicts == ["published"]


async def test_who_holds_what_we_expected_is_not_asked_for_fills_after_a_short_gap() -> None:
    for gap_ms, reads in ((SHORT_GAP_MS, 0), (SHORT_GAP_MS + 1, 1)):
        life = Life()
        async with life.running():
            await life.start()
            await life.gap(0, gap_ms)
            await life.settled()
        assert len(life.exchange.read) == reads


async def test_what_was_heard_behind_the_gap_explains_the_position_and_isnt_late() -> None:
    life = Life()
    async with life.running():
        await life.start()
        gate = life.exchange.gate[LOSER] = asyncio.Event()
        life.exchange.was_asked.clear()
        await life.gap(9_000, 10_000)
        await life.trade("100", 10_000)
        await life.exchange.was_asked.wait()
        gate.set()
        await life.settled()
    (decision,) = life.store.decisions
    assert (decision.rejection, decision.event.is_late) == (None, False)
    assert life.exchange.read == []


async def test_after_a_long_absence_positions_are_only_compared() -> None:
    life = Life()
    async with life.running():
        await life.start()
        await life.trade("100", 5_000_000, tell=False)
        await life.gap(0, LONGEST_REPAIR_MS + 1)
        await life.settled()
        assert life.exchange.read == []
        assert life.detector.tracker(LOSER).position(BTC) == 100
    assert life.store.decisions == []


async def test_a_gap_during_the_repair_of_another_is_repaired_too() -> None:
    life = Life()
    async with life.running():
        await life.start()
        gate = life.exchange.gate[LOSER] = asyncio.Event()
        life.exchange.was_asked.clear()
        await life.gap(9_000, 10_000)
        await life.exchange.was_asked.wait()
        await life.trade("100", 12_000, tell=False)
        await life.gap(11_000, 13_000)
        gate.set()  # the first answer was made before it
        await life.settled()
        assert life.detector.tracker(LOSER).position(BTC) == 100
    assert life.store.verdicts == ["published"]
    assert life.listening.gaps == 2


async def test_between_two_repairs_an_account_goes_on_waiting() -> None:
    life = Life()
    async with life.running():
        await life.start()
        first = life.exchange.gate[LOSER] = asyncio.Event()
        await life.gap(9_000, 10_000)
        await life.until(lambda: len(life.exchange.asked) == 2)
        await life.trade("100", 11_000, tell=False)
        await life.gap(10_500, 12_000)
        second = life.exchange.gate[LOSER] = asyncio.Event()
        first.set()
        await life.until(lambda: len(life.exchange.asked) == 3)
        await life.trade("-100", 13_000)
        assert life.store.decisions == []  # else it would seem to open a short
        second.set()
        await life.settled()
    assert [(e.before, e.after) for step in life.store.published for e in step.events] == [(0, 100), (100, 0)]


# --- what can't be asked ---------------------------------------------------------------------------


async def test_a_position_that_cant_be_had_is_unknown() -> None:
    life = Life()
    life.exchange.away.add(LOSER)
    async with life.running():
        await life.start(LOSER, OTHER)
        assert life.listening.seeded == 1
        await life.trade("100", 1_000)
    assert life.store.verdicts == ["position_unknown"]


async def test_after_a_gap_a_stale_position_is_unknown_too() -> None:
    """Else a loser who opened in the gap and closes now would seem to open the other side."""
    life = Life()
    async with life.running():
        await life.start()
        await life.trade("100", 20_000, tell=False)
        life.exchange.away.add(LOSER)
        await life.gap(10_000, 30_000)
        await life.settled()
        await life.trade("-100", 31_000)
        assert life.listening.seeded == 0
    assert life.store.verdicts == ["position_unknown"]


async def test_a_failure_ends_nothing() -> None:
    life = Life()
    async with life.running():
        await life.start()
        await life.trade("100", 1_000)
        life.exchange.away.add(LOSER)
        await life.gap(10_000, 30_000)
        await life.settled()
    assert life.store.endings == []


async def test_what_failed_is_tried_again() -> None:
    life = Life()
    life.exchange.away.add(LOSER)
    async with life.running():
        await life.start()
        asked = len(life.exchange.asked)
        await life.mids(RETRY_MS - 1)
        await life.settled()
        assert len(life.exchange.asked) == asked
        life.exchange.away.clear()
        life.exchange.held[LOSER] = {BTC: Decimal(40)}
        await life.mids(RETRY_MS)
        await life.settled()
        assert life.listening.seeded == 1
        await life.trade("-100", RETRY_MS + 1_000)
    assert [(one.event.kind, one.event.before) for one in life.store.decisions] == [("flip", 40)]


async def test_a_database_that_is_away_makes_it_unknown_and_stops_nothing() -> None:
    life = Life()
    life.store.failures = 1
    async with life.running():
        await life.start()
        assert life.listening.seeded == 0
        await life.mids(RETRY_MS)
        await life.settled()
        assert life.listening.seeded == 1


# --- other dexes -------------------------------------------------------------------------------------


async def test_a_first_trade_on_another_dex_is_unknown_and_the_next_is_known() -> None:
    life = Life()
    life.exchange.held[LOSER] = {XYZ: Decimal(50)}
    async with life.running():
        await life.start()
        await life.trade("100", 1_000, coin=XYZ)
        await life.settled()
        await life.trade("300", 6_000, coin=XYZ)
    assert life.store.verdicts == ["position_unknown", "published"]
    assert [(one.event.kind, one.event.before) for one in life.store.decisions][1] == ("increase", 150)


async def test_known_dexes_of_an_account_are_asked_for_at_once() -> None:
    life = Life()
    life.fills.stored[LOSER] = [heard("1", -90_000, coin=XYZ)]
    async with life.running():
        await life.start()
        await life.trade("100", 1_000, coin=XYZ)
    assert life.exchange.asked == [(LOSER, ""), (LOSER, "xyz")]
    assert life.fills.read == []
    assert life.store.verdicts == ["published"]


async def test_asking_about_another_dex_loses_nothing_of_the_first() -> None:
    life = Life()
    async with life.running():
        await life.start()
        gate = life.exchange.gate[LOSER] = asyncio.Event()
        life.exchange.was_asked.clear()
        await life.trade("1", 1_000, coin=XYZ)
        await life.trade("100", 1_000)  # held, and part of the answer
        await life.exchange.was_asked.wait()
        gate.set()
        await life.settled()
    assert sorted(life.store.verdicts) == ["position_unknown", "published"]


# --- another life ------------------------------------------------------------------------------------


async def test_a_restart_finds_what_happened_meanwhile() -> None:
    old = Life()
    async with old.running():
        await old.start()
        await old.trade("100", 1_000)
    await old.trade("-100", 50_000, tell=False)
    await old.trade("-80", 51_000, tell=False)
    live = list(old.detector.live.values())
    old.store.held[LOSER] = held({BTC: "100"}, 1_000)
    old.fills.stored[LOSER] = [replace(fill, start_position=None) for fill in old.exchange.done[LOSER][:1]]
    new = Life(60_000, before=old)
    new.detector.restore(live)
    new.detector.recall(old.store.decisions)
    async with new.running():
        new.watch(LOSER, since_ms=2_000)
        await new.settled()
    assert old.store.endings == ["loser_closed"]
    assert old.store.verdicts == ["published", "not_an_entry", "published"]
    assert [one.event.is_late for one in old.store.decisions] == [False, True, True]
    assert [e.after for step in old.store.published for e in step.events] == [100, 0, -80]


async def test_who_was_seen_without_a_position_is_known_after_a_restart() -> None:
    old = Life()
    async with old.running():
        await old.start()
    await old.trade("100", 50_000, tell=False)
    old.store.held[LOSER] = held({})
    new = Life(60_000, before=old)
    async with new.running():
        new.watch(LOSER, since_ms=2_000)
        await new.settled()
    assert old.store.verdicts == ["published"]
    assert [one.event.is_late for one in old.store.decisions] == [True]


async def test_after_a_restart_too_what_the_collector_stored_wasnt_heard() -> None:
    old = Life()
    async with old.running():
        await old.start()
        await old.trade("100", 1_000)
    await old.trade("90", 50_000, tell=False)
    old.store.held[LOSER] = held({BTC: "100"}, 1_000)
    old.fills.stored[LOSER] = list(old.exchange.done[LOSER])
    new = Life(60_000, before=old)
    new.detector.recall(old.store.decisions)
    async with new.running():
        new.watch(LOSER, since_ms=2_000)
        await new.settled()
    assert old.store.verdicts == ["published", "published"]
    assert [(e.before, e.after) for step in old.store.published for e in step.events] == [
        (0, 100),
        (100, 190),
    ]


async def test_a_restart_ends_nothing_while_the_loser_still_holds() -> None:
    life = Life(60_000)
    opportunity = an_opportunity(loser=LOSER, published_ms=T0, event_ms=T0, expires_ms=T0 + 86_400_000)
    life.exchange.held[LOSER] = {BTC: Decimal(3)}
    life.store.held[LOSER] = held({BTC: "3"})
    life.detector.restore([LiveOpportunity(opportunity)])
    async with life.running():
        life.watch(LOSER, since_ms=0)
        await life.settled()
        life.detection.tick(life.clock.now_ms())
        await life.detection.conclude()
    assert life.store.endings == []


async def test_who_was_never_stored_is_a_cold_start() -> None:
    life = Life(60_000)
    await life.trade("100", 50_000, tell=False)
    async with life.running():
        life.watch(LOSER, since_ms=0)
        await life.settled()
    assert (life.exchange.read, life.store.decisions) == ([], [])
    assert life.detector.tracker(LOSER).position(BTC) == 100


async def test_until_a_gap_is_repaired_nobody_says_that_all_was_heard() -> None:
    life = Life(60_000)
    gate = life.exchange.gate[LOSER] = asyncio.Event()
    life.store.held[LOSER] = held({BTC: "3"})
    async with life.running():
        life.watch(LOSER, since_ms=5_000)
        await life.mids(61_000)
        assert life.listening.last_heard_ms == T0 + 5_000
        gate.set()
        await life.settled()
        assert life.listening.last_heard_ms == T0 + 61_000


# --- whom to hear --------------------------------------------------------------------------------------


async def test_only_the_new_are_asked_for_when_the_list_changes() -> None:
    life = Life()
    async with life.running():
        await life.start(LOSER)
        await life.start(LOSER, OTHER)
        assert life.exchange.asked == [(LOSER, ""), (OTHER, "")]
        await life.start(OTHER)
        assert life.listening.seeded == 1
        await life.start(LOSER, OTHER)
        assert life.exchange.asked[2:] == [(LOSER, "")]


async def test_who_left_while_being_asked_for_is_let_go() -> None:
    life = Life()
    gate = life.exchange.gate[LOSER] = asyncio.Event()
    async with life.running():
        life.watch(LOSER)
        await life.exchange.was_asked.wait()
        life.watch(OTHER)
        gate.set()
        await life.settled()
        assert not life.detection.has_waiting(LOSER)
        assert set(life.listening._dexes) <= {LOSER, OTHER}


async def test_prices_come_from_mids_and_quotes() -> None:
    life = Life()
    async with life.running():
        await life.mids(1_000)
        assert life.listening.price_at(BTC) == (100, T0 + 1_000)
        level = Level(Decimal(101), Decimal(1))
        quotes: Sequence[Quote] = (
            Quote(BTC, T0 + 2_000, level, Level(Decimal(103), Decimal(1))),
            Quote(ETH, T0 + 2_000, None, level),
        )
        await life.feed.tell(*(QuoteHeard(quote, T0 + 2_000) for quote in quotes))
        assert life.listening.price_at(BTC) == (102, T0 + 2_000)
        assert life.listening.price_at(ETH) == (100, T0 + 1_000)
        assert life.listening.price_at(XYZ) is None
