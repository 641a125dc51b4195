"""How a count reads: one of a thing, several things."""


def counted(count: int, one: str, many: str | None = None) -> str:
    """Return ``1 loser``, ``3,000 losers``."""
    return f"{count:,} {one if count == 1 else many or one + 's'}"
