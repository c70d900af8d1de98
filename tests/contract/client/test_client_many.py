"""Whole lists, many objects, long batches, files and tokens against the portal."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from bitrix24_agent.client.auth import OAuth
from bitrix24_agent.client.client import Client
from bitrix24_agent.client.files import inline
from bitrix24_agent.client.limits import Limits
from bitrix24_agent.errors import ArgumentsError, CallFailedError, CredentialsError, PortalError
from bitrix24_agent.model import Call, Risk
from bitrix24_agent.protocol.batch import Ref
from bitrix24_agent.state.store import open_store
from bitrix24_agent.testing import running_portal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from bitrix24_agent.testing import RunningPortal

pytestmark = pytest.mark.anyio

LISTS = [
    Call(method="crm.deal.list"),
    Call(method="crm.deal.list", params={"order": {"ID": "DESC"}, "select": ["TITLE"]}),
    Call(method="crm.deal.list", params={"order": {"TITLE": "ASC"}}),
    Call(method="crm.item.list", params={"entityTypeId": 2}),
]


@pytest.mark.parametrize("limits", [None, Limits()])
@pytest.mark.parametrize("call", LISTS)
async def test_a_whole_list_comes_once_and_in_order(
    portal: RunningPortal, make: Callable[..., Client], call: Call, limits: Limits | None
) -> None:
    client = make(limits=limits)
    rows = [row async for row in client.list_all(call)]
    ids = [int(row.get("ID", row.get("id"))) for row in rows]
    assert sorted(ids) == sorted(portal.state.deals.rows)
    if "TITLE" not in str(call.params.get("order")):
        assert ids == sorted(ids, reverse="order" in call.params)
    assert len(portal.requests) <= 8


@pytest.mark.parametrize("kind", ["lost", "rate_limit", "cut_body", "bad_gateway"])
async def test_a_list_survives_faults_at_random(
    portal: RunningPortal, make: Callable[..., Client], kind: str
) -> None:
    portal.faults.add("batch", kind, probability=0.3, times=None, seed=4)  # type: ignore[arg-type]
    rows = [row async for row in make().list_all(Call(method="crm.deal.list"))]
    assert [int(row["ID"]) for row in rows] == sorted(portal.state.deals.rows)


async def test_users_and_tasks_are_walked_too(
    portal: RunningPortal, make: Callable[..., Client]
) -> None:
    for method, key in (("user.get", "ID"), ("tasks.task.list", "id")):
        rows = [row async for row in make().list_all(Call(method=method))]
        ids = [int(row[key]) for row in rows]
        assert ids == sorted(ids)
        assert ids


async def test_many_deals_by_id(portal: RunningPortal, make: Callable[..., Client]) -> None:
    wanted = [*sorted(portal.state.deals.rows)[:120], 999_999]
    found = await make().get_many(Call(method="crm.deal.get"), wanted)
    assert list(found) == wanted[:-1]
    assert len(portal.requests) <= 3


async def test_linked_commands_pass_values_on_and_stop_together(
    portal: RunningPortal, make: Callable[..., Client]
) -> None:
    new = Call(method="crm.deal.add", params={"fields": {"TITLE": "Linked"}})
    read = Call(method="crm.deal.get", params={"id": Ref("new")})
    answer = await make().batch({"new": new, "read": read}, risk=Risk.WRITE)
    assert answer.commands["read"].result["TITLE"] == "Linked"
    broken = Call(method="crm.deal.get", params={"id": 999_999})
    follow = Call(method="crm.deal.update", params={"id": Ref("x", "ID"), "fields": {"TITLE": "!"}})
    answer = await make().batch({"x": broken, "y": follow}, risk=Risk.WRITE)
    assert {key: error.code for key, error in answer.failures.items()} == {
        "x": None,
        "y": "BATCH_HALTED",
    }
    assert portal.journal.count("crm.deal.update") == 0


async def test_more_commands_than_a_batch_holds_are_split(
    portal: RunningPortal, make: Callable[..., Client]
) -> None:
    calls = {f"n{i}": Call(method="crm.deal.get", params={"id": i}) for i in range(1, 121)}
    answer = await make().batch(calls, risk=Risk.READ)
    assert (len(answer.commands), len(portal.requests)) == (120, 3)


@pytest.mark.parametrize(
    "fields",
    [
        {"OPENED": "N", "COMMENTS": None},
        {"OPENED": "Y", "COMMENTS": "", "OPPORTUNITY": 12.5},
    ],
)
async def test_a_value_means_in_a_batch_what_it_means_alone(
    portal: RunningPortal, make: Callable[..., Client], fields: dict[str, Any]
) -> None:
    client = make()
    update = Call(method="crm.deal.update", params={"id": 1, "fields": fields})
    await client.send(update, risk=Risk.WRITE)
    alone = dict(portal.state.deals.rows[1])
    portal.reset()
    await client.batch({"a": update}, risk=Risk.WRITE)
    batched = dict(portal.state.deals.rows[1])
    for changing in ("DATE_MODIFY", "LAST_ACTIVITY_TIME", "MOVED_TIME"):
        alone.pop(changing, None)
        batched.pop(changing, None)
    assert batched == alone


# --- pacing --------------------------------------------------------------------------------------


async def test_a_portal_with_limits_never_has_to_refuse() -> None:
    with running_portal(deals=10, limits=(12, 6)) as portal:
        from bitrix24_agent.client.auth import WebhookAuth

        client = Client(
            auth=WebhookAuth.parse(portal.url),
            limits=Limits(capacity=12, per_second=6),
            store=None,
        )
        call = Call(method="crm.deal.get", params={"id": 1})
        await asyncio.gather(*(client.send(call, risk=Risk.READ) for _ in range(24)))
        await client.close()
        assert [request.code for request in portal.requests if request.code] == []
        assert portal.journal.count("crm.deal.get") == 24


async def test_a_cancelled_call_leaves_the_line_in_order(
    portal: RunningPortal, make: Callable[..., Client]
) -> None:
    client = make(limits=Limits(capacity=2, per_second=20))
    call = Call(method="crm.deal.get", params={"id": 1})
    tasks = [asyncio.ensure_future(client.send(call, risk=Risk.READ)) for _ in range(10)]
    await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    done = await asyncio.gather(*tasks, return_exceptions=True)
    assert [isinstance(answer, BaseException) for answer in done] == [True, False] * 5
    assert len(portal.requests) == 5


# --- tokens --------------------------------------------------------------------------------------


def oauth(portal: RunningPortal, store: Any = None, **options: Any) -> OAuth:
    portal.oauth.install("app.1", "s3cret-of-app")
    pair = portal.oauth.tokens("app.1") if "refresh_token" not in options else {}
    return OAuth(
        portal=portal.base_url,
        client_id="app.1",
        client_secret="s3cret-of-app",
        store=store,
        oauth_host=portal.base_url,
        **(pair | options),
    )


def refreshes(portal: RunningPortal) -> int:
    return sum(1 for request in portal.requests if "oauth/token" in request.path)


@pytest.mark.parametrize("version", [2, 3])
async def test_calls_carry_the_token_and_twenty_expired_at_once_are_refreshed_once(
    portal: RunningPortal, make: Callable[..., Client], version: int
) -> None:
    client = make(auth=oauth(portal))
    method = {2: "crm.deal.get", 3: "tasks.task.get"}[version]
    known = portal.state.deals.rows if version == 2 else portal.state.tasks.rows
    call = Call(method=method, version=version, params={"id": min(known)})
    await client.send(call, risk=Risk.READ)
    portal.oauth.expire()
    answers = await asyncio.gather(*(client.send(call, risk=Risk.READ) for _ in range(20)))
    assert len(answers) == 20
    assert refreshes(portal) == 1


async def test_clients_that_share_a_store_refresh_once_and_keep_the_new_tokens(
    portal: RunningPortal, make: Callable[..., Client], tmp_path: Path
) -> None:
    store = open_store(f"sqlite:///{tmp_path}/s.db")
    first = oauth(portal, store)
    given = {"access_token": first.secrets[1], "refresh_token": first.secrets[2]}
    clients = [make(auth=first, store=store)]
    clients += [make(auth=oauth(portal, store, **given), store=store) for _ in range(3)]
    call = Call(method="crm.deal.get", params={"id": 1})
    await asyncio.gather(*(client.send(call, risk=Risk.READ) for client in clients))
    portal.oauth.expire()
    await asyncio.gather(*(c.send(call, risk=Risk.READ) for c in clients for _ in range(5)))
    assert refreshes(portal) == 1
    late = make(auth=oauth(portal, store, **given), store=store)
    await late.send(call, risk=Risk.READ)
    assert refreshes(portal) == 1
    await store.close()


async def test_a_grant_that_ended_reaches_everyone_as_the_same_error_after_one_try(
    portal: RunningPortal, make: Callable[..., Client], tmp_path: Path
) -> None:
    store = open_store(f"sqlite:///{tmp_path}/s.db")
    options = {"access_token": "old-access", "refresh_token": "old-refresh"}
    client = make(auth=oauth(portal, store, **options), store=store)
    call = Call(method="crm.deal.add", params={"fields": {"TITLE": "x"}})
    portal.faults.add("crm.deal.add", "expired_token", times=None)
    errors = await asyncio.gather(
        *(client.send(call, risk=Risk.WRITE) for _ in range(20)), return_exceptions=True
    )
    assert {(type(e), getattr(e, "code", None)) for e in errors} == {
        (CredentialsError, "INVALID_GRANT")
    }
    other = make(auth=oauth(portal, store, **options), store=store)
    with pytest.raises(CredentialsError):
        await other.send(call, risk=Risk.WRITE)
    assert refreshes(portal) == 1
    assert not any("old-" in f"{e!r}{vars(e)}" for e in errors)
    await store.close()


async def test_a_lost_refresh_is_asked_for_again(
    portal: RunningPortal, make: Callable[..., Client]
) -> None:
    client = make(auth=oauth(portal))
    call = Call(method="crm.deal.get", params={"id": 1})
    portal.oauth.expire()
    portal.faults.add("oauth.token", "lost")
    await client.send(call, risk=Risk.READ)
    assert refreshes(portal) == 2


# --- files ---------------------------------------------------------------------------------------


async def test_a_file_goes_up_by_address_and_comes_down_again(
    portal: RunningPortal, make: Callable[..., Client], tmp_path: Path
) -> None:
    client = make()
    source = tmp_path / 'offer "1".bin'
    source.write_bytes(bytes(range(256)) * 4000)
    asked = await client.send(
        Call(method="disk.folder.uploadfile", params={"id": 813}), risk=Risk.WRITE
    )
    answer = await client.upload(asked.result["uploadUrl"], source, field=asked.result["field"])
    link = answer.result["DOWNLOAD_URL"]
    found, data = await client.download(link)
    assert data == source.read_bytes()
    assert found.size == len(data)
    target = tmp_path / "down.bin"
    _, empty = await client.download(link, target)
    assert (empty, target.read_bytes()) == (b"", data)
    with pytest.raises(ArgumentsError, match="at most"):
        await client.download(link, tmp_path / "small.bin", max_bytes=1000)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["down.bin", 'offer "1".bin']


async def test_a_file_goes_up_inside_a_call(
    portal: RunningPortal, make: Callable[..., Client]
) -> None:
    params = {"id": 813, "data": {"NAME": "a.txt"}, "fileContent": inline("a.txt", b"hi")}
    client = make()
    answer = await client.send(
        Call(method="disk.folder.uploadfile", params=params), risk=Risk.WRITE
    )
    _, data = await client.download(answer.result["DOWNLOAD_URL"])
    assert data == b"hi"


@pytest.mark.parametrize(
    "url",
    ["https://elsewhere.example/file", "ftp://127.0.0.1/file", "http://[broken", "file:///etc"],
)
async def test_links_that_lead_elsewhere_are_not_followed(
    portal: RunningPortal, make: Callable[..., Client], url: str
) -> None:
    for work in (make().download(url), make().upload(url, b"x", name="x")):
        with pytest.raises(ArgumentsError):
            await work
    assert len(portal.requests) == 0


async def test_a_link_that_is_no_longer_good_gives_one_clear_error(
    portal: RunningPortal, make: Callable[..., Client], tmp_path: Path
) -> None:
    link = f"{portal.base_url}/rest/download.json?auth=x&token=y"
    with pytest.raises((PortalError, CallFailedError)) as caught:
        await make().download(link, tmp_path / "x")
    assert "auth=x" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []
