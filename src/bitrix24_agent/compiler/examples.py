"""Read the JSON bodies of the request examples and the answers a page shows."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from bitrix24_agent.compiler.pages import Page

ANY = "\x00any"
"""Stands for a value that the page leaves to the reader (``**put_id_here**``)."""

_LENIENT = json.JSONDecoder(strict=False)
_ENVELOPE = {"time", "total", "next"}
_SHELL = {"bash", "sh", "shell", "curl", "http", ""}
_DATA = re.compile(r"(?:^|\s)(?:-d|--data|--data-raw|--data-binary)\s+(['\"])")
_ADDRESS = re.compile(
    r"https?://[^\s\"']*?/rest/(?P<v3>api/)?(?:[^/\s\"']+/[^/\s\"']+/)?(?P<name>[A-Za-z][\w.]*)"
)
_GLUED = re.compile(r"'(?:\"?\$\([^\n]*?\)\"?|\"?\$\{?\w+\}?\"?)'")
_AFTER_BODY = re.compile(r"\s*(?:[\\/]\s*)?(?:\n|$)|\s+(?:\\|-|https?:|\"https?:|'https?:)")
_SHELL_LINE = re.compile(r"(?m)^\s*,?\s*auth=\S+\s*$")
_BARE_WORD = re.compile(r"(?<=:)\s*(?!true\b|false\b|null\b)([A-Za-z_$]\w*)(?=\s*[,}])")
_BAD_ESCAPE = re.compile(r'\\(?!["\\/bfnrtu])')
_BARE_PLACEHOLDER = re.compile(r"(?<=[:\[,\s])\*\*[^*\n]+\*\*(?=\s*[,}\]])")
_SUBSTITUTION = re.compile(r"\$\([^()]*(?:\([^()]*\)[^()]*)*\)")
_TRAILING_COMMA = re.compile(r",(\s*[}\]])")
_COMMENT = re.compile(r"(?m)(?<![:\"'\w])\s//[^\n]*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One request of a page: its line, the decoded body, or the reason why it cannot be decoded."""

    line: int
    tab: str
    body: Any = None
    reason: str | None = None


def requests(page: Page, name: str) -> Iterator[Example]:
    """Yield the JSON bodies that the cURL examples of *page* send to the method *name*."""
    for section in page.sections:
        for code in section.codes:
            if code.language not in _SHELL or "curl" not in code.text.lower():
                continue
            addresses = [m["name"] for m in _ADDRESS.finditer(code.text)]
            called = {re.sub(r"\.(json|xml)$", "", a).lower() for a in addresses}
            if name.lower() not in called or len(called) > 1:
                continue
            for body in _bodies(code.text):
                value, reason = decode(body)
                yield Example(line=code.line, tab=code.tab, body=value, reason=reason)


def _bodies(text: str) -> Iterator[str]:
    for match in _DATA.finditer(text):
        quote = match[1]
        body = _quoted(text, match.end(), quote)
        if body.lstrip().startswith(("{", "[")):
            yield body


def _quoted(text: str, start: int, quote: str) -> str:
    """Return a shell-quoted string; ``'"$(date)"'`` inside it is shell, not JSON."""
    out: list[str] = []
    i = start
    while i < len(text):
        char = text[i]
        if char == quote:
            glued = _GLUED.match(text, i) if quote == "'" else None
            if glued:  # a shell value; inside a JSON string it is text, elsewhere the value itself
                inside = len(re.findall(r'(?<!\\)"', "".join(out))) % 2 == 1
                out.append("2025-01-01T00:00:00+00:00" if inside else json.dumps(ANY))
                i = glued.end()
                continue
            if text.startswith("'\\''", i) or text.startswith("'\"'\"'", i):
                out.append("'")
                i += 4 if text.startswith("'\\''", i) else 5
                continue
            rest = text[i + 1 :]
            if _AFTER_BODY.match(rest):
                break
            out.append(char)  # an apostrophe inside a text: manager's comment
        elif char == "\\" and quote == '"' and i + 1 < len(text) and text[i + 1] in '"\\$`':
            out.append(text[i + 1])
            i += 1
        else:
            out.append(char)
        i += 1
    return "".join(out)


def decode(body: str, *, tail: bool = False) -> tuple[Any, str | None]:
    """Return the value of a JSON body, small slips of the page mended, or the reason why not.

    With *tail* whatever follows the value is passed over: some answers have a bracket too many.
    """
    text = _BARE_PLACEHOLDER.sub(lambda _: json.dumps(ANY), body)
    text = _SUBSTITUTION.sub("2025-01-01T00:00:00+00:00", text)
    reason = ""
    mended = _BAD_ESCAPE.sub(r"\\\\", _SHELL_LINE.sub("", _COMMENT.sub("", text)))
    mended = _TRAILING_COMMA.sub(r"\1", mended)
    bare = _BARE_WORD.sub(lambda _: json.dumps(ANY), mended)
    for attempt in (text, mended, bare):
        try:
            if tail:
                return _with_any(_LENIENT.raw_decode(attempt.lstrip())[0]), None
            return _with_any(json.loads(attempt, strict=False)), None
        except ValueError as error:
            reason = str(error)
    return None, f"not JSON: {reason}"


def _with_any(value: Any) -> Any:
    if isinstance(value, str) and re.fullmatch(r"\*\*[^*]+\*\*", value.strip()):
        return ANY
    if isinstance(value, list):
        return [_with_any(v) for v in value]
    if isinstance(value, dict):
        return {k: _with_any(v) for k, v in value.items()}
    return value


def answers(page: Page) -> list[dict[str, Any]]:
    """Return the decoded JSON answers that *page* shows for success.

    A few pages leave the envelope out and show the inside of ``result`` beside ``total`` and
    ``time``.
    """
    found: list[dict[str, Any]] = []
    bare: list[dict[str, Any]] = []
    for section in page.sections:
        if re.search(r"error", section.title, re.IGNORECASE):
            continue
        for code in section.codes:
            if code.language not in {"json", "js", "", "javascript", "json5"}:
                continue
            value, _ = decode(_elided(code.text), tail=True)
            if not isinstance(value, dict) or "error" in value:
                continue
            if "result" in value:
                found.append(value)
            elif "time" in value or "total" in value:
                envelope = {k: v for k, v in value.items() if k in _ENVELOPE}
                inside = {k: v for k, v in value.items() if k not in _ENVELOPE}
                bare.append({"result": inside, **envelope})
    return found or bare


def _elided(text: str) -> str:
    """Drop ``...`` lines and comments that stand for more of the same."""
    text = re.sub(r"(?m)^\s*(?:\.\.\.|…|//.*)\s*,?\s*$", "", text)
    text = re.sub(r"/\*.*?\*/", "", text, flags=re.DOTALL)
    text = re.sub(r",\s*(?:\.\.\.|…)\s*(?=[}\]])", "", text)
    return re.sub(r"(?<=[\[{])\s*(?:\.\.\.|…)\s*(?=[}\]])", "", text)
