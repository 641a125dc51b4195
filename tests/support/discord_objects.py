"""What Discord stores: users, guilds, channels, webhooks, messages, and how they look on the wire."""

import itertools
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tests.support.wall_clock import now_seconds

EPHEMERAL = 1 << 6
LOADING = 1 << 7
COMPONENTS_V2 = 1 << 15
ADMINISTRATOR = 1 << 3
DISCORD_EPOCH_MS = 1_420_070_400_000
TEXT_CHANNEL, DM_CHANNEL, THREAD = 0, 1, 11
EVERYTHING = (1 << 53) - 1
MEMBER_PERMISSIONS = 1 << 10 | 1 << 11 | 1 << 14 | 1 << 15 | 1 << 16 | 1 << 31

_snowflake_tail = itertools.count()


def snowflake() -> int:
    """Return a new id; it carries its time, as clients expect, and rises."""
    milliseconds = int(now_seconds() * 1000) - DISCORD_EPOCH_MS
    return (milliseconds << 22) | (next(_snowflake_tail) & 0x3FFFFF)


def iso(seconds: float) -> str:
    """Return Discord's form of a time."""
    return datetime.fromtimestamp(seconds, UTC).isoformat()


@dataclass(frozen=True, slots=True)
class File:
    """An attachment as it was uploaded."""

    id: int
    name: str
    content_type: str
    data: bytes


@dataclass(slots=True)
class DiscordUser:
    """A person, the bot, or a webhook's face; `permissions` hold in every guild."""

    id: int
    name: str
    is_bot: bool = False
    takes_direct_messages: bool = True
    permissions: int = MEMBER_PERMISSIONS

    def wire(self) -> dict[str, Any]:
        """Return the API's user."""
        return {
            "id": str(self.id),
            "username": self.name,
            "discriminator": "0",
            "global_name": self.name,
            "avatar": None,
            "bot": self.is_bot,
            "system": False,
            "flags": 0,
            "public_flags": 0,
        }

    def member_wire(self) -> dict[str, Any]:
        """Return the API's guild member, with the permissions that interactions carry."""
        return {
            "user": self.wire(),
            "nick": None,
            "avatar": None,
            "roles": [],
            "joined_at": iso(now_seconds()),
            "premium_since": None,
            "deaf": False,
            "mute": False,
            "flags": 0,
            "pending": False,
            "communication_disabled_until": None,
            "permissions": str(self.permissions),
        }


@dataclass(slots=True)
class DiscordChannel:
    """A guild's text channel, a thread in `parent_id`, or a direct one with `recipient`."""

    id: int
    name: str = ""
    guild_id: int | None = None
    recipient: DiscordUser | None = None
    denied: str = ""
    parent_id: int | None = None
    is_archived: bool = False
    is_locked: bool = False
    is_shared: bool = False
    """A direct one of several people, in which the bot was brought along by one of them."""
    messages: dict[int, "DiscordMessage"] = field(default_factory=dict)

    def wire(self) -> dict[str, Any]:
        """Return the API's channel."""
        if self.recipient is not None:
            return {
                "id": str(self.id),
                "type": DM_CHANNEL,
                "last_message_id": None,
                "flags": 0,
                "recipients": [self.recipient.wire()],
            }
        if self.parent_id is not None:
            return {
                "id": str(self.id),
                "type": THREAD,
                "guild_id": str(self.guild_id),
                "parent_id": str(self.parent_id),
                "owner_id": str(self.guild_id),
                "name": self.name,
                "last_message_id": None,
                "message_count": len(self.messages),
                "member_count": 1,
                "rate_limit_per_user": 0,
                "flags": 0,
                "thread_metadata": {
                    "archived": self.is_archived,
                    "locked": self.is_locked,
                    "auto_archive_duration": 1440,
                    "archive_timestamp": iso(now_seconds()),
                },
            }
        return {
            "id": str(self.id),
            "type": TEXT_CHANNEL,
            "guild_id": str(self.guild_id),
            "name": self.name,
            "position": 0,
            "permission_overwrites": [],
            "topic": None,
            "nsfw": False,
            "last_message_id": None,
            "rate_limit_per_user": 0,
            "parent_id": None,
            "flags": 0,
        }


@dataclass(slots=True)
class DiscordGuild:
    """A server, as its users call it."""

    id: int
    name: str
    owner_id: int

    def wire(self, channels: list[DiscordChannel], members: list[DiscordUser]) -> dict[str, Any]:
        """Return the guild as GUILD_CREATE sends it."""
        empty = ("emojis", "stickers", "features", "presences", "voice_states")
        nothing = ("icon", "splash", "discovery_splash", "banner", "description", "vanity_url_code")
        nowhere = ("afk", "system", "rules", "public_updates", "widget", "safety_alerts")
        everyone = {
            "id": str(self.id),
            "name": "@everyone",
            "color": 0,
            "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
            "hoist": False,
            "icon": None,
            "unicode_emoji": None,
            "position": 0,
            "permissions": str(MEMBER_PERMISSIONS),
            "managed": False,
            "mentionable": False,
            "flags": 0,
        }
        return {
            "id": str(self.id),
            "name": self.name,
            "owner_id": str(self.owner_id),
            "roles": [everyone],
            "channels": [channel.wire() for channel in channels if channel.parent_id is None],
            "threads": [one.wire() for one in channels if one.parent_id is not None and not one.is_archived],
            "members": [member.member_wire() for member in members],
            "member_count": len(members),
            "joined_at": iso(now_seconds()),
            "large": False,
            "unavailable": False,
            "stage_instances": [],
            "guild_scheduled_events": [],
            "soundboard_sounds": [],
            **{name: [] for name in empty},
            **dict.fromkeys(nothing),
            **{f"{name}_channel_id": None for name in nowhere},
            "afk_timeout": 300,
            "application_id": None,
            "verification_level": 1,
            "default_message_notifications": 1,
            "explicit_content_filter": 0,
            "mfa_level": 0,
            "nsfw_level": 0,
            "premium_tier": 0,
            "premium_subscription_count": 0,
            "premium_progress_bar_enabled": False,
            "preferred_locale": "en-US",
            "system_channel_flags": 0,
            "widget_enabled": False,
            "max_members": 500_000,
            "max_presences": None,
            "max_video_channel_users": 25,
            "max_stage_video_channel_users": 50,
        }


@dataclass(frozen=True, slots=True)
class DiscordWebhook:
    """A channel's webhook: whoever knows the token may post."""

    id: int
    token: str
    channel_id: int
    name: str

    def wire(self) -> dict[str, Any]:
        """Return the API's webhook."""
        return {
            "id": str(self.id),
            "type": 1,
            "token": self.token,
            "channel_id": str(self.channel_id),
            "guild_id": None,
            "name": self.name,
            "avatar": None,
            "application_id": None,
        }


@dataclass(frozen=True, slots=True)
class DiscordVersion:
    """What a message showed between two edits."""

    content: str
    embeds: tuple[dict[str, Any], ...] = ()
    components: tuple[dict[str, Any], ...] = ()
    files: tuple[File, ...] = ()
    flags: int = 0
    pings_everyone: bool = False


@dataclass(slots=True)
class DiscordMessage:
    """A message as the channel shows it; `versions` has the first and every edit."""

    id: int
    channel: DiscordChannel
    author: DiscordUser
    versions: list[DiscordVersion]
    cdn_url: str
    nonce: str | int | None = None
    reply_to: int | None = None
    webhook_id: int | None = None
    interaction: dict[str, Any] | None = None
    deleted: bool = False
    created_seconds: float = field(default_factory=now_seconds)

    @property
    def now(self) -> DiscordVersion:
        """Return the latest version."""
        return self.versions[-1]

    @property
    def content(self) -> str:
        """Return the text above the embeds."""
        return self.now.content

    @property
    def embeds(self) -> tuple[dict[str, Any], ...]:
        """Return the embeds."""
        return self.now.embeds

    @property
    def files(self) -> tuple[File, ...]:
        """Return the attachments with their bytes."""
        return self.now.files

    @property
    def edits(self) -> int:
        """Count how often it was edited."""
        return len(self.versions) - 1

    @property
    def is_ephemeral(self) -> bool:
        """Say whether only one person sees it."""
        return bool(self.now.flags & EPHEMERAL)

    @property
    def is_loading(self) -> bool:
        """Say whether it's still the "thinking" of a deferred answer."""
        return bool(self.now.flags & LOADING)

    @property
    def text(self) -> str:
        """Return all words that a reader sees: content, embeds, text components."""
        words: list[str | None] = [self.content]
        for embed in self.embeds:
            author, footer = embed.get("author") or {}, embed.get("footer") or {}
            words += [author.get("name"), embed.get("title"), embed.get("description")]
            for each in embed.get("fields", []):
                words += [each.get("name"), each.get("value")]
            words.append(footer.get("text"))
        words += [str(one["content"]) for one in self.all_components if "content" in one]
        return "\n".join(word for word in words if word)

    @property
    def all_components(self) -> list[dict[str, Any]]:
        """Return every component at any depth, in reading order."""
        return flat_components(self.now.components)

    @property
    def buttons(self) -> list[dict[str, Any]]:
        """Return the buttons in reading order."""
        return [component for component in self.all_components if component.get("type") == 2]

    def wire(self) -> dict[str, Any]:
        """Return the API's message."""
        now = self.now
        message: dict[str, Any] = {
            "id": str(self.id),
            "channel_id": str(self.channel.id),
            "author": self.author.wire(),
            "content": now.content,
            "timestamp": iso(self.created_seconds),
            "edited_timestamp": iso(now_seconds()) if self.edits else None,
            "tts": False,
            "mention_everyone": now.pings_everyone,
            "mentions": [],
            "mention_roles": [],
            "attachments": [self._attachment(file) for file in now.files],
            "embeds": list(now.embeds),
            "pinned": False,
            "type": 20 if self.interaction and self.interaction["type"] == 2 else 0,
            "components": list(now.components),
            "flags": now.flags,
        }
        if self.nonce is not None:
            message["nonce"] = self.nonce
        if self.webhook_id is not None:
            message["webhook_id"] = str(self.webhook_id)
        if self.interaction is not None:
            message["interaction_metadata"] = self.interaction
        replied = self.channel.messages.get(self.reply_to or 0)
        if replied is not None:
            message["type"] = 19
            message["message_reference"] = {
                "type": 0,
                "message_id": str(replied.id),
                "channel_id": str(self.channel.id),
            }
            message["referenced_message"] = None if replied.deleted else replied.wire()
        return message

    def _attachment(self, file: File) -> dict[str, Any]:
        url = f"{self.cdn_url}/attachments/{self.channel.id}/{file.id}/{file.name}"
        attachment: dict[str, Any] = {
            "id": str(file.id),
            "filename": file.name,
            "size": len(file.data),
            "url": url,
            "proxy_url": url,
            "content_type": file.content_type,
        }
        if file.content_type.startswith("image/"):
            attachment.update(width=800, height=450)
        return attachment


def flat_components(components: Any) -> list[dict[str, Any]]:
    """Return components and all that's inside them, in reading order."""
    found = []
    for component in components:
        found.append(component)
        inner = list(component.get("components", []))
        if component.get("accessory"):
            inner.append(component["accessory"])
        found += flat_components(inner)
    return found


def numbered_components(components: Any) -> list[dict[str, Any]]:
    """Return copies in which each component has an `id`, as the platform gives where none is set."""
    used = {one["id"] for one in flat_components(components) if one.get("id")}
    free = (number for number in itertools.count(1) if number not in used)

    def number(component: dict[str, Any]) -> dict[str, Any]:
        copy = {**component, "id": component.get("id") or next(free)}
        if "components" in component:
            copy["components"] = [number(inner) for inner in component["components"]]
        if component.get("accessory"):
            copy["accessory"] = number(component["accessory"])
        return copy

    return [number(component) for component in components]
