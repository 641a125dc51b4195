"""Check what a bot sends against Discord's documented limits."""

import re
from typing import Any

from tests.support.discord_errors import DiscordError, invalid_form, too_long
from tests.support.discord_objects import COMPONENTS_V2, flat_components

# https://discord.com/developers/docs/resources/message#embed-object-embed-limits
EMBED_TEXTS = {"title": 256, "description": 4096}
EMBED_PARTS = {"footer.text": 2048, "author.name": 256}
ALL_EMBEDS = 6000
CONTENT_LIMIT = 2000
NONCE_LIMIT = 25
FILE_LIMIT_BYTES = 10 * 1024 * 1024
ACTION_ROW, BUTTON, SELECT = 1, 2, 3
LINK_STYLE = 5


def check_message(payload: dict[str, Any], has_files: bool, flags: int) -> None:
    """Raise Discord's error for the first limit that a message breaks."""
    content = payload.get("content") or ""
    embeds = payload.get("embeds") or []
    components = payload.get("components") or []
    if len(content) > CONTENT_LIMIT:
        raise too_long("content", CONTENT_LIMIT)
    if len(str(payload.get("nonce") or "")) > NONCE_LIMIT:
        raise too_long("nonce", NONCE_LIMIT)
    check_embeds(embeds)
    check_components(components, is_v2=bool(flags & COMPONENTS_V2))
    if flags & COMPONENTS_V2:
        if content or embeds:
            raise invalid_form(
                "content",
                "MESSAGE_CANNOT_USE_LEGACY_FIELDS_WITH_COMPONENTS_V2",
                "The 'content' and 'embeds' fields cannot be used when using MessageFlags.IS_COMPONENTS_V2",
            )
    elif not (content.strip() or embeds or has_files):
        raise DiscordError(400, 50006, "Cannot send an empty message")


def check_embeds(embeds: list[dict[str, Any]]) -> None:
    """Raise Discord's error for the first limit that the embeds break."""
    if len(embeds) > 10:
        raise invalid_form("embeds", "BASE_TYPE_MAX_LENGTH", "Must be 10 or fewer in length.")
    total = 0
    for place, embed in enumerate(embeds):
        texts = [(name, embed.get(name), limit) for name, limit in EMBED_TEXTS.items()]
        for path, limit in EMBED_PARTS.items():
            part, name = path.split(".")
            texts.append((path, (embed.get(part) or {}).get(name), limit))
        fields = embed.get("fields") or []
        if len(fields) > 25:
            raise invalid_form(
                f"embeds.{place}.fields", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length."
            )
        for number, field in enumerate(fields):
            for name, limit in (("name", 256), ("value", 1024)):
                path = f"fields.{number}.{name}"
                if not field.get(name):
                    raise invalid_form(
                        f"embeds.{place}.{path}", "BASE_TYPE_REQUIRED", "This field is required"
                    )
                texts.append((path, field[name], limit))
        for path, text, limit in texts:
            if len(text or "") > limit:
                raise too_long(f"embeds.{place}.{path}", limit)
            total += len(text or "")
    if total > ALL_EMBEDS:
        raise invalid_form(
            "embeds", "MAX_EMBED_SIZE_EXCEEDED", f"Embed size exceeds maximum size of {ALL_EMBEDS}"
        )


def check_components(components: list[dict[str, Any]], *, is_v2: bool) -> None:
    """Raise Discord's error for the first limit that the components break."""
    everything = flat_components(components)
    if len(everything) > 40 if is_v2 else len(components) > 5:
        raise invalid_form(
            "components", "BASE_TYPE_BAD_LENGTH", f"Must be {40 if is_v2 else 5} or fewer in length."
        )
    if not is_v2 and any(component.get("type") != ACTION_ROW for component in components):
        raise invalid_form("components.0", "UNION_TYPE_CHOICES", 'Value of field "type" must be one of (1,).')
    used: set[str] = set()
    for component in everything:
        if component.get("type") == ACTION_ROW and len(component.get("components", [])) > 5:
            raise invalid_form(
                "components.0.components", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 5 in length."
            )
        if component.get("type") in (BUTTON, SELECT):
            _check_control(component, used)


def _check_control(component: dict[str, Any], used: set[str]) -> None:
    path = "components.0.components.0"
    if len(component.get("label") or "") > 80:
        raise too_long(f"{path}.label", 80)
    if component.get("style") == LINK_STYLE and component["type"] == BUTTON:
        if not 1 <= len(component.get("url") or "") <= 512:
            raise invalid_form(f"{path}.url", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 512 in length.")
        return
    custom_id = component.get("custom_id") or ""
    if not 1 <= len(custom_id) <= 100:
        raise invalid_form(
            f"{path}.custom_id", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length."
        )
    if custom_id in used:
        raise invalid_form(
            f"{path}.custom_id", "COMPONENT_CUSTOM_ID_DUPLICATED", "Component custom id cannot be duplicated"
        )
    used.add(custom_id)
    if component["type"] == SELECT and not 1 <= len(component.get("options", [])) <= 25:
        raise invalid_form(f"{path}.options", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 25 in length.")


def check_choices(choices: list[dict[str, Any]]) -> None:
    """Raise Discord's error for autocomplete choices that it wouldn't show."""
    if len(choices) > 25:
        raise invalid_form("data.choices", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
    for place, choice in enumerate(choices):
        for name in ("name", "value"):
            text = choice.get(name)
            if isinstance(text, str) and not 1 <= len(text) <= 100:
                raise invalid_form(
                    f"data.choices.{place}.{name}",
                    "BASE_TYPE_BAD_LENGTH",
                    "Must be between 1 and 100 in length.",
                )


def check_commands(commands: list[dict[str, Any]]) -> None:
    """Raise Discord's error for slash commands that it wouldn't register."""
    if len(commands) > 100:
        raise DiscordError(400, 30032, "Maximum number of application commands reached (100)")
    for place, command in enumerate(commands):
        name = command.get("name", "")
        is_slash = command.get("type", 1) == 1
        if not 1 <= len(name) <= 32 or (is_slash and name != name.lower()) or (is_slash and " " in name):
            raise invalid_form(f"{place}.name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
        if is_slash and not 1 <= len(command.get("description", "")) <= 100:
            raise invalid_form(
                f"{place}.description", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length."
            )
        if len(command.get("options") or []) > 25:
            raise invalid_form(f"{place}.options", "BASE_TYPE_MAX_LENGTH", "Must be 25 or fewer in length.")
        _check_options(command.get("options") or [], f"{place}.options")


def _check_options(options: list[dict[str, Any]], path: str) -> None:
    is_optional = False
    for place, option in enumerate(options):
        where = f"{path}.{place}"
        if not re.fullmatch(r"[-_\w]{1,32}", option["name"]) or option["name"] != option["name"].lower():
            raise invalid_form(f"{where}.name", "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")
        if not 1 <= len(option.get("description", "")) <= 100:
            raise invalid_form(
                f"{where}.description", "BASE_TYPE_BAD_LENGTH", "Must be between 1 and 100 in length."
            )
        if option.get("required") and is_optional:
            raise invalid_form(
                where,
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                "Required options must be placed before non-required options",
            )
        is_optional = is_optional or not option.get("required")
        if option.get("choices") and option.get("autocomplete"):
            raise invalid_form(
                f"{where}.autocomplete",
                "APPLICATION_COMMAND_OPTIONS_AUTOCOMPLETE_AND_CHOICES",
                "Choices can't be set with autocomplete",
            )
        check_choices(option.get("choices") or [])
        _check_options(option.get("options") or [], f"{where}.options")


def pings_everyone(payload: dict[str, Any]) -> bool:
    """Say whether the content would notify a whole server."""
    content = payload.get("content") or ""
    allowed = payload.get("allowed_mentions")
    permitted = allowed is None or "everyone" in (allowed.get("parse") or [])
    return permitted and ("@everyone" in content or "@here" in content)
