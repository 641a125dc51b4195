"""Our chain from frame to POST: composed as in ``hyperfade.app``, with the moments between written down."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack
from random import Random
from statistics import median
from types import MappingProxyType

import structlog
from pydantic import SecretStr

from benchmarks.chains import Chain, latencies_ms, loopback_exchange, timed
from benchmarks.loopback_exchange import COINS, TOKEN, coin_name, watched_accounts
from benchmarks.measuring import percentile
from benchmarks.ranking_load import rank_on, store_traders
from core.answers import evidence
from core.detection.crowding import CrowdRules
from core.detection.detector import Detector
from core.detection.identity import LIVE
from core.model.alerts import Alert, Channel, Target
from core.model.chats import Role, Subscription
from core.model.market import Address, Book, Coin, CoinSpec
from core.model.opportunities import Group, Watch
from core.ports import FeedItem, Publication, TradesHeard
from core.services.detecting import DetectionService
from core.services.dispatching import DispatchService
from core.services.listening import ListenService
from core.services.marking import MarkingService
from core.services.ticking import TickService
from exchange.feed import HyperliquidFeed
from exchange.limits import Priority
from hyperfade.clock import WallClock
from hyperfade.connections import Endpoints, open_exchange, open_telegram
from hyperfade.settings import Settings
from notifiers.pacing import Pacer
from notifiers.telegram import TelegramNotifier
from storage.chats import Chats
from storage.database import open_database
from storage.fills import Fills
from storage.logs import RequestLogs
from storage.outbox import Outbox
from storage.publications import Publications
from storage.reader import Reader
from storage.waker import Waker

STAGES = (
    "frame heard",
    "book there",
    "publishing",
    "published",
    "leased",
    "committed as sending",
    "POST arrived",
)


class Moments:
    """When what happened to each account's alert, in ns of the system's monotonic clock."""

    def __init__(self) -> None:
        self._at: dict[str, dict[str, int]] = {}
        self.account_of_coin: dict[str, str] = {}
        self.account_of_alert: dict[int, str] = {}

    def note(self, account: str, stage: str) -> None:
        """Write down that an account's alert has come so far, the first time."""
        self._at.setdefault(account, {}).setdefault(stage, time.monotonic_ns())

    def stages(self, times: dict[str, tuple[int, int]]) -> dict[str, tuple[float, float]]:
        """Return median and p99 of the time that each stage took, ms."""
        taken: dict[str, list[float]] = {stage: [] for stage in STAGES}
        for account, (sent, arrived) in times.items():
            at = {**self._at.get(account, {}), "POST arrived": arrived}
            if not all(stage in at for stage in STAGES):
                continue
            before = sent
            for stage in STAGES:
                taken[stage].append((at[stage] - before) / 1e6)
                before = at[stage]
        return {
            f"→ {stage}": (round(median(ms), 2), round(percentile(ms, 0.99), 2))
            for stage, ms in taken.items()
            if ms
        }


class TimedFeed(HyperliquidFeed):
    """The feed, noting whose trade was heard."""

    moments: Moments

    def __aiter__(self) -> AsyncIterator[FeedItem]:
        return self._noted(super().__aiter__())

    async def _noted(self, items: AsyncIterator[FeedItem]) -> AsyncIterator[FeedItem]:
        async for item in items:
            if isinstance(item, TradesHeard):
                for trade in item.trades:
                    self.moments.account_of_coin[trade.coin] = trade.buyer
                    self.moments.note(trade.buyer, "frame heard")
            yield item


class TimedPublications(Publications):
    """The store of publications, noting when a transaction begins and is committed."""

    moments: Moments

    async def publish(self, publication: Publication, evidence: str) -> tuple[str, ...]:
        """Write as the real one."""
        for event in publication.events:
            self.moments.note(event.account, "publishing")
        done = await super().publish(publication, evidence)
        for event in publication.events:
            self.moments.note(event.account, "published")
        return done


class TimedOutbox(Outbox):
    """The outbox, noting leases and claims."""

    moments: Moments

    async def lease(
        self,
        channels: Sequence[Channel],
        limit: int,
        lease_s: float,
        owner: str,
        room: Mapping[Channel, int] = MappingProxyType({}),
    ) -> list[Alert]:
        """Lease as the real one."""
        alerts = await super().lease(channels, limit, lease_s, owner, room)
        for alert in alerts:
            assert alert.opportunity is not None
            self.moments.account_of_alert[alert.alert_id] = alert.opportunity.loser
            self.moments.note(alert.opportunity.loser, "leased")
        return alerts

    async def sending(self, alert_id: int, owner: str) -> bool:
        """Commit as the real one."""
        done = await super().sending(alert_id, owner)
        self.moments.note(self.moments.account_of_alert[alert_id], "committed as sending")
        return done


async def run_ours(dsn: str, seconds: int, *, is_ranking: bool = False) -> Chain:
    """Run everything between feed and Telegram; watch every account that will act.

    ``is_ranking``: one ranking follows the other meanwhile.
    """
    logging.getLogger().setLevel(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    watched = [Address(account) for account in watched_accounts(seconds)]
    moments, clock = Moments(), WallClock()
    async with AsyncExitStack() as stack:
        ports = await stack.enter_async_context(loopback_exchange())
        settings = Settings(
            telegram_token=SecretStr(TOKEN),
            telegram_base_url=ports.http_url + "/bot",
            exchange_url=ports.http_url,
            exchange_ws_url=ports.ws_url,
            weight_per_minute=100_000,
        )
        database = await stack.enter_async_context(open_database(dsn))
        fills, chats, reader = Fills(database), Chats(database), Reader(database)
        await _make_chats(chats)
        if is_ranking:
            await store_traders(fills)
        await fills.save_coins([CoinSpec(coin_name(number), 6, 10) for number in range(COINS)])
        # without crowds: each alert must be one frame's
        publications, outbox = TimedPublications(database, CrowdRules(0)), TimedOutbox(database)
        requests = RequestLogs(database)
        publications.moments = outbox.moments = moments
        exchange = await stack.enter_async_context(
            open_exchange(Endpoints.of(settings), clock, requests.note)
        )
        bot = await stack.enter_async_context(open_telegram(settings))
        assert bot is not None
        waker = await stack.enter_async_context(Waker(database))
        feed = TimedFeed(settings.exchange_ws_url, now_ms=clock.now_ms, rng=Random(1))
        feed.moments = moments
        urgent = exchange.at(Priority.DETECTION)

        async def book(coin: Coin) -> Book | None:
            found = await urgent.book(coin)
            moments.note(moments.account_of_coin[coin], "book there")
            return found

        detector = Detector(settings.detection_rules(), LIVE, by_order=False, book_is_required=True)
        detection = DetectionService(
            detector,
            publications,
            clock,
            asyncio.sleep,
            book=book,
            evidence=lambda: ticking.sentence,
            on_concluded=lambda concluded: marking.note(concluded),
        )
        listening = ListenService(feed, exchange.at(Priority.BACKFILL), fills, publications, detection, clock)
        marking = MarkingService(publications, listening.price_at, settings.taker_fee_bps)
        ticking = TickService(
            detection,
            marking,
            listening,
            reader,
            lambda now_ms: evidence(reader, horizon=settings.horizon, now_ms=now_ms),
            clock,
            asyncio.sleep,
        )
        dispatch = DispatchService(
            outbox,
            {Channel.TELEGRAM: TelegramNotifier(bot)},
            Pacer(asyncio.get_running_loop().time),
            waker,
            clock,
            asyncio.sleep,
            Random(1),
            "benchmark",
        )
        market = detector.market
        market.listed = frozenset(coin_name(number) for number in range(COINS))
        market.sz_decimals.update(dict.fromkeys(market.listed, 6))
        detector.watch({one: Watch(one, Group.LOSER, n, 60.0) for n, one in enumerate(watched, 1)})
        await feed.watch_coins(sorted(market.listed))
        listening.watch(detector.accounts())
        async with asyncio.TaskGroup() as group:
            tasks = [
                group.create_task(service.run())
                for service in (detection, dispatch, requests, ticking, listening)
            ]
            while listening.seeded < len(watched) or not feed.is_live:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(0.1)
            if is_ranking:
                tasks.append(group.create_task(rank_on(database)))
            times, due, cpu = await timed(ports, seconds)
            for task in tasks:
                task.cancel()
    return Chain(latencies_ms(times), due, cpu, moments.stages(times))


async def _make_chats(chats: Chats) -> None:
    """Make one private chat for each coin, and no other listener."""
    await chats.unsubscribe(Target(Channel.CONSOLE, "stdout"), None)
    for number in range(COINS):
        target = Target(Channel.TELEGRAM, str(1000 + number))
        await chats.add_chat(target, Role.OWNER if number == 0 else Role.MEMBER, f"chat {number}")
        await chats.subscribe(target, Subscription(coin_name(number)))
