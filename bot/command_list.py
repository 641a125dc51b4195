"""The one list of commands: what drives ``/help``, the menus, slash commands and the reference."""

from bot.access import Access
from bot.answers import Answers
from bot.commands import Commands
from bot.market_commands import MarketCommands
from bot.membership_commands import MembershipCommands
from bot.subscription_commands import SubscriptionCommands
from core.ports import ChatStore


def make_commands(answers: Answers, chats: ChatStore, access: Access, *, is_demo: bool = False) -> Commands:
    """Return all commands over these answers and stores; ``is_demo``: about invented traders."""
    return Commands(
        (
            *MembershipCommands().commands(),
            *MarketCommands(answers).commands(),
            *SubscriptionCommands(answers, chats).commands(),
        ),
        access,
        is_demo=is_demo,
    )
