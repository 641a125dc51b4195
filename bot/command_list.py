"""The one list of commands: what drives ``/help``, the menus, slash commands and the reference."""

from bot.access import Access
from bot.access_commands import AccessCommands
from bot.answers import Answers
from bot.charts import Charts
from bot.commands import Commands
from bot.follow_commands import FollowCommands
from bot.loser_commands import LoserCommands
from bot.market_commands import MarketCommands
from bot.membership_commands import MembershipCommands
from bot.mine_commands import MineCommands
from bot.mute_commands import MuteCommands
from bot.nearest import offering_the_nearest
from bot.settings_commands import SettingsCommands
from bot.stores import Stores
from bot.subscription_commands import SubscriptionCommands


def make_commands(
    answers: Answers,
    stores: Stores,
    access: Access,
    *,
    charts: Charts | None = None,
    is_demo: bool = False,
) -> Commands:
    """Return all commands over these answers and stores.

    ``charts``: who draws, None for answers without pictures. ``is_demo``: about invented traders.
    """
    membership = MembershipCommands(stores)
    commands = (
        *membership.commands(),
        *LoserCommands(answers, charts).commands(),
        *MarketCommands(answers, charts).commands(),
        *SubscriptionCommands(answers, stores).commands(),
        *FollowCommands(answers, stores).commands(),
        *MuteCommands(answers, stores).commands(),
        *SettingsCommands(answers, stores).commands(),
        *MineCommands(answers, stores).commands(),
        *AccessCommands(answers, stores).commands(),
        *membership.last_commands(),
    )
    return Commands(
        (offering_the_nearest(command) for command in commands),
        access,
        is_demo=is_demo,
    )
