"""uvicorn around a portal: a free loopback port, a thread that starts fast and stops clean."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING

try:
    import uvicorn
except ImportError as error:  # pragma: no cover -- depends on what is installed
    raise ImportError(
        "the portal emulator needs starlette and uvicorn: pip install 'bitrix24-agent[emulator]'"
    ) from error

if TYPE_CHECKING:
    from bitrix24_agent.emulator.portal import Portal

START_S = 10.0
STOP_S = 5.0


def listen(host: str, port: int) -> socket.socket:
    """Return a listening socket; port 0 takes any free one.

    Raises:
        OSError: The port is taken or the address is not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # Named protocol: asyncio switches Nagle off only for sockets that say TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(512)
    except (OSError, OverflowError):
        listener.close()
        raise
    return listener


class PortalServer(uvicorn.Server):
    """A uvicorn server that stops at once: open connections are dropped, not waited for."""

    def __init__(self, portal: Portal) -> None:
        super().__init__(
            uvicorn.Config(
                portal,
                loop="asyncio",
                http="auto",
                ws="none",
                lifespan="off",
                interface="asgi3",
                log_config=None,
                access_log=False,
                server_header=False,
                timeout_keep_alive=60,
            )
        )
        self._wake: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def stop(self) -> None:
        """Ask the server to end; may be called from any thread."""
        self.should_exit = True
        if self._loop is not None and self._wake is not None:
            self._loop.call_soon_threadsafe(self._wake.set)

    async def main_loop(self) -> None:
        """Tick once a second, and at once when told to stop."""
        self._loop, self._wake = asyncio.get_running_loop(), asyncio.Event()
        ticks = 0
        while not await self.on_tick(ticks):
            ticks = (ticks + 10) % 864000
            try:
                await asyncio.wait_for(self._wake.wait(), 0.2)
            except TimeoutError:
                continue

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the port, drop every connection, cancel what still runs."""
        for server in self.servers:
            server.close()
        for listener in sockets or []:
            listener.close()
        running = list(self.server_state.tasks)
        for task in running:
            task.cancel()
        for connection in list(self.server_state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        if running:
            await asyncio.wait(running, timeout=STOP_S)
        await asyncio.sleep(0)


class PortalThread:
    """A portal served by a daemon thread of its own."""

    def __init__(self, portal: Portal, host: str = "127.0.0.1", port: int = 0) -> None:
        self._socket = listen(host, port)
        self.port: int = self._socket.getsockname()[1]
        self.base_url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}"
        portal.base_url = self.base_url
        self._server = PortalServer(portal)
        self._started = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name=f"b24-portal-{self.port}", daemon=True
        )

    def start(self) -> None:
        """Serve; returns when the port answers.

        Raises:
            RuntimeError: The server did not come up in time.
        """
        self._thread.start()
        if not self._started.wait(START_S):
            raise RuntimeError("the portal emulator did not start")

    def stop(self) -> None:
        """Close the port and end the thread."""
        self._server.stop()
        self._thread.join(STOP_S)

    def _run(self) -> None:
        async def serve() -> None:
            asyncio.get_running_loop().call_soon(self._started.set)
            await self._server.serve(sockets=[self._socket])

        with asyncio.Runner() as runner:
            runner.run(serve())
