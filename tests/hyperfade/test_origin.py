"""A database holds one exchange's data."""

import pytest

from core.errors import SettingsError
from hyperfade.origin import claim_origin, exchange_origin, foreign_origin, simulated_origin
from hyperfade.settings import MAINNET_URL
from storage.database import Database
from storage.reader import Reader

pytestmark = pytest.mark.asyncio

MAINNET, TESTNET = exchange_origin(MAINNET_URL), exchange_origin("https://api.hyperliquid-testnet.xyz")


async def test_the_first_claims_it_and_others_are_refused(database: Database) -> None:
    state = Reader(database)
    for _ in range(2):
        await claim_origin(state, MAINNET)
    for other in (TESTNET, simulated_origin(7)):
        with pytest.raises(SettingsError, match="use another HYPERFADE_HOME") as refused:
            await claim_origin(state, other)
        assert MAINNET in str(refused.value)
        assert other in str(refused.value)
    assert await foreign_origin(state, MAINNET) is None


async def test_a_demo_is_known_by_its_seed(database: Database) -> None:
    state = Reader(database)
    await claim_origin(state, simulated_origin(7))
    await claim_origin(state, simulated_origin(7))
    with pytest.raises(SettingsError, match="seed 8"):
        await claim_origin(state, simulated_origin(8))
    with pytest.raises(SettingsError, match="seed 7"):
        await claim_origin(state, MAINNET)


async def test_how_an_address_is_written_makes_no_difference_and_secrets_stay_out() -> None:
    assert exchange_origin("https://me:hunter2@API.hyperliquid.xyz/") == MAINNET
    assert exchange_origin("http://127.0.0.1:80/a/") == "http://127.0.0.1:80/a"
