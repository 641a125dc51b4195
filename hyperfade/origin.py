"""Whose data a database holds: traders of one exchange never stand beside those of another."""

from urllib.parse import urlsplit

from core.errors import SettingsError
from core.ports import StateStore

ORIGIN_STATE = "origin"


def exchange_origin(url: str) -> str:
    """Return how an exchange is named, without user, password and what else doesn't tell it apart."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2].lower()
    return f"{parts.scheme}://{host}{parts.path.rstrip('/')}"


def simulated_origin(seed: int) -> str:
    """Return how the demo's exchange is named, whatever port it is on."""
    return f"the simulated exchange, seed {seed}"


async def claim_origin(state: StateStore, origin: str) -> None:
    """Note whose data this database holds; raise SettingsError when it holds another exchange's."""
    problem = await foreign_origin(state, origin)
    if problem is not None:
        raise SettingsError(problem)
    await state.set_state(ORIGIN_STATE, origin)


async def foreign_origin(state: StateStore, origin: str) -> str | None:
    """Return what is wrong with collecting from here into this database, or None."""
    found = await state.state(ORIGIN_STATE)
    if found in (None, origin):
        return None
    return (
        f"the database holds data of {found}, and this would mix it with data of {origin}; "
        "use another HYPERFADE_HOME or HYPERFADE_DATABASE_URL for it"
    )
