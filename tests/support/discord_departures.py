"""What happens to places around a Discord bot: threads come, channels and servers go."""

from tests.support.discord_gateway import GUILDS_INTENT
from tests.support.discord_objects import DiscordChannel
from tests.support.discord_world import DiscordWorld


async def add_thread(
    world: DiscordWorld, thread_id: int, parent_id: int, name: str = "talk"
) -> DiscordChannel:
    """Open a thread in a channel and tell the bot."""
    guild_id = world.channels[parent_id].guild_id
    thread = DiscordChannel(thread_id, name, guild_id, parent_id=parent_id)
    world.channels[thread_id] = thread
    await world.gateway.dispatch("THREAD_CREATE", {**thread.wire(), "newly_created": True}, GUILDS_INTENT)
    return thread


async def delete_channel(world: DiscordWorld, channel_id: int) -> None:
    """Delete a channel with its threads, or one thread, and tell the bot."""
    channel = world.channels[channel_id]
    for thread in [one for one in world.channels.values() if one.parent_id == channel_id]:
        world.remove_channel(thread.id)
    wire = channel.wire()
    world.remove_channel(channel_id)
    if channel.parent_id is None:
        await world.gateway.dispatch("CHANNEL_DELETE", wire, GUILDS_INTENT)
    else:
        gone = {name: wire[name] for name in ("id", "guild_id", "parent_id", "type")}
        await world.gateway.dispatch("THREAD_DELETE", gone, GUILDS_INTENT)


async def leave_guild(world: DiscordWorld, guild_id: int, *, is_outage: bool = False) -> None:
    """Remove the bot from a server and tell it; in an outage it stays and only can't be reached."""
    gone = {"id": str(guild_id)}
    if is_outage:
        gone = {"id": str(guild_id), "unavailable": True}  # type: ignore[dict-item]  # as on the wire
    else:
        del world.guilds[guild_id]
    await world.gateway.dispatch("GUILD_DELETE", gone, GUILDS_INTENT)
