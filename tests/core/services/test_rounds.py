"""Detection knows of every coin what an alert says, from the first list on."""

from random import Random
from typing import cast

import pytest

from core.detection.detector import Detector, Market
from core.model.market import DAY_MS, Address
from core.model.opportunities import Group
from core.model.traders import Ranking, RankingRules
from core.ports import Exchange
from core.services.collecting import CollectRules, CollectService
from core.services.detecting import DetectionService
from core.services.listening import ListenService
from core.services.marking import MarkingService
from core.services.ranking import RankService
from core.services.rounds import FIRST_BATCH, FIRST_COINS, RoundsService
from storage.database import Database
from storage.fills import Fills
from storage.publications import Publications
from storage.rankings import Rankings
from storage.reader import Reader
from tests.support.detection_facts import a_detector
from tests.support.detection_ports import HandClock, ScriptedFeed, Sleeper
from tests.support.facts import LOSER, a_ranking, a_standing
from tests.support.market_ports import MarketExchange

pytestmark = pytest.mark.asyncio
TRADED, LISTED = FIRST_COINS + 8, FIRST_COINS + 13


class Desk:
    """The rounds over a scripted exchange and a real store; ``lists`` keeps what was known at each list."""

    def __init__(self, database: Database, before: "Desk | None" = None) -> None:
        self.clock: HandClock = before.clock if before else HandClock()
        self.exchange: MarketExchange = (
            before.exchange if before else MarketExchange(self.clock, LISTED, TRADED, FIRST_BATCH + 5)
        )
        self.detector: Detector = a_detector()
        self.detector.market = Market()
        self.lists: list[tuple[set[str], set[str], int]] = []
        self.rankings: list[Ranking] = []
        exchange, feed, fills = cast(Exchange, self.exchange), ScriptedFeed(), Fills(database)
        rankings, publications, reader = Rankings(database), Publications(database), Reader(database)
        detection = DetectionService(
            self.detector, publications, self.clock, Sleeper(), book=None, evidence=lambda: ""
        )
        listening = ListenService(feed, exchange, fills, publications, detection, self.clock)
        self.rounds = RoundsService(
            CollectService(exchange, fills, self.clock, Random(1), CollectRules(FIRST_BATCH + 5, 0, 100.0)),
            RankService(fills, rankings, RankingRules()),
            detection,
            listening,
            MarkingService(publications, listening.price_at, 4.5),
            feed,
            fills,
            rankings,
            publications,
            reader,
            reader,
            self.clock,
            placebo=0,
            tell=self._note,
            on_ranked=self._ranked,
        )

    async def _ranked(self, ranking: Ranking) -> None:
        self.rankings.append(ranking)

    def _note(self, sentence: str) -> None:
        if " listed of " in sentence:
            market = self.detector.market
            self.lists.append((set(market.sigma), set(market.funding), self.exchange.times_asked("15m")))


async def test_the_first_list_has_stop_target_and_funding_in_every_coin_that_was_traded(
    database: Database,
) -> None:
    desk = Desk(database)
    await desk.rounds.begin()
    (sigma, funding, prices_read), (_, _, all_read) = desk.lists
    assert sigma == set(desk.exchange.traded)
    assert funding == set(desk.exchange.coins)
    assert (prices_read, all_read) == (FIRST_COINS, FIRST_COINS + TRADED)


async def test_after_the_list_the_coins_that_nobody_traded_follow_once_a_day(database: Database) -> None:
    desk = Desk(database)
    await desk.rounds.begin()
    assert set(desk.detector.market.sigma) == set(desk.exchange.coins)
    assert desk.exchange.times_asked("1h") == LISTED - FIRST_COINS
    await desk.rounds.rank()
    assert desk.exchange.times_asked("1h") == LISTED - FIRST_COINS
    assert set(desk.detector.market.sigma) == set(desk.exchange.coins)
    desk.clock.at_ms += DAY_MS
    await desk.rounds.rank()
    assert desk.exchange.times_asked("1h") == LISTED - FIRST_COINS + (LISTED - TRADED)


async def test_after_a_restart_volatility_is_known_before_anything_is_asked(database: Database) -> None:
    first = Desk(database)
    await first.rounds.begin()
    first.exchange.asked.clear()
    second = Desk(database, first)
    await second.rounds.restore()
    assert second.detector.market.sigma == pytest.approx(dict(first.detector.market.sigma))
    assert first.exchange.asked == []


async def test_whom_chats_follow_is_watched_beside_the_list_and_let_go_again(database: Database) -> None:
    desk = Desk(database)
    stranger = Address("0x" + "f0" * 20)
    desk.rounds.follow(frozenset({stranger}))
    assert [one.group for one in desk.detector.watches.values()] == [Group.FOLLOWED]
    listed = a_standing(LOSER, rank=1, is_listed=True)
    await Rankings(database).save_ranking(a_ranking(listed, as_of_ms=desk.clock.now_ms()))
    await desk.rounds.restore()
    groups = {one: watch.group for one, watch in desk.detector.watches.items()}
    assert groups == {stranger: Group.FOLLOWED, LOSER: Group.LOSER}
    desk.rounds.follow(frozenset({LOSER}))  # the list counts for more
    groups = {one: watch.group for one, watch in desk.detector.watches.items()}
    assert groups == {LOSER: Group.LOSER}


async def test_every_ranking_is_told_with_who_entered_the_list(database: Database) -> None:
    desk = Desk(database)
    await desk.rounds.begin()
    assert len(desk.rankings) == len(desk.lists)
