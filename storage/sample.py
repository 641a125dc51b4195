"""The made-up opportunity that a test alert shows, marked as a rehearsal."""

from decimal import Decimal

from core.detection.identity import short_id
from core.model.market import DAY_MS, Address, Coin, Direction
from core.model.opportunities import RULE_VERSION, Group, Opportunity

_NAME = "TEST"


def sample_opportunity(now_ms: int) -> Opportunity:
    """Return an opportunity that nobody can take for a real one; it stands for no account."""
    return Opportunity(
        opportunity_id=_NAME,
        short_id=short_id(_NAME),
        group=Group.LOSER,
        rule_version=RULE_VERSION,
        is_rehearsal=True,
        loser=Address("0x" + "0" * 40),
        rank=1,
        badness=50.0,
        record="No real account: this shows how an alert looks.",
        coin=Coin("BTC"),
        side=Direction.SHORT,
        trigger="open",
        loser_px=Decimal("60000"),
        loser_notional_usd=10_000.0,
        event_ms=now_ms,
        published_ms=now_ms,
        reference_px=Decimal("60003"),
        reference_source="book",
        drift_bps=-0.5,
        suggested_notional_usd=1_000.0,
        stop_px=Decimal("60900"),
        target_px=Decimal("59100"),
        expires_ms=now_ms + DAY_MS,
        edge_bps=None,
        edge_low_bps=None,
        edge_high_bps=None,
        edge_n=0,
        cost_bps=10.0,
        half_spread_bps=0.5,
        funding_bps_per_hour=None,
        crowd=None,
        reasons=("This is a test: there is nothing to do.",),
    )
