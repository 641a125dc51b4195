"""Carry out the methods of the Bot API: each checks what Telegram checks and returns its result."""

import itertools
import re
from collections.abc import Callable
from typing import Any, Literal

from tests.support.telegram_chats import Chat, ChatMessage, Version
from tests.support.telegram_errors import NOT_MODIFIED, QUERY_TOO_OLD, ApiError, bad_request
from tests.support.telegram_html import parse_html, utf16_length
from tests.support.telegram_params import Params, Upload
from tests.support.telegram_world import TelegramWorld, member_wire

TEXT_LIMIT = 4096
CAPTION_LIMIT = 1024
CALLBACK_ANSWER_LIMIT = 200
BUTTON_LIMIT = 100
PHOTO_LIMIT_BYTES = 10 * 1024 * 1024
_IMAGE_STARTS = (b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff")
_COMMAND_NAME = re.compile(r"[a-z0-9_]{1,32}")


def _formatted(params: Params, name: str, limit: int) -> tuple[str, tuple[dict[str, Any], ...]]:
    source = str(params.get(name) or "")
    entities = list(params.get("entities" if name == "text" else "caption_entities") or [])
    mode = str(params.get("parse_mode") or "").lower()
    text = source
    if mode == "html":
        text, entities = parse_html(source)
    elif mode:
        raise ApiError(501, f"Not Implemented: this server reads HTML only, not {mode!r}")
    # Telegram cuts white space at both ends after parsing.
    lead = len(text) - len(text.lstrip())
    text = text.strip()
    end = utf16_length(text)
    shifted = []
    for entity in entities:
        start = max(0, entity["offset"] - lead)
        stop = min(end, entity["offset"] + entity["length"] - lead)
        if stop > start:
            shifted.append({**entity, "offset": start, "length": stop - start})
    if end > limit:
        raise bad_request("message is too long" if name == "text" else "message caption is too long")
    return text, tuple(shifted[:100])


def _text(params: Params) -> Version:
    if not params.get("text"):
        raise bad_request("message text is empty")
    text, entities = _formatted(params, "text", TEXT_LIMIT)
    if not text:
        raise bad_request("text must be non-empty")
    return Version(text, str(params["text"]), entities, _markup(params))


def _markup(params: Params) -> dict[str, Any] | None:
    markup = params.get("reply_markup")
    if markup is None:
        return None
    if not isinstance(markup, dict):
        raise bad_request("object expected as reply markup")
    rows = markup.get("inline_keyboard")
    if rows is None:
        return markup
    for button in itertools.chain.from_iterable(rows):
        if not button.get("text"):
            raise bad_request("can't parse inline keyboard button: Text buttons are empty")
        if not set(button) - {"text", "style", "icon_custom_emoji_id"}:
            raise bad_request("Text buttons are unallowed in the inline keyboard")
        data = button.get("callback_data")
        if data is not None and not 1 <= len(data.encode()) <= 64:
            raise bad_request("BUTTON_DATA_INVALID")
        url = button.get("url")
        if url is not None and not re.match(r"(https?|tg)://[^\s/]+", url):
            raise bad_request(f"inline keyboard button URL '{url}' is invalid: Wrong HTTP URL")
    if sum(len(row) for row in rows) > BUTTON_LIMIT:
        raise bad_request("REPLY_MARKUP_TOO_LONG")
    return {"inline_keyboard": rows} if any(rows) else None


def _send(world: TelegramWorld, params: Params, make: Callable[[], Version]) -> dict[str, Any]:
    chat = world.writable_chat(params.get("chat_id"))
    version = make()
    thread = params.get("message_thread_id")
    if thread is not None and thread not in chat.topics:
        raise bad_request("message thread not found")
    message = world.post(chat, world.bot, version)
    message.thread_id = thread
    message.silent = bool(params.get("disable_notification"))
    reply = params.get("reply_parameters") or {}
    target = reply.get("message_id", params.get("reply_to_message_id"))
    if target is not None:
        replied = chat.messages.get(target)
        if replied is not None and not replied.deleted and replied is not message:
            message.reply_to = target
        elif not (reply.get("allow_sending_without_reply") or params.get("allow_sending_without_reply")):
            del chat.messages[message.message_id]
            raise bad_request("message to be replied not found")
    return message.wire()


def _file(world: TelegramWorld, params: Params, kind: Literal["photo", "document"], value: Any) -> Version:
    if isinstance(value, str) and value.startswith("attach://"):
        value = params.get(value.removeprefix("attach://"))
    if isinstance(value, str):
        known = world.files.get(value)
        if known is None:
            raise bad_request("wrong file identifier/HTTP URL specified")
        upload = known
    elif isinstance(value, Upload):
        upload = value
    else:
        raise bad_request(f"there is no {kind} in the request")
    if not upload.data:
        raise bad_request("file must be non-empty")
    if kind == "photo":
        if len(upload.data) > PHOTO_LIMIT_BYTES:
            raise ApiError(413, "Request Entity Too Large")
        if not upload.data.startswith(_IMAGE_STARTS):
            raise bad_request("IMAGE_PROCESS_FAILED")
    file_id = f"AgAC{len(world.files) + 1:08d}"
    world.files[file_id] = upload
    caption, entities = _formatted(params, "caption", CAPTION_LIMIT)
    source = str(params.get("caption") or "")
    return Version(caption, source, entities, _markup(params), upload, kind, file_id)


def _editable(world: TelegramWorld, params: Params) -> ChatMessage:
    chat = world.writable_chat(params.get("chat_id"))
    message = chat.messages.get(params.get("message_id") or 0)
    if message is None or message.deleted:
        raise bad_request("message to edit not found")
    if message.sender is not world.bot:
        raise bad_request("message can't be edited")
    return message


def _edit(world: TelegramWorld, message: ChatMessage, version: Version) -> dict[str, Any]:
    now = message.now
    same = (version.text, version.entities, version.reply_markup, version.file_id) == (
        now.text,
        now.entities,
        now.reply_markup,
        now.file_id,
    )
    if same:
        raise bad_request(NOT_MODIFIED)
    message.versions.append(version)
    world.changes.announce()
    return message.wire()


def get_me(world: TelegramWorld, params: Params) -> Any:
    return {
        **world.bot.wire(),
        "can_join_groups": True,
        "can_read_all_group_messages": not world.privacy_mode,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
    }


def send_message(world: TelegramWorld, params: Params) -> Any:
    return _send(world, params, lambda: _text(params))


def send_photo(world: TelegramWorld, params: Params) -> Any:
    return _send(world, params, lambda: _file(world, params, "photo", params.get("photo")))


def send_document(world: TelegramWorld, params: Params) -> Any:
    return _send(world, params, lambda: _file(world, params, "document", params.get("document")))


def edit_message_text(world: TelegramWorld, params: Params) -> Any:
    message = _editable(world, params)
    if message.now.file_kind:
        raise bad_request("there is no text in the message to edit")
    return _edit(world, message, _text(params))


def edit_message_caption(world: TelegramWorld, params: Params) -> Any:
    message = _editable(world, params)
    now = message.now
    if not now.file_kind:
        raise bad_request("there is no caption in the message to edit")
    caption, entities = _formatted(params, "caption", CAPTION_LIMIT)
    source = str(params.get("caption") or "")
    markup = _markup(params)
    version = Version(caption, source, entities, markup, now.file, now.file_kind, now.file_id)
    return _edit(world, message, version)


def edit_message_media(world: TelegramWorld, params: Params) -> Any:
    message = _editable(world, params)
    media = params.get("media") or {}
    if media.get("type") not in ("photo", "document"):
        raise bad_request("can't parse InputMedia: type must be photo or document here")
    merged = {**params, **{name: media.get(name) for name in ("caption", "parse_mode")}}
    return _edit(world, message, _file(world, merged, media["type"], media.get("media")))


def edit_message_reply_markup(world: TelegramWorld, params: Params) -> Any:
    message = _editable(world, params)
    now = message.now
    version = Version(
        now.text, now.source, now.entities, _markup(params), now.file, now.file_kind, now.file_id
    )
    return _edit(world, message, version)


def delete_message(world: TelegramWorld, params: Params) -> Any:
    chat = world.writable_chat(params.get("chat_id"))
    message = chat.messages.get(params.get("message_id") or 0)
    if message is None or message.deleted:
        raise bad_request("message to delete not found")
    may_delete = chat.type == "private" or chat.members.get(world.bot.id) == "administrator"
    if message.sender is not world.bot and not may_delete:
        raise bad_request("message can't be deleted")
    message.deleted = True
    world.changes.announce()
    return True


def answer_callback_query(world: TelegramWorld, params: Params) -> Any:
    press = world.presses.get(str(params.get("callback_query_id")))
    if press is None or press.expired:
        raise bad_request(QUERY_TOO_OLD)
    text = str(params.get("text") or "")
    if len(text) > CALLBACK_ANSWER_LIMIT:
        raise bad_request("MESSAGE_TOO_LONG")
    press.answer = {"text": text, "show_alert": bool(params.get("show_alert"))}
    world.changes.announce()
    return True


def send_chat_action(world: TelegramWorld, params: Params) -> Any:
    world.writable_chat(params.get("chat_id"))
    if not params.get("action"):
        raise bad_request("wrong parameter action in request")
    return True


def get_chat(world: TelegramWorld, params: Params) -> Any:
    chat = world.writable_chat(params.get("chat_id"))
    gifts = ("unlimited", "limited", "unique")
    return {
        **chat.wire(),
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": {
            **{f"{kind}_gifts": True for kind in gifts},
            "premium_subscription": True,
            "gifts_from_channels": True,
        },
    }


def get_chat_member(world: TelegramWorld, params: Params) -> Any:
    chat = world.writable_chat(params.get("chat_id"))
    user_id = params.get("user_id")
    user = world.bot if user_id == world.bot.id else world.users.get(user_id or 0)
    if user is None:
        raise bad_request("PARTICIPANT_ID_INVALID")
    return member_wire(user, _status(chat, user.id))


def _status(chat: Chat, user_id: int) -> str:
    return chat.members.get(user_id, "member" if chat.type == "private" else "left")


def get_chat_administrators(world: TelegramWorld, params: Params) -> Any:
    chat = world.writable_chat(params.get("chat_id"))
    if chat.type == "private":
        raise bad_request("there are no administrators in the private chat")
    people = {**world.users, world.bot.id: world.bot}
    return [
        member_wire(people[user_id], status)
        for user_id, status in chat.members.items()
        if status in ("creator", "administrator")
    ]


def leave_chat(world: TelegramWorld, params: Params) -> Any:
    world.writable_chat(params.get("chat_id")).members[world.bot.id] = "left"
    return True


def get_file(world: TelegramWorld, params: Params) -> Any:
    file_id = str(params.get("file_id") or "")
    if file_id not in world.files:
        raise bad_request("invalid file_id")
    return {
        "file_id": file_id,
        "file_unique_id": f"u{file_id}",
        "file_size": len(world.files[file_id].data),
        "file_path": f"documents/{file_id}",
    }


METHODS: dict[str, Callable[[TelegramWorld, Params], Any]] = {
    function.__name__.replace("_", ""): function
    for function in (
        get_me,
        send_message,
        send_photo,
        send_document,
        edit_message_text,
        edit_message_caption,
        edit_message_media,
        edit_message_reply_markup,
        delete_message,
        answer_callback_query,
        send_chat_action,
        get_chat,
        get_chat_member,
        get_chat_administrators,
        leave_chat,
        get_file,
    )
}


def check_commands(commands: Any) -> list[dict[str, Any]]:
    """Return a bot's menu, or raise what Telegram says about it."""
    if not isinstance(commands, list):
        raise bad_request('parameter "commands" is required')
    if len(commands) > 100:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        if not _COMMAND_NAME.fullmatch(str(command.get("command", "")).removeprefix("/")):
            raise bad_request("BOT_COMMAND_INVALID")
        if not 1 <= len(str(command.get("description", ""))) <= 256:
            raise bad_request("BOT_COMMAND_DESCRIPTION_INVALID")
    return commands
