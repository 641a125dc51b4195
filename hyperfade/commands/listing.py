"""The listings: what chat and API answer too, as a table for people or one JSON document."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from core import answers
from core.counting import counted
from core.errors import UsageError
from core.model.addresses import parse_address
from core.model.answers import LosersAnswer
from core.model.market import WINDOW_MS, Address, Coin
from hyperfade.clock import WallClock
from hyperfade.database import open_storage
from hyperfade.settings import Settings, load_settings
from hyperfade.times import parse_time
from messages.json import Answer, to_json
from storage.fills import Fills
from storage.rankings import Rankings
from storage.reader import Reader


@dataclass(frozen=True, slots=True)
class _Stores:
    settings: Settings
    fills: Fills
    rankings: Rankings
    reader: Reader
    now_ms: int


@asynccontextmanager
async def _stores() -> AsyncIterator[_Stores]:
    settings = load_settings()
    async with open_storage(settings, exclusive=False) as database:
        yield _Stores(settings, Fills(database), Rankings(database), Reader(database), WallClock().now_ms())


def _show(answer: Answer, name: str, as_json: bool, **facts: Any) -> None:
    if as_json:
        print(to_json(answer))
        return
    from core.model.alerts import Channel
    from messages.render import render_answer  # here: templates, which JSON doesn't need

    print(render_answer(Channel.CONSOLE, name, answer, **facts))


async def losers(
    *,
    limit: int,
    coin: str | None,
    by: str,
    everybody: bool,
    explain: bool,
    as_of: str | None,
    cursor: str | None,
    csv: Path | None,
    as_json: bool,
) -> None:
    """Print the list, or write it to a file as CSV."""
    async with _stores() as stores:
        answer = await answers.losers(
            stores.rankings,
            stores.fills,
            limit=limit,
            cursor=cursor,
            coin=await _known_coin(stores, coin),
            sort=by,
            include_ineligible=everybody,
            as_of_ms=parse_time(as_of),
            horizon=stores.settings.horizon,
        )
        if csv is not None:
            _write_csv(answer, csv)
            return
        name = "standings" if explain or everybody else "losers"
        _show(
            answer,
            name,
            as_json,
            title=_title(coin, by),
            sort=by,
            horizon=stores.settings.horizon,
            now_ms=stores.now_ms,
            items=answer.items,
        )


def _write_csv(answer: LosersAnswer, path: Path) -> None:
    from messages.frames import losers_frame

    try:
        losers_frame(answer).to_csv(path, index=False)
    except OSError as error:
        raise UsageError(
            f"--csv {path}: cannot write there ({error.strerror or error}); choose another file"
        ) from None
    print(f"{counted(len(answer.items), 'row')} written to {path}.")


async def trader(who: str, *, as_of: str | None, as_json: bool) -> None:
    """Print one trader's card."""
    # here: they bring numpy, and no other listing makes round trips
    from core.account_trips import trips_reader
    from core.ranking.figures import MarketHistory
    from core.ranking.funding import FundingRates
    from core.ranking.prices import PriceBook

    async with _stores() as stores:
        now_ms = stores.now_ms
        rates = await stores.fills.funding_rates(now_ms - WINDOW_MS)
        market = MarketHistory(PriceBook(await stores.fills.bars(now_ms - WINDOW_MS)), FundingRates(rates))
        specs = {spec.coin: spec.sz_decimals for spec in await stores.fills.coins()}
        answer = await answers.trader(
            stores.rankings,
            stores.fills,
            stores.reader,
            who,
            now_ms=now_ms,
            trips_of=trips_reader(market, specs),
            as_of_ms=parse_time(as_of),
        )
        known = answer.standing
        _show(
            answer,
            "trader",
            as_json,
            now_ms=now_ms,
            own_label=None,
            markouts=known.figures.markouts if known else (),
            parts=known.parts if known else (),
        )


async def opportunities(*, limit: int, coin: str | None, cursor: str | None, as_json: bool) -> None:
    """Print what is live, and what ended lately."""
    async with _stores() as stores:
        answer = await answers.opportunities(
            stores.reader,
            now_ms=stores.now_ms,
            limit=limit,
            cursor=cursor,
            coin=await _known_coin(stores, coin),
        )
        _show(
            answer,
            "opportunities",
            as_json,
            title=coin or "",
            recent=answer.recent,
            now_ms=stores.now_ms,
            first=1,
            total=len(answer.items),
        )


async def performance(*, period: str, coin: str | None, loser: str | None, as_json: bool) -> None:
    """Print the score."""
    async with _stores() as stores:
        address: Address | None = None if loser is None else parse_address(loser, allow_label=True)
        answer = await answers.performance(
            stores.reader,
            now_ms=stores.now_ms,
            horizon=stores.settings.horizon,
            period=period,
            coin=await _known_coin(stores, coin),
            loser=address,
        )
        title = " ".join(filter(None, (period, coin)))
        _show(answer, "performance", as_json, title=title, loser=address, curve_from=None)


async def crowd(*, coin: str | None, as_json: bool) -> None:
    """Print where all losers together stand."""
    async with _stores() as stores:
        answer = await answers.crowd(
            stores.reader, now_ms=stores.now_ms, coin=await _known_coin(stores, coin)
        )
        _show(answer, "crowd", as_json, title=coin or "", first=1, total=len(answer.items))


async def status(*, as_json: bool) -> None:
    """Print how the product is."""
    async with _stores() as stores:
        answer = await answers.status(
            stores.reader, stores.rankings, now_ms=stores.now_ms, horizon=stores.settings.horizon
        )
        _show(answer, "status", as_json)


async def _known_coin(stores: _Stores, coin: str | None) -> Coin | None:
    """Return the coin as the exchange spells it; raise UsageError for one it doesn't list."""
    if coin is None:
        return None
    known = {spec.coin for spec in await stores.fills.coins()}
    by_fold = {name.lower(): name for name in known}
    if coin in known or not known:
        return Coin(coin)
    if coin.lower() in by_fold:
        return by_fold[coin.lower()]
    raise UsageError(f"unknown coin {coin[:40]!r}: expected one that the exchange lists, such as BTC")


def _title(coin: str | None, by: str) -> str:
    return " ".join(filter(None, (coin, None if by == "badness" else f"by {by}")))
