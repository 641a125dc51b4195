"""The fee table as `userFees` shows it (docs, page Fees); changes with the exchange's fees."""

from datetime import date, timedelta
from typing import Any

from exchange.simulated.accounts import Account
from exchange.simulated.coins import DAY_MS
from exchange.simulated.decimals import exact

Json = Any
_TIERS = (
    ("5000000.0", "0.0004", "0.00012", "0.0006", "0.0003"),
    ("25000000.0", "0.00035", "0.00008", "0.0005", "0.0002"),
    ("100000000.0", "0.0003", "0.00004", "0.0004", "0.0001"),
    ("500000000.0", "0.00028", "0.0", "0.00035", "0.0"),
    ("2000000000.0", "0.00026", "0.0", "0.0003", "0.0"),
    ("7000000000.0", "0.00024", "0.0", "0.00025", "0.0"),
)
_STAKING = (
    ("0.0", "0.0"), ("0.0001", "0.05"), ("0.001", "0.1"), ("0.01", "0.15"), ("0.1", "0.2"), ("1.0", "0.3"),
    ("5.0", "0.4"),
)  # fmt: skip
_DAYS = 15


def user_fees(account: Account | None, now: int) -> Json:
    """Write `userFees`; everybody pays the base rates."""
    today = now // DAY_MS
    days = range(today - _DAYS + 1, today + 1)
    volume = {day: [0, 0] for day in days}
    for fill in account.fills if account else ():
        if fill.time // DAY_MS in volume:
            volume[fill.time // DAY_MS][0 if fill.taker else 1] += fill.px * abs(fill.size)
    return {
        "dailyUserVlm": [
            {
                "date": _date(day),
                "userCross": exact(crossed, 6),
                "userAdd": exact(added, 6),
                "exchange": "5200000000.0",
            }
            for day, (crossed, added) in volume.items()
        ],
        "feeSchedule": {
            "cross": "0.00045",
            "add": "0.00015",
            "spotCross": "0.0007",
            "spotAdd": "0.0004",
            "tiers": {
                "vip": [
                    {
                        "ntlCutoff": cutoff,
                        "cross": cross,
                        "add": add,
                        "spotCross": spot_cross,
                        "spotAdd": spot_add,
                    }
                    for cutoff, cross, add, spot_cross, spot_add in _TIERS
                ],
                "mm": [
                    {"makerFractionCutoff": share, "add": add}
                    for share, add in (("0.005", "-0.00001"), ("0.015", "-0.00002"), ("0.03", "-0.00003"))
                ],
            },
            "referralDiscount": "0.04",
            "stakingDiscountTiers": [{"bpsOfMaxSupply": bps, "discount": off} for bps, off in _STAKING],
        },
        "userCrossRate": "0.00045",
        "userAddRate": "0.00015",
        "userSpotCrossRate": "0.0007",
        "userSpotAddRate": "0.0004",
        "activeReferralDiscount": "0.0",
        "trial": None,
        "feeTrialEscrow": "0.0",
        "nextTrialAvailableTimestamp": None,
        "stakingLink": None,
        "activeStakingDiscount": {"bpsOfMaxSupply": "0.0", "discount": "0.0"},
    }


def _date(day: int) -> str:
    """Return the ISO date of a day since 1970."""
    return (date(1970, 1, 1) + timedelta(days=day)).isoformat()
