"""Runs one method: rights, scope, operating time, execution, journal; knows nothing of HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bitrix24_agent.emulator import happenings, moments, registry
from bitrix24_agent.emulator.documented import is_documented
from bitrix24_agent.emulator.journal import Executed
from bitrix24_agent.emulator.refusal import Refusal, RefusalV3, not_implemented
from bitrix24_agent.emulator.registry import Reply, Visit

if TYPE_CHECKING:
    from bitrix24_agent.emulator.access import Access, Credential
    from bitrix24_agent.emulator.faults import Faults
    from bitrix24_agent.emulator.journal import Journal
    from bitrix24_agent.emulator.limiter import OperatingTime
    from bitrix24_agent.emulator.world import World
    from bitrix24_agent.model import Json, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a call comes from: who, in which request, at which address, as which command."""

    credential: Credential
    request: int
    base_url: str = ""
    command: str | None = None


@dataclass(slots=True, kw_only=True)
class Kernel:
    """What the wire layers share: the world, its doors, its limits and its witnesses."""

    world: World
    access: Access
    journal: Journal
    faults: Faults
    operating: OperatingTime

    def execute(
        self, name: str, version: int, params: dict[str, Json] | list[Json], origin: Origin
    ) -> tuple[Reply, dict[str, Json]]:
        """Run a method and return its reply and its ``time`` block.

        Raises:
            Refusal, RefusalV3: The portal says no.
        """
        played = registry.find(name, version)
        if played is None:
            raise self.unknown(name, version)
        user = self._admit(played, origin.credential)
        self.operating.check(origin.credential.id, played.name)
        started = self.world.clock()
        visit = Visit(
            world=self.world,
            method=played.name,
            version=version,
            params=dict(params) if isinstance(params, dict) else {},
            user=user,
            credential=origin.credential,
            base_url=origin.base_url,
            args=_in_order(params),
        )
        entry = Executed(
            number=0,
            request=origin.request,
            at=started,
            method=played.name,
            version=version,
            params=params,
            user_id=int(user["ID"]),
            writes=played.writes,
            command=origin.command,
        )
        try:
            found = played.run(visit)
        except (Refusal, RefusalV3) as refusal:
            entry.outcome, entry.code = "refused", str(refusal.code)
            self.journal.execute(entry)
            self._charge(origin, played.name, started)
            raise
        reply = found if isinstance(found, Reply) else Reply(result=found)
        entry.result = reply.result
        self.journal.execute(entry)
        if played.writes:
            happenings.tell(self.world, played.name, visit.params, reply.result)
        return reply, self._charge(origin, played.name, started)

    def unknown(self, name: str, version: int) -> Refusal | RefusalV3:
        """Return the answer to a method nobody plays: 501 when it is documented, else 404."""
        if is_documented(name, version):
            return not_implemented(name, version)
        if version == 3:
            return RefusalV3("METHODNOTFOUNDEXCEPTION", f"Method `{name}` not found", status=404)
        return Refusal("ERROR_METHOD_NOT_FOUND", "Method not found!", 404)

    def time_block(
        self, started: float, operating: float = 0.0, reset_at: int | None = None
    ) -> dict[str, Json]:
        """Return the ``time`` block of an answer."""
        finished = self.world.clock()
        block: dict[str, Json] = {
            "start": started,
            "finish": finished,
            "duration": finished - started,
            "processing": finished - started,
            "date_start": moments.iso(int(started)),
            "date_finish": moments.iso(int(finished)),
        }
        if reset_at is not None:
            block["operating_reset_at"] = reset_at
        block["operating"] = operating
        return block

    def _admit(self, played: registry.Played, credential: Credential) -> Row:
        user = self.world.active_user(credential.user_id)
        if user is None:
            raise Refusal("authorization_error", "Unable to authorize user", 401)
        if not credential.allows(played.scopes):
            text = "The request requires higher privileges than provided by the access token"
            if played.version == 3:
                raise RefusalV3("INSUFFICIENTSCOPEEXCEPTION", text, status=403)
            raise Refusal("insufficient_scope", text, 403)
        if played.application and not credential.application:
            raise Refusal("WRONG_AUTH_TYPE", "Application context required", 403)
        return user

    def _charge(self, origin: Origin, method: str, started: float) -> dict[str, Json]:
        spent = self.world.clock() - started
        used, reset_at = self.operating.charge(origin.credential.id, method, spent)
        return self.time_block(started, used, reset_at)


def _in_order(params: dict[str, Json] | list[Json]) -> list[Json]:
    return list(params) if isinstance(params, list) else list(params.values())
