"""A ranking kept up by what is new equals one made from everything at once."""

from pathlib import Path
from random import Random
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from core.model.fills import Fill
from core.model.market import DAY_MS, HOUR_MS, Address, is_spot
from core.model.traders import RankingRules
from core.ranking.books import AccountBooks
from core.ranking.chain import order_fills
from core.ranking.figures import MarketHistory
from core.ranking.prices import PriceBook
from core.ranking.ranking import rank
from tests.core.ranking.raw_rows import as_fill, raw_fills
from tests.core.ranking.walks import START_MS, fills_of, walks

RULES = RankingRules(min_round_trips=1)
MARKET = MarketHistory(PriceBook())


def ranked(books: AccountBooks, as_of_ms: int) -> object:
    return rank(books.accounts_at(as_of_ms, RULES, MARKET, {}), as_of_ms, RULES)


@settings(max_examples=40)
@given(
    st.lists(walks(max_size=15), min_size=1, max_size=3),
    st.lists(st.integers(0, 700), max_size=5),
    st.randoms(),
)
def test_a_ranking_kept_up_equals_one_from_scratch(
    histories: list[list[dict[str, Any]]], hours: list[int], random: Random
) -> None:
    accounts = {f"0x{n:02x}": fills_of(f"0x{n:02x}", walk) for n, walk in enumerate(histories)}
    moments = [START_MS + hour * HOUR_MS for hour in sorted(hours)]
    kept, since = AccountBooks(), 0
    for as_of in [*moments, START_MS + 60 * DAY_MS]:
        fresh = [[f for f in fills if since < f.time_ms <= as_of] for fills in accounts.values()]
        random.shuffle(fresh)
        assert kept.extend(fill for fills in fresh for fill in fills) == frozenset()
        whole = AccountBooks()
        whole.extend(f for fills in accounts.values() for f in fills if f.time_ms <= as_of)
        assert ranked(kept, as_of) == ranked(whole, as_of)
        since = as_of


def test_what_comes_late_drops_the_book_and_rebuilding_it_makes_it_whole(shared: Path) -> None:
    raw = raw_fills(shared / "data", "fills-leaders-jul2026.jsonl.gz")
    fills = order_fills(as_fill(row) for row in raw)
    as_of = fills[-1].time_ms
    whole, late = AccountBooks(), AccountBooks()
    whole.extend(fills)
    account = Address("leader-acc6")
    mine = [fill for fill in fills if fill.user == account]
    late.extend(fill for fill in fills if fill is not mine[3])
    assert late.extend([mine[3]]) == {account}
    assert account not in late
    late.rebuild(account, mine)
    assert ranked(late, as_of) == ranked(whole, as_of)


def test_pages_and_shuffled_accounts_change_nothing(shared: Path) -> None:
    fills: list[Fill] = []
    for name in ("fills-3accounts-full.parquet", "fills-leaders-jul2026.jsonl.gz"):
        fills += [as_fill(row) for row in raw_fills(shared / "data", name)]
    fills = order_fills(fill for fill in fills if not is_spot(fill.coin))
    as_of = 1_746_063_360_000
    whole = AccountBooks()
    whole.extend(fills)
    expected = ranked(whole, as_of)
    rng = Random(5)
    by_account = {user: [f for f in fills if f.user == user] for user in {f.user for f in fills}}
    users = sorted(by_account)
    for _ in range(3):
        rng.shuffle(users)
        paged = AccountBooks()
        cut = rng.randrange(50, 500)
        for user in users:
            mine = by_account[user]
            for start in range(0, len(mine), cut):
                assert paged.extend(mine[start : start + cut]) == frozenset()
        assert ranked(paged, as_of) == expected


def test_spot_fills_count_for_nothing() -> None:
    walk: list[dict[str, Any]] = [
        {
            "coin": coin, "units": 5, "to_zero": n % 2 == 1, "lost": False, "px": 100, "gain": -3, "fee": 7,
            "crossed": True, "oid": n, "wait": 1_000,
        }
        for n, coin in enumerate(["BTC", "BTC", "@107", "@107", "PURR/USDC"])
    ]  # fmt: skip
    with_spot, without = AccountBooks(), AccountBooks()
    fills = fills_of("0xaa", walk)
    with_spot.extend(fills)
    without.extend(fill for fill in fills if fill.coin == "BTC")
    assert ranked(with_spot, START_MS + DAY_MS) == ranked(without, START_MS + DAY_MS)
