"""What belongs to no account: listings, contexts, mids, books, candles, funding rates."""

from collections.abc import Mapping
from decimal import Decimal
from typing import Annotated

from msgspec import Meta, Struct, field

from core.model.market import Bar, Book, Coin, CoinSpec, FundingRate, Level, Listings
from exchange.wire.decode import CoinName, Count, Exact, Millis, NotNan, Payload, exact

SizeDecimals = Annotated[int, Meta(ge=0, le=20)]


class PerpRow(Struct, frozen=True, rename="camel"):
    """One entry of a ``universe``; its place is the asset id. Optional keys are absent, not false."""

    name: CoinName
    sz_decimals: SizeDecimals
    max_leverage: Count = 1
    is_delisted: bool = False
    only_isolated: bool = False
    margin_table_id: int | None = None


class MarginTier(Struct, frozen=True, rename="camel"):
    """From this notional on (USD), this leverage at most."""

    lower_bound: Exact
    max_leverage: Count


class MarginTable(Struct, frozen=True, rename="camel"):
    """The tiers that coins refer to by the table's id."""

    margin_tiers: list[MarginTier]
    description: str = ""


class MetaRow(Struct, frozen=True, rename="camel"):
    """One dex's listings."""

    universe: list[PerpRow]
    margin_tables: list[tuple[int, MarginTable]] = []
    collateral_token: int | None = None


class ContextRow(Struct, frozen=True, rename="camel"):
    """Prices and funding of one coin; a delisted or bookless coin has nulls. Spot rows name a coin."""

    mark_px: Exact | None = None
    mid_px: Exact | None = None
    oracle_px: Exact | None = None
    funding: Exact | None = None
    open_interest: Exact | None = None
    prev_day_px: Exact | None = None
    day_ntl_vlm: Exact | None = None
    premium: NotNan = None
    coin: CoinName | None = None


class DexRow(Struct, frozen=True, rename="camel"):
    """One builder dex."""

    name: Annotated[str, Meta(min_length=1, max_length=32)]
    full_name: str = ""


class SpotPair(Struct, frozen=True, rename="camel"):
    """A spot market; look it up by ``index``, never by place."""

    tokens: tuple[int, int]
    name: CoinName
    index: Count


class SpotToken(Struct, frozen=True, rename="camel"):
    """A spot token; look it up by ``index``, never by place."""

    name: CoinName
    sz_decimals: SizeDecimals
    index: Count


class SpotMetaRow(Struct, frozen=True):
    """The spot listings."""

    universe: list[SpotPair]
    tokens: list[SpotToken]


class LevelRow(Struct, frozen=True):
    """One level of a book; the number of orders isn't used."""

    px: Exact
    sz: Exact


class BookRow(Struct, frozen=True):
    """A book: bids, asks, best first."""

    coin: CoinName
    levels: tuple[list[LevelRow], list[LevelRow]]
    time: Millis = 0


class CandleRow(Struct, frozen=True):
    """One candle; ``T`` is its last millisecond."""

    open_ms: Millis = field(name="t")
    last_ms: Millis = field(name="T")
    coin: CoinName = field(name="s")
    interval: str = field(name="i")
    open: Exact = field(name="o")
    close: Exact = field(name="c")
    high: Exact = field(name="h")
    low: Exact = field(name="l")


class FundingRateRow(Struct, frozen=True, rename="camel"):
    """One hour's rate; ``premium`` was once ``NaN``."""

    coin: CoinName
    funding_rate: Exact
    time: Millis
    premium: NotNan = None


meta = Payload[MetaRow]("meta", MetaRow)
meta_and_contexts = Payload[tuple[MetaRow, list[ContextRow]]](
    "metaAndAssetCtxs", tuple[MetaRow, list[ContextRow]]
)
perp_dexs = Payload[list[DexRow | None]]("perpDexs", list[DexRow | None])
spot_meta = Payload[SpotMetaRow]("spotMeta", SpotMetaRow)
spot_meta_and_contexts = Payload[tuple[SpotMetaRow, list[ContextRow]]](
    "spotMetaAndAssetCtxs", tuple[SpotMetaRow, list[ContextRow]]
)
all_mids = Payload[dict[str, str]]("allMids", dict[str, str])
l2_book = Payload[BookRow | None]("l2Book", BookRow | None)
candle_snapshot = Payload[list[CandleRow]]("candleSnapshot", list[CandleRow])
funding_history = Payload[list[FundingRateRow]]("fundingHistory", list[FundingRateRow])


def specs_of(row: MetaRow, dex: str = "") -> tuple[CoinSpec, ...]:
    """Convert one dex's listings, delisted coins included."""
    return tuple(
        CoinSpec(Coin(perp.name), perp.sz_decimals, perp.max_leverage, perp.is_delisted, dex)
        for perp in row.universe
    )


def listings_of(row: tuple[MetaRow, list[ContextRow]], dex: str = "") -> Listings:
    """Convert listings with their contexts, which come in the listings' order."""
    listed, contexts = row
    specs = specs_of(listed, dex)
    rates = zip(specs, contexts, strict=True) if len(specs) == len(contexts) else ()
    return Listings(
        specs,
        {
            spec.coin: context.funding
            for spec, context in rates
            if context.funding is not None and not spec.is_delisted
        },
    )


def dexes_of(rows: list[DexRow | None]) -> tuple[str, ...]:
    """Return the dexes' names by index; the null that stands first is the main one, ``""``."""
    names = tuple("" if row is None else row.name for row in rows)
    return names if names[:1] == ("",) else ("", *names)


def mids_of(rows: Mapping[str, str]) -> dict[Coin, Decimal]:
    """Convert mids; raise ValueError that names the coin."""
    mids: dict[Coin, Decimal] = {}
    for coin, px in rows.items():
        try:
            mids[Coin(coin)] = exact(px)
        except ValueError as error:
            raise ValueError(f"{error} - at `$.{coin[:64]}`") from None
    return mids


def book_of(row: BookRow) -> Book:
    """Convert a book."""
    bids, asks = row.levels
    return Book(Coin(row.coin), row.time, _levels(bids), _levels(asks))


def _levels(rows: list[LevelRow]) -> tuple[Level, ...]:
    return tuple(Level(row.px, row.sz) for row in rows)


def bar_of(row: CandleRow) -> Bar:
    """Convert a candle; ``close_ms`` becomes exclusive."""
    prices = (float(row.open), float(row.high), float(row.low), float(row.close))
    return Bar(Coin(row.coin), row.open_ms, row.last_ms + 1, *prices)


def rate_of(row: FundingRateRow) -> FundingRate:
    """Convert one hour's rate."""
    return FundingRate(Coin(row.coin), row.time, row.funding_rate)


class FastContext(Struct, frozen=True, rename="camel"):
    """One coin's part of a ``fastAssetCtxs`` message: what didn't change is absent."""

    mid_px: Exact | None = None


fast_contexts = Payload[dict[str, FastContext]]("fastAssetCtxs", dict[str, FastContext])


def fast_mids_of(rows: Mapping[str, FastContext]) -> dict[Coin, Decimal]:
    """Return the mids that changed; a coin whose book is empty (null) is left out."""
    return {Coin(coin): row.mid_px for coin, row in rows.items() if row.mid_px is not None}
