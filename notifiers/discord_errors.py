"""What Discord's answers mean for a delivery: one table, from the client's exceptions to our errors.

A lost connection comes as a raw aiohttp error, not as a DiscordException. An unknown outcome may be
repeated with the same nonce: the platform then returns the first message.
"""

import aiohttp
import discord

from core.errors import ChannelRefused, DeliveryError, MessageRefused, NotSent, OutcomeUnknown, TargetGone

FAILURES = (
    discord.DiscordException,
    aiohttp.ClientError,
    OSError,
    TimeoutError,
    KeyError,
    TypeError,
    ValueError,
    RuntimeError,
)
"""All that discord.py lets out of a request: three where an answer isn't Discord's at all,
the last where the connection was closed meanwhile.
"""

UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, UNKNOWN_WEBHOOK = 10003, 10008, 10015
NOT_OUR_MESSAGE, THREAD_ARCHIVED, THREAD_LOCKED = 50005, 50083, 160005
"""https://discord.com/developers/docs/topics/opcodes-and-status-codes#json."""

GONE = (UNKNOWN_CHANNEL, UNKNOWN_WEBHOOK, THREAD_ARCHIVED, THREAD_LOCKED)
"""Nothing more can be sent there. Sending opens an archived thread, unless it is locked too."""

ONE_MESSAGE = (UNKNOWN_MESSAGE, NOT_OUR_MESSAGE, THREAD_ARCHIVED, THREAD_LOCKED)
"""What an edit may meet that says nothing about the next alert."""

BAN_S = 3600.0
"""How long the wall in front of Discord shuts out an address that it bans, about."""


def is_repeat_of_deleted(error: BaseException) -> bool:
    """Tell whether the nonce was known and its message is deleted by now: it was delivered."""
    return isinstance(error, discord.NotFound) and error.code == UNKNOWN_MESSAGE


def delivery_error(error: BaseException, *, edits: bool = False) -> DeliveryError:
    """Return what a failed send means; ``edits``: it was to change a message that exists."""
    match error:
        case discord.RateLimited():
            return NotSent("Discord asks to slow down", retry_after_s=float(error.retry_after))
        case discord.HTTPException() if edits and error.code in ONE_MESSAGE:
            return MessageRefused(f"Discord can't change this message: {error.text} ({error.code})")
        case discord.HTTPException() if error.code in GONE:
            return TargetGone(f"Discord doesn't take anything there: {error.text} ({error.code})")
        case discord.Forbidden():
            return TargetGone(f"Discord refuses this channel: {error.text} ({error.code})")
        case discord.DiscordServerError():
            return OutcomeUnknown(f"Discord answers {error.status}")
        case discord.HTTPException():
            return _refused(error)
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return NotSent(f"Discord can't be reached: {type(error).__name__}")
        case _:
            return OutcomeUnknown(f"no clear answer from Discord: {type(error).__name__}")


def _refused(error: discord.HTTPException) -> DeliveryError:
    if error.status == 401:
        return ChannelRefused(
            "Discord refuses the bot's token: set HYPERFADE_DISCORD_TOKEN to the one of its developer page"
        )
    if error.status == 429:
        # The client waits out an ordinary 429; what gets here is the wall's, for the whole address.
        return NotSent("Discord shuts this address out for a while", retry_after_s=BAN_S, whole_channel=True)
    if error.status >= 500:
        return OutcomeUnknown(f"Discord answers {error.status}")
    return MessageRefused(f"Discord refuses our message: {error.text} ({error.code})")
