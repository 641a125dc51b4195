"""Only what a chat couldn't hear in time is told together."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field

import pytest

from core.model.alerts import Backlog, Channel, Target
from core.services.merging import PATIENCE_S, surplus

ANNA, CARL = Target(Channel.TELEGRAM, "101"), Target(Channel.TELEGRAM, "303")


@dataclass
class Rates:
    """A pace that knows only rates."""

    chat: float | None = 1.0
    platform: float | None = None
    others: dict[Channel, float] = field(default_factory=dict)

    def delay_s(self, target: Target) -> float:
        return 0.0

    def channel_delay_s(self, channel: Channel) -> float:
        return 0.0

    def rate(self, target: Target) -> float | None:
        return self.chat

    def channel_rate(self, channel: Channel) -> float | None:
        return self.platform

    def room(self, channel: Channel) -> int | None:
        return None

    def sending(self, target: Target) -> AbstractContextManager[None]:
        return nullcontext()


@pytest.mark.parametrize(("entries", "kept"), [(60, None), (61, None), (62, 60), (5000, 60)])
def test_what_goes_out_within_a_minute_goes_one_by_one(entries: int, kept: int | None) -> None:
    assert PATIENCE_S == 60
    found = surplus([Backlog(ANNA, entries, None)], Rates(), 0)
    assert found == ({} if kept is None else {ANNA: kept})


def test_what_expires_sooner_counts_sooner() -> None:
    assert surplus([Backlog(ANNA, 50, 10_000)], Rates(), 0) == {ANNA: 10}
    assert surplus([Backlog(ANNA, 50, 10_000)], Rates(), 20_000) == {ANNA: 1}


def test_chats_share_what_their_platform_takes() -> None:
    waiting = [Backlog(ANNA, 50, None), Backlog(CARL, 20, None)]
    assert surplus(waiting, Rates(platform=1.0), 0) == {ANNA: 30}


def test_who_takes_any_number_never_falls_behind() -> None:
    assert surplus([Backlog(ANNA, 10**6, None)], Rates(chat=None), 0) == {}
