"""Whom chats follow is looked up again and again; a database that is away changes nothing."""

import pytest

from core.errors import StorageError
from core.model.market import Address
from core.services.following import FollowService
from core.trouble import database_trouble
from tests.support.detection_ports import HandClock, Sleeper

pytestmark = pytest.mark.asyncio
ANN, BOB = Address("0x" + "a" * 40), Address("0x" + "b" * 40)


async def test_who_is_followed_now_is_watched_and_while_nobody_knows_the_last_stay() -> None:
    says: list[list[Address] | None] = [[ANN], [ANN, BOB], None, []]
    watched: list[frozenset[Address]] = []

    async def followed() -> list[Address]:
        said = says.pop(0)
        if said is None:
            raise StorageError("the database is away")
        return said

    service = FollowService(followed, watched.append, Sleeper(), database_trouble(HandClock().now_ms))
    for _ in range(4):
        await service.look()
    assert watched == [{ANN}, {ANN, BOB}, set()]
