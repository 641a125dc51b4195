"""Who may hear what: chats, their subscriptions, and the one-time code that makes the owner."""

import hashlib
import secrets
from typing import TYPE_CHECKING

from core.model.alerts import Channel, Target
from core.model.chats import Chat, Role, Subscription
from core.model.market import Coin, Direction
from storage.statements import statements
from storage.wishes import follows_of, settings_of

if TYPE_CHECKING:
    from storage.database import Connection, Database, Record

SQL = statements("chats")
CODE_LENGTH = 10
_LETTERS = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
"""Without letters and digits that are mistaken for each other; 32 of them: 50 bits a code."""


class Chats:
    """The tables ``chats``, ``subscriptions`` and ``owner_codes``."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    async def chat(self, target: Target) -> Chat | None:
        """Return a chat with its subscriptions, or None."""
        async with self._database.connection() as connection:
            return await _chat(connection, target)

    async def add_chat(self, target: Target, role: Role, title: str) -> Chat:
        """Store a chat that spoke to us and return it; a known one keeps its role."""
        async with self._database.transaction() as connection:
            await connection.execute(SQL["add"], *_key(target), role.value, title)
            chat = await _chat(connection, target)
        assert chat is not None
        return chat

    async def set_role(self, target: Target, role: Role) -> None:
        """Change what a chat may do; a group's topics, a channel's threads go in and out with it.

        Whoever is turned out gets nothing that still waits but exits: they were told to enter.
        """
        async with self._database.transaction() as connection:
            await connection.execute(SQL["set_role"], *_key(target), role.value)
            if role is Role.DECLINED:
                await connection.execute(SQL["silence"], *_key(target))

    async def enable(self, target: Target) -> None:
        """Switch a chat on again that was switched off, and tell it the exits of a day that it missed."""
        async with self._database.connection() as connection:
            await connection.execute(SQL["enable"], *_key(target))

    async def subscribe(self, target: Target, subscription: Subscription) -> None:
        """Add a subscription to a known chat; one of the same coin is replaced."""
        async with self._database.connection() as connection:
            await connection.execute(
                SQL["subscribe"],
                *_key(target),
                subscription.coin,
                subscription.min_usd,
                subscription.min_badness,
                None if subscription.side is None else subscription.side.value,
            )

    async def unsubscribe(self, target: Target, coin: Coin | None) -> int:
        """Remove one coin's subscription (None: all of them); return how many."""
        async with self._database.connection() as connection:
            done = await connection.execute(SQL["unsubscribe"], *_key(target), coin)
        return int(done.rsplit(" ", 1)[-1])

    async def owners(self) -> list[Chat]:
        """Return the owners' chats, the first first; the terminal isn't among them."""
        async with self._database.snapshot() as connection:
            rows = await connection.fetch(SQL["owners"])
            return [await _with_subscriptions(connection, row) for row in rows]

    async def pending(self) -> list[Chat]:
        """Return who waits to be let in, the longest first."""
        async with self._database.snapshot() as connection:
            rows = await connection.fetch(SQL["pending"])
            return [await _with_subscriptions(connection, row) for row in rows]

    async def note_asker(self, target: Target, user_id: str | None) -> None:
        """Remember which person asked for a known chat to be let in."""
        async with self._database.connection() as connection:
            await connection.execute(SQL["asked"], *_key(target), user_id)

    async def note_place(self, target: Target, within: Target) -> None:
        """Remember the channel that a known thread is in, and turn it out with a declined one."""
        async with self._database.transaction() as connection:
            role = await connection.fetchval(SQL["within"], *_key(target), within.chat)
            if role == Role.DECLINED:
                await connection.execute(SQL["silence"], *_key(target))

    async def forget(self, target: Target) -> None:
        """Delete a chat with all that it wanted, and what still waits for it.

        What it was told about opportunities stays as bare rows of ids, times and outcomes. That an owner
        declined it stays too, under its id and with nothing else: it would ask again without end.
        """
        async with self._database.transaction() as connection:
            await connection.execute(SQL["forget_queue"], *_key(target))
            await connection.execute(SQL["forget_waiting"], *_key(target))
            await connection.execute(SQL["forget_notices"], *_key(target))
            await connection.execute(SQL["forget_title"], str(target))
            role = await connection.fetchval(SQL["forget"], *_key(target))
            if role == Role.DECLINED:
                await connection.execute(SQL["add"], *_key(target), role, "")

    async def reachable(self) -> list[Chat]:
        """Return every chat that may be written to, the terminal included."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["reachable"])
            return [await _with_subscriptions(connection, row) for row in rows]

    async def new_owner_code(self) -> str:
        """Make a one-time code that makes a chat the owner; earlier unused ones stop working."""
        code = "".join(secrets.choice(_LETTERS) for _ in range(CODE_LENGTH))
        async with self._database.transaction() as connection:
            await connection.execute(SQL["forget_codes"])
            await connection.execute(SQL["add_code"], _hash(code))
        return code

    async def claim_owner(self, target: Target, code: str, title: str) -> bool:
        """Make this chat the owner if the one-time code is right and unused."""
        async with self._database.transaction() as connection:
            if await connection.fetchval(SQL["use_code"], _hash(code), str(target)) is None:
                return False
            await connection.execute(SQL["make_owner"], *_key(target), title)
        return True


def _hash(code: str) -> bytes:
    return hashlib.sha256(code.strip().upper().encode(errors="replace")).digest()


def _key(target: Target) -> tuple[str, str, str]:
    return target.channel.value, target.chat, target.thread


async def _chat(connection: "Connection", target: Target) -> Chat | None:
    row = await connection.fetchrow(SQL["chat"], *_key(target))
    return None if row is None else await _with_subscriptions(connection, row)


async def _with_subscriptions(connection: "Connection", row: "Record") -> Chat:
    target = Target(Channel(row["channel"]), row["chat"], row["thread"])
    wanted = await connection.fetch(SQL["subscriptions"], *_key(target))
    return Chat(
        target=target,
        role=Role(row["role"]),
        title=row["title"],
        disabled_reason=row["disabled_reason"],
        settings=settings_of(row),
        follows=await follows_of(connection, target),
        asked_by=row["asked_by"],
        subscriptions=tuple(
            Subscription(
                None if s["coin"] is None else Coin(s["coin"]),
                s["min_usd"],
                s["min_badness"],
                None if s["side"] is None else Direction(s["side"]),
            )
            for s in wanted
        ),
    )
