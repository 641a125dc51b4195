"""Empty a database of what can't be continued: a simulated market ends with its process."""

from storage.database import connected

_EMPTY = "drop schema public cascade; create schema public"


async def begin_afresh(dsn: str, key: str, value: str) -> bool:
    """Drop all tables of a database whose state says ``value`` under ``key``; leave any other alone.

    The caller owns the database and migrates it afterwards. Return whether anything was dropped.
    """
    async with connected(dsn) as connection, connection.transaction():
        if await connection.fetchval("select to_regclass('public.state')") is None:
            return False
        if await connection.fetchval("select value from public.state where key = $1", key) != value:
            return False
        await connection.execute(_EMPTY)
    return True
