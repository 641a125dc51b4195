"""Turn what a bot sends into messages: new ones, edits, and what tells the gateway."""

from dataclasses import dataclass
from typing import Any

from tests.support.discord_checks import check_message, pings_everyone
from tests.support.discord_errors import invalid_form, unknown_message
from tests.support.discord_gateway import DIRECT_MESSAGES_INTENT, GUILD_MESSAGES_INTENT
from tests.support.discord_objects import (
    EPHEMERAL,
    LOADING,
    DiscordChannel,
    DiscordMessage,
    DiscordUser,
    DiscordVersion,
    File,
    numbered_components,
    snowflake,
)
from tests.support.discord_world import DiscordWorld


@dataclass(frozen=True, slots=True)
class RestCall:
    """One request; `ids` are the path's parts, `files` the uploads in order."""

    ids: dict[str, str]
    payload: Any
    files: tuple[File, ...]
    query: dict[str, str]

    def number(self, name: str) -> int:
        """Return a snowflake of the path."""
        if not self.ids[name].isdigit():
            raise invalid_form(name, "NUMBER_TYPE_COERCE", f'Value "{self.ids[name]}" is not snowflake.')
        return int(self.ids[name])


def version_of(
    payload: dict[str, Any], files: tuple[File, ...], before: DiscordVersion | None = None
) -> DiscordVersion:
    """Return a message's new look; on an edit, what isn't named stays."""
    old = before or DiscordVersion("")
    kept = old.files
    if before is not None and payload.get("attachments") is not None:
        wanted = {str(one["id"]) for one in payload["attachments"]}
        kept = tuple(file for file in old.files if str(file.id) in wanted)
    flags = old.flags & ~LOADING
    if payload.get("flags") is not None:
        flags = (flags & EPHEMERAL) | payload["flags"]

    def named(name: str, now: Any) -> Any:
        return (payload[name] or type(now)()) if name in payload else now

    content = named("content", old.content)
    embeds = tuple({"type": "rich", **embed} for embed in named("embeds", old.embeds))
    components = tuple(numbered_components(named("components", old.components)))
    everything = {"content": content, "embeds": list(embeds), "components": list(components)}
    check_message({**everything, "nonce": payload.get("nonce")}, bool(files or kept), flags)
    return DiscordVersion(
        content, embeds, components, (*kept, *files), flags, pings_everyone({**payload, "content": content})
    )


async def post_message(
    world: DiscordWorld, channel: DiscordChannel, author: DiscordUser, version: DiscordVersion, **more: Any
) -> DiscordMessage:
    """Append a message to a channel and tell those who listen."""
    message = DiscordMessage(snowflake(), channel, author, [version], world.cdn_url, **more)
    channel.messages[message.id] = message
    world.changes.announce()
    await _tell(world, "MESSAGE_CREATE", message)
    return message


async def edit_posted(world: DiscordWorld, message: DiscordMessage, call: RestCall) -> dict[str, Any]:
    version = version_of(call.payload, call.files, message.now)
    if message.is_loading:
        message.versions[-1] = version  # The wait is over; this is its first look, not an edit.
    else:
        message.versions.append(version)
    world.changes.announce()
    await _tell(world, "MESSAGE_UPDATE", message)
    return message.wire()


async def _tell(world: DiscordWorld, event: str, message: DiscordMessage) -> None:
    if message.is_ephemeral:
        return
    guild_id = message.channel.guild_id
    intent = GUILD_MESSAGES_INTENT if guild_id else DIRECT_MESSAGES_INTENT
    where = {"guild_id": str(guild_id)} if guild_id else {}
    await world.gateway.dispatch(event, {**message.wire(), **where}, intent)


def find_message(channel: DiscordChannel, message_id: int) -> DiscordMessage:
    message = channel.messages.get(message_id)
    if message is None or message.deleted:
        raise unknown_message()
    return message
