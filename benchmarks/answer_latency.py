"""How long ``/losers`` takes, idle and while opportunities flood the chats of the same process."""

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from random import Random
from time import perf_counter
from typing import Any

from benchmarks.measuring import Figures, Params, Plan, Report, in_turn, percentile

LOSERS = 500
QUESTIONS = 120
PAUSE_S = 0.05
CHATS = 200
PER_S = 5_000 / 60
HOURLY_CAP = 20
SEND_S = 0.03
"""What a platform takes to answer."""


async def measure(plan: Plan) -> Report:
    """Measure questions one after the other; the baseline is the same process at rest."""
    from benchmarks.databases import server

    async with server() as (dsn, _):
        params = {"dsn": dsn, "questions": plan.scaled(QUESTIONS, 10)}
        rounds = await in_turn("answer_latency", ("flood", "idle"), plan.rounds_or(3), params)
    rows = [
        rounds.row("answers", f"/losers, {words}, in a flood against idle", "ms", name,
                   better="lower", ours="flood", bare="idle")
        for name, words in (("p50", "median"), ("p99", "p99"))
    ]  # fmt: skip
    return Report(rows, {"in the flood": rounds.last("flood")})


def _idle(params: Params) -> Figures:
    return asyncio.run(_asked(params, is_flooded=False))


def _flood(params: Params) -> Figures:
    return asyncio.run(_asked(params, is_flooded=True))


async def _asked(params: Params, *, is_flooded: bool) -> Figures:
    from benchmarks.databases import fresh_database
    from bot.access import Access
    from bot.answers import Answers
    from bot.command_list import make_commands
    from bot.requests import Request
    from bot.stores import Stores
    from core.account_trips import trips_reader
    from core.model.alerts import Channel, Target
    from core.model.traders import Horizon, Ranking
    from core.ranking.figures import MarketHistory
    from core.ranking.prices import PriceBook
    from hyperfade.clock import WallClock
    from storage.chat_reader import ChatReader
    from storage.chats import Chats
    from storage.database import open_database
    from storage.fills import Fills
    from storage.notices import Notices
    from storage.outbox import Outbox
    from storage.rankings import Rankings
    from storage.reader import Reader
    from storage.wishes import Wishes
    from tests.support.chat_facts import make_standing

    name = f"{'flood' if is_flooded else 'idle'}_{params['round']}"
    async with fresh_database(params["dsn"], name) as dsn, open_database(dsn) as database:
        clock, rankings, chats = WallClock(), Rankings(database), Chats(database)
        standings = tuple(make_standing(rank, _address(rank)) for rank in range(1, LOSERS + 1))
        await rankings.save_ranking(Ranking("made", clock.now_ms() - 60_000, LOSERS, standings))
        notices = Notices(database)
        answers = Answers(
            rankings,
            Fills(database),
            Reader(database),
            clock,
            trips_reader(MarketHistory(PriceBook()), {}),
            Horizon.H1,
        )
        stores = Stores(chats, Wishes(database), ChatReader(database), Outbox(database), notices)
        commands = make_commands(answers, stores, Access(chats, clock, "open", frozenset(), notices))
        flooding = asyncio.create_task(_flooded(database, clock)) if is_flooded else None
        await asyncio.sleep(2.0 if is_flooded else 0.1)
        times = []
        for number in range(params["questions"]):
            target = Target(Channel.TELEGRAM, str(900_000 + number % 40))
            request = Request(target, target.chat, "somebody", True, ("10",), _nobody)
            begun = perf_counter()
            reply = await commands.handle("losers", request)
            times.append((perf_counter() - begun) * 1e3)
            assert reply is not None
            assert reply.text
            await asyncio.sleep(PAUSE_S)
        figures: Figures = {"p50": round(percentile(times, 0.5), 2), "p99": round(percentile(times, 0.99), 2)}
        if flooding is not None:
            flooding.cancel()
            with suppress(asyncio.CancelledError):
                await flooding
            figures["alerts"] = {k: n for k, n in (await Reader(database).delivery_counts()).items() if n}
    return figures


async def _flooded(database: Any, clock: Any) -> None:
    """Publish opportunities for many chats, and dispatch them to a platform that takes its time."""
    from core.model.alerts import Alert, Channel, Delivered, Target
    from core.model.chats import ChatSettings, Subscription
    from core.services.dispatching import DispatchService
    from notifiers.pacing import Pacer
    from storage.outbox import Outbox
    from storage.publications import Publications
    from storage.waker import Waker
    from storage.wishes import Wishes
    from tests.support.published import EVIDENCE, add_member, nth_decision, publication, silence_console

    class Platform:
        channel = Channel.TELEGRAM

        async def send(self, alert: Alert, now_ms: int) -> Delivered:
            await asyncio.sleep(SEND_S)
            return Delivered("1")

    await silence_console(database)
    for number in range(CHATS):
        target = Target(Channel.TELEGRAM, str(number + 1))
        await add_member(database, target, Subscription(None))
        await Wishes(database).save_settings(target, ChatSettings(hourly_cap=HOURLY_CAP))
    pacer = Pacer(asyncio.get_running_loop().time)
    async with Waker(database) as waker, asyncio.TaskGroup() as group:
        service = DispatchService(
            Outbox(database),
            {Channel.TELEGRAM: Platform()},
            pacer,
            waker,
            clock,
            asyncio.sleep,
            Random(1),
            "flood",
        )
        group.create_task(service.run())
        number = 0
        while True:
            now_ms = clock.now_ms()
            made = [
                nth_decision(n, published_ms=now_ms, event_ms=now_ms - 300, expires_ms=now_ms + 86_400_000)
                for n in range(number + 1, number + 1 + round(PER_S / 4))
            ]
            number += len(made)
            await Publications(database).publish(publication(*made, now_ms=now_ms), EVIDENCE)
            await asyncio.sleep(0.25)


def _address(rank: int) -> Any:
    return f"0x{rank:040x}"


async def _nobody() -> bool:
    return False


SIDES: Mapping[str, Callable[[Params], Figures]] = {"idle": _idle, "flood": _flood}
