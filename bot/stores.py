"""What commands about a chat itself read and write; built once by the composition root."""

from dataclasses import dataclass

from core.ports import ChatReader, ChatStore, Outbox, OwnerNotices, WishStore


@dataclass(frozen=True, slots=True)
class Stores:
    """The chats, what they want, what they were told, and the way to tell them something."""

    chats: ChatStore
    wishes: WishStore
    reader: ChatReader
    outbox: Outbox
    notices: OwnerNotices
