"""What each recipe must have brought about, as its own reads show it.

Name of the recipe -> {number of a step: what its answer looks like}. The last entry of a recipe
that writes is the read that shows the effect.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dirty_equals import Contains, IsDict, IsList, IsPartialDict, IsPositiveInt, IsStr

if TYPE_CHECKING:
    from collections.abc import Callable

    from bitrix24_agent.testing import RunningPortal


def first(**fields: Any) -> Any:
    """A list whose first row has these values."""
    return IsList(IsPartialDict(**fields), length=(1, ...)) if fields else IsList(length=(1, ...))


def only(**fields: Any) -> Any:
    """A list of one row that has these values."""
    return [IsPartialDict(**fields)]


def has(**fields: Any) -> Any:
    return IsPartialDict(**fields)


GOT = IsList(length=(1, ...))

EFFECTS: dict[str, dict[int, Any]] = {
    # --- core
    "Move a deal to another stage": {4: {"item": has(id=1, stageId="EXECUTING")}},
    "Qualify a lead into a contact and a deal": {
        5: {"item": has(id=1, stageId="CONVERTED")},
        6: {"item": has(id=121, leadId=1, contactId=61)},
    },
    "Add a contact without making a duplicate": {
        1: [],
        2: [],
        4: {
            "item": has(
                name="Ann",
                lastName="Weber",
                fm=[
                    has(typeId="PHONE", value="+4930987654"),
                    has(typeId="EMAIL", value="ann.weber@example.com"),
                ],
            )
        },
    },
    "Give somebody a task with a checklist": {
        6: [
            has(TITLE="Collect the company details", IS_COMPLETE="N"),
            has(TITLE="Send the draft", IS_COMPLETE="N"),
        ],
        7: {"item": has(id=71, title="Prepare the contract", responsible={"name": "Marek Nowak"})},
    },
    "Finish an overdue task": {
        2: {"task": has(status="2")},
        4: {"task": has(status="5", closedDate=IsStr(min_length=20))},
    },
    "Note a call on a deal and plan the next one": {
        4: has(COMMENT="Client asks for a discount of 5 percent", ENTITY_ID="1"),
        5: only(SUBJECT=IsStr(regex="Call about .*"), RESPONSIBLE_ID="2"),
    },
    "Put goods into a deal": {
        4: {"productRows": only(productId=1, price=120.5, quantity=3)},
        5: {"item": has(opportunity=361.5)},
    },
    "See where deals stand": {
        1: {"categories": GOT},
        2: GOT,
        3: {"items": GOT},
        4: {"items": GOT},
    },
    # --- comms
    "Write to the person responsible for a deal": {
        4: has(messages=only(text=IsStr(regex=r"\[b\].*\[/b\]: The client is waiting .*"))),
    },
    "Open a group chat and say hello": {
        2: [],
        5: [1, 2],
        6: has(messages=only(text="Marek, Files will be posted here")),
    },
    "Notify somebody without a chat": {
        3: has(notifications=only(text="The report is ready", notify_tag="MP|reports|REPORT_42")),
    },
    "Log a call and attach its recording": {
        5: only(
            PHONE_NUMBER="4930123456",
            CALL_DURATION="95",
            CALL_TYPE="2",
            CALL_RECORD_URL="https://pbx.example.com/rec/42.mp3",
        ),
    },
    "Answer a client in the open channel of a deal": {
        2: has(type="lines", id=9),
        5: has(messages=[has(text="Your order leaves tomorrow", author_id=1), has(text="Hello?")]),
    },
    "Answer a mail": {
        5: [
            has(subject="Question about the contract"),
            has(
                subject="Re: Question about the contract",
                to="adam.adler0@mail.example",
                body="Thank you, we will come back tomorrow",
            ),
        ],
    },
    "Make a task out of a mail": {
        4: {"item": has(title="Answer: A complaint about the delivery", status="pending")},
    },
    "Let a chat bot speak": {
        1: has(bots=[]),
        4: has(message=has(text="Hello, ask me about orders", authorId=901)),
    },
    # --- automation
    "Start a workflow for a deal": {4: only(DOCUMENT_ID="DEAL_1", TEMPLATE_ID="1")},
    "Decide a workflow assignment": {3: [{"ID": "2", "STATUS": "1", "USER_STATUS": "1"}]},
    "Hand assignments to a stand-in": {4: [{"ID": "1", "STATUS": "0", "USER_ID": "2"}]},
    "Stop a workflow that hangs": {1: GOT, 3: []},
    "Offer a robot of your own": {1: [], 3: ["notify_erp"]},
    "Fire a trigger of your own": {
        3: {"item": has(stageId="LOSE")},
        5: {"item": has(stageId="PREPARATION")},
    },
    # --- collab
    "Post news to the feed": {1: [], 3: only(TITLE="New price list"), 4: []},
    "Open a workgroup and fill it": {
        1: {"workgroups": []},
        4: ["2"],
        5: [{"USER_ID": "1", "ROLE": "A"}],
    },
    "Find a person's manager": {3: only(ID="2", NAME="Marek")},
    "Put an employee into a department": {
        2: {"item": {"id": 2, "name": "Sales", "userCount": 4}},
        4: {"item": {"id": 2, "name": "Sales", "userCount": 5}},
    },
    "Ask a chat to vote": {
        3: {
            "attach": has(
                COUNTER=0,
                QUESTIONS={
                    "1": has(
                        QUESTION="Which day suits you?",
                        ANSWERS={"1": has(MESSAGE="Tuesday"), "2": has(MESSAGE="Thursday")},
                    )
                },
            )
        },
    },
    # --- content
    "Put a file on Drive and share a link": {
        2: [],
        5: IsStr(regex=r"http://127\.0\.0\.1:\d+/~\w+"),
        6: has(NAME="offer.txt", SIZE="5"),
    },
    "Attach a file to a deal": {
        3: has(COMMENT="Signed contract", FILES={"1": has(name="contract.txt", size=6)}),
    },
    "Replace a file by a newer version": {
        2: has(ID="816", SIZE="8", GLOBAL_CONTENT_VERSION=2),
        3: only(OBJECT_ID="816", GLOBAL_CONTENT_VERSION="1"),
    },
    "Make a document for a deal from a template": {
        3: {"document": has(publicUrl=None, pdfUrl=IsStr)},
        5: {"document": has(number="2026-001", publicUrl=IsStr(regex=r"http://.*/~d1"))},
    },
    "Add a row to a universal list": {4: only(NAME="Contract 42", CODE="contract_42")},
    "Write a knowledge base page": {
        1: {"items": [], "hasMore": False},
        5: {"item": has(title="Return of goods", markdown="Ask for the order number first.")},
    },
    # --- boards
    "Plan a sprint and start it": {
        3: has(status="planned", name="Sprint 12"),
        6: has(id=3, status="active"),
    },
    "Estimate a task and give it an epic": {
        2: has(storyPoints="", epicId=0),
        5: has(storyPoints="8", epicId=2),
    },
    "Move a card on a group's Kanban": {
        1: {"task": has(groupId="3", stageId="1")},
        5: {"task": has(id="70", stageId="2")},
    },
    "Set up a flow": {
        1: {"exists": False},
        4: has(name="Invoices", active=True, responsibleList=[["user", "1"]]),
    },
    "Work a sprint board": {4: has(entityId=2, modifiedBy=1)},
    # --- commerce
    "Add a product with a price": {
        2: {"products": []},
        6: {"product": has(name="Oak table")},
        7: {"prices": only(price=480, currency="EUR", catalogGroupId=1)},
    },
    "Create an order with a basket": {
        5: {"order": has(price=2360, basketItems=only(productId=1, quantity=2, price=1180))},
    },
    "Record the payment of an order": {
        1: {"order": has(payed="N")},
        3: {"payments": []},
        5: {"payment": has(orderId=1, sum=2360, paid="Y", empPaidId=1)},
    },
    "Send a payment link for a deal": {
        4: has(sum=980, paid="N"),
        5: {"payment": has(url=IsStr(regex=r".*orderId=3&paymentId=2"))},
    },
    "Receive goods into stock": {
        3: {"storeProducts": only(amount=10)},
        7: {"storeProducts": only(amount=25)},
    },
    "Mark a deal's payment as paid": {1: only(paid="N"), 3: has(paid="Y", empPaidId=1)},
    # --- services
    "Book a resource for a client": {
        3: {"booking": []},
        6: {"booking": has(resourceIds=[1], name="Visit")},
        7: {"bookingClient": [{"id": 1, "type": {"code": "CONTACT", "module": "crm"}}]},
    },
    "Move a booking to another time": {
        4: {
            "booking": has(
                resourceIds=[3],
                datePeriod={
                    "from": {"timestamp": 1796810400, "timezone": "Europe/Berlin"},
                    "to": {"timestamp": 1796814000, "timezone": "Europe/Berlin"},
                },
            )
        },
    },
    "Book somebody from the waiting list": {
        1: {"waitList": IsList(length=2)},
        4: {"booking": has(resourceIds=[1])},
    },
    "Plan a meeting with a colleague": {
        1: {"1": [], "2": []},
        4: has(
            NAME="Offer review",
            IS_MEETING=True,
            ATTENDEE_LIST=[has(id=1, status="H"), has(id=2, status="Q")],
        ),
    },
    "Answer an invitation": {1: only(NAME="Service planning"), 2: "Q", 4: "Y"},
    "Start the workday": {
        1: has(STATUS="CLOSED"),
        4: has(STATUS="OPENED"),
        5: {"items": [has(id=2, endTime=None), has(id=1, duration=28800)]},
    },
    # --- platform
    "Collect changes through the offline queue": {
        1: Contains("ONCRMDEALUPDATE"),
        5: only(EVENT_NAME="ONCRMDEALUPDATE", PROCESS_ID=""),
        6: {
            "process_id": IsStr(min_length=32),
            "events": only(EVENT_DATA={"FIELDS": {"ID": 7}}),
        },
        8: [],
    },
    "Receive events on your own address": {
        2: [],
        4: only(event="ONCRMDEALADD", handler="https://app.example.com/events", offline=0),
    },
    "Show an application inside a deal": {
        2: Contains("CRM_DEAL_DETAIL_TAB"),
        3: [],
        5: only(placement="CRM_DEAL_DETAIL_TAB", title="Delivery"),
    },
    "Add a custom field to a smart process": {
        2: {"fields": []},
        4: {
            "field": has(
                fieldName="UF_CRM_7_PRIORITY",
                enum=[has(value="High", **{"def": "N"}), has(value="Normal", **{"def": "Y"})],
            )
        },
    },
    "Keep application data on the portal": {
        1: [],
        5: only(NAME="Basic", ENTITY="tariffs", PROPERTY_VALUES={"PRICE": "10"}),
    },
    "Feed BI Builder from an own source": {
        2: [],
        5: {"item": has(name="stock", fields=[has(type="int"), has(type="double")])},
    },
    # --- sites
    "Publish a page": {
        2: only(ACTIVE="N"),
        5: "https://northwater.b24site.example/spring-sale/",
        6: [{"ID": "2", "ACTIVE": "Y"}],
    },
    "Change the text of a block": {
        2: has(content=IsStr(regex=".*>Title<.*")),
        4: has(content=IsStr(regex=".*Open on Saturdays.*")),
        6: "https://northwater.b24site.example/home/",
    },
    "Build a page from a template": {4: only(lid=4, code="27.one_col_fix_title_and_text")},
    "Add a block to a page": {4: has(id=IsPositiveInt, sections="text,title", active=True)},
    "Take a page off the net": {2: only(ACTIVE="Y"), 4: [{"ID": "3", "ACTIVE": "N"}]},
    # --- compliance
    "Record a consent": {2: has(LABEL=IsStr(regex=".*Send.*")), 3: IsPositiveInt},
    "See who signed in": {2: {"items": GOT}, 4: only(ID="6", NAME="Ivan")},
    "Follow the event log": {1: {"items": GOT}, 2: {"item": has(id=800)}},
    "Send an HR document for signature": {
        4: has(
            state={"code": "sent", "name": "Sent"},
            members=[has(role="signer", user=has(userId=3)), has(role="assignee")],
        ),
    },
    "Match employees with the HR system": {
        2: {"alive": True},
        3: {"status": "ok", "errors": []},
        4: only(person="person-001", userId=3, title="Klaus Weber"),
    },
    "Fetch signed documents": {1: only(title="Work contract 2026"), 2: only(id=1)},
    # --- diagnostics
    "Find out why a call is refused with 403": {
        1: has(ID="1", ADMIN=True),
        3: {"isExisting": True, "isAvailable": True},
        4: True,
    },
    "Find out why a method is unknown": {
        1: {"isExisting": True, "isAvailable": True},
        2: Contains("tasks.task.get"),
        3: Contains("task"),
    },
    "Find out why events do not arrive": {
        1: has(INSTALLED=True),
        2: Contains("ONCRMDEALADD"),
        3: [],
        4: {"value": "Y"},
        5: [],
    },
    "Check a new connection": {
        2: has(ID="1"),
        4: IsDict(AU=has(name="All authorized users")),
        5: True,
    },
}

# Recipes that wait for something somebody else does: after that step this happens.
MEANWHILE: dict[str, dict[int, Callable[[RunningPortal], object]]] = {
    "Collect changes through the offline queue": {
        4: lambda portal: change_a_deal(portal),
    },
    "Fire a trigger of your own": {
        2: lambda portal: portal.state.table("triggers").update(1, {"STAGES": {2: "PREPARATION"}}),
    },
}

# Recipe -> the methods the emulator does not play yet; it must be empty for a recipe that runs.
UNPLAYED: dict[str, list[str]] = {}


def change_a_deal(portal: RunningPortal) -> None:
    """Somebody renames a deal: what the queue is waiting for."""
    from bitrix24_agent.emulator.kernel import Origin

    access, path = portal.portal.access, portal.portal.webhook_path(2)
    credential = access.of_webhook(2, path.split("/")[3])
    changes = {"id": 7, "fields": {"COMMENTS": "called back"}}
    portal.portal.kernel.execute(
        "crm.deal.update", 2, changes, Origin(credential=credential, request=0)
    )
