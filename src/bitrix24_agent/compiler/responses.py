"""Read what a page says about the answer: rows, new id, keys, paging, codes, who may call."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bitrix24_agent.compiler import examples
from bitrix24_agent.compiler.parameters import parameter_tables, rows, top

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bitrix24_agent.compiler.pages import Page, Section
    from bitrix24_agent.params import Param

MOST_KEYS = 80

_CODE = re.compile(
    r"^[A-Z][A-Z0-9_]{2,}$|^[A-Za-z]+(?:_[A-Za-z0-9]+)+$|^\d{1,15}$|"
    r"^[A-Z][A-Za-z]+(?:Exception|Error)$|^[a-z]+[A-Z]\w+$"
)
_V3_CODE = re.compile(r"Error Code:?\**:?\s*`([A-Z][A-Z0-9_]+)`", re.IGNORECASE)
_ERROR_TITLES = re.compile(r"error|exception", re.IGNORECASE)
_WHO = re.compile(
    r"^>?\s*Who can (?:execute|call|use|subscribe)[^:\n]*:\s*(?P<who>.+)$",
    re.MULTILINE | re.IGNORECASE,
)
_ADMIN = re.compile(
    r"^[`*]*(?:only\s+)?(?:a|an|the)?\s*(?P<kind>(?:portal|bitrix24|account|"
    r"crm)\s+)?administrators?[`*]*"
    r"(?P<rest>.*)$",
    re.IGNORECASE,
)
_OR_OTHERS = re.compile(
    r"\bor\b|\band\b|,\s*(?:a\s+)?user|\bowner|manager|moderator", re.IGNORECASE
)
_APPLICATION = re.compile(
    r"only (?:with)?in (?:the )?(?:authorization |authentication )?context of (?:authorizing )?"
    r"(?:the |an |a )?\[?application|"
    r"(?:works?|executed|available|called|"
    r"be used) (?:only )?(?:with)?in (?:the )?(?:authorization )?(?:application context|"
    r"context of (?:the |an |its )?\[?application)|"
    r"requires (?:the |an )?application context|only (?:with)?in (?:the )?application context|"
    r"only (?:be )?(?:works? )?(?:with|in|"
    r"within) (?:the )?(?:\w+ )?(?:authorization )?context of (?:the |an )?\[?app",
    re.IGNORECASE,
)
_WEBHOOK_FINE = re.compile(
    r"(?:via|with|by|using) (?:a |an )?(?:incoming )?webhook or|session authorization",
    re.IGNORECASE,
)
_ADDING = {
    "add", "addblock", "addbytemplate", "addfolder", "addfromcomment", "addsubfolder", "answer",
    "copy", "copyto", "create", "import", "open", "register", "send", "start", "upload",
    "uploadfile",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Answered:
    """What a page says about the answer of its method."""

    returns: str | None = None
    id_at: str | None = None
    keys: tuple[str, ...] = ()
    paging: str | None = None


def answer_of(page: Page, name: str, params: Iterable[Param]) -> Answered:
    """Return where the rows or the id are, which keys a row has and how the method pages."""
    shown = list(examples.answers(page))
    result = next((s["result"] for s in shown if _filled(s["result"])), None)
    if result is None and shown:
        result = shown[0]["result"]
    returns, row = _locate(result, name) if shown else (None, None)
    keys = _keys(row)
    if not keys:
        keys = _documented_keys(page, returns)
    if returns is None and _response_tables(page):
        returns = "result"
    return Answered(
        returns=returns,
        id_at=_id_at(result, name) if shown else None,
        keys=keys[:MOST_KEYS],
        paging=paging_of(name, params, shown),
    )


def _filled(value: Any) -> bool:
    if isinstance(value, dict):
        return any(_filled(v) if isinstance(v, (dict, list)) else True for v in value.values())
    return bool(value) or isinstance(value, (bool, int))


def _locate(result: Any, name: str) -> tuple[str, Any]:
    """Return the path of the useful part and one row (or the object) found there."""
    if isinstance(result, list):
        return "result[]" if result and isinstance(result[0], dict) else "result", _first(result)
    if not isinstance(result, dict):
        return "result", None
    if _by_id(result):
        return "result{}", next(iter(result.values()))
    lists = [k for k, v in result.items() if isinstance(v, list) and v and isinstance(v[0], dict)]
    maps = [k for k, v in result.items() if isinstance(v, dict) and _by_id(v)]
    objects = [k for k, v in result.items() if isinstance(v, dict) and v]
    listing = re.search(r"list|search|getlist|tail|history|\.get$", name, re.IGNORECASE)
    rest = [k for k in result if k not in {"total", "next", "hasMore", "nextCursor", "truncated"}]
    if len(rest) == 1 and lists:
        return f"result.{lists[0]}[]", _first(result[lists[0]])
    if len(rest) == 1 and maps:
        return f"result.{maps[0]}{{}}", next(iter(result[maps[0]].values()))
    if len(rest) == 1 and objects and _is_name(objects[0], name):
        return f"result.{objects[0]}", result[objects[0]]
    if len(lists) == 1 and listing and not name.lower().endswith(".get"):
        return f"result.{lists[0]}[]", _first(result[lists[0]])
    return "result", result


def _is_name(key: str, name: str) -> bool:
    """Whether *key* names the thing the method works on, rather than being an id or code of one."""
    return bool(re.match(r"[a-z]", key)) or (len(key) > 2 and key.lower() in name.lower())


def _first(values: list[Any]) -> Any:
    dicts = [v for v in values if isinstance(v, dict)]
    return max(dicts, key=len) if dicts else None


def _by_id(value: dict[str, Any]) -> bool:
    return bool(value) and all(k.isdigit() and isinstance(v, dict) for k, v in value.items())


def _keys(row: Any) -> tuple[str, ...]:
    if not isinstance(row, dict):
        return ()
    return tuple(k for k in row if re.fullmatch(r"[\w~.]+", k) and not k.isdigit())


def _response_tables(page: Page) -> list[Section]:
    return [
        s
        for s in page.sections
        if s.level >= 2
        and re.match(r"respon|return|success|what is returned|result", top(s).title, re.IGNORECASE)
        and parameter_tables(s)
    ]


def _documented_keys(page: Page, returns: str | None) -> tuple[str, ...]:
    """Return the keys of the response table below ``result``, when the example shows none."""
    names: list[str] = []
    for section in _response_tables(page)[:1]:
        for table in parameter_tables(section)[:1]:
            names += [
                r.name for r in rows(table) if r.name not in {"result", "time", "total", "next"}
            ]
    inner = (returns or "").removeprefix("result").strip(".[]{}")
    kept = [
        n.split(".")[-1]
        for n in names
        if n != inner and re.fullmatch(r"[\w.~]+", n) and not n.endswith("_")
    ]
    return tuple(dict.fromkeys(kept))


def _id_at(result: Any, name: str) -> str | None:
    verb = name.rsplit(".", 1)[-1].lower()
    if verb not in _ADDING and not verb.startswith(("add", "create")):
        return None
    if isinstance(result, bool):
        return None
    if isinstance(result, int) or (isinstance(result, str) and result.isdigit()):
        return "result"
    return _inner_id(result, "result", 2)


def _inner_id(value: Any, path: str, depth: int) -> str | None:
    if not isinstance(value, dict):
        return None
    for key in ("id", "ID", "Id"):
        if isinstance(value.get(key), (int, str)) and not isinstance(value.get(key), bool):
            return f"{path}.{key}"
    if depth:
        for key, inner in value.items():
            if isinstance(inner, dict) and (found := _inner_id(inner, f"{path}.{key}", depth - 1)):
                return found
    ids = [
        k
        for k, v in value.items()
        if re.search(r"(?:_ID|Id|_id)$", k)
        and isinstance(v, (int, str))
        and not isinstance(v, bool)
    ]
    return f"{path}.{ids[0]}" if len(ids) == 1 else None


def paging_of(name: str, params: Iterable[Param], shown: Iterable[dict[str, Any]]) -> str | None:
    """Return the paging style: start, v3, cursor, offset, last id or page; None for no pages."""
    names = {p.path.lower() for p in params}
    tops = {n for n in names if "." not in n}
    answers = list(shown)
    if "pagination" in tops:
        return "v3"
    if "start" in tops and name.rsplit(".", 1)[-1].lower() not in {"start", "open"}:
        return "start"
    if tops & {"cursor", "aftercursor"} or any(n.startswith("cursor") for n in names):
        return "cursor"
    if tops & {"last_id", "lastid", "last_message_id", "lastmessageid"}:
        return "last id"
    if "offset" in tops or {"params.offset", "offset"} & names:
        return "offset"
    if tops & {"nav_params", "page", "navparams", "pagenavigation"}:
        return "page"
    listing = re.search(r"(?:list|search)$", name, re.IGNORECASE)
    if any("next" in a for a in answers) or (listing and any("total" in a for a in answers)):
        return "start"
    return None


def errors_of(page: Page) -> tuple[str, ...]:
    """Return the error codes the page lists, the ones every method shares left out."""
    codes: list[str] = []
    for section in page.sections:
        if section.level < 2 or not any(_ERROR_TITLES.search(t) for t in section.path()[1:]):
            continue
        codes += _V3_CODE.findall(section.text)
        for table in section.tables:
            column = next(
                (i for i, h in enumerate(table.header) if re.match(r"(?:error )?code", h)), None
            )
            if column is None:
                continue
            for row in table.rows[1:]:
                if column < len(row.cells):
                    codes += _codes_in(row.cells[column])
        for code in section.codes:
            match = re.search(r'"error"\s*:\s*"([^"]+)"', code.text) or re.search(
                r'"code"\s*:\s*"([A-Z][^"]+)"', code.text
            )
            if match and _CODE.match(match[1]):
                codes.append(match[1])
    return tuple(dict.fromkeys(codes))


def _codes_in(cell: str) -> list[str]:
    tokens = re.findall(r"`([^`\n]+)`", cell) or re.split(
        r"[\s,/]+|<br>", re.sub(r"[*`]", "", cell)
    )
    return [t.strip() for t in tokens if _CODE.match(t.strip())]


def audience_of(page: Page) -> str | None:
    """Return ``administrator`` or ``CRM administrator`` when only those may call the method."""
    match = _WHO.search(page.text[:6000])
    if not match:
        return None
    admin = _ADMIN.match(match["who"].strip())
    if not admin or _OR_OTHERS.search(admin["rest"].split("(")[0]):
        return None
    return (
        "CRM administrator" if (admin["kind"] or "").strip().lower() == "crm" else "administrator"
    )


def needs_application(page: Page, codes: Iterable[str]) -> bool:
    """Whether only an application may call the method: a webhook is refused."""
    if "WRONG_AUTH_TYPE" in set(codes) and not _WEBHOOK_FINE.search(page.text):
        return True
    who = _WHO.search(page.text[:6000])
    if who and re.search(
        r"in the (?:application context|context of the application)", who["who"], re.IGNORECASE
    ):
        return True
    head = "\n".join(s.text for s in page.sections if s.level <= 1)
    before = "\n".join(s.text for s in page.sections[:3] if "example" not in s.title.lower())
    return bool(_APPLICATION.search(head) or _APPLICATION.search(before))
