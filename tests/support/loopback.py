"""Serve an aiohttp application on a free loopback port that outlives restarts."""

from collections.abc import Callable

from aiohttp import web

BODY_LIMIT_BYTES = 64 * 1024 * 1024


class Loopback:
    """Open and close one listening port; opened again, it's the same port."""

    def __init__(self, make_application: Callable[[], web.Application]) -> None:
        self._make_application = make_application
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def open(self) -> None:
        """Listen; a second call does nothing."""
        if self._runner is not None:
            return
        # A handler dies with its connection: an abandoned long poll must not eat updates.
        runner = web.AppRunner(
            self._make_application(),
            access_log=None,
            handler_cancellation=True,
            shutdown_timeout=0.05,
        )
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self._runner = runner
        self.port = runner.addresses[0][1]

    async def close(self) -> None:
        """Stop listening and cut every connection: new ones are refused."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()
