"""Which buttons are under which alert, the same on every platform."""

from typing import assert_never

from core.model.alerts import Alert, AlertKind
from core.model.buttons import Button, Rows
from core.model.market import Address, Coin
from core.model.notices import CrowdFacts, FollowFacts, ListFacts, RequestFacts
from core.model.opportunities import Opportunity

LONGEST_LINE = 60
"""Bytes; Telegram allows 64 in all: https://core.telegram.org/bots/api#inlinekeyboardbutton."""


def alert_buttons(alert: Alert) -> Rows:
    """Return the buttons of an alert; an edited message keeps those that still make sense."""
    match alert.kind:
        case AlertKind.ENTRY:
            return _of_entry(alert.opportunity)
        case AlertKind.UPDATE:
            return _of_entry(alert.opportunity) if alert.ending is None else ()
        case AlertKind.CROWD | AlertKind.FOLLOW | AlertKind.LIST | AlertKind.REQUEST:
            return _of_facts(alert)
        case AlertKind.EXIT | AlertKind.DIGEST | AlertKind.HEALTH | AlertKind.TEST | AlertKind.MERGED:
            return ()
        case _:
            assert_never(alert.kind)


def _of_entry(opportunity: Opportunity | None) -> Rows:
    if opportunity is None:
        return ()
    return _rows(
        (_trader(opportunity.loser), Button("Follow", f"follow {opportunity.loser}")),
        (_mute_coin(opportunity.coin), Button("Mute trader 24 h", f"mute {opportunity.loser} 24h")),
    )


def _of_facts(alert: Alert) -> Rows:
    match alert.facts:
        case CrowdFacts(coin=coin):
            return _rows((Button(f"{coin} opportunities", f"opportunities {coin}"), _mute_coin(coin)))
        case FollowFacts(event=event):
            return _rows((_trader(event.account), _unfollow(event.account)))
        case ListFacts(address=address):
            return _rows((_trader(address), _unfollow(address)))
        case RequestFacts(is_let_in=True):
            return _rows((Button("Choose coins", "subscribe"), Button("Commands", "help")))
        case RequestFacts(target=target):
            return _rows(
                (
                    Button("Let in", f"approve {target}", edits=True),
                    Button("Decline", f"decline {target}", edits=True),
                )
            )
        case _:
            return ()


def _trader(address: Address) -> Button:
    return Button("Trader", f"trader {address}")


def _unfollow(address: Address) -> Button:
    return Button("Unfollow", f"unfollow {address}")


def _mute_coin(coin: Coin) -> Button:
    return Button(f"Mute {coin} 4 h", f"mute {coin} 4h")


def _rows(*rows: tuple[Button, ...]) -> Rows:
    """Leave out what doesn't fit into a button (a name that is no address)."""
    fitting = (tuple(one for one in row if len(one.line.encode()) <= LONGEST_LINE) for row in rows)
    return tuple(row for row in fitting if row)
