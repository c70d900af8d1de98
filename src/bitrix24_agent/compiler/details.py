"""Read what a parameter's description says about its values: enum, default, format, source."""

from __future__ import annotations

import re

_CODE = r"`+([^`\n]+?)`+"
_POSSIBLE = re.compile(
    r"(?:possible|allowed|available|acceptable|accepted|valid|permissible|supported)\s+"
    r"(?:\w+\s+){0,3}?(?:values?|options?|types?|variants?)\b[^:\n]{0,80}:|(?:takes|accepts|"
    r"can take|may take)"
    r"\s+(?:one of\s+)?(?:the\s+)?(?:following\s+)?(?:\w+\s+)?values?\b[^:\n]{0,60}:|(?:^|"
    r"\n)\s*values:|one of the(?: following)?(?: values)?:",
    re.IGNORECASE,
)
_BULLET = re.compile(r"^\s*[-*•]\s+(.*)$")
_BULLET_VALUE = re.compile(
    r"^\*{0,2}[`'\"]{1,3}([^`'\"\n]+?)[`'\"]{1,3}\*{0,2}(?:\s*(?:[—–:=,.;(-]|or\b)|\s*$|\s)|"
    r"^\*\*([\w.-]+)\*\*\s*(?:[—–:-]|$)|^(-?\d+)\s*(?:[—–:-]|$)"
)
_DEFAULT = re.compile(
    r"(?:by default|default(?:s)?(?: value)?(?: is| to)?|the default is)\s*(?:[,:—–=-]|is|to|"
    r"it is|the value(?: is)?)?\s*" + r"`+([^`\n]{0,60}?)`+",
    re.IGNORECASE,
)
_INLINE_VALUES = re.compile(
    r"(?:possible|allowed|available|acceptable|valid)\s+(?:\w+\s+)?values?\s*(?:are|is|—|–|-|"
    r":)?\s*((?:`[^`\n]+`(?:\s*\([^)\n]*\))?\s*(?:,|\||/|or|and|;|, or)?\s*){2,})",
    re.IGNORECASE,
)
_PIPED = re.compile(r"`+([\w-]+(?:\s*\|\s*[\w-]+)+)`+")
_FROM_METHOD = re.compile(
    r"(?:using|use|via|by|with|through|call(?:ing)?|from|returned by|returns|execut\w+|"
    r"see)\s+(?:the\s+)?(?:result of\s+)?(?:the\s+)?(?:method\w*\s+)"
    r"?[`*]*\[[`*]*([a-z][\w]*(?:\.\w+)+)[`*]*\]\(",
    re.IGNORECASE,
)
_ENTITY_ID = re.compile(r"ENTITY_ID[\"'`]?\s*[:=]\s*[\"'`]?([A-Z][A-Z_]*[A-Z])[\"'`]")
_TYPE_ID = re.compile(r"entityTypeId[\"'`]?\s*[:=]\s*(\d+)")
_UNITS = (
    (re.compile(r"\bin seconds\b|\bseconds\)|, seconds\b", re.IGNORECASE), "seconds"),
    (re.compile(r"\bin minutes\b|, minutes\b|\bminutes\)", re.IGNORECASE), "minutes"),
    (re.compile(r"\bin milliseconds\b", re.IGNORECASE), "milliseconds"),
    (re.compile(r"\bin hours\b", re.IGNORECASE), "hours"),
    (re.compile(r"\bin bytes\b", re.IGNORECASE), "bytes"),
    (re.compile(r"\bin (?:megabytes|MB)\b"), "megabytes"),
    (re.compile(r"\bin grams\b", re.IGNORECASE), "grams"),
    (re.compile(r"\bin (?:millimeters|mm)\b", re.IGNORECASE), "millimeters"),
    (re.compile(r"\bin percent|percentage\b|, %", re.IGNORECASE), "percent"),
)
_DATE_PATTERN = re.compile(r"`((?:YYYY|DD|MM|HH|yyyy|dd)[-./T:\w\s±+]{3,32}?)`")
_PLACEHOLDER_VALUE = re.compile(r"[{}<>#$\[\]()\s]|\.\.\.|^%|^\W+$")


def enum_of(text: str, name: str = "") -> tuple[str, ...]:
    """Return the accepted values that *text* lists for *name*; nothing when the list is open."""
    lines = text.split("\n")
    for i, line in enumerate(lines):
        match = _POSSIBLE.search(line if line.lstrip().startswith(("-", "*")) is False else "")
        if not match:
            continue
        if _about_another(line[: match.start()], name):
            continue
        values = _bulleted(lines[i + 1 :])
        if values:
            return values
    inline = _INLINE_VALUES.search(text)
    if inline and not _about_another(text[: inline.start()].rsplit("\n", 1)[-1], name):
        values = tuple(dict.fromkeys(re.findall(_CODE, inline[1])))
        return values if all(_is_value(v) for v in values) and len(values) > 1 else ()
    piped = _PIPED.search(text)
    if piped:
        values = tuple(v.strip() for v in piped[1].split("|"))
        if all(_is_value(v) for v in values) and not set(values) & {"object", "array", "string"}:
            return values
    return ()


def _about_another(before: str, name: str) -> bool:
    """Whether the words before a list of values speak of another parameter."""
    named = re.findall(
        r"(?:parameter|field|key)s?\s+`([^`]+)`|`([^`]+)`\s+(?:parameter|field|key)", before
    )
    return any((a or b) != name for a, b in named)


def _bulleted(lines: list[str]) -> tuple[str, ...]:
    """Read ``- `Y` — yes`` lines up to the first line that is none."""
    values: list[str] = []
    base: int | None = None
    for line in lines:
        if not line.strip():
            if values:
                break
            continue
        bullet = _BULLET.match(line)
        if not bullet:
            if values and (line.startswith("  ") or not line.startswith("|")):
                continue  # a wrapped line of the value above
            break
        indent = len(line) - len(line.lstrip())
        base = indent if base is None else base
        if indent > base:
            continue
        value = _BULLET_VALUE.match(bullet[1])
        text = next((g for g in value.groups() if g), None) if value else None
        if text is None or not _is_value(text):
            return ()
        values.append(text.strip().replace("\\\\", "\\"))
        # several values on one line: - `a`, `b` — meaning
        head = re.split(r"[—–]", bullet[1])[0]
        values.extend(v for v in re.findall(_CODE, head)[1:] if _is_value(v))
    unique = tuple(dict.fromkeys(values))
    return unique if len(unique) > 1 else ()


def _is_value(text: str) -> bool:
    return not _PLACEHOLDER_VALUE.search(text.strip().strip("'\"")) and len(text) <= 60


def default_of(text: str) -> str | None:
    """Return the stated default, when it is a literal."""
    match = _DEFAULT.search(text)
    if not match:
        return None
    value = match[1].strip().strip("'\"").strip()
    if len(value) > 40 or ";" in value or "|" in value:
        return None
    return value if value and value.lower() != "null" else None


def format_of(text: str, base: str | None, kind: str) -> str | None:
    """Return the format or unit the description states, on top of the type's own *base*."""
    if kind == "string":
        pattern = _DATE_PATTERN.search(text)
        if pattern:
            return f"{base} {pattern[1]}" if base else pattern[1]
        if re.search(r"\bbase64\b", text, re.IGNORECASE):
            return "base64"
    if base is None and kind in {"integer", "number"}:
        for unit, name in _UNITS:
            if unit.search(text):
                return name
    return base


def source_of(text: str) -> str | None:
    """Return the method that lists the valid values, with the fixed parameter the page names."""
    match = _FROM_METHOD.search(text)
    if not match:
        return None
    method = match[1]
    verb = method.rsplit(".", 1)[-1].lower()
    if not re.match(r"(get|list|fields|items|types?$|search|\w*list$|\w*get)", verb):
        return None
    if method == "crm.status.list":
        entity = _ENTITY_ID.search(text)
        if entity:
            return f"{method} ENTITY_ID={entity[1].rstrip('_')}"
    if method.startswith(("crm.item.", "crm.category.")):
        kind = _TYPE_ID.search(text)
        if kind:
            return f"{method} entityTypeId={kind[1]}"
    return method
