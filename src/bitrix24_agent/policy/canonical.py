"""Any spelling of a call -> one catalogue method with plain parameters, or a refusal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from bitrix24_agent.errors import ArgumentsError, Problem, UnknownMethodError
from bitrix24_agent.model import Call
from bitrix24_agent.policy.forms import read_query
from bitrix24_agent.policy.names import Spelling, read_name, shown
from bitrix24_agent.policy.validate import check_arguments
from bitrix24_agent.policy.values import no_twins, plain_params, refused

if TYPE_CHECKING:
    from bitrix24_agent.model import Json, Method
    from bitrix24_agent.policy.port import Catalog

VERSIONS = (2, 3)


def canonical(
    name: str,
    params: Mapping[str, object] | str | None = None,
    *,
    version: int | None = None,
    catalog: Catalog,
    allow_unlisted: bool = False,
) -> Call:
    """Return the one call that *name* and *params* mean.

    The name is the catalogue's own spelling, the parameters a private copy. Parameters in a query
    string behind the name join the others. A name that exists in both versions means v3, unless the
    parameters fit v2 and do not fit v3; *version* (or ``@2``, ``@3`` behind the name) chooses. With
    *allow_unlisted* a clean unknown name is passed on as it is; the gate still judges it as
    destructive.

    Raises:
        UnknownMethodError: No documented method is meant; carries the nearest names.
        ArgumentsError: The parameters cannot be sent, are ambiguous, or are no readable batch.
    """
    spelling = read_name(name)
    version = _version(version, spelling)
    if spelling.bare.lower() == "batch":
        from bitrix24_agent.policy.commands import read_batch

        given = params if not spelling.query else merged(params, spelling.query)
        return read_batch(given, version=version, catalog=catalog, allow_unlisted=allow_unlisted)
    arguments = merged(params, spelling.query) if spelling.query else plain_params(params)
    method = find(spelling, arguments, version, catalog)
    if method is not None:
        return Call(method=method.name, version=method.version, params=arguments)
    if allow_unlisted and not catalog.versions(spelling.bare):
        return Call(method=spelling.bare, version=version or 2, params=arguments)
    raise unknown(spelling, version, catalog)


def merged(params: object, query: str) -> dict[str, Json]:
    """Return *params* joined by those of the *query* behind the name; none may be given twice."""
    arguments = plain_params(params)
    arguments |= {
        name: value
        for name, value in plain_params(read_query(query, "name")).items()
        if _new(name, arguments)
    }
    no_twins(arguments, "")
    return arguments


def find(
    spelling: Spelling, arguments: Mapping[str, Json], version: int | None, catalog: Catalog
) -> Method | None:
    """Return the method meant, or None."""
    for name in dict.fromkeys((spelling.name, spelling.bare)):
        versions = catalog.versions(name)
        if version is None and len(versions) > 1:
            return _fitting(name, arguments, catalog)
        if versions:
            return catalog.lookup(name, version)
    return None


def unknown(spelling: Spelling, version: int | None, catalog: Catalog) -> UnknownMethodError:
    """Return the error about a name that is clean and not documented."""
    near = list(catalog.nearest(spelling.bare))
    versions = catalog.versions(spelling.bare)
    hint = f"; nearest: {', '.join(near)}" if near else ""
    if versions:
        hint = f" in v{version}; it exists in v{', v'.join(map(str, versions))}"
    return UnknownMethodError(
        f"{shown(spelling.bare)} is not a documented Bitrix24 method{hint}",
        name=spelling.bare,
        nearest=near,
    )


def _version(version: object, spelling: Spelling) -> int | None:
    if version is None:
        return spelling.version
    # A version that is nearly one (2.0, True, "2") is refused: ignoring it would choose another.
    if not isinstance(version, int) or isinstance(version, bool) or version not in VERSIONS:
        raise ArgumentsError(
            "this version does not exist; use the number 2 or 3, or leave it out",
            problems=(Problem(path="version", message="must be 2 or 3"),),
        )
    if spelling.version and version != spelling.version:
        raise ArgumentsError(
            f"the name says version {spelling.version}, the call says {version}; give one"
        )
    return int(version)


def _fitting(name: str, arguments: Mapping[str, Json], catalog: Catalog) -> Method | None:
    """The newest version these arguments fit; the newest of all when they fit none."""
    candidates = [catalog.lookup(name, v) for v in sorted(catalog.versions(name), reverse=True)]
    known = [method for method in candidates if method is not None]
    for method in known:
        if not check_arguments(method, arguments)[1]:
            return method
    return known[0] if known else None


def _new(name: str, arguments: Mapping[str, Json]) -> bool:
    if any(name.lower() == other.lower() for other in arguments):
        raise refused(name, "is given in the query string and in the parameters", "give it once")
    return True
