"""Everything the exchange says about an account agrees with everything else it says."""

from collections import defaultdict
from decimal import ROUND_DOWN, Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.simulated import Simulation, SimulationConfig
from exchange.simulated.coins import BY_NAME, MAIN, UNIVERSE
from exchange.simulated.fills import Position
from exchange.simulated.people import HLP, Kind

D = Decimal
Row = dict[str, Any]
CENT = D("0.000002")  # float noise of printed micro-USD


def ask(sim: Simulation, kind: str, **fields):
    return sim.answer({"type": kind, **fields})


def everybody(sim: Simulation) -> list[str]:
    subs = [s.address for subs in sim.population.subs.values() for s in subs]
    return [p.address for p in sim.population.rows] + subs


def fills_of(sim: Simulation, user: str) -> list[Row]:
    """Page through all fills as a client must."""
    rows, page, start, seen = [], None, 0, set()
    while page is None or len(page) == 2000:
        page = ask(sim, "userFillsByTime", user=user, startTime=start)
        fresh = [r for r in page if (r["coin"], r["tid"]) not in seen]
        seen |= {(r["coin"], r["tid"]) for r in fresh}
        rows += fresh
        start = page[-1]["time"] if page else 0
    return rows


def signed(fill: Row) -> Decimal:
    return D(fill["sz"]) if fill["side"] == "B" else -D(fill["sz"])


def rounded(value: str, coin: str) -> Decimal:
    return D(value).quantize(D(1).scaleb(-BY_NAME[coin].sz_decimals))


@pytest.fixture(params=["quiet", "busy"])
def sim(request) -> Simulation:
    found: Simulation = request.getfixturevalue(request.param)
    return found


# fills ---------------------------------------------------------------------------------------------------


def test_positions_chain_from_fill_to_fill(sim: Simulation) -> None:
    for person in sim.population.rows:
        account = sim.registry.of(person)
        at: dict[int, int] = defaultdict(int)
        for fill in account.fills:
            assert fill.start == at[fill.coin], person
            at[fill.coin] += fill.size
        held = {c: p.size for c, p in account.positions.items() if p.size}
        assert held == {c: size for c, size in at.items() if size}


def test_only_twap_slices_break_the_chain_of_user_fills(sim: Simulation) -> None:
    broken = set()
    for user in everybody(sim):
        at: dict[str, Decimal] = {}
        for fill in fills_of(sim, user):
            start = rounded(fill["startPosition"], fill["coin"])
            if start != at.get(fill["coin"], D(0)):
                broken.add(user)
            at[fill["coin"]] = start + signed(fill)
    twaps = {p.address for p in sim.population.by_address.values() if p.twap}
    assert broken <= twaps
    assert broken


def test_closed_pnl_is_gross_and_from_the_average_entry(quiet: Simulation) -> None:
    checked = 0
    for user in everybody(quiet)[:60]:
        size: dict[str, Decimal] = defaultdict(D)
        cost: dict[str, Decimal] = defaultdict(D)
        if sim_person(quiet, user).twap:
            continue
        for fill in fills_of(quiet, user):
            coin, change, px = fill["coin"], signed(fill), D(fill["px"])
            held, closed = size[coin], D(fill["closedPnl"])
            if BY_NAME[coin].spot:
                continue
            if held == 0 or (held > 0) == (change > 0):
                assert closed == 0
                cost[coin] += change * px
            else:
                part = min(abs(change), abs(held))
                expected = (px - cost[coin] / held) * part * (1 if held > 0 else -1)
                assert abs(closed - expected) < D("0.0001")
                checked += 1
                cost[coin] -= cost[coin] * part / abs(held)
                if part < abs(change):
                    cost[coin] = (held + change) * px
            size[coin] = held + change
    assert checked > 1000


def sim_person(sim: Simulation, user: str):
    return sim.population.by_address[user]


def test_fee_is_the_base_rate_cut_at_six_decimals(quiet: Simulation) -> None:
    for user in everybody(quiet)[:60]:
        for fill in fills_of(quiet, user):
            coin = BY_NAME[fill["coin"]]
            rate = D("0.00045") if fill["crossed"] else D("0.00015")
            if coin.spot:
                assert fill["feeToken"] == "HYPE"
                assert D(fill["fee"]) == (D(fill["sz"]) * D("0.0007")).quantize(D("1e-8"), ROUND_DOWN)
                continue
            fee = D(fill["px"]) * D(fill["sz"]) * rate * (2 if coin.dex else 1)
            assert D(fill["fee"]) == fee.quantize(D("1e-6"), ROUND_DOWN)


def test_fill_has_the_keys_of_a_recorded_one_in_order(quiet: Simulation) -> None:
    user = quiet.population.of_kind(Kind.LOSER)[0].address
    fill = next(f for f in fills_of(quiet, user) if "liquidation" not in f)
    assert list(fill) == [
        "coin", "px", "sz", "side", "time", "startPosition", "dir", "closedPnl", "hash", "oid", "crossed",
        "fee", "tid", "feeToken", "twapId",
    ]  # fmt: skip


def test_sizes_and_prices_respect_the_coin(quiet: Simulation) -> None:
    for user in everybody(quiet)[:40]:
        for fill in fills_of(quiet, user):
            coin = BY_NAME[fill["coin"]]
            assert D(fill["sz"]) == D(fill["sz"]).quantize(D(1).scaleb(-coin.sz_decimals))
            assert D(fill["px"]) == D(fill["px"]).quantize(D(1).scaleb(-coin.px_decimals))
            assert 0 < fill["tid"] < 2**50


def test_fills_lie_inside_their_minute_candle(quiet: Simulation) -> None:
    for person in quiet.population.rows[:25]:
        for fill in quiet.registry.of(person).fills[::5]:
            coin = UNIVERSE[fill.coin]
            (bar,) = quiet.market.candles(coin, 60_000, fill.time // 60_000 * 60_000, 1, quiet.now())
            assert bar.low <= fill.px <= bar.high


def test_history_holds_what_real_history_holds(quiet: Simulation) -> None:
    rows = [f for u in everybody(quiet) for f in fills_of(quiet, u)]
    assert {"Open Long", "Open Short", "Close Long", "Close Short", "Long > Short", "Short > Long"} <= {
        f["dir"] for f in rows
    }
    assert any("liquidation" in f for f in rows)
    assert any(f["coin"].startswith("xyz:") for f in rows)
    assert any(f["coin"] == "@107" for f in rows)
    assert any(not f["crossed"] for f in rows)
    assert any(row for u in everybody(quiet) for row in ask(quiet, "userTwapSliceFills", user=u))


def test_history_is_a_function_of_seed_and_account_only(quiet: Simulation) -> None:
    other = Simulation(SimulationConfig(accounts=160), lambda: quiet.origin_ms)
    for person in reversed(other.population.rows[20:40]):
        assert other.registry.of(person).fills == quiet.registry.of(person).fills


# state ---------------------------------------------------------------------------------------------------


def test_clearinghouse_identities(sim: Simulation) -> None:
    seen = 0
    for user in everybody(sim):
        for dex in ("", "xyz"):
            state = ask(sim, "clearinghouseState", user=user, dex=dex)
            total, cross = state["marginSummary"], state["crossMarginSummary"]
            signed_value = notional = margin = isolated = D(0)
            for entry in state["assetPositions"]:
                position = entry["position"]
                seen += 1
                coin = BY_NAME[position["coin"]]
                size, value = rounded(position["szi"], coin.coin), D(position["positionValue"])
                side = 1 if size > 0 else -1
                profit = D(position["unrealizedPnl"])
                signed_value += side * value
                notional += value
                margin += D(position["marginUsed"])
                cost = side * value - profit
                entry_px = (cost / size).quantize(D(1).scaleb(-coin.px_decimals), ROUND_DOWN)
                assert abs(D(position["entryPx"]) - entry_px) <= D(1).scaleb(-coin.px_decimals) * (D("0.001"))
                leverage = position["leverage"]["value"]
                roe = profit / (abs(cost) / leverage)
                assert abs(D(position["returnOnEquity"]) - roe) < D("1e-7")
                if position["leverage"]["type"] == "cross":
                    assert abs(D(position["marginUsed"]) - value / leverage) < CENT
                else:
                    isolated += D(position["marginUsed"])
                    raw = D(position["leverage"]["rawUsd"])
                    assert abs(D(position["marginUsed"]) - (raw + side * value)) < CENT
            assert abs(D(total["accountValue"]) - (D(total["totalRawUsd"]) + signed_value)) < CENT
            assert abs(D(total["totalNtlPos"]) - notional) < CENT
            assert abs(D(total["totalMarginUsed"]) - margin) < CENT
            assert abs(D(cross["accountValue"]) - (D(total["accountValue"]) - isolated)) < CENT
    assert seen > 20


def test_positions_are_the_sum_of_the_fills(sim: Simulation) -> None:
    for user in everybody(sim):
        account = sim.registry.of(sim_person(sim, user))
        sums: dict[str, int] = defaultdict(int)
        for fill in account.fills:
            sums[UNIVERSE[fill.coin].coin] += fill.size
        state = ask(sim, "clearinghouseState", user=user)
        shown = {
            e["position"]["coin"]: rounded(e["position"]["szi"], e["position"]["coin"])
            for e in state["assetPositions"]
        }
        expected = {c.coin: D(sums[c.coin]).scaleb(-c.sz_decimals) for c in MAIN if sums[c.coin]}
        assert shown == expected


def test_account_value_is_transfers_profit_fees_and_funding(sim: Simulation) -> None:
    """The whole account from its own statements: nothing appears from nowhere."""
    for user in everybody(sim)[:80]:
        person = sim_person(sim, user)
        if person.twap or any(c.dex for c in person.coins):
            continue
        value = D(sim.registry.of(person).base_pnl) / 10**6
        for row in ask(sim, "userNonFundingLedgerUpdates", user=user, startTime=0):
            delta = row["delta"]
            amount = D(delta.get("usdc", "0"))
            match delta["type"]:
                case "deposit":
                    value += amount
                case "withdraw":
                    value -= amount + D(delta["fee"])
                case "accountClassTransfer":
                    value += amount if delta["toPerp"] else -amount
                case "subAccountTransfer":
                    value += amount if delta["destination"] == user else -amount
        for fill in fills_of(sim, user):
            if not BY_NAME[fill["coin"]].spot:
                value += D(fill["closedPnl"]) - D(fill["fee"])
        funding: dict[tuple[int, str], Decimal] = {}
        page, start = None, 0
        while page is None or len(page) == 500:
            page = ask(sim, "userFunding", user=user, startTime=start)
            funding |= {(r["time"], r["delta"]["coin"]): D(r["delta"]["usdc"]) for r in page}
            start = page[-1]["time"] if page else 0
        value += sum(funding.values())
        state = ask(sim, "clearinghouseState", user=user)
        value += sum(D(e["position"]["unrealizedPnl"]) for e in state["assetPositions"])
        assert abs(value - D(state["marginSummary"]["accountValue"])) < D("0.001"), user


def test_portfolio_ends_at_the_account_value(sim: Simulation) -> None:
    for user in everybody(sim)[:60]:
        windows = dict(ask(sim, "portfolio", user=user))
        states = [ask(sim, "clearinghouseState", user=user, dex=d)["marginSummary"] for d in ("", "xyz")]
        value = sum(D(s["accountValue"]) for s in states)
        for name in ("perpDay", "perpWeek", "perpMonth", "perpAllTime"):
            time, last = windows[name]["accountValueHistory"][-1]
            assert time == sim.now()
            assert abs(D(last) - value) < CENT
            assert windows[name]["pnlHistory"][0][1] == "0.0"


def test_day_profit_is_the_change_of_value_without_transfers(quiet: Simulation) -> None:
    for user in everybody(quiet)[:60]:
        day = dict(ask(quiet, "portfolio", user=user))["day"]
        since = day["accountValueHistory"][0][0]
        if ask(quiet, "userNonFundingLedgerUpdates", user=user, startTime=since):
            continue
        change = D(day["accountValueHistory"][-1][1]) - D(day["accountValueHistory"][0][1])
        assert abs(change - D(day["pnlHistory"][-1][1])) < CENT


def test_portfolio_has_the_recorded_number_of_points(quiet: Simulation) -> None:
    user = quiet.population.of_kind(Kind.LOSER)[0].address
    windows = dict(ask(quiet, "portfolio", user=user))
    counts = {name: len(windows[name]["pnlHistory"]) for name in ("day", "week", "month", "allTime")}
    assert 12 <= counts["day"] <= 15
    assert 58 <= counts["week"] <= 66
    assert 43 <= counts["month"] <= 47
    assert 55 <= counts["allTime"] <= 80
    first = windows["month"]["pnlHistory"][0][0]
    assert 30.5 * 86_400_000 <= quiet.now() - first <= 31.5 * 86_400_000


def test_leaderboard_row_is_the_sum_of_master_and_subs(quiet: Simulation) -> None:
    rows = {r["ethAddress"]: r for r in quiet.leaderboard()["leaderboardRows"]}
    assert len(rows) == 160
    for person in quiet.population.rows:
        people = [person, *quiet.population.subs.get(person.address, ())]
        value, month = D(0), D(0)
        for one in people:
            windows = dict(ask(quiet, "portfolio", user=one.address))
            value += D(windows["day"]["accountValueHistory"][-1][1])
            month += D(windows["month"]["pnlHistory"][-1][1])
        row = rows[person.address]
        assert abs(D(row["accountValue"]) - value) < D("0.001")
        assert abs(D(dict(row["windowPerformances"])["month"]["pnl"]) - month) < D("0.001")
    subs = {s.address for s in (x for subs in quiet.population.subs.values() for x in subs)}
    assert not subs & set(rows)


def test_kinds_trade_as_they_are_called(quiet: Simulation) -> None:
    month: dict[Kind, list[Decimal]] = defaultdict(list)
    for user in everybody(quiet):
        person = sim_person(quiet, user)
        windows = dict(ask(quiet, "portfolio", user=user))
        month[person.kind].append(D(windows["perpMonth"]["pnlHistory"][-1][1]) / D(person.equity_usd))
    lose = sum(x < 0 for x in month[Kind.LOSER]) / len(month[Kind.LOSER])
    win = sum(x > 0 for x in month[Kind.WINNER]) / len(month[Kind.WINNER])
    assert lose > 0.75
    assert win > 0.7


def test_losers_win_often_and_lose_big(quiet: Simulation) -> None:
    """The disposition effect: most closes gain, a few losses cost more."""
    gains: list[float] = []
    losses: list[float] = []
    for person in quiet.population.of_kind(Kind.LOSER):
        for fill in quiet.registry.of(person).fills:
            if fill.closed:
                (gains if fill.closed > 0 else losses).append(abs(fill.closed) / person.equity_usd)
    assert 0.6 < len(gains) / (len(gains) + len(losses)) < 0.9
    assert sum(gains) / len(gains) < 0.6 * sum(losses) / len(losses)


def test_hedge_is_visible_in_the_spot_account(quiet: Simulation) -> None:
    for person in quiet.population.of_kind(Kind.HEDGER):
        spot = ask(quiet, "spotClearinghouseState", user=person.address)["balances"]
        held = {b["coin"]: D(b["total"]) for b in spot}
        state = ask(quiet, "clearinghouseState", user=person.address)
        (short,) = [e["position"] for e in state["assetPositions"]]
        assert short["coin"] == "HYPE"
        assert held["HYPE"] + D(short["szi"]) == pytest.approx(D(0), abs=held["HYPE"] * D("0.01"))


def test_sub_account_was_funded_by_its_master(quiet: Simulation) -> None:
    for master, subs in quiet.population.subs.items():
        given = [
            r for r in ask(quiet, "userNonFundingLedgerUpdates", user=master, startTime=0)
            if r["delta"]["type"] == "subAccountTransfer"
        ]  # fmt: skip
        for sub in subs:
            (got,) = [
                r for r in ask(quiet, "userNonFundingLedgerUpdates", user=sub.address, startTime=0)
                if r["delta"]["type"] == "subAccountTransfer"
            ]  # fmt: skip
            assert (got["time"], got["delta"]) in [(r["time"], r["delta"]) for r in given]


# roles and odd addresses -----------------------------------------------------------------------------------


def test_roles(quiet: Simulation) -> None:
    people = quiet.population
    sub = next(iter(people.subs.values()))[0]
    agent, master = next(iter(people.agents.items()))
    assert ask(quiet, "userRole", user=HLP[0]) == {"role": "vault"}
    assert ask(quiet, "userRole", user=sub.address) == {"role": "subAccount", "data": {"master": sub.master}}
    assert ask(quiet, "userRole", user=agent) == {"role": "agent", "data": {"user": master}}
    assert ask(quiet, "userRole", user="0x" + "ab" * 20) == {"role": "missing"}
    assert ask(quiet, "userRole", user=people.rows[30].address.upper().replace("0X", "0x")) == {
        "role": "user"
    }


def test_unknown_and_agent_addresses_are_empty(quiet: Simulation) -> None:
    for user in ("0x" + "ab" * 20, next(iter(quiet.population.agents))):
        state = ask(quiet, "clearinghouseState", user=user)
        assert state["marginSummary"]["accountValue"] == "0.0"
        assert state["assetPositions"] == []
        assert fills_of(quiet, user) == []
        assert ask(quiet, "subAccounts", user=user) is None
        assert ask(quiet, "vaultDetails", vaultAddress=user) is None


def test_old_funding_comes_as_daily_rows_with_the_same_sum(quiet: Simulation) -> None:
    daily = 0
    for user in everybody(quiet)[:60]:
        rows = ask(quiet, "userFunding", user=user, startTime=0)
        assert [r["time"] for r in rows] == sorted(r["time"] for r in rows)
        for row in rows:
            old = row["time"] < (quiet.now() // 86_400_000 - 14) * 86_400_000
            assert (row["delta"]["nSamples"] is not None) == old
            daily += old
    assert daily > 100


def test_funding_is_size_times_oracle_times_rate_and_longs_pay(quiet: Simulation) -> None:
    checked = 0
    for user in everybody(quiet)[:60]:
        for row in ask(quiet, "userFunding", user=user, startTime=quiet.now() - 3 * 86_400_000):
            delta, coin = row["delta"], BY_NAME[row["delta"]["coin"]]
            hour = row["time"] // 3_600_000 * 3_600_000
            (rate,) = ask(quiet, "fundingHistory", coin=coin.coin, startTime=hour, endTime=hour + 200)
            assert delta["fundingRate"] == rate["fundingRate"]
            mark = quiet.market.mark(coin, hour)
            oracle = D(round(mark / (1 + float(rate["premium"])))).scaleb(-coin.px_decimals)
            paid = D(delta["szi"]) * oracle * D(rate["fundingRate"])
            assert D(delta["usdc"]) == pytest.approx(-paid, abs=D("0.000002"))
            checked += 1
    assert checked > 50


def test_cumulative_funding_is_money_paid(quiet: Simulation) -> None:
    for person in quiet.population.of_kind(Kind.HEDGER):
        (entry,) = ask(quiet, "clearinghouseState", user=person.address)["assetPositions"]
        got, page, start = D(0), None, 0
        while page is None or len(page) == 500:
            page = ask(quiet, "userFunding", user=person.address, startTime=start)
            got += sum(D(r["delta"]["usdc"]) for r in page)
            start = page[-1]["time"] + 1
        assert abs(D(entry["position"]["cumFunding"]["allTime"]) + got) < D("0.001")


def test_noise_can_be_switched_off() -> None:
    exact = Simulation(SimulationConfig(accounts=40, float_noise=False), lambda: 1_795_500_123_456)
    noisy = Simulation(SimulationConfig(accounts=40), lambda: 1_795_500_123_456)
    rows = [exact.leaderboard(), noisy.leaderboard()]
    long = [sum(len(r["accountValue"].split(".")[1]) > 6 for r in board["leaderboardRows"]) for board in rows]
    assert long[0] == 0
    assert long[1] > 0


# arithmetic ------------------------------------------------------------------------------------------------


@given(
    st.lists(
        st.tuples(st.integers(1, 10**6), st.integers(-(10**6), 10**6).filter(bool)), min_size=1, max_size=40
    )
)
def test_position_conserves_money(trades: list[tuple[int, int]]) -> None:
    position, cash, closed = Position(), 0, 0
    for px, size in trades:
        closed += position.apply(0, px, size)
        cash -= px * size
    assert position.size == sum(size for _, size in trades)
    mark = trades[-1][0]
    assert cash + position.size * mark == closed + position.size * mark - position.cost
    assert position.size or not position.cost
