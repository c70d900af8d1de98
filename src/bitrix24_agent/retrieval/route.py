"""From a request to packs, to a topic of the deep reference, and to what kind of help it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bitrix24_agent.retrieval.budget import MAX_FILES
from bitrix24_agent.retrieval.text import fold

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from bitrix24_agent.model import Hit, Pack
    from bitrix24_agent.retrieval.profile import Profile
    from bitrix24_agent.retrieval.request import Request
    from bitrix24_agent.retrieval.vocabulary import Vocabulary

TOPICS = ("auth", "limits", "errors", "batch", "events", "oauth", "rest3")

# Which topic an error code belongs to, by a piece of the code; the first that fits.
_CODES = (
    ("QUERY_LIMIT", "limits"),
    ("OPERATION_TIME", "limits"),
    ("OVERLOAD", "limits"),
    ("OPERATING", "limits"),
    ("BATCH", "batch"),
    ("RESULT_ERROR", "batch"),
    ("RESULT_TOTAL", "batch"),
    ("AUTH_CONNECTOR", "events"),
    ("PROCESS_ID", "events"),
    ("EXPIRED_TOKEN", "oauth"),
    ("INVALID_GRANT", "oauth"),
    ("INVALID_CLIENT", "oauth"),
    ("WRONG_CLIENT", "oauth"),
    ("INVALID_TOKEN", "oauth"),
    ("REFRESH_TOKEN", "oauth"),
    ("CLIENT_SECRET", "oauth"),
    ("APPLICATION_TOKEN", "events"),
    ("EVENT_NOT", "events"),
    ("HANDLER_ALREADY", "events"),
    ("PAYMENT_REQUIRED", "auth"),
    ("INTRANET", "auth"),
    ("V3_", "rest3"),
    ("AUTH", "auth"),
    ("SCOPE", "auth"),
    ("CREDENTIALS", "auth"),
    ("ACCESS_DENIED", "auth"),
    ("USER_ACCESS", "auth"),
    ("CONFIRM_WAITING", "auth"),
)
# Pieces by which an identifier with underscores is an error code and not a field.
_ERRORS = ("ERROR", "EXCEED", "DENIED", "INVALID", "FAILED", "NOT_FOUND", "WRONG", "EXPIRED",
           "REQUIRED", "FORBIDDEN", "EXCEPTION", "INSUFFICIENT", "MISSING", "LIMIT", "BLOCKED",
           "UNAUTHORIZED", "NOT_ALLOWED", "NOT_SUPPORTED", "UNKNOWN", "WAITING")  # fmt: skip
# The best method below which symptoms win: with a word of trouble, with a "not", with neither.
_CLEAR = 0.96
_UNCLEAR = 0.6
_NOTHING = 0.42
_EVENT_THINGS = frozenset(("offline events", "event handler"))
_TOPIC_PACKS = {
    "limits": ("diagnostics", "platform"),
    "auth": ("diagnostics", "platform"),
    "errors": ("diagnostics", "platform"),
    "rest3": ("diagnostics", "platform"),
    "oauth": ("platform", "diagnostics"),
    "batch": ("platform", "diagnostics"),
    "events": ("platform", "diagnostics"),
}


@dataclass(frozen=True, slots=True)
class Route:
    """Where a request leads besides methods.

    Attributes:
        topic: Topic of the deep reference, or None.
        intent: ``call``, ``trouble``, ``design`` or ``events``.
        also_call: Whether methods may be wanted too.
    """

    topic: str | None
    intent: str
    also_call: bool


class Router:
    """Routes requests over the packs of one reference folder."""

    def __init__(self, packs: Mapping[str, Pack], vocabulary: Vocabulary) -> None:
        self._packs = packs
        self._order = {name: place for place, name in enumerate(packs)}
        self._ids: dict[str, dict[str, float]] = {}
        for pack in packs.values():
            for phrase in pack.words:
                words = fold(phrase).replace("-", " ").split()
                senses = [s for m in vocabulary.phrases([*words], 0) for s in m.senses]
                if len(words) == 1:
                    senses = list(vocabulary.word(words[0]))
                for sense in senses:
                    if sense.kind == "thing":
                        self._ids.setdefault(sense.id, {})[pack.name] = 1.0

    def route(self, request: Request, best: float = 0.0) -> Route:
        """Decide whether the request needs the deep reference, and what kind of help it is.

        Args:
            request: What was understood.
            best: Score of the best method; symptoms told in passing count less where it is high.
        """
        topics = request.whole.topics
        codes = [code for code in map(str.upper, request.codes) if _is_error(code)]
        trouble = topics["trouble"] > 0 or bool(codes)
        design = topics["design"] > 0
        topic: str | None = None
        for code in codes:
            topic = next((name for piece, name in _CODES if piece in code), topic or "errors")
            if topic != "errors":
                break
        if topic is None or topic == "errors":
            said = [name for name in TOPICS if topics[name] and name != "errors"]
            if said:
                # Whoever names REST 3.0 asks about its ways, whatever else is named.
                topic = max(
                    said,
                    key=lambda name: (topics[name] + (name == "rest3"), -TOPICS.index(name)),
                )
            elif (
                topic is None
                and (trouble or design)
                and any(group.ids & _EVENT_THINGS for group in request.whole.groups)
            ):
                topic = "events"
            elif topic is None and topics["errors"]:
                topic = "errors"
            elif topic is None:
                topic = self._hinted(request, best, trouble=trouble)
                trouble = trouble or topic is not None
        if topic is None:
            return Route(None, "design" if design else "call", also_call=True)
        intent = "trouble"
        if topic == "events" and not trouble:
            intent = "events"
        elif design:
            intent = "design"
        # Words like "limit" or "token" also occur in plain requests; codes and troubles do not.
        return Route(topic, intent, also_call=not (codes or trouble or design))

    def _hinted(self, request: Request, best: float, *, trouble: bool) -> str | None:
        """Return the topic that symptoms point to where none is named."""
        whole = request.whole
        hints = {name: whole.topics[f"{name} hint"] for name in TOPICS}
        name = max(TOPICS, key=lambda each: (hints[each], -TOPICS.index(each)))
        if trouble:
            least, under = (1, _UNCLEAR) if hints[name] == 1 else (2, _CLEAR)
        elif whole.negated:
            least, under = 2, _UNCLEAR
        else:
            least, under = 3, _NOTHING
        if hints[name] < least or best >= under or whole.elsewhere < 1.0:
            return None
        return name

    def packs(
        self,
        request: Request,
        ranked: Sequence[tuple[float, Profile]],
        route: Route,
    ) -> tuple[str, ...]:
        """Return pack names, best first: where the best methods are, then where the words lead."""
        votes: dict[str, float] = {}
        for place, (score, profile) in enumerate(ranked[:10]):
            pack = profile.method.pack
            votes[pack] = max(votes.get(pack, 0.0), score / (1 + 0.1 * place))
        for group in request.whole.groups:
            for id_ in sorted(group.ids):
                for pack, weight in self._ids.get(id_, {}).items():
                    votes[pack] = votes.get(pack, 0.0) + 0.05 * weight * group.weight
        ordered = sorted(votes, key=lambda name: (-round(votes[name], 4), self._order[name]))
        if route.topic:
            first = _TOPIC_PACKS[route.topic]
            ordered = [*first, *(name for name in ordered if name not in first)]
        return tuple(ordered[:4])

    def files(self, hits: Sequence[Hit], route: Route, *, several: bool) -> tuple[str, ...]:
        """Return the reference files to read before the first step, two at most.

        Recipes only when the request wants *several* things.
        """
        if route.topic:
            return ("bitrix24.md",)
        if not hits:
            return ("packs.md",)
        best = hits[0].method
        if several:
            return (f"catalog-{best.pack}.md", f"chains-{best.pack}.md")[:MAX_FILES]
        return (f"catalog-{best.pack}.md", f"methods/{best.family}.md")[:MAX_FILES]


def _is_error(code: str) -> bool:
    known = any(piece in code for piece, _ in _CODES)
    return known or any(piece in code for piece in _ERRORS)
