"""What a Telegram chat holds: people, topics and messages with all their versions."""

from dataclasses import dataclass, field
from typing import Any, Literal

from tests.support.telegram_params import Upload
from tests.support.wall_clock import now_seconds

ChatType = Literal["private", "group", "supergroup", "channel"]


@dataclass(slots=True)
class User:
    """A person, or the bot."""

    id: int
    first_name: str
    is_bot: bool = False
    username: str | None = None
    language_code: str | None = "en"

    def wire(self) -> dict[str, Any]:
        """Return the Bot API's `User`."""
        user: dict[str, Any] = {
            "id": self.id,
            "is_bot": self.is_bot,
            "first_name": self.first_name,
        }
        if self.username:
            user["username"] = self.username
        if self.language_code and not self.is_bot:
            user["language_code"] = self.language_code
        return user


@dataclass(slots=True)
class Chat:
    """A place for messages; `state` is "open" or the server's words for why the bot can't write."""

    id: int
    type: ChatType
    title: str = ""
    username: str | None = None
    is_forum: bool = False
    state: str = "open"
    migrated_to: int | None = None
    topics: set[int] = field(default_factory=set)
    members: dict[int, str] = field(default_factory=dict)
    messages: dict[int, "ChatMessage"] = field(default_factory=dict)
    last_message_id: int = 0

    def wire(self) -> dict[str, Any]:
        """Return the Bot API's `Chat`."""
        chat: dict[str, Any] = {"id": self.id, "type": self.type}
        chat["first_name" if self.type == "private" else "title"] = self.title
        if self.username:
            chat["username"] = self.username
        if self.is_forum:
            chat["is_forum"] = True
        return chat


@dataclass(frozen=True, slots=True)
class Version:
    """What a message showed between two edits; `source` is the text with its markup."""

    text: str
    source: str = ""
    entities: tuple[dict[str, Any], ...] = ()
    reply_markup: dict[str, Any] | None = None
    file: Upload | None = None
    file_kind: Literal["", "photo", "document"] = ""
    file_id: str = ""


@dataclass(frozen=True, slots=True)
class Button:
    """A button of an inline keyboard; exactly one of the others is set."""

    text: str
    callback_data: str | None = None
    url: str | None = None


@dataclass(slots=True)
class ChatMessage:
    """A message as the chat shows it; `versions` has the first and every edit."""

    message_id: int
    chat: Chat
    sender: User
    versions: list[Version]
    reply_to: int | None = None
    thread_id: int | None = None
    silent: bool = False
    deleted: bool = False
    service: dict[str, Any] = field(default_factory=dict)
    date: int = field(default_factory=lambda: int(now_seconds()))

    @property
    def now(self) -> Version:
        """Return the latest version."""
        return self.versions[-1]

    @property
    def text(self) -> str:
        """Return the text or caption that people see."""
        return self.now.text

    @property
    def source(self) -> str:
        """Return the text as the bot sent it, with its markup."""
        return self.now.source

    @property
    def edits(self) -> int:
        """Count how often it was edited."""
        return len(self.versions) - 1

    @property
    def file(self) -> Upload | None:
        """Return the photo or document, if there's one."""
        return self.now.file

    @property
    def rows(self) -> list[list[Button]]:
        """Return the inline keyboard, row by row."""
        keyboard = (self.now.reply_markup or {}).get("inline_keyboard", [])
        return [
            [Button(key["text"], key.get("callback_data"), key.get("url")) for key in row] for row in keyboard
        ]

    @property
    def buttons(self) -> list[Button]:
        """Return all buttons in reading order."""
        return [button for row in self.rows for button in row]

    def wire(self) -> dict[str, Any]:
        """Return the Bot API's `Message`."""
        message: dict[str, Any] = {
            "message_id": self.message_id,
            "date": self.date,
            "chat": self.chat.wire(),
            **self.service,
        }
        if self.chat.type == "channel":
            message["sender_chat"] = self.chat.wire()
        else:
            message["from"] = self.sender.wire()
        if self.thread_id is not None:
            message.update(message_thread_id=self.thread_id, is_topic_message=True)
        if self.edits:
            message["edit_date"] = int(now_seconds())
        replied = self.chat.messages.get(self.reply_to or 0)
        if replied is not None:
            message["reply_to_message"] = {
                key: value for key, value in replied.wire().items() if key != "reply_to_message"
            }
        if self.now.reply_markup and "inline_keyboard" in self.now.reply_markup:
            message["reply_markup"] = self.now.reply_markup
        message.update(self._content())
        return message

    def gone_wire(self) -> dict[str, Any]:
        """Return the Bot API's `InaccessibleMessage`."""
        return {"message_id": self.message_id, "date": 0, "chat": self.chat.wire()}

    def _content(self) -> dict[str, Any]:
        now = self.now
        words, entities = ("caption", "caption_entities") if now.file_kind else ("text", "entities")
        content: dict[str, Any] = {}
        if now.text:
            content[words] = now.text
        if now.entities:
            content[entities] = list(now.entities)
        if now.file is None:
            return content
        about = {
            "file_id": now.file_id,
            "file_unique_id": f"u{now.file_id}",
            "file_size": len(now.file.data),
        }
        if now.file_kind == "photo":
            content["photo"] = [{**about, "width": 800, "height": 450}]
        elif now.file_kind == "document":
            content["document"] = {
                **about,
                "file_name": now.file.name,
                "mime_type": now.file.content_type,
            }
        return content
