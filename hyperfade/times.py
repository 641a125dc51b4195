"""Times as people type them."""

from datetime import UTC, datetime

from core.errors import UsageError


def parse_time(text: str | None) -> int | None:
    """Return an ISO 8601 time (UTC where no zone is given) in ms since the epoch; None for None."""
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise UsageError(
            f"{text[:40]!r} is no time: expected ISO 8601 such as 2026-07-21T12:00:00Z"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return round(moment.timestamp() * 1000)
