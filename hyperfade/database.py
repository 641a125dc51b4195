"""The database that the settings name, opened for as long as a command needs it.

Every listing goes through here, so that what this loads decides how a command feels.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from hyperfade.origin import ORIGIN_STATE
from hyperfade.settings import Settings
from storage.afresh import begin_afresh
from storage.database import Database, open_database
from storage.embedded import borrowed_server, embedded_server
from storage.migrate import migrate


@asynccontextmanager
async def open_storage(
    settings: Settings, *, exclusive: bool, afresh_of: str | None = None
) -> AsyncIterator[Database]:
    """Open the database, migrated; the embedded server runs for as long as it is needed.

    ``exclusive``: a process that collects and publishes, of which a data folder and a database allow
    one. Should another take the database over later, the body is cancelled and AlreadyRunning raised.
    ``afresh_of``: what an earlier process left of this origin is dropped; only ever the embedded server's.
    """
    async with AsyncExitStack() as stack:
        if settings.database_url is not None:
            dsn = settings.database_url.get_secret_value()
        else:
            server = embedded_server(settings.home) if exclusive else borrowed_server(settings.home)
            dsn = await stack.enter_async_context(server)
        if exclusive:
            from storage.ownership import owned  # here: it brings the logs, which no listing needs

            await stack.enter_async_context(owned(dsn))
            if afresh_of is not None and settings.database_url is None:
                await begin_afresh(dsn, ORIGIN_STATE, afresh_of)
        await migrate(dsn)
        yield await stack.enter_async_context(open_database(dsn))
