"""Which methods the portal plays: a decorator that files a function under name and version."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from bitrix24_agent.emulator.refusal import Refusal, RefusalV3

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from bitrix24_agent.emulator.access import Credential
    from bitrix24_agent.emulator.world import World
    from bitrix24_agent.model import Json, Row


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """What a method answers beside its result: the counters of a list."""

    result: Json
    total: int | None = None
    next: int | None = None


@dataclass(slots=True, kw_only=True)
class Visit:
    """One execution of one method: who asks, with which parameters, on which portal.

    Attributes:
        params: Top-level parameters as sent (v3: the decoded body).
        lower: The same by lower-case name, for methods that do not mind the case.
        args: The values alone, in the order they came, for methods that read them by order.
        base_url: Where the caller reached the portal, for links in answers.
    """

    world: World
    method: str
    version: int
    params: dict[str, Json]
    user: Row
    credential: Credential
    base_url: str = ""
    args: list[Json] = field(default_factory=list)
    lower: dict[str, Json] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Fill the case-blind view."""
        self.lower = {key.lower(): value for key, value in self.params.items()}

    @property
    def user_id(self) -> int:
        """Id of the acting user."""
        return int(self.user["ID"])

    @property
    def is_admin(self) -> bool:
        """Whether the acting user administers the portal."""
        return bool(self.user.get("IS_ADMIN"))

    def param(self, name: str, default: Json = None) -> Json:
        """Return a top-level parameter without regard to case."""
        return self.lower.get(name.lower(), default)

    def need(self, name: str) -> Json:
        """Return a parameter the method cannot do without.

        Raises:
            Refusal: It was not sent.
        """
        found = self.param(name)
        if found is None or found == "":
            raise Refusal("100", f"Could not find value for parameter {{{name}}}")
        return found

    def start(self) -> int:
        """Return the offset of the wanted page, -1 for "do not count"."""
        return as_int(self.param("start"), 0)

    def need_admin(self, code: str = "ACCESS_DENIED", text: str = "Access denied!") -> None:
        """Refuse users who are no administrators."""
        if not self.is_admin:
            raise Refusal(code, text, 403)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """A method of the emulator.

    Attributes:
        scopes: Any of these lets a credential in; empty for everybody.
        writes: It changes something.
        batchable: False when a batch refuses it.
        application: Only applications (OAuth) may call it.
    """

    name: str
    version: int
    run: Callable[[Visit], Json]
    scopes: tuple[str, ...] = ()
    writes: bool = False
    batchable: bool = True
    application: bool = False


PLAYED: dict[tuple[str, int], Played] = {}


def method(
    name: str,
    *,
    scope: str = "",
    version: int = 2,
    writes: bool = False,
    batchable: bool = True,
    application: bool = False,
) -> Callable[[Callable[[Visit], Json]], Callable[[Visit], Json]]:
    """File the decorated function as *name*; *scope* may list several, space-separated."""

    def keep(run: Callable[[Visit], Json]) -> Callable[[Visit], Json]:
        PLAYED[name.lower(), version] = Played(
            name=name,
            version=version,
            run=run,
            scopes=tuple(scope.split()),
            writes=writes,
            batchable=batchable,
            application=application,
        )
        return run

    return keep


def find(name: str, version: int) -> Played | None:
    """Return the method filed under *name* without regard to case, or None."""
    return PLAYED.get((name.lower(), version))


def as_int(value: Json, default: int) -> int:
    """Return *value* as PHP would cast it, *default* when nothing was sent."""
    if value is None or value == "":
        return default
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


def as_map(value: Json, name: str) -> Mapping[str, Json]:
    """Return an object parameter; an empty list counts as an empty object.

    Raises:
        Refusal: It is something else, in the words of the classic methods.
    """
    if value is None or value == [] or value == "":
        return {}
    if isinstance(value, list):
        return {str(n): item for n, item in enumerate(value)}
    if not isinstance(value, dict):
        raise Refusal("", f"Parameter '{name}' must be array.")
    return value


def as_names(value: Json) -> list[str] | None:
    """Return a ``select`` as names; None when nothing was chosen or it is no array."""
    if isinstance(value, dict):
        value = list(value.values())
    if not isinstance(value, list) or not value:
        return None
    return [str(one) for one in value]


def is_yes(value: Json) -> bool:
    """Return whether a flag of any spelling is on."""
    return value in (True, 1, "1", "Y", "y", "true", "TRUE")


__all__ = [
    "PLAYED",
    "Played",
    "Refusal",
    "RefusalV3",
    "Reply",
    "Visit",
    "as_int",
    "as_map",
    "as_names",
    "find",
    "is_yes",
    "method",
]
