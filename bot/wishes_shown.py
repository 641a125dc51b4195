"""All that a chat wants, in one message: what several commands end with."""

from collections.abc import Iterable
from typing import Any

from bot.replies import reply
from bot.requests import Reply, Request
from bot.settings_words import KINDS
from bot.stores import Stores
from core.model.alerts import AlertKind
from core.model.buttons import Button, Rows
from core.model.chats import Chat, ChatSettings, Mute, Role
from core.quiet_hours import is_quiet, next_change_ms
from core.time_zones import zone_of

BACK_TO_WISHES = Button("Back", "subscriptions", edits=True)
ALL_WISHES = Button("All that this chat gets", "subscriptions", edits=True)


async def show_wishes(request: Request, stores: Stores, now_ms: int, note: str) -> Reply:
    """Return everything that a chat wants, after a note about what was just done."""
    chat = await stores.chats.chat(request.target)
    mutes = await stores.wishes.mutes(request.target, now_ms)
    return reply(
        request,
        "subscriptions",
        None,
        note=note,
        is_nameless=request.is_nameless,
        subscriptions=chat.subscriptions if chat else (),
        follows=chat.follows if chat else (),
        buttons=_buttons(chat, mutes),
        **settings_facts(chat, now_ms),
        **mute_facts(chat, mutes, now_ms),
    )


def settings_facts(chat: Chat | None, now_ms: int) -> dict[str, Any]:
    """Return what templates need to tell a chat's settings."""
    settings = chat.settings if chat else ChatSettings()
    zone = zone_of(settings.time_zone)
    return {
        "settings": settings,
        "kinds": tuple((kind.value, settings.loudness_of(kind).value) for kind in kinds_of(chat)),
        "is_quiet_now": is_quiet(settings.quiet, zone, now_ms),
        "quiet_changes_ms": next_change_ms(settings.quiet, zone, now_ms),
    }


def mute_facts(chat: Chat | None, mutes: Iterable[Mute], now_ms: int) -> dict[str, Any]:
    """Return what templates need to tell a chat's mutes, traders by the chat's own name."""
    follows = chat.follows if chat else ()
    labels: dict[str, str | None] = {follow.address: follow.label for follow in follows}
    settings = chat.settings if chat else ChatSettings()
    return {
        "mutes": tuple((one.what, labels.get(one.what), one.until_ms) for one in mutes),
        "zone": settings.time_zone,
        "now_ms": now_ms,
    }


def kinds_of(chat: Chat | None) -> tuple[AlertKind, ...]:
    """Return the kinds that a chat can turn; health is told to owners only."""
    is_owner = chat is not None and chat.role is Role.OWNER
    kinds = (kind for kind in KINDS if kind is not AlertKind.DIGEST)
    return tuple(kind for kind in kinds if kind is not AlertKind.HEALTH or is_owner)


def _buttons(chat: Chat | None, mutes: tuple[Mute, ...]) -> Rows:
    rows: list[tuple[Button, ...]] = [
        (Button("Add coins", "subscribe", edits=True), Button("Remove", "unsubscribe", edits=True))
        if chat and chat.subscriptions
        else (Button("Choose coins", "subscribe", edits=True),)
    ]
    if chat and chat.follows:
        rows.append((Button("Followed traders", "unfollow", edits=True),))
    last = [Button("Settings", "settings", edits=True)]
    if mutes:
        last.append(Button("End mutes", "unmute", edits=True))
    return (*rows, tuple(last))
