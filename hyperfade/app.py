"""The composition root of a running Hyperfade: built from top to bottom, closed in reverse order."""

import asyncio
import os
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import AsyncExitStack, suppress
from random import Random
from typing import TYPE_CHECKING, Any

import structlog
from rich.console import Console

from bot.access import Access
from bot.answers import Answers
from bot.command_list import make_commands
from bot.console import ConsoleListener
from bot.stores import Stores
from core.account_trips import trips_reader
from core.answers import STARTED, STOPPED, evidence
from core.detection.crowding import CrowdRules
from core.detection.detector import Detector
from core.detection.identity import LIVE
from core.errors import ChannelRefused, ExchangeError, RankingFailed, SettingsError, StorageError
from core.model.alerts import Channel
from core.ranking.figures import MarketHistory
from core.ranking.prices import PriceBook
from core.services.collecting import CollectRules, CollectService, Progress
from core.services.delivery_policy import DeliveryPolicy
from core.services.detecting import DetectionService
from core.services.digesting import DigestService
from core.services.dispatching import DispatchService
from core.services.following import FollowService
from core.services.health import HealthService, Signs
from core.services.listening import ListenService
from core.services.marking import MarkingService
from core.services.rounds import RoundsService
from core.services.ticking import TickService
from core.trouble import database_trouble
from exchange.feed import HyperliquidFeed
from exchange.limits import Priority
from hyperfade.chart_process import chart_process
from hyperfade.clock import WallClock
from hyperfade.connections import (
    Endpoints,
    log_in_discord,
    open_discord,
    open_exchange,
    open_telegram,
    telegram_hook,
)
from hyperfade.database import open_storage
from hyperfade.destinations import open_destinations
from hyperfade.origin import claim_origin
from hyperfade.own_words import own_words
from hyperfade.rank_messages import Task
from hyperfade.rank_process import rank_process
from hyperfade.schedule import DueJobs, Job, timetable
from hyperfade.settings import Settings
from notifiers.console import ConsoleNotifier
from notifiers.pacing import Pacer
from storage.chat_reader import ChatReader
from storage.chats import Chats
from storage.digests import Digests
from storage.fills import Fills
from storage.logs import RequestLogs
from storage.notices import Notices
from storage.outbox import Outbox
from storage.publications import Publications
from storage.rankings import Rankings
from storage.reader import Reader
from storage.updates import HandledUpdates
from storage.waker import Waker
from storage.wishes import Wishes

if TYPE_CHECKING:
    import discord

    from bot.discord import DiscordListener

log = structlog.get_logger(__name__)

CHARTS = "charts"
"""Where the terminal's chat saves pictures: nothing else is in this folder."""

FONTS = "cache/matplotlib"
"""Where the drawing library keeps what it learned about fonts."""

FAREWELL_S = 2.0
FIRST_PAUSE_S = 2.0
LONGEST_PAUSE_S = 120.0


async def run(
    settings: Settings,
    endpoints: Endpoints,
    console: Console,
    *,
    lines: AsyncIterator[str] | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    tell: Callable[[str], None] = lambda _: None,
) -> None:
    """Run everything in this process until cancelled.

    ``lines``: what somebody types in the terminal, answered like a chat. ``tell``: gets the few
    sentences that a person at the console should see.
    """
    clock = WallClock()
    owner = f"{socket.gethostname()}:{os.getpid()}"
    async with AsyncExitStack() as stack:
        stack.enter_context(own_words(settings))
        # A simulated market begins anew with its process: with two histories of each account nothing fits.
        afresh_of = endpoints.origin if endpoints.is_simulated else None
        database = await stack.enter_async_context(
            open_storage(settings, exclusive=True, afresh_of=afresh_of)
        )
        fills, rankings = Fills(database), Rankings(database)
        publications = Publications(database, CrowdRules(settings.crowd_losers))
        reader, chats, wishes, notices = (
            Reader(database),
            Chats(database),
            Wishes(database),
            Notices(database),
        )
        outbox = Outbox(database, is_demo=endpoints.is_simulated)
        await claim_origin(reader, endpoints.origin)
        requests = RequestLogs(database)
        exchange = await stack.enter_async_context(open_exchange(endpoints, clock, requests.note))
        telegram_bot = await stack.enter_async_context(open_telegram(settings))
        discord_client = await stack.enter_async_context(open_discord(settings))
        others = await stack.enter_async_context(open_destinations(settings, database))
        waker = await stack.enter_async_context(Waker(database))
        due = await stack.enter_async_context(timetable())
        ranker = await stack.enter_async_context(rank_process(_rank_task(settings, database.dsn)))
        charts = await stack.enter_async_context(chart_process(settings.home / FONTS))

        feed = HyperliquidFeed(endpoints.ws_url, now_ms=clock.now_ms, rng=Random())
        urgent = exchange.at(Priority.DETECTION)
        outage = database_trouble(clock.now_ms)
        detector = Detector(settings.detection_rules(), LIVE, by_order=False, book_is_required=True)
        detection = DetectionService(
            detector,
            publications,
            clock,
            asyncio.sleep,
            book=urgent.book,
            evidence=lambda: ticking.sentence,
            on_concluded=lambda concluded: marking.note(concluded),
            database=outage,
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
            reading=lambda: collecting.reading,
            database=outage,
        )
        collecting = CollectService(
            exchange,
            fills,
            clock,
            Random(),
            CollectRules(settings.candidates, settings.sample, settings.min_equity_usd),
            on_progress,
        )
        rounds = RoundsService(
            collecting,
            ranker,
            detection,
            listening,
            marking,
            feed,
            fills,
            rankings,
            publications,
            reader,
            reader,
            clock,
            placebo=settings.placebo,
            tell=tell,
            on_ranked=lambda ranking: notices.list_changes(ranking, clock.now_ms()),
        )
        following = FollowService(wishes.followed, rounds.follow, asyncio.sleep, outage)
        digesting = DigestService(Digests(database), lambda: ticking.sentence, clock, asyncio.sleep, outage)
        signs = Signs(
            lambda: listening.last_sign_ms, lambda: rounds.ranked_ms, notices.waits_longest, notices.chats_off
        )
        health = HealthService(signs, notices, reader, clock, asyncio.sleep, outage)

        dispatch = DispatchService(
            outbox,
            {one.channel: one for one in (ConsoleNotifier(console), *others)},
            Pacer(asyncio.get_running_loop().time, settings.limits()),
            waker,
            clock,
            asyncio.sleep,
            Random(),
            owner,
            database=outage,
            policy=DeliveryPolicy(settings.repeat_kinds),
        )
        specs = {spec.coin: spec.sz_decimals for spec in await fills.coins()}
        answers = Answers(
            rankings,
            fills,
            reader,
            clock,
            trips_reader(MarketHistory(PriceBook()), specs),
            settings.horizon,
        )
        commands = make_commands(
            answers,
            Stores(chats, wishes, ChatReader(database), outbox, notices),
            Access(chats, clock, settings.access, frozenset(settings.owners), notices),
            charts=charts,
            is_demo=endpoints.is_simulated,
        )
        chatting: list[Coroutine[Any, Any, None]] = []
        if lines is not None:
            chatting.append(ConsoleListener(commands, console, lines, pictures=settings.home / CHARTS).run())
        if telegram_bot is not None:
            from bot.telegram import TelegramListener
            from notifiers.telegram import TelegramNotifier

            dispatch.add(TelegramNotifier(telegram_bot))
            chatting.append(
                TelegramListener(
                    telegram_bot,
                    commands,
                    chats,
                    outbox.disable_target,
                    outbox.move_target,
                    HandledUpdates(database, Channel.TELEGRAM).is_new,
                    hook=telegram_hook(settings),
                ).run()
            )
        if discord_client is not None:
            from bot.discord import DiscordListener
            from bot.suggestions import Suggestions

            on_discord = DiscordListener(
                discord_client,
                commands,
                Suggestions(answers, chats),
                chats,
                outbox.disable_target,
                reader.state,
                reader.set_state,
            )
            chatting.append(_discord(discord_client, settings, dispatch, on_discord))
        if (telegram_bot or discord_client) and not await chats.owners():
            code = await chats.new_owner_code()
            tell(f"To own this bot, send it: /start {code}  (works once)")

        await reader.set_state(STARTED, str(clock.now_ms()))
        stack.push_async_callback(_note_stop, reader, clock)
        await rounds.restore()
        async with asyncio.TaskGroup() as group:
            group.create_task(detection.run(), name="detect")
            group.create_task(dispatch.run(), name="dispatch")
            group.create_task(requests.run(), name="log requests")
            group.create_task(ticking.run(), name="tick")
            group.create_task(listening.run(), name="listen")
            group.create_task(_do_rounds(rounds, due), name="collect and rank")
            group.create_task(following.run(), name="follow")
            group.create_task(digesting.run(), name="digest")
            group.create_task(health.run(), name="watch over it all")
            for chat in chatting:
                group.create_task(_heard(chat), name="chat")


def _rank_task(settings: Settings, dsn: str) -> Task:
    rules = settings.ranking_rules()
    return Task(dsn, rules, settings.log_level, settings.log_format, settings.secret_values())


async def _note_stop(state: Reader, clock: WallClock) -> None:
    """Leave word that this process ended by itself; without a database nobody is kept waiting."""
    with suppress(StorageError, TimeoutError):
        async with asyncio.timeout(FAREWELL_S):
            await state.set_state(STOPPED, str(clock.now_ms()))


async def _heard(chat: Coroutine[Any, Any, None]) -> None:
    """Run one listener; a platform that refuses us stops its chat, never the core."""
    try:
        await chat
    except (ChannelRefused, SettingsError) as error:
        log.error("chat stopped", error=str(error))


async def _discord(
    client: "discord.Client", settings: Settings, dispatch: DispatchService, listener: "DiscordListener"
) -> None:
    """Log in, however long Discord is away, then send and listen."""
    from notifiers.discord import DiscordNotifier

    await log_in_discord(client, settings)
    dispatch.add(DiscordNotifier(client))
    await listener.run()


async def _do_rounds(rounds: RoundsService, due: DueJobs) -> None:
    """Begin, then do what the timetable says; an exchange or database that is away is waited for."""
    await _patiently(rounds.begin, "first round")
    work = {
        Job.COINS: rounds.coins,
        Job.CANDIDATES: rounds.candidates,
        Job.RANK: rounds.update,
    }
    while True:
        job = await due.next()
        await _patiently(work[job], job.value, tries=1)


async def _patiently(work: Callable[[], Awaitable[None]], name: str, tries: int | None = None) -> None:
    """Do one round; after a failure again, with growing pauses, up to so many tries."""
    tried = 0
    while True:
        try:
            await work()
            return
        except (ExchangeError, StorageError, RankingFailed) as error:
            tried += 1
            pause_s = min(FIRST_PAUSE_S * 2.0**tried, LONGEST_PAUSE_S)
            log.warning(
                "round failed", round=name, error=str(error), retry_s=None if tried == tries else pause_s
            )
            if tried == tries:
                return
        await asyncio.sleep(pause_s)
