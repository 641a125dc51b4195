"""Profit over the windows: `portfolio`, leaderboard, vault list; changes with their shapes."""

from typing import Any

import numpy as np

from exchange.simulated.accounts import Account
from exchange.simulated.coins import DAY_MS, MICRO
from exchange.simulated.decimals import Printer, text
from exchange.simulated.noise import Ints, hex_of
from exchange.simulated.panel import Panel
from exchange.simulated.people import Kind, Person

Json = Any
_MIN = 60_000
# window → (how far back it reaches at least, distance of its points), both in minutes
WINDOWS = {"day": (1440, 120), "week": (10_080, 168), "month": (43_200 + 900, 1_001)}
_EARLY_POINTS = 20
_LATE_POINTS = 45


def window_times(window: str, account_created: int, account_start: int, now: int) -> Ints:
    """Return the times of a window's points; the last one is now."""
    if window == "allTime":
        early = np.linspace(account_created, account_start, _EARLY_POINTS, endpoint=False)
        late = np.linspace(account_start, now, _LATE_POINTS)[:-1]
        times = (np.concatenate((early, late)).astype(np.int64) // _MIN + 1) * _MIN
        times[0] = account_created  # where profit is exactly 0
        times = times[times < now]
    else:
        reach, step = WINDOWS[window]
        first = (now // _MIN - reach) // step * step
        times = np.arange(first, now // _MIN, step, dtype=np.int64) * _MIN
        times = times[times >= account_created]
    result: Ints = np.concatenate((times, [now]))
    return result


class Scores:
    """Writes what accounts made over a day, a week, a month and all time."""

    def __init__(self, seed: int, panel: Panel, printer: Printer) -> None:
        self._seed = seed
        self._panel = panel
        self._print = printer

    def portfolio(self, account: Account, now: int) -> list[Json]:
        """Write `portfolio`: eight windows, values in USD, profit starting at 0 in each."""
        curve = account.curve(self._panel, now)
        result: list[Json] = []
        for perp in (False, True):
            for window in (*WINDOWS, "allTime"):
                times = window_times(window, account.created_ms, account.start_ms, now)
                equity, profit = curve.figures(times, spot=not perp)
                base = 0 if window == "allTime" else int(profit[0])
                stamps = times + np.append(np.arange(len(times) - 1) * 7 % 90, 0)
                values = list(zip(stamps.tolist(), equity.tolist(), profit.tolist(), strict=True))
                name = f"perp{window[0].upper()}{window[1:]}" if perp else window
                result.append(
                    [
                        name,
                        {
                            "accountValueHistory": [[t, self._print.usd(v)] for t, v, _ in values],
                            "pnlHistory": [[t, self._print.usd(p - base)] for t, _, p in values],
                            "vlm": self._print.usd(curve.volume(int(times[0]), now, not perp)),
                        },
                    ]
                )
        return result

    def leaderboard_row(self, person: Person, accounts: list[Account], now: int) -> tuple[int, Json]:
        """Write one leaderboard row over a master and its sub-accounts; return it with its month volume."""
        totals = {window: [0, 0, 0] for window in (*WINDOWS, "allTime")}  # profit, capital, volume
        value = 0
        for account in accounts:
            curve = account.curve(self._panel, now)
            firsts = [
                int(window_times(window, account.created_ms, account.start_ms, now)[0]) for window in WINDOWS
            ]
            equity, profit = curve.figures(np.array([*firsts, now], dtype=np.int64), spot=True)
            value += int(equity[-1])
            for i, window in enumerate(WINDOWS):
                given = int(equity[-1] - profit[-1] - equity[i] + profit[i])
                totals[window][0] += int(profit[-1] - profit[i])
                totals[window][1] += int(equity[i]) + max(given, 0)
                totals[window][2] += curve.volume(firsts[i], now, spot=True)
            totals["allTime"][0] += int(profit[-1])
            totals["allTime"][1] += max(int(equity[-1] - profit[-1]), MICRO)
            totals["allTime"][2] += curve.volume(0, now, spot=True)
        usd = self._print.usd
        row = {
            "ethAddress": person.address,
            "accountValue": usd(value),
            "windowPerformances": [
                [
                    window,
                    {"pnl": usd(pnl), "roi": text(round(pnl / max(capital, MICRO), 10)), "vlm": usd(volume)},
                ]
                for window, (pnl, capital, volume) in totals.items()
            ],
            "prize": 0,
            "displayName": person.display_name,
        }
        return totals["month"][2], row

    # vaults ----------------------------------------------------------------------------------------------

    def vault_row(self, account: Account, now: int) -> Json:
        """Write one row of `/Mainnet/vaults`."""
        portfolio = dict(self.portfolio(account, now)[:4])
        month = portfolio["month"]["pnlHistory"][-1][1]
        value = portfolio["day"]["accountValueHistory"][-1][1]
        return {
            "apr": round(float(month) / max(float(value), 1.0) * 12, 10),
            "pnls": [[name, [pnl for _, pnl in window["pnlHistory"]]] for name, window in portfolio.items()],
            "summary": {
                "name": self.vault_name(account.person),
                "vaultAddress": account.person.address,
                "leader": self.vault_leader(account.person),
                "tvl": value,
                "isClosed": False,
                "relationship": {"type": "normal"},
                "createTimeMillis": account.created_ms,
            },
        }

    def vault_details(self, account: Account, now: int) -> Json:
        """Write `vaultDetails`."""
        portfolio = self.portfolio(account, now)
        month = float(dict(portfolio)["month"]["pnlHistory"][-1][1])
        value = float(dict(portfolio)["day"]["accountValueHistory"][-1][1])
        followers = [
            {
                "user": hex_of(self._seed, 40, "follower", account.person.number, i),
                "vaultEquity": text(round(value * share, 6)),
                "pnl": text(round(month * share, 6)),
                "allTimePnl": text(round(2 * month * share, 6)),
                "daysFollowing": 20 + i,
                "vaultEntryTime": now - (20 + i) * DAY_MS,
                "lockupUntil": now - (19 + i) * DAY_MS,
            }
            for i, share in enumerate((0.4, 0.3, 0.2))
        ]
        return {
            "name": self.vault_name(account.person),
            "vaultAddress": account.person.address,
            "leader": self.vault_leader(account.person),
            "description": "A simulated vault.",
            "portfolio": portfolio,
            "apr": round(month / max(value, 1.0) * 12, 10),
            "followerState": None,
            "leaderFraction": 0.1,
            "leaderCommission": 0.1,
            "followers": followers,
            "maxDistributable": round(value * 0.1, 6),
            "maxWithdrawable": round(value * 0.05, 6),
            "isClosed": False,
            "relationship": {"type": "normal"},
            "allowDeposits": True,
            "alwaysCloseOnWithdraw": False,
        }

    def vault_name(self, person: Person) -> str:
        """Name a vault."""
        return "Hyperliquidity Provider (HLP)" if person.number == 0 else f"Vault {person.number}"

    def vault_leader(self, person: Person) -> str:
        """Return the address that leads a vault."""
        return hex_of(self._seed, 40, "leader", person.number)


def is_vault(person: Person) -> bool:
    """Say whether an account is a vault."""
    return person.kind is Kind.VAULT
