"""b24pysdk (the vendor's, blocking, requests), as its documentation shows it.

It knows https only; its two addresses are pointed at the stub portal so that nobody pays for TLS.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from b24pysdk import BitrixApp, BitrixToken, BitrixWebhook
from b24pysdk.api.requesters import BitrixOAuthRequester
from b24pysdk.client import Client

from client.clients import Place, Work


def client(place: Place) -> Any:
    caller = sys.modules["b24pysdk.api.callers.call_method"]._MethodCaller  # noqa: SLF001
    caller._base_url = property(lambda _: f"{place.base}/rest")  # noqa: SLF001
    BitrixOAuthRequester._OAUTH_TOKEN_URL = f"{place.base}/oauth/token/"  # noqa: SLF001
    if not place.oauth:
        return Client(BitrixWebhook(domain=place.host, webhook_token="1/code"))
    app = BitrixApp(client_id="app", client_secret="secret")
    token = BitrixToken(domain=place.host, auth_token="a0", refresh_token="r1", bitrix_app=app)
    return Client(token)


def rows_kept(place: Place) -> Work:
    b24 = client(place)
    return lambda: list(b24.crm.deal.list().as_list().result)


def rows_streamed(place: Place) -> Work:
    b24 = client(place)
    return lambda: [int(row["ID"]) for row in b24.crm.deal.list().as_list_fast().result]


rows_uncounted = rows_kept


def by_id(place: Place) -> Work:
    b24 = client(place)
    return lambda: list(b24.crm.deal.list(filter={"@ID": place.ids}).as_list().result)


def calls(place: Place) -> Work:
    b24 = client(place)

    def one(_: int) -> bool:
        try:
            return bool(b24.crm.deal.get(bitrix_id=1).result)
        except Exception:
            return False

    def work() -> int:
        with ThreadPoolExecutor(place.calls) as threads:
            return sum(threads.map(one, range(place.calls)))

    return work


def write(place: Place) -> Work:
    b24 = client(place)

    def work() -> str:
        try:
            b24.crm.deal.add(fields={"TITLE": "bench"}).result  # noqa: B018 -- this sends it
        except Exception as error:
            return f"told: {type(error).__name__}"
        return "done"

    return work
