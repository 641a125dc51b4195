"""Hold an embedded server until told to end; started and killed by test_embedded.py."""

import asyncio
import sys
from pathlib import Path

from core.errors import HyperfadeError
from storage.embedded import embedded_server


async def main() -> None:
    """Print the DSN, then wait for a line on standard input."""
    async with embedded_server(Path(sys.argv[1])) as dsn:
        print(dsn, flush=True)
        await asyncio.to_thread(sys.stdin.readline)


try:
    asyncio.run(main())
except HyperfadeError as error:
    print(type(error).__name__, error, flush=True)
