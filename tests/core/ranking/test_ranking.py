"""A ranking run: the list, its hysteresis, its changes, its reasons, and what must not change it."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.model.market import Address
from core.model.traders import AccountFacts, ChangeKind, Part, Ranking, RankingRules, TraderStanding
from core.ranking.ranking import Account, rank
from core.ranking.significance import q_values, sign_flip_p
from tests.core.ranking.made_accounts import AS_OF_MS, made_figures


def an_account(number: int, pnl_pct: float = -20.0, chance: float = 1.0, **more: object) -> Account:
    address = Address(f"0x{number:04x}")
    figures = made_figures(address, pnl_pct=pnl_pct, **more)  # type: ignore[arg-type]
    return Account(figures, AccountFacts(address, selection_chance=chance))


def losers(count: int) -> list[Account]:
    """Return accounts that get worse with their number."""
    return [an_account(n, pnl_pct=-1.0 * n) for n in range(1, count + 1)]


def by_address(ranking: Ranking) -> dict[str, TraderStanding]:
    return {standing.address: standing for standing in ranking.standings}


def listed(ranking: Ranking) -> list[str]:
    return [standing.address for standing in ranking.listed]


def test_the_worst_is_first_and_n_are_listed() -> None:
    ranking = rank(losers(9), AS_OF_MS, RankingRules(losers=5))
    assert listed(ranking) == ["0x0009", "0x0008", "0x0007", "0x0006", "0x0005"]
    assert [s.rank for s in ranking.standings] == list(range(1, 10))
    scores = [s.badness or 0 for s in ranking.standings]
    assert scores == sorted(scores, reverse=True)
    assert ranking.population == 9


def test_equal_badness_is_ranked_by_address() -> None:
    ranking = rank([an_account(n) for n in (3, 1, 2)], AS_OF_MS, RankingRules(losers=1))
    assert [s.address for s in ranking.standings] == ["0x0001", "0x0002", "0x0003"]


def test_who_is_listed_stays_until_beyond_a_fifth_more() -> None:
    rules = RankingRules(losers=5)
    # 0x0014 (20) is worst: rank r is account 21 - r.
    before = {Address("0x000f"), Address("0x000e"), Address("0x0001")}
    ranking = rank(losers(20), AS_OF_MS, rules, before)
    on_list = listed(ranking)
    assert by_address(ranking)["0x000f"].rank == 6
    assert "0x000f" in on_list  # rank 6 <= 1.2 * 5
    assert "0x000e" not in on_list  # rank 7
    assert len(on_list) == 6


def test_changes_say_who_entered_and_left_and_why() -> None:
    accounts = losers(8)
    accounts[7] = an_account(8, pnl_pct=-8.0, pnl=3.0)
    before = {Address("0x0008"), Address("0x0001"), Address("0x0007"), Address("0xgone")}
    ranking = rank(accounts, AS_OF_MS, RankingRules(losers=2), before)
    changes = [(c.address, c.kind, c.rank, c.reason.split(",")[0]) for c in ranking.changes]
    assert changes == [
        ("0x0006", ChangeKind.ENTERED, 2, "rank 2 of 7 eligible"),
        ("0x0001", ChangeKind.LEFT, 7, "rank 7 is beyond 2.4"),
        ("0x0008", ChangeKind.LEFT, None, "made 3.00 USD in 30 days: no loser"),
        ("0xgone", ChangeKind.LEFT, None, "its fills aren't known any more"),
    ]


def test_nobody_in_profit_is_ever_listed() -> None:
    accounts = [an_account(1, pnl_pct=-50.0), an_account(2, pnl_pct=-90.0, pnl=0.0)]
    ranking = rank(accounts, AS_OF_MS, RankingRules(losers=5), {Address("0x0002")})
    assert listed(ranking) == ["0x0001"]
    assert by_address(ranking)["0x0002"].rank is None


def test_the_population_are_all_with_enough_round_trips_in_profit_too() -> None:
    accounts = [an_account(1), an_account(2, pnl=10.0), an_account(3, trips=9)]
    ranking = rank(accounts, AS_OF_MS, RankingRules())
    assert (ranking.population, len(ranking.standings)) == (2, 3)


def test_a_rarely_chosen_account_stands_for_many() -> None:
    common = [an_account(n, pnl_pct=-5.0) for n in range(1, 10)]
    asked = an_account(50, pnl_pct=-10.0)
    for chance, worse_than in ((1.0, 9.5 / 11), (0.01, 9.5 / 110)):
        ranking = rank(
            [*common, asked, an_account(51, pnl_pct=-90.0, chance=chance)], AS_OF_MS, RankingRules()
        )
        parts = {part.part: part for part in by_address(ranking)["0x0032"].parts}
        assert parts[Part.PNL_PCT].percentile == pytest.approx(worse_than)


def test_few_round_trips_are_believed_less() -> None:
    few = an_account(1, trips=10, wins=2)
    many = an_account(2, trips=90, wins=18)
    standings = by_address(rank([few, many], AS_OF_MS, RankingRules()))
    assert (standings["0x0001"].confidence, standings["0x0002"].confidence) == (1 / 3, 90 / 110)


def test_the_win_rate_shown_is_shrunk_and_a_winner_of_most_trades_can_be_worst() -> None:
    often = an_account(1, trips=40, wins=32, mean_win=10.0, mean_loss=900.0, losing_days=0.9, pnl_pct=-60.0)
    others = [an_account(n, trips=40, wins=16, pnl_pct=-2.0, losing_days=0.4) for n in range(2, 12)]
    ranking = rank([often, *others], AS_OF_MS, RankingRules())
    worst = ranking.standings[0]
    assert worst.address == "0x0001"
    assert worst.win_rate is not None
    assert 0.4 < worst.win_rate < 0.8


def test_an_edge_is_shown_after_costs_with_its_interval_and_chance() -> None:
    rng = Random(4)
    accounts = [an_account(n, excess_bps=rng.gauss(0, 12)) for n in range(1, 60)]
    accounts.append(an_account(99, excess_bps=-60.0))
    ranking = rank(accounts, AS_OF_MS, RankingRules())
    bad = by_address(ranking)["0x0063"]
    assert bad.fade_edge_bps is not None
    assert bad.fade_edge_low_bps is not None
    assert bad.fade_edge_high_bps is not None
    assert bad.p_edge is not None
    assert 20 < bad.fade_edge_bps < 60 - 11  # shrunk, and the cost of 11 bps taken off
    assert bad.fade_edge_low_bps < bad.fade_edge_bps < bad.fade_edge_high_bps
    assert bad.p_edge > 0.95
    assert bad.fade_edge_n == 30
    assert any("fading it is expected to make" in reason for reason in bad.reasons)


def test_without_prices_the_edge_is_unknown_and_its_weight_lost() -> None:
    standing = rank([an_account(1), an_account(2)], AS_OF_MS, RankingRules()).standings[0]
    assert (standing.fade_edge_bps, standing.p_edge, standing.fade_edge_n) == (None, None, 0)
    assert {p.part: p.percentile is None for p in standing.parts}[Part.FADE_EDGE]


def test_every_row_explains_its_parts_the_heaviest_first() -> None:
    standing = rank(losers(20), AS_OF_MS, RankingRules()).standings[0]
    assert standing.reasons[0] == "-20.0 % on its capital in 30 days: worse than 98 % of 20 accounts"
    assert len(standing.reasons) == 5
    assert "won 4 of 20" in " ".join(standing.reasons)


def test_the_false_discovery_rate_counts_everybody_who_was_tested() -> None:
    rng = Random(8)
    sure = [an_account(n, pnl_pct=-90.0 - n, day_nets=(-5.0,) * 12) for n in range(1, 4)]
    rest = [
        an_account(
            n, pnl_pct=-1.0, pnl=rng.choice((-9.0, 9.0)), day_nets=tuple(rng.gauss(0, 9) for _ in range(12))
        )
        for n in range(10, 60)
    ]
    ranking = rank([*sure, *rest], AS_OF_MS, RankingRules(losers=3))
    assert listed(ranking) == ["0x0003", "0x0002", "0x0001"]
    p = [sign_flip_p(one.figures.day_nets) for one in [*sure, *rest]]
    assert ranking.label_fdr == max(q_values(p)[:3])
    assert ranking.label_fdr == pytest.approx(2**-12 * 53 / 3, rel=0.5)
    assert rank([an_account(1, pnl=4.0)], AS_OF_MS, RankingRules()).label_fdr is None


@given(st.integers(0, 12), st.randoms(use_true_random=False))
def test_the_order_of_accounts_changes_nothing(count: int, random: Random) -> None:
    accounts = [
        an_account(
            n,
            pnl_pct=-float(n % 4),
            trips=8 + n,
            excess_bps=float(n * 7 % 5),
            day_nets=(1.0, -2.0, float(-n)),
        )
        for n in range(count)
    ]
    mixed = list(accounts)
    random.shuffle(mixed)
    before = {Address("0x0003"), Address("0x0007")}
    rules = RankingRules(losers=3)
    assert rank(mixed, AS_OF_MS, rules, before) == rank(accounts, AS_OF_MS, rules, before)


def test_a_run_is_known_by_what_went_in() -> None:
    one = rank(losers(3), AS_OF_MS, RankingRules())
    assert one.ranking_id == rank(losers(3), AS_OF_MS, RankingRules()).ranking_id
    assert one.ranking_id != rank(losers(4), AS_OF_MS, RankingRules()).ranking_id
    assert one.ranking_id != rank(losers(3), AS_OF_MS + 1, RankingRules()).ranking_id


def test_unknown_equity_is_shown_as_unknown() -> None:
    known = an_account(1)
    known = replace(known, facts=replace(known.facts, equity_usd=900.0))
    standings = by_address(rank([known, an_account(2)], AS_OF_MS, RankingRules()))
    assert (standings["0x0001"].equity_is_known, standings["0x0002"].equity_is_known) == (True, False)


def test_nobody_makes_an_empty_ranking() -> None:
    ranking = rank([], AS_OF_MS, RankingRules())
    assert (ranking.standings, ranking.changes, ranking.population) == ((), (), 0)
