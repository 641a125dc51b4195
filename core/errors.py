"""The one tree of exceptions.

HyperfadeError                  everything we raise on purpose; the message is for the user
├── SettingsError               a setting is unknown, missing or contradictory        (exit 2)
├── UsageError                  an argument of a command is wrong                     (exit 2)
│   └── Unclear                 it nearly means something; carries what it could be
├── ExchangeError               the exchange, or what speaks for it
│   ├── ExchangeUnavailable     no answer now: time-out, 5xx, refused; worth a retry
│   ├── RateLimited             over the weight budget; carries ``retry_after_s``
│   ├── RequestRefused          the exchange calls our request wrong (4xx); never retried
│   └── PayloadError            an answer that isn't what it should be; names the path
├── ArchiveError                a file of fills can't be read or isn't of a known form
├── StorageError                the database is down, refuses, or is of another version
│   └── AlreadyRunning          another process holds the data folder
├── RankingFailed               the process that ranks died or failed; the next round starts another
└── DeliveryError               an alert wasn't (surely) delivered
    ├── NotSent                 surely not sent; ``retry_after_s`` says when to try again
    ├── OutcomeUnknown          may have been sent
    ├── TargetGone              permanent for this target: blocked, kicked, not found
    ├── TargetMoved             the chat has a new id; carries ``new_target``
    ├── MessageRefused          our own message is wrong; the target is fine
    └── ChannelRefused          the token is wrong; the whole channel stops
"""

from collections.abc import Sequence


class HyperfadeError(Exception):
    """Stand for everything raised on purpose; its text says what was found and what to do."""

    exit_code = 1


class SettingsError(HyperfadeError):
    """A setting is unknown, missing or contradictory."""

    exit_code = 2


class UsageError(HyperfadeError):
    """An argument of a command is wrong."""

    exit_code = 2


class Unclear(UsageError):
    """Words that nearly mean something: what they could be can be offered."""

    def __init__(self, message: str, word: str, near: Sequence[str]) -> None:
        """``word``: what was said, several words of it with single spaces; ``near``: the nearest first."""
        super().__init__(message)
        self.word = word
        self.near = tuple(near)


class ExchangeError(HyperfadeError):
    """The exchange, or what speaks for it."""


class ExchangeUnavailable(ExchangeError):
    """No answer now; worth a retry."""


class RateLimited(ExchangeError):
    """Over the weight budget."""

    def __init__(self, message: str, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RequestRefused(ExchangeError):
    """The exchange calls our request wrong; repeating it is useless."""


class PayloadError(ExchangeError):
    """An answer isn't what it should be; the message names the path inside it."""


class ArchiveError(HyperfadeError):
    """A file of fills can't be read or isn't of a known form."""


class StorageError(HyperfadeError):
    """The database is down, refuses, or is of another version."""


class AlreadyRunning(StorageError):
    """Another process holds the data folder."""


class RankingFailed(HyperfadeError):
    """The process that ranks died or failed; the next round starts another."""


class DeliveryError(HyperfadeError):
    """An alert wasn't (surely) delivered."""


class NotSent(DeliveryError):
    """Surely not sent; worth a retry."""

    def __init__(self, message: str, retry_after_s: float | None = None, whole_channel: bool = False) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s
        self.whole_channel = whole_channel


class OutcomeUnknown(DeliveryError):
    """The request went out and no answer came: it may have been sent."""


class TargetGone(DeliveryError):
    """Permanent for this target: blocked, kicked, not found."""


class TargetMoved(DeliveryError):
    """The chat has a new id."""

    def __init__(self, message: str, new_target: str) -> None:
        super().__init__(message)
        self.new_target = new_target


class MessageRefused(DeliveryError):
    """Our own message is wrong; the target is fine."""


class ChannelRefused(DeliveryError):
    """The token is wrong; the whole channel stops."""
