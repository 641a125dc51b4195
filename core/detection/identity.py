"""Names that are functions of what happened, so that the same event never counts twice."""

import base64
import hashlib

from core.model.positions import PositionEvent

LIVE = "live"
"""The namespace of real hours; a replay's is made from its files, so the two never meet."""


def event_id(event: PositionEvent, namespace: str, rule_version: str) -> str:
    """Return the id of an event, its decision and its opportunity: 26 characters A-Z, 2-7.

    A function of rule version, account, coin and the first fill's place in execution order: its
    time and its trade id, which the public feed and the account's own fills share; where a source
    has no trade ids, its place among the fills of that time stamp.
    """
    place = f"t{event.first_tid}" if event.first_tid else f"s{event.seq}"
    name = f"{rule_version}|{namespace}|{event.account}|{event.coin}|{event.time_ms}|{place}"
    digest = hashlib.sha256(name.encode()).digest()
    return base64.b32encode(digest).decode()[:26]


def short_id(opportunity_id: str) -> str:
    """Return the four characters that people see (``#K7Q2``)."""
    return opportunity_id[:4]
