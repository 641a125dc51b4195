"""Carry out the routes of Discord's REST API: each checks, changes the world, returns its JSON."""

from collections.abc import Awaitable, Callable
from typing import Any

from tests.support import discord_answer_routes as answers
from tests.support.discord_checks import check_commands
from tests.support.discord_errors import (
    invalid_form,
    missing_access,
    not_found,
    not_our_message,
    thread_archived,
    unknown_message,
)
from tests.support.discord_objects import snowflake
from tests.support.discord_posting import RestCall, edit_posted, find_message, post_message, version_of
from tests.support.discord_world import DiscordWorld

NONCE_SECONDS = 300.0


# Bot messages.


async def create_message(world: DiscordWorld, call: RestCall) -> Any:
    channel = world.channel(call.number("channel"), to_send=True)
    payload = call.payload
    nonce = payload.get("nonce")
    key = (channel.id, str(nonce))
    if nonce is not None and payload.get("enforce_nonce"):
        at, first = world.nonces.get(key, (float("-inf"), None))
        if first is not None and world.time() - at < NONCE_SECONDS:
            if first.deleted:
                raise unknown_message()
            return first.wire()
    reference = payload.get("message_reference") or {}
    replied = channel.messages.get(int(reference.get("message_id") or 0))
    if reference and (replied is None or replied.deleted):
        if reference.get("fail_if_not_exists", True):
            raise invalid_form("message_reference", "REPLIES_UNKNOWN_MESSAGE", "Unknown message")
        replied = None
    version = version_of(payload, call.files)
    reply_to = replied.id if replied else None
    message = await post_message(world, channel, world.bot, version, nonce=nonce, reply_to=reply_to)
    if nonce is not None:
        world.nonces[key] = (world.time(), message)
    return message.wire()


async def edit_message(world: DiscordWorld, call: RestCall) -> Any:
    channel = world.channel(call.number("channel"))
    message = find_message(channel, call.number("message"))
    if channel.is_archived:
        raise thread_archived()
    if message.author is not world.bot:
        raise not_our_message()
    return await edit_posted(world, message, call)


async def delete_message(world: DiscordWorld, call: RestCall) -> Any:
    find_message(world.channel(call.number("channel")), call.number("message")).deleted = True
    world.changes.announce()


async def get_message(world: DiscordWorld, call: RestCall) -> Any:
    return find_message(world.channel(call.number("channel")), call.number("message")).wire()


async def list_messages(world: DiscordWorld, call: RestCall) -> Any:
    channel = world.channel(call.number("channel"))
    limit = int(call.query.get("limit", "50"))
    return [one.wire() for one in reversed(channel.messages.values()) if not one.deleted][:limit]


async def typing(world: DiscordWorld, call: RestCall) -> Any:
    world.channel(call.number("channel"), to_send=True)


async def get_channel(world: DiscordWorld, call: RestCall) -> Any:
    return world.channel(call.number("channel")).wire()


async def open_direct(world: DiscordWorld, call: RestCall) -> Any:
    user_id = int(call.payload["recipient_id"])
    if user_id not in world.users:
        raise invalid_form("recipient_id", "INVALID_RECIPIENT", "Invalid Recipient(s)")
    return world.direct_channel(user_id).wire()


# Who the bot is.


async def me(world: DiscordWorld, call: RestCall) -> Any:
    return {**world.bot.wire(), "verified": True, "mfa_enabled": True, "email": None, "locale": "en-US"}


async def application(world: DiscordWorld, call: RestCall) -> Any:
    return {
        "id": str(world.application_id),
        "name": world.bot.name,
        "icon": None,
        "description": "",
        "summary": "",
        "bot_public": False,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": 0,
        "owner": world.bot.wire(),
        "team": None,
        "approximate_guild_count": len(world.guilds),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "tags": [],
        "integration_types_config": {"0": {}},
    }


async def gateway(world: DiscordWorld, call: RestCall) -> Any:
    return {"url": world.gateway.url}


async def gateway_bot(world: DiscordWorld, call: RestCall) -> Any:
    limit = {"total": 1000, "remaining": 999, "reset_after": 86_400_000, "max_concurrency": 1}
    return {"url": world.gateway.url, "shards": 1, "session_start_limit": limit}


async def get_guild(world: DiscordWorld, call: RestCall) -> Any:
    guild = world.guilds.get(call.number("guild"))
    if guild is None:
        raise missing_access()
    channels = [one for one in world.channels.values() if one.guild_id == guild.id]
    return guild.wire(channels, [world.bot])


async def get_member(world: DiscordWorld, call: RestCall) -> Any:
    user = world.users.get(call.number("user"))
    if user is None or call.number("guild") not in world.guilds:
        raise not_found()
    return user.member_wire()


# Slash commands.


def _commands(world: DiscordWorld, call: RestCall) -> list[dict[str, Any]]:
    if call.number("application") != world.application_id:
        raise missing_access()
    if "guild" not in call.ids:
        return world.global_commands
    return world.guild_commands.setdefault(call.number("guild"), [])


async def get_commands(world: DiscordWorld, call: RestCall) -> Any:
    return _commands(world, call)


async def put_commands(world: DiscordWorld, call: RestCall) -> Any:
    check_commands(call.payload)
    stored = _commands(world, call)
    known = {command["name"]: command["id"] for command in stored}
    stored[:] = [
        {
            "description": "",
            "options": [],
            "default_member_permissions": None,
            "nsfw": False,
            "integration_types": [0],
            "contexts": None,
            **command,
            "id": known.get(command["name"]) or str(snowflake()),
            "application_id": str(world.application_id),
            "version": str(snowflake()),
            "type": command.get("type", 1),
            **({"guild_id": call.ids["guild"]} if "guild" in call.ids else {}),
        }
        for command in call.payload
    ]
    world.changes.announce()
    return stored


Route = Callable[[DiscordWorld, RestCall], Awaitable[Any]]
# Paths that begin with these need no token of the bot: their own token is in the path.
OPEN_PATHS = ("/interactions/", "/webhooks/", "/gateway")
ROUTES: list[tuple[str, str, Route]] = [
    ("GET", "/users/@me", me),
    ("GET", "/oauth2/applications/@me", application),
    ("GET", "/applications/@me", application),
    ("GET", "/gateway", gateway),
    ("GET", "/gateway/bot", gateway_bot),
    ("GET", "/guilds/{guild}", get_guild),
    ("GET", "/guilds/{guild}/members/{user}", get_member),
    ("GET", "/applications/{application}/commands", get_commands),
    ("PUT", "/applications/{application}/commands", put_commands),
    ("GET", "/applications/{application}/guilds/{guild}/commands", get_commands),
    ("PUT", "/applications/{application}/guilds/{guild}/commands", put_commands),
    ("POST", "/users/@me/channels", open_direct),
    ("GET", "/channels/{channel}", get_channel),
    ("GET", "/channels/{channel}/messages", list_messages),
    ("POST", "/channels/{channel}/messages", create_message),
    ("GET", "/channels/{channel}/messages/{message}", get_message),
    ("PATCH", "/channels/{channel}/messages/{message}", edit_message),
    ("DELETE", "/channels/{channel}/messages/{message}", delete_message),
    ("POST", "/channels/{channel}/typing", typing),
    ("POST", "/interactions/{interaction}/{token}/callback", answers.callback),
    ("GET", "/webhooks/{webhook}/{token}", answers.get_webhook),
    ("POST", "/webhooks/{webhook}/{token}", answers.execute_webhook),
    ("GET", "/webhooks/{webhook}/{token}/messages/{message}", answers.get_webhook_message),
    ("PATCH", "/webhooks/{webhook}/{token}/messages/{message}", answers.edit_webhook_message),
    ("DELETE", "/webhooks/{webhook}/{token}/messages/{message}", answers.delete_webhook_message),
]
