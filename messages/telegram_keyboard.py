"""How buttons look on Telegram: the inline keyboard under a message."""

from telegram import InlineKeyboardButton, InlineKeyboardMarkup

from core.model.buttons import Button, Rows
from messages.limits import TELEGRAM_CALLBACK_BYTES, TELEGRAM_LABEL, cut
from messages.presses import press_data


def telegram_keyboard(rows: Rows) -> InlineKeyboardMarkup | None:
    """Return the keyboard; None where there is no button.

    A button that Telegram wouldn't take is left out: it would refuse the whole message.
    """
    keys = [[_key(button) for button in row if _fits(button)] for row in rows]
    keys = [row for row in keys if row]
    return InlineKeyboardMarkup(keys) if keys else None


def _fits(button: Button) -> bool:
    is_short = len(press_data(button).encode()) <= TELEGRAM_CALLBACK_BYTES
    return is_short and bool(button.line.strip() and button.label.strip())


def _key(button: Button) -> InlineKeyboardButton:
    return InlineKeyboardButton(cut(button.label, TELEGRAM_LABEL), callback_data=press_data(button))
