"""Notices: told once to those whom they concern, as loud as they want it."""

import pytest

from core.model.alerts import AlertKind, Channel
from core.model.chats import ChatSettings, Loudness, Role
from core.model.market import DAY_MS
from core.model.notices import HealthFacts, Problem, RequestFacts
from core.ports import OwnerNotices
from storage.chats import Chats
from storage.database import Database
from storage.notices import Notices
from storage.outbox import Outbox
from storage.wishes import Wishes
from tests.support.facts import MONDAY_MS
from tests.support.published import ANNA, BEN, CONSOLE

pytestmark = pytest.mark.asyncio
ASKS = RequestFacts("telegram:77", "<b>Eve</b>", "77")
DEAF = HealthFacts(Problem.FEED_DEAF, MONDAY_MS, False, "Nothing heard for 61 s.")


async def make_owners(database: Database, **loudness: Loudness) -> None:
    for target, role in ((ANNA, Role.OWNER), (BEN, Role.MEMBER)):
        await Chats(database).add_chat(target, role, "somebody")
    kinds = {AlertKind(kind): wanted for kind, wanted in loudness.items()}
    await Wishes(database).save_settings(ANNA, ChatSettings(loudness=kinds))


async def test_owners_are_asked_once_a_day_and_members_never(database: Database) -> None:
    await make_owners(database)
    notices: OwnerNotices = Notices(database)
    assert await notices.ask_owner(ASKS, MONDAY_MS)
    assert not await notices.ask_owner(ASKS, MONDAY_MS + 1)
    leased = await Outbox(database).lease(list(Channel), 9, 60, "me")
    assert {alert.target for alert in leased} == {ANNA, CONSOLE}
    assert {(alert.kind, alert.facts) for alert in leased} == {(AlertKind.REQUEST, ASKS)}
    assert await notices.ask_owner(ASKS, MONDAY_MS + DAY_MS)


@pytest.mark.parametrize(
    ("loudness", "told"), [(Loudness.ON, [False]), (Loudness.SILENT, [True]), (Loudness.OFF, [])]
)
async def test_health_comes_as_loud_as_its_owner_wants(
    database: Database, loudness: Loudness, told: list[bool]
) -> None:
    await make_owners(database, health=loudness)
    assert await Notices(database).health(DEAF, MONDAY_MS)
    alerts = await Outbox(database).lease([Channel.TELEGRAM], 9, 60, "me")
    assert [alert.is_silent for alert in alerts] == told
