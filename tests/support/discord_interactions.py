"""An interaction's life: made by a person, answered once in time, then edited and followed up."""

import secrets
from dataclasses import dataclass, field
from typing import Any

from tests.support.discord_checks import FILE_LIMIT_BYTES
from tests.support.discord_objects import DiscordChannel, DiscordMessage, DiscordUser, snowflake

COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5
MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE, CHOICES, OPEN_MODAL = 4, 5, 6, 7, 8, 9
FIRST_ANSWER_SECONDS = 3.0
TOKEN_SECONDS = 900.0
# Which first answers each kind of interaction takes.
ANSWERS = {
    COMMAND: {MESSAGE, DEFERRED, OPEN_MODAL},
    COMPONENT: {MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE, OPEN_MODAL},
    AUTOCOMPLETE: {CHOICES},
    MODAL: {MESSAGE, DEFERRED, DEFERRED_UPDATE, UPDATE},
}
_TYPES: dict[int, tuple[type, ...]] = {
    3: (str,),
    4: (int,),
    5: (bool,),
    10: (int, float),
}


@dataclass(slots=True)
class Interaction:
    """What a person did and how the bot answered; `created_at` is the loop's time."""

    type: int
    user: DiscordUser
    channel: DiscordChannel
    data: dict[str, Any]
    created_at: float
    message: DiscordMessage | None = None
    id: int = field(default_factory=snowflake)
    token: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    response_type: int | None = None
    original: DiscordMessage | None = None
    original_edits: int = 0
    followups: list[DiscordMessage] = field(default_factory=list)
    choices: list[dict[str, Any]] | None = None
    modal: dict[str, Any] | None = None

    @property
    def answer(self) -> DiscordMessage | None:
        """Return the message that the person waits for, once it's there."""
        original = self.original
        if self.response_type == DEFERRED_UPDATE:
            if original is not None and original.edits > self.original_edits:
                return original
            return self.followups[0] if self.followups else None
        return None if original is None or original.is_loading else original

    def metadata(self) -> dict[str, Any]:
        """Return what a message tells about the interaction that made it."""
        return {
            "id": str(self.id),
            "type": self.type,
            "user": self.user.wire(),
            "authorizing_integration_owners": {},
            **({"name": self.data["name"]} if self.type == COMMAND else {}),
        }

    def wire(self, application_id: int) -> dict[str, Any]:
        """Return INTERACTION_CREATE's payload."""
        channel = self.channel
        wire: dict[str, Any] = {
            "id": str(self.id),
            "application_id": str(application_id),
            "type": self.type,
            "data": self.data,
            "token": self.token,
            "version": 1,
            "channel_id": str(channel.id),
            "channel": {**channel.wire(), "permissions": str(self.user.permissions)},
            "locale": "en-US",
            "app_permissions": str((1 << 53) - 1),
            "entitlements": [],
            "authorizing_integration_owners": {},
            "attachment_size_limit": FILE_LIMIT_BYTES,
        }
        if channel.guild_id is not None:
            guild = {"id": str(channel.guild_id), "locale": "en-US", "features": []}
            wire.update(
                guild_id=str(channel.guild_id),
                guild=guild,
                guild_locale="en-US",
                member=self.user.member_wire(),
                context=0,
                authorizing_integration_owners={"0": str(channel.guild_id)},
            )
        else:
            wire.update(user=self.user.wire(), context=2 if channel.is_shared else 1)
        if self.message is not None:
            wire["message"] = self.message.wire()
        return wire


def find_command(commands: list[dict[str, Any]], name: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the registered command for "name" or "name sub", and the options it declares.

    Raises AssertionError when people wouldn't find it.
    """
    parts = name.split()
    for command in commands:
        if command["name"] != parts[0] or command.get("type", 1) != 1:
            continue
        declared = command.get("options") or []
        for part in parts[1:]:
            below = [option for option in declared if option["type"] in (1, 2) and option["name"] == part]
            if not below:
                raise AssertionError(f"/{parts[0]} has no subcommand {part!r}")
            declared = below[0].get("options") or []
        return command, declared
    known = sorted(command["name"] for command in commands)
    raise AssertionError(f"no command /{name} is registered; there are {known}")


def command_data(
    command: dict[str, Any],
    declared: list[dict[str, Any]],
    name: str,
    values: dict[str, Any],
    typing: tuple[str, str] | None = None,
) -> dict[str, Any]:
    """Return an interaction's `data`, or raise AssertionError where Discord's form wouldn't let go.

    `typing` is the option that's being typed, for autocomplete, with the text so far.
    """
    known = {option["name"]: option for option in declared}
    options = []
    for option_name, value in values.items():
        option = known.get(option_name)
        if option is None:
            raise AssertionError(f"/{name} has no option {option_name!r}; it has {sorted(known)}")
        wanted = _TYPES.get(option["type"], (str, int))
        if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
            raise AssertionError(f"/{name}: {option_name}={value!r} doesn't fit option type {option['type']}")
        allowed = [choice["value"] for choice in option.get("choices") or []]
        if allowed and value not in allowed:
            raise AssertionError(f"/{name}: {option_name}={value!r} isn't one of {allowed}")
        options.append({"name": option_name, "type": option["type"], "value": value})
    if typing is not None:
        option_name, text = typing
        if not known.get(option_name, {}).get("autocomplete"):
            raise AssertionError(f"/{name}: option {option_name!r} has no autocomplete")
        kind = known[option_name]["type"]
        options.append({"name": option_name, "type": kind, "value": text, "focused": True})
    else:
        missing = [one for one in known if known[one].get("required") and one not in values]
        if missing:
            raise AssertionError(f"/{name} requires {missing}")
    for depth, part in reversed(list(enumerate(name.split()))):
        if depth:
            kind = 1 if depth == len(name.split()) - 1 else 2
            options = [{"name": part, "type": kind, "options": options}]
    return {
        "id": command["id"],
        "name": command["name"],
        "type": 1,
        "options": options,
        **({"guild_id": command["guild_id"]} if "guild_id" in command else {}),
    }
