"""Telegram's menu of commands: what people see when they type a slash."""

from collections.abc import Sequence

import structlog
import telegram
from telegram import (
    BotCommand,
    BotCommandScope,
    BotCommandScopeAllChatAdministrators,
    BotCommandScopeAllGroupChats,
    BotCommandScopeDefault,
)
from telegram.error import TelegramError

from bot.requests import Command
from bot.telegram_calls import words
from messages.limits import TELEGRAM_COMMAND_DESCRIPTION

log = structlog.get_logger(__name__)


async def register_menu(bot: telegram.Bot, commands: Sequence[Command]) -> None:
    """Tell Telegram the commands where they changed: in groups settings are for administrators."""
    shown = [command for command in commands if not command.for_owners]
    everything = _menu(shown)
    harmless = _menu([command for command in shown if not command.changes_settings])
    menus: tuple[tuple[BotCommandScope, list[BotCommand]], ...] = (
        (BotCommandScopeDefault(), everything),
        (BotCommandScopeAllGroupChats(), harmless),
        (BotCommandScopeAllChatAdministrators(), everything),
    )
    try:
        for scope, wanted in menus:
            if list(await bot.get_my_commands(scope)) != wanted:
                await bot.set_my_commands(wanted, scope)
    except TelegramError as error:
        # A foreign Bot API server may not know it; commands work without a menu.
        log.warning("telegram's menu of commands not registered", error=words(error))


def _menu(commands: Sequence[Command]) -> list[BotCommand]:
    return [BotCommand(command.name, command.help[:TELEGRAM_COMMAND_DESCRIPTION]) for command in commands]
