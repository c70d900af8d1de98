"""What you need to test your own agents: a portal over real HTTP with a witness inside.

with running_portal(deals=500) as portal:
    kit = SyncToolkit.from_webhook(portal.url, limits=None)
    ...
    assert portal.journal.count("crm.deal.add") == 1
"""

from __future__ import annotations

from contextlib import asynccontextmanager, contextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterable, Iterator

    from bitrix24_agent.emulator.access import Access
    from bitrix24_agent.emulator.faults import Fault, Faults
    from bitrix24_agent.emulator.journal import Executed, Journal, Received
    from bitrix24_agent.emulator.oauth import OAuth
    from bitrix24_agent.emulator.portal import Portal
    from bitrix24_agent.emulator.server import PortalThread
    from bitrix24_agent.emulator.world import World

__all__ = ["RunningPortal", "portal_fixture", "running_portal", "running_portal_async"]


class RunningPortal:
    """A portal that answers on a loopback port.

    Attributes:
        url: Webhook address of the administrator, ready for ``from_webhook``.
        base_url: ``http://127.0.0.1:<port>``.
        portal: The emulator itself.
    """

    def __init__(self, portal: Portal, thread: PortalThread) -> None:
        self.portal = portal
        self.base_url = thread.base_url
        self.port = thread.port

    @property
    def url(self) -> str:
        """Webhook address of the administrator."""
        return self.base_url + self.portal.webhook_path()

    def webhook(self, user_id: int, *, scopes: Iterable[str] | None = None) -> str:
        """Return the address of a webhook of another user, or with fewer scopes."""
        return self.base_url + self.portal.webhook_path(user_id, scopes=scopes)

    @property
    def state(self) -> World:
        """The portal's data: ``state.deals.rows[7]["TITLE"]``."""
        return self.portal.world

    @property
    def access(self) -> Access:
        """Credentials: add or remove webhooks and tokens."""
        return self.portal.access

    @property
    def oauth(self) -> OAuth:
        """Applications and tokens: ``oauth.install("app", "secret")``, ``oauth.expire()``."""
        return self.portal.oauth

    @property
    def journal(self) -> Journal:
        """What was really executed and what was received."""
        return self.portal.journal

    @property
    def faults(self) -> Faults:
        """Switches: ``faults.add("crm.deal.add", "lost", when="after")``."""
        return self.portal.faults

    @property
    def requests(self) -> list[Received]:
        """Every HTTP request that arrived."""
        return list(self.portal.journal.requests)

    @property
    def executed(self) -> list[Executed]:
        """Every method the portal ran."""
        return list(self.portal.journal.executed)

    def reset(self) -> None:
        """Go back to the seeded data with an empty journal and no faults."""
        self.portal.reset()


def _start(host: str, port: int, options: dict[str, Any]) -> tuple[RunningPortal, PortalThread]:
    missing = [name for name in ("starlette", "uvicorn") if find_spec(name) is None]
    if missing:
        raise ImportError(
            f"the portal emulator needs {' and '.join(missing)}: "
            "pip install 'bitrix24-agent[emulator]'"
        )
    from bitrix24_agent.emulator.portal import Portal
    from bitrix24_agent.emulator.server import PortalThread

    portal = Portal(**options)
    thread = PortalThread(portal, host, port)
    thread.start()
    return RunningPortal(portal, thread), thread


@contextmanager
def running_portal(
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    seed: int = 1,
    deals: int = 120,
    limits: Any = None,
    operating_limit: float | None = None,
    latency: float = 0.0,
    faults: Iterable[Fault] = (),
    scopes: Iterable[str] | None = None,
    clock: Callable[[], float] | None = None,
) -> Iterator[RunningPortal]:
    """Run a portal in its own thread for the length of the block; safe in a running loop.

    Args:
        host: Loopback address to listen on.
        port: Port, 0 for any free one.
        seed: Same seed, same company.
        deals: How many deals the company has.
        limits: None (no pacing), True (50 and 2 a second), a pair, or an object with ``capacity``
            and ``per_second``.
        operating_limit: Seconds of operating time a method may use in ten minutes, None for no
            check.
        latency: Seconds every answer takes at least.
        faults: Switches set from the start; more with ``portal.faults.add(...)``.
        scopes: Scopes of the administrator's webhook, all by default.
        clock: Replaces ``time.time``.

    Raises:
        ImportError: starlette or uvicorn is missing; names the extra to install.
    """
    options: dict[str, Any] = {
        "seed": seed,
        "deals": deals,
        "limits": limits,
        "operating_limit": operating_limit,
        "latency": latency,
        "faults": faults,
    }
    if scopes is not None:
        options["scopes"] = scopes
    if clock is not None:
        options["clock"] = clock
    running, thread = _start(host, port, options)
    try:
        yield running
    finally:
        thread.stop()


@asynccontextmanager
async def running_portal_async(**options: Any) -> AsyncIterator[RunningPortal]:
    """Do the same for ``async with``; the options are those of :func:`running_portal`."""
    with running_portal(**options) as running:
        yield running


def portal_fixture(**options: Any) -> Callable[[], Iterator[RunningPortal]]:
    """Return a function for ``pytest.fixture``.

    ``portal = pytest.fixture(portal_fixture(deals=10))``
    """

    def portal() -> Iterator[RunningPortal]:
        with running_portal(**options) as running:
            yield running

    return portal
