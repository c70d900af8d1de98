"""Methods that have no page of their own: a section of an overview describes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bitrix24_agent.compiler.extract import Extracted, extract_as
from bitrix24_agent.compiler.responses import Answered

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from bitrix24_agent.compiler.pages import Page

_BATCH_PAGE = "settings/how-to-call-rest-api/batch.md"
_V3_PAGE = "api-reference/rest-v3.md"
# name -> (version, words the section must still hold)
_ON_V3_PAGE = {
    "documentation": "rest.documentation.openapi",
    "rest.documentation.openapi": "rest.documentation.openapi",
    "rest.scope.list": "rest.scope.list",
}


def sectioned(load: Callable[[str], Page | None]) -> Iterator[Extracted]:
    """Yield the methods that overview pages describe and still name."""
    batch = load(_BATCH_PAGE)
    if batch is not None:
        yield extract_as(batch, "batch", 2, load)
    v3 = load(_V3_PAGE)
    if v3 is None:
        return
    for name, words in _ON_V3_PAGE.items():
        if words in v3.text:
            yield Extracted(
                name=name,
                version=3,
                page=_V3_PAGE,
                title=v3.title,
                scopes=(),
                params=(),
                answer=Answered(returns="result"),
            )
    if "/batch" in v3.text or "`batch`" in v3.text:
        yield Extracted(
            name="batch",
            version=3,
            page=_V3_PAGE,
            title=v3.title,
            scopes=(),
            params=(),
            answer=Answered(returns="result"),
            batch_refused=True,
        )
