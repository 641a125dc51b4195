"""How a reply reaches Discord: as the answer to a command, as an edit, as a word over the chat."""

import io
from typing import Any

import aiohttp
import discord
import structlog
from discord.utils import MISSING

from bot.requests import Picture, Reply
from core.model.alerts import Channel
from messages.discord_view import discord_view
from messages.escaping import clean, escape
from messages.limits import DISCORD_ALT, DISCORD_CONTENT, FOREIGN_TEXT, cut, utf16_units

log = structlog.get_logger(__name__)

FAILURES = (discord.DiscordException, aiohttp.ClientError, OSError, TimeoutError)
"""All that discord.py lets out of a request."""

NOBODY = discord.AllowedMentions.none()
NOTHING = "There is nothing to say to that."


async def answer_command(interaction: discord.Interaction, reply: Reply | None) -> None:
    """Fill the waiting message of a deferred command; silence can't be an answer there."""
    await _add(interaction, reply or Reply(NOTHING))


async def answer_press(interaction: discord.Interaction, reply: Reply | None, edits: bool) -> None:
    """Answer a press that was deferred as an update; silence leaves the message as it is."""
    if reply is None:
        return
    if reply.notice:
        await tell(interaction, reply.notice)
    elif edits:
        await interaction.edit_original_response(
            content=_text(reply),
            attachments=_files(interaction, reply.picture),
            view=discord_view(reply.buttons),
            allowed_mentions=NOBODY,
        )
    else:
        await _add(interaction, reply)


async def tell(interaction: discord.Interaction, words: str) -> None:
    """Show a few words to the one who pressed, and to nobody else."""
    text = escape(Channel.DISCORD, clean(words, FOREIGN_TEXT))
    await interaction.followup.send(text, ephemeral=True, allowed_mentions=NOBODY)


async def _add(interaction: discord.Interaction, reply: Reply) -> None:
    await interaction.followup.send(
        _text(reply),
        files=_files(interaction, reply.picture),
        view=discord_view(reply.buttons) or MISSING,
        allowed_mentions=NOBODY,
        suppress_embeds=True,
    )


def _text(reply: Reply) -> str:
    if utf16_units(reply.text) <= DISCORD_CONTENT:
        return reply.text or ("" if reply.picture else NOTHING)
    log.error("answer too long, cut", units=utf16_units(reply.text))
    return cut(reply.text, DISCORD_CONTENT)


def _files(interaction: discord.Interaction, picture: Picture | None) -> list[Any]:
    """Return the picture as an upload; without it, when it is larger than this place takes."""
    if picture is None:
        return []
    if len(picture.png) > interaction.filesize_limit:
        log.error("picture too large, left out", name=picture.name, bytes=len(picture.png))
        return []
    alt = cut(picture.alt, DISCORD_ALT) or None
    return [discord.File(io.BytesIO(picture.png), picture.name, description=alt)]


def words_of(error: BaseException) -> str:
    """Return an error in one line."""
    return f"{type(error).__name__}: {str(error).partition(chr(10))[0][:120]}"
