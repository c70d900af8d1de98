"""Read the first cell of a parameter row: names, required mark and vendor types."""

from __future__ import annotations

import re
from dataclasses import dataclass

_BOLD = re.compile(r"\*\*(?!\*)\s*(?P<name>[^*\n]+)(?P<tail>(?:\\?\*|\^|,(?=\*)|\s+(?=\*))*)")
_TYPE_TOKEN = re.compile(r"`+([^`]+?)`+")
_LINK = re.compile(r"\[([^\]]*)\]\([^)\s]*\)")
_ANCHOR = re.compile(r"\]\(([^)\s]*)#([\w.:-]+)\)")
_TYPE_SPLIT = re.compile(r"\s*(?:\||,|\bor\b|/)\s*")
_PLAIN_NAME = re.compile(r"^[A-Za-z_~$!@%<>=0-9\[\].{}-]+$")

# Names that stand for many: UF_..., PARENT_ID_..., <selector>, {id}, propertyN, UF_CRM_xxx, *
_PLACEHOLDER = re.compile(
    r"\.\.\.|…|^\*$|<[^>]+>|\{[^}]+\}|(?:^|_)(?:X{2,}|x{2,})(?:_|$)|^UF_\*|_\*$|\[N\]|_n$|"
    r"(?:property|field|value|param|key|item|lang|name|option)_?N$|#[A-Z_]+#"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Named:
    """One name of a parameter row with its vendor types."""

    name: str
    types: tuple[str, ...]
    required: bool
    footnote: bool = False
    anchor: str | None = None
    link: str | None = None

    @property
    def placeholder(self) -> bool:
        """Whether the name stands for keys the page cannot list."""
        return bool(_PLACEHOLDER.search(self.name))


def read_names(cell: str) -> list[Named]:
    """Return what the first cell of a parameter row names; empty when it names nothing."""
    cell = re.sub(r"<br\s*/?>", "\n", cell.strip())
    cell = cell.replace("\\_", "_").replace("\\<", "<").replace("\\>", ">").replace("&lt;", "<")
    cell = cell.replace("&gt;", ">").replace("\\[", "[").replace("\\]", "]")
    if not cell or cell.startswith(("{%", "*{", "#|")):
        return []
    names, required, footnote, rest = _names(cell)
    if not names:
        return []
    types, anchor = _types(rest)
    return [
        Named(
            name=n,
            types=types,
            required=required,
            footnote=footnote,
            anchor=anchor,
            link=rest.strip(),
        )
        for n in names
    ]


def _names(cell: str) -> tuple[list[str], bool, bool, str]:
    first, _, below = cell.partition("\n")
    match = _BOLD.match(first)
    if match:
        end = match.end()
        raw = match["name"]
        tail = match["tail"]
        more = []
        while True:  # **A**|**B**
            follow = re.match(r"\s*(?:\||,|/|or)\s*", first[end:])
            again = _BOLD.match(first[end + follow.end() :]) if follow else None
            if not follow or not again:
                break
            more.append(again["name"])
            tail = tail + again["tail"].replace("**", "", 1)
            end += follow.end() + again.end()
        star, footnote = _stars(tail, raw.strip())
        raw = raw.strip().rstrip("^\\").strip()
        if raw.endswith("_"):  # **DYNAMIC_***: the star is part of the name
            raw, star = raw + "*", False
        if any(m.startswith("UF_") for m in more) or "|UF_" in raw:
            names = ["|".join((raw, *more))]  # the pair is one key: CALENDAR_EVENT|UF_CRM_CAL_EVENT
        else:
            names = [n for part in (raw, *more) for n in _split_names(part)]
        return names, star, footnote, first[end:] + "\n" + below
    plain = first.strip()
    code = re.match(r"^`([^`]+)`(\\?\*|\^\*\^)?\s*", plain)
    if code and (below.strip() or not _looks_like_type(code[1])):
        return _split_names(code[1]), bool(code[2]), False, plain[code.end() :] + "\n" + below
    word = re.match(r"^([\w.\[\]]+)(\\?\*|\^\*\^)?\s*", plain)
    if word and _PLAIN_NAME.match(word[1]) and (word.end() == len(plain) or "`" in plain):
        return [word[1]], bool(word[2]), False, plain[word.end() :] + "\n" + below
    return [], False, False, ""


def _stars(tail: str, raw: str) -> tuple[bool, bool]:
    """Return whether a required star and whether another footnote mark follows the name."""
    if "^*^" in tail or (raw.endswith("^") and "*" in tail):
        return True, False
    if raw.endswith("\\"):
        tail = "\\" + tail
    stars = tail.replace("\\", "").replace("^", "").replace(" ", "")
    groups = [len(g) for g in stars.split(",")]
    # two stars belong to the bold mark itself, wherever they stand
    if len(groups) > 1:
        return any(g in {1, 3} for g in groups), True
    extra = groups[0] - 2
    return extra == 1, extra >= 2


def _split_names(raw: str) -> list[str]:
    raw = raw.strip().strip("`").strip()
    raw = re.sub(r"^/\{(.*)/\}$", r"{\1}", raw)
    parts = re.split(r"\s*(?:,|\s/\s|\||\bor\b)\s*", raw) if not re.search(r"[<{]", raw) else [raw]
    parts = [p.strip().strip("`") for p in parts if p.strip()]
    if any(re.search(r"\s", p) and not re.search(r"[<{]", p) for p in parts):
        return []  # a sentence, not a name
    return parts


def _looks_like_type(text: str) -> bool:
    from bitrix24_agent.compiler.types import KNOWN

    return text.lower().rstrip("[]") in KNOWN


def _types(rest: str) -> tuple[tuple[str, ...], str | None]:
    """Return the vendor types behind the name and the anchor of the first type link."""
    head = rest.split("\n\n")[0]
    anchor = _ANCHOR.search(head)
    found: list[str] = []
    for token in _TYPE_TOKEN.findall(head):
        for part in _TYPE_SPLIT.split(token):
            if part and part not in found:
                found.append(part)
    if not found:
        for part in _TYPE_SPLIT.split(_LINK.sub(r"\1", head).strip().strip("*:()")):
            if part and re.fullmatch(r"[A-Za-z_.\[\]<>]+", part):
                found.append(part)
    return tuple(found), anchor[2].lower() if anchor and not anchor[1] else None
