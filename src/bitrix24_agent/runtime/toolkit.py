"""The toolkit: what a developer holds. It puts the parts together and decides nothing itself."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from bitrix24_agent import tokens
from bitrix24_agent.audit.redact import mask, mask_known
from bitrix24_agent.audit.sinks import StoreSink
from bitrix24_agent.client.auth import Auth, WebhookAuth
from bitrix24_agent.client.client import Client
from bitrix24_agent.client.clock import SystemClock
from bitrix24_agent.client.limits import Limits
from bitrix24_agent.errors import ArgumentsError, B24Error, SettingsError
from bitrix24_agent.model import (
    Answer,
    Caller,
    Card,
    Finding,
    Method,
    Plan,
    Risk,
    ToolResult,
    ToolSpec,
    canonical_json,
)
from bitrix24_agent.policy.rules import Policy
from bitrix24_agent.retrieval.references import References
from bitrix24_agent.runtime.pipeline import Gateway, Records
from bitrix24_agent.runtime.tooling import ToolRunner
from bitrix24_agent.settings import DEFAULT_PACKS, Settings, default_state
from bitrix24_agent.state.handles import Handles
from bitrix24_agent.state.idempotency import Idempotency
from bitrix24_agent.state.journal import Journal
from bitrix24_agent.state.plans import Plans
from bitrix24_agent.state.store import open_store
from bitrix24_agent.tools import cards
from bitrix24_agent.tools.build import gateway_tools, method_tools

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
    from types import TracebackType

    from bitrix24_agent.audit.record import Entry
    from bitrix24_agent.audit.sinks import Report
    from bitrix24_agent.model import Json, PlanStatus, Row
    from bitrix24_agent.ports import Clock, Store, Transport

_DEFAULT_LIMITS = Limits()
_DESCRIBED_TOKENS = 400


class Toolkit:
    """Bitrix24 for an agent: find methods, call them, and stop writes until a human agrees.

    One toolkit is one portal with one credential. Its methods are safe to use from many tasks of
    one event loop; :class:`SyncToolkit` is the same for blocking code.
    """

    def __init__(
        self,
        *,
        auth: Auth,
        packs: Sequence[str] | str = DEFAULT_PACKS,
        policy: Policy | None = None,
        state: str | Store | None = None,
        limits: Limits | None = _DEFAULT_LIMITS,
        references: References | None = None,
        timeout_s: float = 30.0,
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._refs = references or References.load()
        self._policy = policy or Policy()
        self._packs = self._enabled(packs if self._policy.packs is None else self._policy.packs)
        clock = clock or SystemClock()
        store = _store(state)
        self._store = store
        self._client = Client(
            auth=auth,
            limits=limits,
            store=store,
            transport=transport,
            timeout_s=timeout_s,
            clock=clock,
            methods=self._refs.lookup,
        )
        self._audit = StoreSink(store, clock, known=lambda: auth.secrets)
        self._plans = Plans(store, clock)
        self._gateway = Gateway(
            catalog=self._refs,
            policy=self._policy,
            packs=frozenset(self._packs),
            client=self._client,
            auth=auth,
            records=Records(
                plans=self._plans,
                idempotency=Idempotency(store, clock),
                audit=self._audit,
                journal=Journal(store, clock),
            ),
            clock=clock,
        )
        self._runner = ToolRunner(self, Handles(store, clock))
        self._portal = auth.portal

    # --- making one ------------------------------------------------------------------------------

    @classmethod
    def from_webhook(
        cls,
        url: str,
        *,
        packs: Sequence[str] | str = DEFAULT_PACKS,
        policy: Policy | None = None,
        state: str | Store | None = None,
        limits: Limits | None = _DEFAULT_LIMITS,
        references: References | None = None,
        timeout_s: float = 30.0,
        transport: Transport | None = None,
        clock: Clock | None = None,
    ) -> Self:
        """Return a toolkit for the incoming webhook at *url* (``https://host/rest/1/code/``).

        Args:
            url: The webhook's whole address; plain http only for loopback hosts.
            packs: Enabled packs, or ``"all"``; methods of other packs are refused.
            policy: The developer's rules; by default every write waits for an approval.
            state: Address of the state database; by default one per user and machine.
            limits: The portal's bucket; None turns pacing off.
            references: Other references than the packaged ones.
            timeout_s: Seconds to wait for one answer.
            transport: Another way to carry requests.
            clock: Another clock.

        Raises:
            SettingsError: *url* is no webhook address, or a pack does not exist.
        """
        return cls(
            auth=WebhookAuth.parse(url),
            packs=packs,
            policy=policy,
            state=state,
            limits=limits,
            references=references,
            timeout_s=timeout_s,
            transport=transport,
            clock=clock,
        )

    @classmethod
    def from_oauth(cls, *, state: str | Store | None = None, **options: Any) -> Self:
        """Return a toolkit for an application's OAuth grant.

        The tokens live in the state database and are refreshed once for all processes that share
        it; the ones given here are only used when the database has none yet.

        Args:
            state: Address of the state database; by default one per user and machine.
            options: ``portal``, ``client_id``, ``client_secret``, ``access_token``,
                ``refresh_token`` and ``oauth_host``, then the options of :meth:`from_webhook`.
        """
        from bitrix24_agent.client.auth import OAuth

        names = (
            "portal",
            "client_id",
            "client_secret",
            "access_token",
            "refresh_token",
            "oauth_host",
        )
        grant = {name: options.pop(name) for name in names if name in options}
        store = _store(state)
        return cls(auth=OAuth(store=store, **grant), state=store, **options)

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None, **options: Any) -> Self:
        """Return a toolkit from the ``B24_*`` variables; *options* win over them.

        Raises:
            SettingsError: No credential is set, or the variables contradict each other.
        """
        env = Settings.from_env(environ)
        options.setdefault("packs", "all" if env.packs == ("all",) else env.packs)
        options.setdefault("state", env.state)
        policy = options.pop("policy", None) or Policy()
        if env.allow:
            policy = replace(policy, allow=env.allow)
        if env.require_plan:
            policy = replace(policy, approver=None, auto_approve=())
        options["policy"] = policy
        if env.mode == "oauth":
            if not (env.domain and env.access_token):
                raise SettingsError("OAuth needs at least B24_DOMAIN and B24_ACCESS_TOKEN")
            return cls.from_oauth(
                portal=env.domain,
                client_id=env.client_id or "",
                client_secret=env.client_secret.get_secret_value() if env.client_secret else "",
                access_token=env.access_token.get_secret_value(),
                refresh_token=env.refresh_token.get_secret_value() if env.refresh_token else "",
                **options,
            )
        if env.webhook_url is None:
            raise SettingsError(
                "no portal is set; set B24_WEBHOOK_URL to the address of an incoming webhook "
                "(https://your-portal.bitrix24.com/rest/1/code/)"
            )
        return cls.from_webhook(env.webhook_url.get_secret_value(), **options)

    def _enabled(self, packs: Sequence[str] | str) -> tuple[str, ...]:
        known = tuple(self._refs.packs)
        names = known if packs == "all" else (packs,) if isinstance(packs, str) else tuple(packs)
        if unknown := [name for name in names if name not in known]:
            raise SettingsError(
                f"there is no pack {', '.join(map(repr, unknown))}; packs are {', '.join(known)}"
            )
        if not names:
            raise SettingsError(f"enable at least one pack of {', '.join(known)}")
        return tuple(name for name in known if name in names)

    def __repr__(self) -> str:
        return f"Toolkit({self._portal}, packs={','.join(self._packs)})"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connections to the portal and the state database."""
        await self._client.close()
        await self._store.close()

    # --- knowledge -------------------------------------------------------------------------------

    @property
    def references(self) -> References:
        """The catalogue behind the tools."""
        return self._refs

    @property
    def packs(self) -> tuple[str, ...]:
        """Names of the enabled packs."""
        return self._packs

    @property
    def policy(self) -> Policy:
        """The developer's rules."""
        return self._policy

    def tools(self, expose: str = "gateway") -> list[ToolSpec]:
        """Return the tools to register.

        Args:
            expose: ``gateway``: five tools that reach every method, at most 350 tokens together.
                ``shortlist``: these and one typed tool for each method of the enabled packs'
                shortlists. ``all``: these and one typed tool for each method of the enabled packs.

        Raises:
            SettingsError: *expose* is none of the three.
        """
        everything = self._refs.methods()
        if expose == "gateway":
            return gateway_tools()
        if expose == "shortlist":
            chosen = self._refs.shortlist(self._packs)
        elif expose == "all":
            chosen = everything
        else:
            raise SettingsError(f"expose is {expose!r}; use gateway, shortlist or all")
        enabled = [method for method in chosen if method.pack in self._packs]
        return gateway_tools() + method_tools(enabled, among=everything)

    def search(
        self, request: str, *, limit: int = 5, packs: Sequence[str] | None = None
    ) -> Finding:
        """Return the methods for *request* that this toolkit may call; the others are counted."""
        chosen = self._packs if packs is None else tuple(p for p in packs if p in self._packs)
        return self._refs.find(request, limit=limit, packs=chosen)

    def find(
        self,
        request: str,
        *,
        limit: int = 5,
        packs: Sequence[str] | None = None,
        seen: Iterable[str] = (),
    ) -> Card:
        """Return what a model reads when it looks for a method: hits, and a card of the best.

        A question about auth, limits, errors and the like brings the one section of the deep
        reference that answers it. Methods of *seen* (``crm.deal.add@2``) get no card again.
        """
        finding = self.search(request, limit=limit, packs=packs)
        section = self._refs.section(finding)
        return cards.answer(finding, seen=frozenset(seen), section=section, limit=limit)

    def describe(self, method: str, version: int | None = None, *, full: bool = False) -> Card:
        """Return a typed card of one method, at most about 400 tokens, or its *full* page.

        Raises:
            UnknownMethodError: No documented method has this name; carries the nearest names.
        """
        found = self._refs.method(method, version)
        return cards.page(found) if full else cards.card(found, max_tokens=_DESCRIBED_TOKENS)

    def cost(self, what: str = "gateway") -> int:
        """Return about how many tokens an exposure (see :meth:`tools`) costs in every turn."""
        return sum(
            tokens.count(f"{s.name} {s.description} {canonical_json(s.parameters)}")
            for s in self.tools(what)
        )

    def risk(
        self, method: str, params: Mapping[str, Json] | None = None, *, version: int | None = None
    ) -> Risk:
        """Return the worst this very call can do; never lower than the truth.

        Raises:
            UnknownMethodError: The name resolves to no documented method.
            ArgumentsError: The parameters or batch commands cannot be read.
        """
        return self._gateway.risk(method, params, version=version)

    # --- calls -----------------------------------------------------------------------------------

    async def call(
        self,
        method: str,
        params: Mapping[str, Json] | None = None,
        *,
        version: int | None = None,
        caller: Caller | None = None,
        deadline_s: float | None = None,
        timeout_s: float | None = None,
    ) -> Answer:
        """Call one method through the gateway.

        Args:
            method: A documented method name, in any case.
            params: Its parameters; top-level names in any case.
            version: 2 or 3 where the name exists in both.
            caller: Who asks; its key makes a repeated request answer from the record.
            deadline_s: Seconds for everything, waiting for a slot included.
            timeout_s: Seconds to wait for one answer.

        Raises:
            UnknownMethodError, ArgumentsError, NotAllowedError: Stopped here, nothing sent.
            ConfirmationRequired: A write waits for a human; the plan is stored.
            CallFailedError: Sent, or tried; see its ``outcome``.
            StateError: The state database cannot be used.
        """
        return await self._gateway.run(
            method,
            params,
            version=version,
            caller=caller or Caller(),
            deadline_s=deadline_s,
            timeout_s=timeout_s,
        )

    async def list_pages(
        self,
        method: str,
        params: Mapping[str, Json] | None = None,
        *,
        version: int | None = None,
        max_rows: int | None = None,
        on_progress: Callable[[int, int | None], None] | None = None,
    ) -> AsyncGenerator[list[Row], None]:
        """Yield all rows of a list method in blocks, in order; see :meth:`list_all`."""
        reader = self._gateway.reader(method, params, version=version)
        _check_list(reader.method)
        pages = self._client.list_pages(
            reader.call,
            method=reader.method,
            send=reader.send,
            max_rows=max_rows,
            on_progress=on_progress,
        )
        async with contextlib.aclosing(pages):
            async for page in pages:
                yield page

    async def list_all(
        self,
        method: str,
        params: Mapping[str, Json] | None = None,
        *,
        version: int | None = None,
        max_rows: int | None = None,
        on_progress: Callable[[int, int | None], None] | None = None,
    ) -> AsyncGenerator[Row, None]:
        """Yield every row of a list method: concurrent, complete, in order, a page in memory.

        Args:
            method: A reading list method.
            params: Its parameters; ``start`` is ours.
            version: 2 or 3 where the name exists in both.
            max_rows: Stop after so many rows.
            on_progress: Called with rows so far and rows in all (None while unknown).
        """
        pages = self.list_pages(
            method, params, version=version, max_rows=max_rows, on_progress=on_progress
        )
        async with contextlib.aclosing(pages):
            async for page in pages:
                for row in page:
                    yield row

    async def get_many(
        self,
        method: str,
        ids: Iterable[int | str],
        params: Mapping[str, Json] | None = None,
        *,
        version: int | None = None,
    ) -> dict[int | str, Row]:
        """Return id -> row for *ids*, read by a list method in as few requests as possible.

        Ids that the portal does not know (or does not show) are absent.
        """
        reader = self._gateway.reader(method, params, version=version)
        return await self._client.get_many(reader.call, ids, method=reader.method, send=reader.send)

    async def batch(
        self,
        commands: Mapping[str, tuple[str, Mapping[str, Json]]],
        *,
        halt: bool = False,
        caller: Caller | None = None,
    ) -> Answer:
        """Call many methods in as few requests as possible; judged by the worst of them.

        Args:
            commands: Key -> (method, parameters), sent in this order; ``$result[key][path]``
                inside a parameter refers to an earlier command.
            halt: Stop at the first command that fails.
            caller: Who asks.

        Returns:
            An Answer with ``commands`` (key -> Answer) and ``failures`` (key -> error).

        Raises:
            The errors of :meth:`call`.
        """
        cmd = {key: {"method": name, "params": dict(p)} for key, (name, p) in commands.items()}
        return await self.call("batch", {"halt": int(halt), "cmd": cmd}, version=2, caller=caller)

    async def run_tool(
        self,
        name: str,
        arguments: Mapping[str, Json] | None = None,
        *,
        caller: Caller | None = None,
        raise_confirmation: bool = False,
    ) -> ToolResult:
        """Run one tool as a model asked for it; for adapters and hand-made agent loops.

        Never raises for what the model did or the portal answered: the text says it. With
        *raise_confirmation* a write that waits for approval raises ConfirmationRequired, so that
        a framework can interrupt; otherwise the text names the plan to approve.
        """
        return await self._runner.run(
            name, arguments or {}, caller=caller or Caller(), raise_confirmation=raise_confirmation
        )

    # --- the host's side -------------------------------------------------------------------------

    async def plans(
        self, status: PlanStatus | None = None, *, key: str | None = None
    ) -> list[Plan]:
        """Return the stored plans, newest first, all or those of one status or caller's key."""
        return await self._plans.list(status, key=key)

    async def plan(self, plan_id: str) -> Plan:
        """Return one stored plan; PlanError when there is none."""
        return await self._plans.get(plan_id)

    async def approve(self, plan_id: str, *, by: str) -> Plan:
        """Approve one plan in the name of *by*; for the host, never offered to a model.

        Raises:
            PlanError: There is no such plan, or it is expired, used or already decided.
        """
        return await self._gateway.decide(plan_id, approved=True, by=by)

    async def refuse(self, plan_id: str, *, by: str, reason: str = "") -> Plan:
        """Refuse one plan; the same call is not asked again in its conversation."""
        return await self._gateway.decide(plan_id, approved=False, by=by, reason=reason)

    async def execute(self, plan_id: str, *, caller: Caller | None = None) -> Answer:
        """Send the call of an approved plan, unchanged and once.

        Raises:
            PlanError: Not approved, expired, used, altered or another tenant's.
            PlanStale: The object changed on the portal since the plan was made.
            CallFailedError: Sent, or tried; see its ``outcome``.
        """
        return await self._gateway.execute(plan_id, caller=caller)

    async def undo(self, audit_id: int, *, caller: Caller | None = None) -> Plan:
        """Make a plan of the call that takes the audited write *audit_id* back.

        Raises:
            PlanError: It cannot be undone, or was undone already.
        """
        return await self._gateway.undo(audit_id, caller=caller or Caller())

    async def audit(self, **filters: Any) -> list[Entry]:
        """Return audited calls, newest first.

        Args:
            filters: ``limit``, ``before``, ``since``, ``until``, or a value of ``method``
                (``crm.deal.update@2``), ``risk``, ``verdict``, ``outcome``, ``actor``,
                ``conversation``, ``plan_id``.
        """
        return await self._audit.entries(**filters)

    async def verify_audit(self) -> Report:
        """Walk the audit chain and tell the first row that was changed, if any."""
        return await self._audit.verify()

    def mask(self, value: Any) -> Any:
        """Return *value* without this toolkit's secrets and whatever else looks like one."""
        return mask(value, known=self._gateway.secrets)

    def hide(self, value: Any) -> Any:
        """Return *value* without this toolkit's own secrets, for a human who decides about it."""
        return mask_known(value, self._gateway.secrets)

    def explain(self, error: B24Error) -> str:
        """Return the short line a model reads about *error*, without secrets."""
        return self._runner.explain(error)


def _check_list(method: Method | None) -> None:
    """Refuse to page through a method that returns one thing.

    Raises:
        ArgumentsError: The references say where its answer is, and it is no list.
    """
    detail = method.detail if method else None
    if detail and detail.returns and not detail.paging and not detail.returns.endswith(("]", "}")):
        name = method.name if method else ""
        raise ArgumentsError(f"{name} returns no list; call it without paging")


def _store(state: str | Store | None) -> Store:
    """Return the store that *state* names; by default the one of this user on this machine."""
    if state is None or isinstance(state, str):
        return open_store(state or default_state())
    return state
