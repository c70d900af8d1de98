"""In-memory tables quick at 100,000 rows: sorted ids, lazy indexes, cached answers."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import OrderedDict
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from bitrix24_agent.model import Json, Row

_CACHED_ANSWERS = 64


class Table:
    """Rows by integer id. A value equal to the field's default need not be stored.

    Attributes:
        rows: id -> row; change rows only through :meth:`update`.
        ids: Every id, ascending.
        version: Grows with every change.
    """

    def __init__(self, name: str, *, defaults: Mapping[str, Json] | None = None) -> None:
        self.name = name
        self.defaults: dict[str, Json] = dict(defaults or {})
        self.rows: dict[int, Row] = {}
        self.ids: list[int] = []
        self.version = 0
        self._last_id = 0
        self._indexes: dict[str, dict[Any, list[int]]] = {}
        self._answers: OrderedDict[str, tuple[int, list[int]]] = OrderedDict()

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[Row]:
        return (self.rows[key] for key in list(self.ids))

    def __contains__(self, key: object) -> bool:
        return key in self.rows

    def get(self, key: int) -> Row | None:
        """Return the stored row, or None."""
        return self.rows.get(key)

    def value(self, row: Row, field: str) -> Json:
        """Return one value of *row*, its default when it is not stored."""
        return row[field] if field in row else self.defaults.get(field)

    def add(self, row: Mapping[str, Json], *, key: int | None = None) -> int:
        """Store a copy of *row* under a new id (or *key*) and return the id."""
        key = self._last_id + 1 if key is None else key
        self._last_id = max(self._last_id, key)
        stored = {"ID": key, **row}
        stored["ID"] = key
        self.rows[key] = stored
        if not self.ids or key > self.ids[-1]:
            self.ids.append(key)
        else:
            insort(self.ids, key)
        for field, index in self._indexes.items():
            self._enter(index, self.value(stored, field), key)
        self.version += 1
        return key

    def skip_to(self, key: int) -> None:
        """Let the next id be *key* at least."""
        self._last_id = max(self._last_id, key - 1)

    def update(self, key: int, changes: Mapping[str, Json]) -> Row:
        """Change some values of a row and return it."""
        row = self.rows[key]
        for field, index in self._indexes.items():
            if field in changes:
                self._leave(index, self.value(row, field), key)
                self._enter(index, changes[field], key)
        row.update(changes)
        row["ID"] = key
        self.version += 1
        return row

    def delete(self, key: int) -> Row:
        """Take a row out and return it."""
        row = self.rows.pop(key)
        del self.ids[bisect_left(self.ids, key)]
        for field, index in self._indexes.items():
            self._leave(index, self.value(row, field), key)
        self.version += 1
        return row

    def where(self, **equal: Json) -> list[Row]:
        """Return the rows whose fields equal the given values, in id order."""
        return [self.rows[key] for key in self.keys_where(**equal)]

    def keys_where(self, **equal: Json) -> list[int]:
        """Return the ids of the rows whose fields equal the given values, ascending."""
        (field, value), *rest = equal.items()
        keys = self.index(field).get(fold(value), [])
        return [
            key
            for key in keys
            if all(fold(self.value(self.rows[key], other)) == fold(want) for other, want in rest)
        ]

    def index(self, field: str) -> dict[Any, list[int]]:
        """Return value -> ascending ids for *field*, made on first use; read only."""
        found = self._indexes.get(field)
        if found is None:
            found = {}
            for key in self.ids:
                self._enter(found, self.value(self.rows[key], field), key)
            self._indexes[field] = found
        return found

    def remember(self, question: str, keys: list[int]) -> list[int]:
        """Keep the answer to *question* until the table changes."""
        self._answers[question] = (self.version, keys)
        self._answers.move_to_end(question)
        while len(self._answers) > _CACHED_ANSWERS:
            self._answers.popitem(last=False)
        return keys

    def recall(self, question: str) -> list[int] | None:
        """Return the kept answer to *question*, or None when there is none or the table changed."""
        found = self._answers.get(question)
        return found[1] if found and found[0] == self.version else None

    @staticmethod
    def _enter(index: dict[Any, list[int]], value: Json, key: int) -> None:
        for single in value if isinstance(value, list) else (value,):
            keys = index.setdefault(fold(single), [])
            if not keys or key > keys[-1]:
                keys.append(key)
            elif keys[bisect_left(keys, key)] != key:
                insort(keys, key)

    @staticmethod
    def _leave(index: dict[Any, list[int]], value: Json, key: int) -> None:
        for single in value if isinstance(value, list) else (value,):
            keys = index.get(fold(single), [])
            at = bisect_left(keys, key)
            if at < len(keys) and keys[at] == key:
                del keys[at]


def fold(value: Json) -> Any:
    """Return *value* as it compares in the database: text without regard to case."""
    if isinstance(value, str):
        return value.casefold()
    if isinstance(value, dict | list):
        return repr(value)
    return value
