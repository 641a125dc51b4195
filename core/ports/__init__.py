"""What the services and answers need from the outside; conformance is the type checker's job."""

from core.ports.chat_reading import ChatReader
from core.ports.delivery import (
    ChatStore,
    DigestStore,
    Notifier,
    Outbox,
    OwnerNotices,
    Pace,
    Waker,
    WishStore,
)
from core.ports.exchange import Exchange, Feed, FeedItem, GapHeard, MidsHeard, QuoteHeard, TradesHeard
from core.ports.history import FillStore, KnownAccount, RankingStore
from core.ports.imports import ArchiveRow, FillArchive, ImportProgress, ImportStore, RejectedRows
from core.ports.published import Marks, Publication, PublicationStore, Publisher, Reader, StateStore
from core.ports.ranking import Ranked, Ranker
from core.ports.time import Clock, Sleep

__all__ = [
    "ArchiveRow",
    "ChatReader",
    "ChatStore",
    "Clock",
    "DigestStore",
    "Exchange",
    "Feed",
    "FeedItem",
    "FillArchive",
    "FillStore",
    "GapHeard",
    "ImportProgress",
    "ImportStore",
    "KnownAccount",
    "Marks",
    "MidsHeard",
    "Notifier",
    "Outbox",
    "OwnerNotices",
    "Pace",
    "Publication",
    "PublicationStore",
    "Publisher",
    "QuoteHeard",
    "Ranked",
    "Ranker",
    "RankingStore",
    "Reader",
    "RejectedRows",
    "Sleep",
    "StateStore",
    "TradesHeard",
    "Waker",
    "WishStore",
]
