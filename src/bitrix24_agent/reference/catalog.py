"""Look-up of methods, packs, recipes and the deep reference; a file is read when asked for."""

from __future__ import annotations

import hashlib
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Self

from bitrix24_agent.errors import ReferencesError, UnknownMethodError
from bitrix24_agent.model import Chain, Method, MethodDetail, Pack
from bitrix24_agent.reference.nearest import nearest
from bitrix24_agent.reference.parse import (
    Index,
    PackCatalog,
    Section,
    blocks,
    parse_catalog,
    parse_chains,
    parse_deep,
    parse_detail,
    parse_index,
    parse_packs,
)

if TYPE_CHECKING:
    from collections.abc import Iterable


def packaged_folder() -> Path:
    """Return the references shipped with the package, or those of the checkout it runs from.

    Raises:
        ReferencesError: Neither is there.
    """
    here = Path(__file__).resolve()
    beside = here.parents[1] / "references"
    if (beside / "index.md").is_file():
        return beside
    for folder in here.parents:
        if (folder / "pyproject.toml").is_file() and (folder / "references" / "index.md").is_file():
            return folder / "references"
    raise ReferencesError(
        "the package's reference files are missing; install bitrix24-agent again", file=str(beside)
    )


class Catalog:
    """Every documented method and everything known about it, read lazily from one folder.

    Only ``index.md`` is read at first; a family file is read when a method of it is looked at.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._families: dict[str, tuple[str, dict[tuple[str, int], tuple[int, int]]]] = {}
        self._opened: list[str] = []

    @classmethod
    def load(cls, path: str | Path | None = None) -> Self:
        """Open the packaged references, or those in the folder *path*.

        Raises:
            ReferencesError: The folder or its index cannot be read; names file and line.
        """
        folder = Path(path) if path is not None else packaged_folder()
        if not (folder / "index.md").is_file():
            raise ReferencesError(
                "no index.md here; give a folder made by `bitrix24-agent references compile`",
                file=str(folder),
            )
        catalog = cls(folder)
        _ = catalog.index
        return catalog

    def __repr__(self) -> str:
        return f"{type(self).__name__}({len(self.index.rows)} methods, {self.index.source})"

    # --- files ------------------------------------------------------------------------------------

    def text(self, name: str) -> str:
        """Return the text of one reference file, by its name relative to the folder."""
        path = self.folder / name
        try:
            text = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            problem = f"cannot be read: {reason}"
        else:
            self._opened.append(name)
            return text.replace("\r\n", "\n")
        raise ReferencesError(problem, file=str(path))

    @property
    def opened(self) -> tuple[str, ...]:
        """Names of the files read so far, in order."""
        return tuple(self._opened)

    @cached_property
    def index(self) -> Index:
        """What ``index.md`` says."""
        return parse_index(self.text("index.md"), str(self.folder / "index.md"))

    @property
    def digest(self) -> str:
        """A digest of what the catalogue says about methods; plans are bound to it."""
        return self.index.digest or _digest(self.index)

    # --- methods ----------------------------------------------------------------------------------

    @cached_property
    def _methods(self) -> dict[tuple[str, int], Method]:
        """Method by lower-case name and version, in the order of the index."""
        found: dict[tuple[str, int], Method] = {}
        for row in self.index.rows:
            key = (row.name.lower(), row.version)
            if key in found:
                raise ReferencesError(
                    f"{row.name} (v{row.version}) is listed twice",
                    file=str(self.folder / "index.md"),
                )
            found[key] = Method(
                name=row.name,
                version=row.version,
                pack=row.pack,
                risk=row.risk,
                scopes=row.scopes,
                summary=row.summary,
                family=row.family,
                page=row.page,
                replaced_by=row.replaced_by,
                load=self._detail,
            )
        return found

    @cached_property
    def _versions(self) -> dict[str, tuple[int, ...]]:
        found: dict[str, tuple[int, ...]] = {}
        for name, version in self._methods:
            found[name] = (*found.get(name, ()), version)
        return found

    def methods(self, pack: str | None = None) -> list[Method]:
        """Return every method, or those of one pack, in the order of the index."""
        if pack is not None and pack not in self.packs:
            raise ReferencesError(f"there is no pack {pack!r}; packs are {', '.join(self.packs)}")
        return [m for m in self._methods.values() if pack is None or m.pack == pack]

    def method(self, name: str, version: int | None = None) -> Method:
        """Return one method, whatever the case of *name*; by default the newest version.

        Raises:
            UnknownMethodError: No documented method has this name (and version); carries the
                nearest names.
        """
        found = self.lookup(name, version)
        if found is None:
            near = self.nearest(name)
            hint = f"; nearest: {', '.join(near)}" if near else ""
            if version is not None and (others := self.versions(name)):
                hint = f"; it exists as v{', v'.join(map(str, others))}"
            what = f" (v{version})" if version else ""
            raise UnknownMethodError(
                f"{name}{what} is not a documented Bitrix24 method{hint}", name=name, nearest=near
            )
        return found

    def lookup(self, name: str, version: int | None = None) -> Method | None:
        """Return one method whatever the case of *name*, or None."""
        lower = name.lower()
        if version is None:
            versions = self._versions.get(lower)
            if not versions:
                return None
            version = max(versions)
        return self._methods.get((lower, version))

    def versions(self, name: str) -> tuple[int, ...]:
        """Return the API versions that have this name."""
        return self._versions.get(name.lower(), ())

    def nearest(self, name: str, limit: int = 3) -> list[str]:
        """Return the documented names that look most like *name*, best first."""
        return nearest(name, (m.name for m in self._methods.values()), limit)

    def _detail(self, method: Method) -> MethodDetail:
        """Read one method's block from its family file."""
        file = f"methods/{method.family}.md"
        if method.family not in self._families:
            text = self.text(file)
            self._families[method.family] = (text, blocks(text))
        text, places = self._families[method.family]
        where = str(self.folder / file)
        if (method.name, method.version) not in places:
            raise ReferencesError(
                f"no block '## {method.name} (v{method.version})'; compile the references again",
                file=where,
            )
        return parse_detail(text, *places[method.name, method.version], where)

    # --- hand-written files -----------------------------------------------------------------------

    @cached_property
    def packs(self) -> dict[str, Pack]:
        """The packs by name, in the order of ``packs.md``, with their number of methods."""
        counts: dict[str, int] = {}
        for row in self.index.rows:
            counts[row.pack] = counts.get(row.pack, 0) + 1
        packs = parse_packs(self.text("packs.md"), str(self.folder / "packs.md"))
        return {
            name: Pack(
                name=name,
                title=pack.title,
                purpose=pack.purpose,
                patterns=pack.patterns,
                words=pack.words,
                count=counts.get(name, 0),
            )
            for name, pack in packs.items()
        }

    def catalog(self, pack: str) -> PackCatalog:
        """Return one pack's shortlist and text."""
        file = f"catalog-{self._known(pack)}.md"
        return parse_catalog(self.text(file), str(self.folder / file))

    def chains(self, pack: str) -> tuple[Chain, ...]:
        """Return one pack's recipes."""
        file = f"chains-{self._known(pack)}.md"
        return parse_chains(self.text(file), str(self.folder / file))

    def shortlist(self, packs: Iterable[str]) -> list[Method]:
        """Return the shortlisted methods of *packs*, in the order of the catalogues, each once."""
        chosen: dict[str, Method] = {}
        for pack in packs:
            for row in self.catalog(pack).shortlist:
                method = self.method(row.method, row.version)
                chosen.setdefault(method.id, method)
        return list(chosen.values())

    @cached_property
    def deep(self) -> tuple[Section, ...]:
        """The sections of the deep reference."""
        return parse_deep(self.text("bitrix24.md"), str(self.folder / "bitrix24.md"))

    def _known(self, pack: str) -> str:
        if pack not in self.packs:
            raise ReferencesError(f"there is no pack {pack!r}; packs are {', '.join(self.packs)}")
        return pack


def _digest(index: Index) -> str:
    rows = "\n".join(f"{r.name}@{r.version} {r.risk} {r.pack}" for r in index.rows)
    return hashlib.sha256(rows.encode()).hexdigest()
