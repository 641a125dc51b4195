"""Who is told of what detection published: entries, what becomes of them, and exits."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.model.notices import Growth
from storage.statements import statements
from storage.values import to_json

if TYPE_CHECKING:
    from storage.database import Connection

SQL = statements("telling")


async def tell_entries(connection: "Connection", entered: Sequence[str], now_ms: int, evidence: str) -> None:
    """Queue these opportunities for all who want them, and hold them where that is the chat's wish."""
    if entered:
        await connection.execute(SQL["add_entry_alerts"], entered, now_ms, evidence)


async def tell_exits(connection: "Connection", left: Sequence[str], now_ms: int, evidence: str) -> None:
    """Tell who was told to enter to leave, and let the entry's message say that it is over."""
    if left:
        await connection.execute(SQL["expire_entries"], left)
        await connection.execute(SQL["add_exit_alerts"], left, now_ms, evidence)
        await connection.execute(SQL["add_update_alerts"], left, now_ms, None)


async def tell_growth(connection: "Connection", grown: Sequence[Growth], now_ms: int) -> None:
    """Let the messages of these entries say how large the loser's order became."""
    for one in grown:
        await connection.execute(SQL["add_update_alerts"], [one.opportunity_id], now_ms, to_json(one))
