"""What a chat wants to hear and how loudly: settings, followed traders, mutes."""

from typing import TYPE_CHECKING

from core.errors import UsageError
from core.model.alerts import AlertKind, Target
from core.model.chats import ChatSettings, DigestPeriod, Follow, Loudness, Mute, QuietHours
from core.model.market import Address
from storage.statements import statements
from storage.values import from_json, to_json

if TYPE_CHECKING:
    from storage.database import Connection, Database, Record

SQL = statements("wishes")


class Wishes:
    """The tables ``follows`` and ``mutes``, and the settings in ``chats``."""

    def __init__(self, database: "Database") -> None:
        self._database = database

    async def save_settings(self, target: Target, settings: ChatSettings) -> None:
        """Replace a known chat's settings; raises UsageError for a zone that the server doesn't know."""
        quiet = settings.quiet
        async with self._database.connection() as connection:
            # Whoever is told is decided by the server's clock: an unknown zone would stop everybody's alerts.
            if settings.time_zone != "UTC" and not await connection.fetchval(
                SQL["knows_zone"], settings.time_zone
            ):
                raise UsageError(
                    f"The database doesn't know the time zone {settings.time_zone}: expected another of the "
                    "same time, such as Europe/Berlin."
                )
            await connection.execute(
                SQL["save_settings"],
                *_key(target),
                to_json({kind.value: loudness.value for kind, loudness in settings.loudness.items()}),
                None if quiet is None else quiet.begin,
                None if quiet is None else quiet.end,
                settings.time_zone,
                settings.hourly_cap,
                settings.digest.value,
                settings.digest_hour,
            )

    async def follow(self, target: Target, address: Address, label: str | None) -> None:
        """Let a known chat follow a trader; again: under another label.

        Raises UsageError when the chat calls somebody else so.
        """
        async with self._database.transaction() as connection:
            taken = await connection.fetchval(SQL["label_taken"], *_key(target), address, label)
            if taken is not None:
                raise UsageError(f"{label!r} is what this chat calls {taken}: choose another label.")
            await connection.execute(SQL["follow"], *_key(target), address, label)

    async def unfollow(self, target: Target, address: Address) -> bool:
        """Stop following; False when the chat didn't follow."""
        async with self._database.connection() as connection:
            done = await connection.execute(SQL["unfollow"], *_key(target), address)
        return done != "DELETE 0"

    async def followed(self) -> list[Address]:
        """Return everybody whom a chat that may be written to follows."""
        async with self._database.connection() as connection:
            return [Address(row["address"]) for row in await connection.fetch(SQL["followed"])]

    async def mute(self, target: Target, what: str, until_ms: int) -> None:
        """Keep ``all``, a coin or an address from a known chat until then."""
        async with self._database.connection() as connection:
            await connection.execute(SQL["mute"], *_key(target), what, until_ms)

    async def unmute(self, target: Target, what: str | None) -> int:
        """End one mute (None: all of them); return how many."""
        async with self._database.connection() as connection:
            done = await connection.execute(SQL["unmute"], *_key(target), what)
        return int(done.rsplit(" ", 1)[-1])

    async def mutes(self, target: Target, now_ms: int) -> tuple[Mute, ...]:
        """Return what a chat has muted and isn't over, the first to end first."""
        async with self._database.connection() as connection:
            rows = await connection.fetch(SQL["mutes"], *_key(target), now_ms)
        return tuple(Mute(row["what"], row["until_ms"]) for row in rows)

    async def forget_mutes(self, now_ms: int) -> None:
        """Delete mutes that are over."""
        async with self._database.connection() as connection:
            await connection.execute(SQL["forget_mutes"], now_ms)


def settings_of(row: "Record") -> ChatSettings:
    """Return the settings in a row of ``chats``."""
    said: dict[str, str] = from_json(row["loudness"], dict[str, str])
    quiet = None
    if row["quiet_from"] is not None:
        quiet = QuietHours(row["quiet_from"], row["quiet_until"])
    return ChatSettings(
        loudness={AlertKind(kind): Loudness(loudness) for kind, loudness in said.items()},
        quiet=quiet,
        time_zone=row["time_zone"],
        hourly_cap=row["hourly_cap"],
        digest=DigestPeriod(row["digest"]),
        digest_hour=row["digest_hour"],
    )


async def follows_of(connection: "Connection", target: Target) -> tuple[Follow, ...]:
    """Return whom a chat follows."""
    rows = await connection.fetch(SQL["follows"], *_key(target))
    return tuple(Follow(Address(row["address"]), row["label"]) for row in rows)


def _key(target: Target) -> tuple[str, str, str]:
    return target.channel.value, target.chat, target.thread
