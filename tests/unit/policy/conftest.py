"""A small catalogue of our own, so that these tests say everything they depend on."""

from __future__ import annotations

from difflib import get_close_matches

import pytest

from bitrix24_agent.model import Method, MethodDetail, Risk
from bitrix24_agent.params import Param

READ, WRITE, DESTRUCTIVE = Risk.READ, Risk.WRITE, Risk.DESTRUCTIVE
ID = Param(path="id", type="integer", required=True)
FIELDS = Param(path="fields", type="object", required=True, open=True)
LIST = (
    Param(path="select", type="string[]"),
    Param(path="filter", type="object", open=True),
    Param(path="order", type="object", open=True),
)


def method(
    name: str,
    risk: Risk = READ,
    *params: Param,
    version: int = 2,
    pack: str = "core",
    summary: str = "",
) -> Method:
    detail = MethodDetail(params=params)
    return Method(
        name=name,
        version=version,
        pack=pack,
        risk=risk,
        scopes=(),
        summary=summary,
        family=name.rpartition(".")[0],
        page="",
        load=lambda _method: detail,
    )


METHODS = (
    method("crm.deal.list", READ, *LIST),
    method("crm.deal.get", READ, ID),
    method("crm.deal.fields"),
    method("crm.deal.add", WRITE, FIELDS, summary="Create a deal"),
    method("crm.deal.update", WRITE, ID, FIELDS, summary="Change a deal"),
    method("crm.deal.delete", DESTRUCTIVE, ID),
    method(
        "crm.deal.contact.items.set", WRITE, ID, Param(path="items", type="object[]", required=True)
    ),
    method("crm.contact.update", WRITE, ID, FIELDS),
    method("crm.item.get", READ, Param(path="entityTypeId", type="integer", required=True), ID),
    method(
        "crm.item.update",
        WRITE,
        Param(path="entityTypeId", type="integer", required=True),
        ID,
        FIELDS,
    ),
    method(
        "crm.item.add", WRITE, Param(path="entityTypeId", type="integer", required=True), FIELDS
    ),
    method(
        "crm.item.delete",
        DESTRUCTIVE,
        Param(path="entityTypeId", type="integer", required=True),
        ID,
    ),
    method("crm.timeline.comment.update", WRITE, ID, FIELDS),
    method("tasks.task.get", READ, Param(path="taskId", type="integer", required=True)),
    method("tasks.task.get", READ, ID, Param(path="select", type="string[]"), version=3),
    method("tasks.task.update", WRITE, Param(path="taskId", type="integer", required=True), FIELDS),
    method("tasks.task.update", WRITE, ID, FIELDS, version=3),
    method("tasks.task.delete", DESTRUCTIVE, Param(path="taskId", type="integer", required=True)),
    method("note.document.get", READ, ID, version=3, pack="content"),
    method("note.document.delete", DESTRUCTIVE, ID, version=3, pack="content"),
    method(
        "user.get",
        READ,
        Param(path="FILTER", type="object", open=True),
        Param(path="sort", type="string"),
    ),
    method("user.update", WRITE, Param(path="ID", type="integer", required=True)),
    method("user.current"),
    method(
        "task.checklistitem.get",
        READ,
        Param(path="TASKID", type="integer", required=True),
        Param(path="ITEMID", type="integer", required=True),
    ),
    method(
        "task.checklistitem.update",
        WRITE,
        Param(path="TASKID", type="integer", required=True),
        Param(path="ITEMID", type="integer", required=True),
        FIELDS,
    ),
    method("im.message.get", READ, ID, pack="comms"),
    method("department.get", READ, Param(path="sort", type="string"), pack="collab"),
    method(
        "department.update", WRITE, Param(path="ID", type="integer", required=True), pack="collab"
    ),
    method(
        "im.message.add",
        WRITE,
        Param(path="DIALOG_ID", type="string", required=True),
        Param(path="MESSAGE", type="string"),
        pack="comms",
    ),
    method(
        "im.message.update",
        WRITE,
        Param(path="MESSAGE_ID", type="integer", required=True),
        Param(path="MESSAGE", type="string"),
        pack="comms",
    ),
    method("imbot.register", WRITE, Param(path="EVENT_HANDLER", type="string"), pack="comms"),
    method("imbot.v2.Event.get", READ, Param(path="offset", type="integer"), pack="comms"),
    method("imbot.v2.Bot.update", WRITE, Param(path="token", type="string"), pack="comms"),
    method(
        "event.bind",
        WRITE,
        Param(path="event", type="string", required=True),
        Param(path="handler", type="string"),
        pack="platform",
    ),
    method("event.unbind", DESTRUCTIVE, Param(path="handler", type="string"), pack="platform"),
    method("event.offline.get", READ, Param(path="clear", type="integer"), pack="platform"),
    method("disk.file.getExternalLink", READ, ID, pack="content"),
    method("disk.folder.shareToUser", WRITE, ID, pack="content"),
    method(
        "documentgenerator.document.enablepublicurl",
        WRITE,
        ID,
        Param(path="status", type="integer"),
        pack="content",
    ),
    method(
        "bizproc.workflow.template.add",
        WRITE,
        Param(path="TEMPLATE_DATA", type="any"),
        pack="automation",
    ),
    method(
        "lists.element.update",
        WRITE,
        Param(path="FIELDS", type="object", open=True),
        pack="content",
    ),
    method("entity.add", WRITE, Param(path="ACCESS", type="object", open=True), pack="platform"),
    method("sale.order.update", WRITE, ID, FIELDS, pack="commerce"),
    method("sale.order.get", WRITE, ID, pack="commerce"),
)


class SmallCatalog:
    """Fits ``policy.port.Catalog``."""

    def __init__(self, methods: tuple[Method, ...] = METHODS) -> None:
        self.methods = {(m.name.lower(), m.version): m for m in methods}

    def lookup(self, name: str, version: int | None = None) -> Method | None:
        versions = self.versions(name)
        if not versions:
            return None
        return self.methods.get((name.lower(), version or max(versions)))

    def versions(self, name: str) -> tuple[int, ...]:
        return tuple(v for n, v in self.methods if n == name.lower())

    def nearest(self, name: str) -> list[str]:
        names = {m.name for m in self.methods.values()}
        return get_close_matches(name, sorted(names), n=3)


@pytest.fixture(scope="session")
def catalog() -> SmallCatalog:
    return SmallCatalog()


@pytest.fixture(scope="session")
def make_method():
    return method
