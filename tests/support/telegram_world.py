"""The people and chats around a Telegram bot, and what people do there."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.support.changes import PATIENCE_SECONDS, Changes
from tests.support.telegram_chats import Chat, ChatMessage, ChatType, User, Version
from tests.support.telegram_errors import bad_request, forbidden
from tests.support.telegram_html import utf16_length
from tests.support.telegram_params import Upload
from tests.support.telegram_updates import UpdateQueue, WebhookReply
from tests.support.wall_clock import now_seconds

T = TypeVar("T")
_COMMAND = re.compile(r"(?<!\S)/[A-Za-z0-9_]{1,32}(?:@\w+)?|(?<![\w@])@\w{4,32}")
_RIGHTS = (
    "can_manage_chat",
    "can_delete_messages",
    "can_manage_video_chats",
    "can_restrict_members",
    "can_promote_members",
    "can_change_info",
    "can_invite_users",
    "can_post_stories",
    "can_edit_stories",
    "can_delete_stories",
)
_SERVICE_ACCOUNT = User(777_000, "Telegram")


@dataclass(slots=True)
class Press:
    """A pressed button; `answer` is what the bot's answerCallbackQuery said, once it came."""

    id: str
    user: User
    message: ChatMessage
    data: str
    answer: dict[str, Any] | None = None
    expired: bool = False


class TelegramWorld:
    """Hold users, chats and messages, and act for the people in them."""

    def __init__(self, bot: User, on_webhook_reply: WebhookReply) -> None:
        self.bot = bot
        self.changes = Changes()
        self.updates = UpdateQueue(self.changes, on_webhook_reply)
        self.users: dict[int, User] = {}
        self.chats: dict[int, Chat] = {}
        self.presses: dict[str, Press] = {}
        self.files: dict[str, Upload] = {}
        self.privacy_mode = True
        self._last_press = 4_000_000_000

    # Setting the scene.

    def add_user(self, user_id: int, first_name: str = "", username: str | None = None) -> User:
        """Make a person known, with a private chat in which Start was pressed."""
        user = self.users.setdefault(user_id, User(user_id, f"Person {user_id}"))
        user.first_name = first_name or user.first_name
        user.username = username or user.username
        chat = self.chats.setdefault(user_id, Chat(user_id, "private"))
        chat.title, chat.username = user.first_name, user.username
        return user

    def add_chat(
        self,
        chat_id: int,
        type: ChatType = "supergroup",
        title: str = "",
        *,
        is_forum: bool = False,
        topics: tuple[int, ...] = (),
        username: str | None = None,
    ) -> Chat:
        """Make a group or channel that the bot is in."""
        chat = Chat(chat_id, type, title or f"Chat {chat_id}", username, is_forum)
        chat.topics.update(topics)
        chat.members[self.bot.id] = "administrator" if type == "channel" else "member"
        return self.chats.setdefault(chat_id, chat)

    def set_member(self, chat_id: int, user_id: int, status: str) -> None:
        """Set somebody's status in a group: creator, administrator, member, left, kicked."""
        self.chats[chat_id].members[user_id] = status

    # What people do.

    async def send_text(
        self,
        user_id: int,
        text: str,
        chat_id: int | None = None,
        *,
        thread_id: int | None = None,
        reply_to: ChatMessage | None = None,
    ) -> ChatMessage:
        """Write a message; unknown people and chats come into being."""
        user = self.users.get(user_id) or self.add_user(user_id)
        chat = self.chats.get(chat_id or user_id) or self.add_chat(chat_id or user_id)
        if chat.type != "private":
            chat.members.setdefault(user_id, "member")
        message = self.post(chat, user, Version(text, text, _entities(text)))
        message.thread_id = thread_id
        message.reply_to = reply_to.message_id if reply_to else None
        if thread_id is not None:
            chat.topics.add(thread_id)
        if self._bot_sees(message, reply_to):
            kind = "channel_post" if chat.type == "channel" else "message"
            self.updates.put(kind, message.wire())
        return message

    def _bot_sees(self, message: ChatMessage, reply_to: ChatMessage | None) -> bool:
        chat = message.chat
        if chat.type in ("private", "channel") or not self.privacy_mode:
            return True
        if chat.members.get(self.bot.id) == "administrator":
            return True
        if reply_to is not None and reply_to.sender is self.bot:
            return True
        me = f"@{self.bot.username}".lower()
        words = message.text.lower().split()
        return any(word.startswith("/") and ("@" not in word or word.endswith(me)) for word in words) or (
            me in message.text.lower()
        )

    async def press(
        self,
        message: ChatMessage,
        callback_data: str,
        user_id: int | None = None,
        *,
        forged: bool = False,
    ) -> Press:
        """Press the button with this data; a forged press needs no such button.

        Without a user it's pressed by the private chat's person. Raises AssertionError when the
        button isn't there.
        """
        if not forged and callback_data not in [one.callback_data for one in message.buttons]:
            there = [(one.text, one.callback_data) for one in message.buttons]
            raise AssertionError(f"no button {callback_data!r} on the message; there are {there}")
        presser = user_id if user_id is not None else message.chat.id
        user = self.users.get(presser) or self.add_user(presser)
        self._last_press += 1
        press = Press(str(self._last_press), user, message, callback_data)
        self.presses[press.id] = press
        self.updates.put(
            "callback_query",
            {
                "id": press.id,
                "from": user.wire(),
                "message": message.gone_wire() if message.deleted else message.wire(),
                "chat_instance": str(-message.chat.id * 7919),
                "data": callback_data,
            },
        )
        return press

    async def ask(self, user_id: int, text: str, chat_id: int | None = None, **more: Any) -> ChatMessage:
        """Write a message and return the bot's next message in that chat."""
        before = len(self.messages(chat_id or user_id))
        await self.send_text(user_id, text, chat_id, **more)
        return await self.wait_for_message(chat_id or user_id, after=before)

    def block(self, user_id: int) -> None:
        """Block the bot, which is told so."""
        self._set_state(user_id, "bot was blocked by the user", user_id, "kicked")

    def unblock(self, user_id: int) -> None:
        """Unblock the bot, which is told so."""
        self._set_state(user_id, "open", user_id, "member")

    def deactivate(self, user_id: int) -> None:
        """Delete the person's account; nobody is told."""
        self.chats[user_id].state = "user is deactivated"

    def kick(self, chat_id: int, by: int) -> None:
        """Remove the bot from a group or channel."""
        where = self.chats[chat_id].type
        self._set_state(chat_id, f"bot was kicked from the {where} chat", by, "kicked")

    def invite(self, chat_id: int, by: int) -> None:
        """Bring the bot into a group."""
        chat = self.chats.get(chat_id) or self.add_chat(chat_id)
        chat.members.pop(self.bot.id, None)
        self._set_state(chat_id, "open", by, "member")

    def _set_state(self, chat_id: int, state: str, by: int, status: str) -> None:
        chat = self.chats[chat_id]
        before = chat.members.get(self.bot.id, "left" if chat.type != "private" else "member")
        if chat.type == "private" and state == "open":
            before = "kicked"
        chat.state = state
        chat.members[self.bot.id] = status
        user = self.users.get(by) or self.add_user(by)
        self.updates.put(
            "my_chat_member",
            {
                "chat": chat.wire(),
                "from": user.wire(),
                "date": int(now_seconds()),
                "old_chat_member": member_wire(self.bot, before),
                "new_chat_member": member_wire(self.bot, status),
            },
        )

    def migrate(self, chat_id: int, new_chat_id: int) -> None:
        """Turn a group into a supergroup with another id; both chats say so."""
        old = self.chats[chat_id]
        new = self.add_chat(new_chat_id, "supergroup", old.title)
        new.members = dict(old.members)
        old.migrated_to = new_chat_id
        for chat, service in (
            (old, {"migrate_to_chat_id": new_chat_id}),
            (new, {"migrate_from_chat_id": chat_id}),
        ):
            message = self.post(chat, _SERVICE_ACCOUNT, Version(""))
            message.service = service
            self.updates.put("message", message.wire())

    # What a test sees.

    def messages(self, chat_id: int) -> list[ChatMessage]:
        """Return the bot's messages in the chat, in order, without deleted ones."""
        chat = self.chats.get(chat_id)
        everything = chat.messages.values() if chat else ()
        return [one for one in everything if one.sender is self.bot and not one.deleted]

    async def wait_for(self, condition: Callable[[], T], seconds: float = PATIENCE_SECONDS) -> T:
        """Wait until the condition is true and return its value."""
        return await self.changes.until(condition, seconds, self._describe)

    async def wait_for_message(
        self,
        chat_id: int,
        matches: Callable[[ChatMessage], bool] | str = "",
        *,
        after: int = 0,
        seconds: float = PATIENCE_SECONDS,
    ) -> ChatMessage:
        """Wait for a message of the bot that matches, or contains the text.

        `after` skips that many messages; an edit can make an older message match.
        """

        def found() -> ChatMessage | None:
            for message in self.messages(chat_id)[after:]:
                if matches in message.text if isinstance(matches, str) else matches(message):
                    return message
            return None

        message = await self.wait_for(found, seconds)
        assert message is not None
        return message

    def _describe(self) -> str:
        lines = [
            f"chat {chat.id}: {[one.text for one in self.messages(chat.id)]}" for chat in self.chats.values()
        ]
        return "; ".join(lines) or "no chats"

    # What methods need.

    def post(self, chat: Chat, sender: User, version: Version) -> ChatMessage:
        """Append a message to the chat."""
        chat.last_message_id += 1
        message = ChatMessage(chat.last_message_id, chat, sender, [version])
        chat.messages[message.message_id] = message
        self.changes.announce()
        return message

    def find_chat(self, chat_id: Any) -> Chat:
        """Return a chat by its id or @name."""
        if isinstance(chat_id, str):
            wanted = chat_id.removeprefix("@").lower()
            for chat in self.chats.values():
                if chat.username and chat.username.lower() == wanted:
                    return chat
            raise bad_request("chat not found" if chat_id else "chat_id is empty")
        if chat_id is None:
            raise bad_request("chat_id is empty")
        if chat_id not in self.chats:
            raise bad_request("chat not found")
        return self.chats[chat_id]

    def writable_chat(self, chat_id: Any) -> Chat:
        """Return a chat that the bot may write to."""
        chat = self.find_chat(chat_id)
        if chat.migrated_to is not None:
            error = bad_request("group chat was upgraded to a supergroup chat")
            error.parameters["migrate_to_chat_id"] = chat.migrated_to
            raise error
        if chat.state != "open":
            raise forbidden(chat.state)
        return chat


def member_wire(user: User, status: str) -> dict[str, Any]:
    """Return the Bot API's `ChatMember` with what each status requires."""
    member: dict[str, Any] = {"user": user.wire(), "status": status}
    if status == "creator":
        member["is_anonymous"] = False
    elif status == "kicked":
        member["until_date"] = 0
    elif status == "administrator":
        member["can_be_edited"] = False
        member["is_anonymous"] = False
        member.update(dict.fromkeys(_RIGHTS, True))
    return member


def _entities(text: str) -> tuple[dict[str, Any], ...]:
    return tuple(
        {
            "type": "bot_command" if found.group().startswith("/") else "mention",
            "offset": utf16_length(text[: found.start()]),
            "length": utf16_length(found.group()),
        }
        for found in _COMMAND.finditer(text)
    )
