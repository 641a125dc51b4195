"""Whether a chat's subscriptions let an opportunity through; the database asks the same of its rows."""

from collections.abc import Sequence

from core.model.chat_answers import Filter, Filtered
from core.model.chats import Follow, Subscription
from core.model.opportunities import Opportunity


def filtered(
    opportunity: Opportunity, subscriptions: Sequence[Subscription], follows: Sequence[Follow]
) -> Filtered | None:
    """Return what keeps an opportunity from a chat; None: it follows the loser, or a subscription fits.

    Of several that don't fit the one of the coin itself is named.
    """
    if any(follow.address == opportunity.loser for follow in follows):
        return None
    fitting = [one for one in subscriptions if one.coin in (None, opportunity.coin)]
    if not fitting:
        return Filtered(Filter.COIN, None)
    reasons = [(one, _reason(opportunity, one)) for one in fitting]
    if any(reason is None for _, reason in reasons):
        return None
    nearest, reason = max(reasons, key=lambda one: one[0].coin is not None)
    assert reason is not None
    return Filtered(reason, nearest)


def _reason(opportunity: Opportunity, subscription: Subscription) -> Filter | None:
    if subscription.side not in (None, opportunity.side):
        return Filter.SIDE
    if opportunity.loser_notional_usd < subscription.min_usd:
        return Filter.MIN_USD
    if subscription.min_badness > 0 and (
        opportunity.badness is None or opportunity.badness < subscription.min_badness
    ):
        return Filter.MIN_BADNESS
    return None
