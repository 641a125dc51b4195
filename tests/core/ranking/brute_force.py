"""The figures once more, slowly, from raw rows: shares no line with the code it checks.

Everything is a plain loop over dicts with Decimals; nothing is incremental, vectorised or cached.
"""

from bisect import bisect_right
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
D = Decimal
MS_DAY = 86_400_000
MS_HOUR = 3_600_000
WINDOW = 30 * MS_DAY
HORIZONS = {"1m": 60_000, "5m": 300_000, "15m": 900_000, "1h": MS_HOUR, "4h": 4 * MS_HOUR, "24h": MS_DAY}


def rounded(text: Any) -> Decimal:
    return D(text).quantize(D("0.000001"))


def signed(row: Row) -> Decimal:
    return D(row["sz"]) if row["side"] == "B" else -D(row["sz"])


def is_perp(row: Row) -> bool:
    return not (row["coin"][0] in "@#+" or "/" in row["coin"])


def in_execution_order(rows: list[Row]) -> list[Row]:
    """Order one account's rows by time, and by trying inside each time stamp until all coins chain."""
    done: list[Row] = []
    at: dict[str, Decimal] = {}
    times = sorted({row["time"] for row in rows})
    by_time: dict[int, list[Row]] = {time: [] for time in times}
    for row in rows:
        by_time[row["time"]].append(row)
    for time in times:
        for coin in sorted({row["coin"] for row in by_time[time]}):
            group = [row for row in by_time[time] if row["coin"] == coin]
            found = _search(group, at.get(coin)) or _search(group, None)
            assert found is not None, (coin, time)
            done += found
            at[coin] = rounded(D(found[-1]["startPosition"]) + signed(found[-1]))
    return done


def _search(group: list[Row], start: Decimal | None) -> list[Row] | None:
    if not group:
        return []
    tried: set[Decimal] = set()
    for index, row in enumerate(group):
        begins = rounded(row["startPosition"])
        if start is not None and begins != start:
            continue
        ends = rounded(D(row["startPosition"]) + signed(row))
        if ends in tried:
            continue
        rest = _search(group[:index] + group[index + 1 :], ends)
        if rest is not None:
            return [row, *rest]
        tried.add(ends)
    return None


def trips_of(rows: list[Row]) -> tuple[list[Row], list[int]]:
    """Return the closed round trips and the times of the holes, from one account's ordered rows."""
    trips, holes = [], []
    for coin in sorted({row["coin"] for row in rows}):
        position: Decimal | None = None
        trip: Row | None = None
        for row in rows:
            if row["coin"] != coin:
                continue
            start, move = rounded(row["startPosition"]), signed(row)
            if position is not None and start != position:
                holes.append(row["time"])
                trip = None
            position = rounded(start + move)
            if trip is None:
                trip = _new_trip(coin, row["time"])
                if start != 0:
                    trip["partial"] = True
                    trip["entry"] = abs(start) * D(row["px"])
            against = start * move < 0
            closing = min(abs(start), abs(move)) if against else D(0)
            opening = abs(move) - closing
            fee, pnl = D(row["fee"]), D(row["closedPnl"])
            if closing == 0:
                trip["entry"] += opening * D(row["px"])
                trip["fees"] += fee
                trip["gross"] += pnl
                trip["fills"] += 1
                continue
            trip["gross"] += pnl
            trip["fees"] += fee - fee * opening / abs(move)
            trip["fills"] += 1
            if position == 0 or opening > 0:
                trip["closed"] = row["time"]
                trips.append(trip)
                trip = None
            if opening > 0:
                trip = _new_trip(coin, row["time"])
                trip["entry"] = opening * D(row["px"])
                trip["fees"] = fee * opening / abs(move)
                trip["fills"] = 1
    return trips, holes


def _new_trip(coin: str, opened: int) -> Row:
    return {
        "coin": coin, "opened": opened, "entry": D(0), "fees": D(0), "gross": D(0),
        "fills": 0, "partial": False,
    }  # fmt: skip


def hourly(rows: list[Row], funding: list[Row]) -> list[Row]:
    """Spread every daily funding row evenly over the hours of its day at which the coin was held."""
    spread = []
    for row in funding:
        if row["samples"] <= 1:
            spread.append({"coin": row["coin"], "time": row["time"], "usd": D(row["usdc"])})
            continue
        hours = [row["time"] + h * MS_HOUR for h in range(24)]
        due = [hour for hour in hours if held(rows, row["coin"], hour)] or hours
        spread += [{"coin": row["coin"], "time": h, "usd": D(row["usdc"]) / len(due)} for h in due]
    return spread


def held(rows: list[Row], coin: str, time: int) -> Decimal:
    """Return the position just before a time."""
    last = D(0)
    for row in rows:
        if row["coin"] == coin and row["time"] < time:
            last = rounded(D(row["startPosition"]) + signed(row))
    return last


def figures(rows: list[Row], funding: list[Row], as_of: int) -> Row:
    """Return the figures of one account's ordered perp rows at ``as_of``."""
    rows = [row for row in rows if row["time"] <= as_of]
    begin = as_of - WINDOW
    money = [one for one in hourly(rows, funding) if one["time"] <= as_of]
    window = [row for row in rows if row["time"] > begin]
    received = sum((one["usd"] for one in money if one["time"] > begin), D(0))
    trips, holes = trips_of(rows)
    trips = [trip for trip in trips if begin < trip["closed"] <= as_of]
    for trip in trips:
        trip["net"] = (
            trip["gross"]
            - trip["fees"]
            + sum(
                (
                    one["usd"]
                    for one in money
                    if one["coin"] == trip["coin"] and trip["opened"] < one["time"] <= trip["closed"]
                ),
                D(0),
            )
        )
    won = [trip["net"] for trip in trips if trip["net"] > 0]
    lost = [-trip["net"] for trip in trips if trip["net"] < 0]
    gross = sum((D(row["closedPnl"]) for row in window), D(0))
    fees = sum((D(row["fee"]) for row in window), D(0))
    days = sorted(
        {row["time"] // MS_DAY for row in window if rounded(row["startPosition"]) * signed(row) < 0}
    )
    nets = []
    for day in days:
        net = sum((D(r["closedPnl"]) - D(r["fee"]) for r in window if r["time"] // MS_DAY == day), D(0))
        net += sum((m["usd"] for m in money if m["time"] > begin and m["time"] // MS_DAY == day), D(0))
        nets.append(net)
    curve: dict[int, Decimal] = {}
    for row in window:
        curve[row["time"]] = curve.get(row["time"], D(0)) + D(row["closedPnl"]) - D(row["fee"])
    for one in money:
        if one["time"] > begin:
            curve[one["time"]] = curve.get(one["time"], D(0)) + one["usd"]
    value = peak = deepest = D(0)
    for time in sorted(curve):
        value += curve[time]
        peak = max(peak, value)
        deepest = max(deepest, peak - value)
    notional = sum((D(r["px"]) * D(r["sz"]) for r in window), D(0))
    buys = sum((D(r["px"]) * D(r["sz"]) for r in window if r["side"] == "B"), D(0))
    told = [r for r in window if r.get("crossed") is not None]
    rested = sum((D(r["px"]) * D(r["sz"]) for r in told if not r["crossed"]), D(0))
    known = sum((D(r["px"]) * D(r["sz"]) for r in told), D(0))
    return {
        "fills": len(window),
        "first_fill_ms": rows[0]["time"] if rows else None,
        "last_fill_ms": rows[-1]["time"] if rows else None,
        "gross_pnl": gross,
        "price_pnl": gross,
        "cost_pnl": received - fees,
        "funding": received,
        "realized_pnl": gross - fees + received,
        "round_trips": len(trips),
        "wins": len(won),
        "mean_win": sum(won) / len(won) if won else None,
        "mean_loss": sum(lost) / len(lost) if lost else None,
        "mean_entry_notional_usd": sum(t["entry"] for t in trips) / len(trips) if trips else None,
        "raw_win_rate": D(len(won)) / len(trips) if trips else None,
        "payoff_ratio": (sum(won) / len(won)) / (sum(lost) / len(lost)) if won and lost else None,
        "total_losses": sum(lost, D(0)),
        "profit_factor": sum(won, D(0)) / sum(lost) if lost else None,
        "losing_days": D(sum(net < 0 for net in nets)) / len(nets) if nets else None,
        "active_days": len(nets),
        "max_drawdown_usd": deepest,
        "maker_share": rested / known if known else None,
        "buy_share": buys / notional if notional else None,
        "notional_usd": notional,
        "truncated": sum(begin < time <= as_of for time in holes),
        "trips": trips,
    }


def opening_bets(rows: list[Row]) -> list[Row]:
    """Return the bets that an account's taken opens and flips make, from its ordered rows."""
    events: list[Row] = []
    for coin in sorted({row["coin"] for row in rows}):
        current: Row | None = None
        for row in (row for row in rows if row["coin"] == coin):
            start = rounded(row["startPosition"])
            after = rounded(start + signed(row))
            same = (
                current is not None
                and current["side"] == row["side"]
                and current["after"] == start
                and current["oid"] == row["oid"]
            )
            if same and current is not None:
                current["after"] = after
            else:
                current = {
                    "coin": coin, "side": row["side"], "oid": row["oid"], "before": start, "after": after,
                    "time": row["time"], "px": D(row["px"]), "taker": row.get("crossed"),
                }  # fmt: skip
                events.append(current)
    bets: list[Row] = []
    for event in sorted(events, key=lambda event: event["time"]):
        before, after = event["before"], event["after"]
        event["opens"] = before == 0 or before * after < 0
        if not event["opens"] and abs(after) < abs(before) * D("1.5"):
            continue
        mine = [b for b in bets if b["coin"] == event["coin"] and b["side"] == event["side"]]
        if mine and event["time"] - mine[-1]["time"] <= 300_000:
            continue
        bets.append(event)
    return [bet for bet in bets if bet["opens"] and bet["taker"]]


def markout(bets: list[Row], bars: list[Row], horizon: str, as_of: int, half_spread_bps: float) -> Row:
    """Return n, mean, excess and clustered se of one horizon, from bars of one interval, by time."""
    h, begin = HORIZONS[horizon], as_of - WINDOW
    closes: dict[str, list[tuple[int, float]]] = {}
    for bar in bars:
        if bar["interval"] == "1m" or (bar["interval"] == "15m" and h >= MS_HOUR):
            length = 60_000 if bar["interval"] == "1m" else 900_000
            closes.setdefault(bar["coin"], []).append((bar["t"] + length, float(bar["close"])))

    def price(coin: str, time: int) -> float | None:
        known = closes.get(coin, [])
        index = bisect_right(known, (time, float("inf")))
        found = known[index - 1] if index else None
        return None if found is None or time - found[0] > max(120_000, h / 4) else found[1]

    drifts: dict[str, float] = {}
    moves: list[tuple[int, float, float]] = []
    for bet in bets:
        coin, time = bet["coin"], bet["time"]
        end = price(coin, time + h)
        if not begin < time <= as_of or time + h > as_of or end is None:
            continue
        if coin not in drifts:
            pairs = []
            for start, px in closes[coin]:
                later = price(coin, start + h)
                if begin < start and start + h <= as_of and later is not None:
                    pairs.append(later / px - 1)
            drifts[coin] = sum(pairs) / len(pairs) * 1e4
        sign = 1 if bet["side"] == "B" else -1
        mid = float(bet["px"]) * (1 - sign * half_spread_bps / 1e4)
        move = (end / mid - 1) * 1e4 * sign
        moves.append((time // MS_DAY, move, move - sign * drifts[coin]))
    n = len(moves)
    if not n:
        return {"n": 0, "mean_bps": None, "excess_bps": None, "se_bps": None}
    excess = sum(one[2] for one in moves) / n
    days = sorted({one[0] for one in moves})
    squares = sum(sum(one[2] - excess for one in moves if one[0] == day) ** 2 for day in days)
    se = (len(days) / (len(days) - 1) * squares) ** 0.5 / n if len(days) > 1 else None
    return {"n": n, "mean_bps": sum(one[1] for one in moves) / n, "excess_bps": excess, "se_bps": se}
