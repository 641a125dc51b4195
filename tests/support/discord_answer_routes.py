"""Carry out the routes that carry their own token: first answers, follow-ups, channel webhooks."""

from typing import Any

from tests.support.discord_checks import check_choices
from tests.support.discord_errors import (
    already_acknowledged,
    invalid_form,
    unknown_channel,
    unknown_interaction,
    unknown_message,
    unknown_webhook,
)
from tests.support.discord_interactions import (
    ANSWERS,
    CHOICES,
    DEFERRED,
    DEFERRED_UPDATE,
    MESSAGE,
    OPEN_MODAL,
    TOKEN_SECONDS,
    UPDATE,
    Interaction,
)
from tests.support.discord_objects import EPHEMERAL, LOADING, DiscordMessage, DiscordUser, DiscordVersion
from tests.support.discord_posting import RestCall, edit_posted, find_message, post_message, version_of
from tests.support.discord_world import DiscordWorld


def _interaction(world: DiscordWorld, interaction_id: int, token: str, seconds: float) -> Interaction:
    interaction = world.interactions.get(interaction_id)
    if interaction is None or interaction.token != token or world.time() - interaction.created_at > seconds:
        raise unknown_interaction()
    return interaction


async def callback(world: DiscordWorld, call: RestCall) -> Any:
    interaction = _interaction(
        world, call.number("interaction"), call.ids["token"], world.first_answer_seconds
    )
    if interaction.response_type is not None:
        raise already_acknowledged()
    kind, data = call.payload["type"], call.payload.get("data") or {}
    if kind not in ANSWERS[interaction.type]:
        raise invalid_form("type", "INTERACTION_CALLBACK_TYPE_INVALID", "Invalid interaction callback type")
    about: dict[str, Any] = {"id": str(interaction.id), "type": interaction.type}
    resource: dict[str, Any] = {"type": kind}
    if kind in (MESSAGE, DEFERRED):
        deferred = DiscordVersion("", flags=(data.get("flags") or 0) & EPHEMERAL | LOADING)
        version = deferred if kind == DEFERRED else version_of(data, call.files)
        interaction.original = await post_message(
            world, interaction.channel, world.bot, version, interaction=interaction.metadata()
        )
    elif kind in (UPDATE, DEFERRED_UPDATE):
        interaction.original = interaction.message
        assert interaction.original is not None
        interaction.original_edits = interaction.original.edits
        if kind == UPDATE:
            await edit_posted(world, interaction.original, RestCall(call.ids, data, call.files, {}))
    elif kind == CHOICES:
        check_choices(data.get("choices") or [])
        interaction.choices = data.get("choices") or []
    elif kind == OPEN_MODAL:
        interaction.modal = data
    interaction.response_type = kind
    world.changes.announce()
    if call.query.get("with_response", "").lower() not in ("1", "true"):
        return None
    if interaction.original is not None:
        about["response_message_id"] = str(interaction.original.id)
        about["response_message_loading"] = interaction.original.is_loading
        about["response_message_ephemeral"] = interaction.original.is_ephemeral
    if kind in (MESSAGE, UPDATE) and interaction.original is not None:
        resource["message"] = interaction.original.wire()
    return {"interaction": about, "resource": resource}


def _by_token(world: DiscordWorld, call: RestCall) -> Interaction | None:
    """Return the interaction that a webhook path means, or None for a channel's webhook."""
    if call.number("webhook") != world.application_id:
        webhook = world.webhooks.get(call.number("webhook"))
        if webhook is None or webhook.token != call.ids["token"]:
            raise unknown_webhook()
        return None
    for interaction in world.interactions.values():
        if interaction.token == call.ids["token"]:
            if interaction.response_type is None or world.time() - interaction.created_at > TOKEN_SECONDS:
                break
            return interaction
    raise unknown_webhook()


async def execute_webhook(world: DiscordWorld, call: RestCall) -> Any:
    interaction = _by_token(world, call)
    if interaction is None:
        return await _channel_webhook(world, call)
    original = interaction.original
    if original is not None and original.is_loading:
        return await edit_posted(world, original, call)
    version = version_of(call.payload, call.files)
    message = await post_message(
        world, interaction.channel, world.bot, version, interaction=interaction.metadata()
    )
    interaction.followups.append(message)
    world.changes.announce()
    return message.wire()


async def _channel_webhook(world: DiscordWorld, call: RestCall) -> Any:
    webhook = world.webhooks[call.number("webhook")]
    channel = world.channels.get(webhook.channel_id)
    if channel is None:
        raise unknown_channel()
    face = DiscordUser(webhook.id, call.payload.get("username") or webhook.name, is_bot=True)
    version = version_of(call.payload, call.files)
    message = await post_message(world, channel, face, version, webhook_id=webhook.id)
    return message.wire() if call.query.get("wait", "").lower() in ("1", "true") else None


def _webhook_message(world: DiscordWorld, call: RestCall) -> DiscordMessage:
    interaction = _by_token(world, call)
    if interaction is None:
        webhook = world.webhooks[call.number("webhook")]
        channel = world.channels.get(webhook.channel_id)
        if channel is None:
            raise unknown_channel()
        return find_message(channel, call.number("message"))
    if call.ids["message"] == "@original":
        if interaction.original is None or interaction.original.deleted:
            raise unknown_message()
        return interaction.original
    return find_message(interaction.channel, call.number("message"))


async def edit_webhook_message(world: DiscordWorld, call: RestCall) -> Any:
    return await edit_posted(world, _webhook_message(world, call), call)


async def get_webhook_message(world: DiscordWorld, call: RestCall) -> Any:
    return _webhook_message(world, call).wire()


async def delete_webhook_message(world: DiscordWorld, call: RestCall) -> Any:
    _webhook_message(world, call).deleted = True
    world.changes.announce()


async def get_webhook(world: DiscordWorld, call: RestCall) -> Any:
    _by_token(world, call)
    return world.webhooks[call.number("webhook")].wire()
