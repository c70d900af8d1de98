"""Cases of the families that describe themselves; see ``test_emulator_methods`` for the columns."""

from __future__ import annotations

from typing import Any

from dirty_equals import Contains, IsInt, IsList, IsPartialDict, IsStr

Case = tuple[Any, Any, Any, Any]
has = IsPartialDict
SOME = IsList(length=(1, ...))
V3_BAD = (400, "VALIDATION_REQUESTVALIDATIONEXCEPTION")
V3_OBJECT = (400, "VALIDATION_DTOVALIDATIONEXCEPTION")
V3_GONE = (400, "ENTITYNOTFOUNDEXCEPTION")
V3_PAGES = (400, "INVALIDPAGINATIONEXCEPTION")
NO = (400, 0)
MISSING = (400, "100")
EMPTY = (400, "")
TOKEN = "t"
PERIOD = {
    "from": {"timestamp": 1796724000, "timezone": "Europe/Berlin"},
    "to": {"timestamp": 1796727600, "timezone": "Europe/Berlin"},
}
MAIL = {"replyToMessageId": 1, "from": "office@northwater.example", "subject": "s", "body": "b"}
DEAL = {"CRM_ENTITY_TYPE": "deal", "CRM_ENTITY": 1}
LIST = {"IBLOCK_TYPE_ID": "lists", "IBLOCK_ID": 1}
FLOW = {"name": "f", "plannedCompletionTime": 60, "distributionType": "manually"}
VOTE = {"QUESTIONS": [{"QUESTION": "q", "ANSWERS": [{"MESSAGE": "a"}, {"MESSAGE": "b"}]}]}
SIGN = {
    "company": {"crmId": 12},
    "members": [{"userId": 3, "role": "signer"}, {"userId": 6, "role": "assignee"}],
    "responsible": {"userId": 7},
    "files": [{"fileName": "a.pdf", "fileType": "application/pdf", "fileContent": "JVBERg=="}],
}
PROVIDER = "3355fa71-09ea-7092-b56c-dca69bb362ad"
CASES: dict[str, Case] = {
    # --- trade catalogue
    "catalog.catalog.list@2": ({}, {"catalogs": [has(iblockId=23), has(iblockId=24)]}, None, None),
    "catalog.pricetype.list@2": (
        {"filter": {"base": "Y"}, "select": ["id", "name"]},
        {"priceTypes": [{"id": 1, "name": "BASE"}]},
        {"filter": 5},
        EMPTY,
    ),
    "catalog.price.list@2": (
        {"filter": {"productId": 1}},
        {"prices": [has(productId=1, price=1180, currency="EUR")]},
        None,
        None,
    ),
    "catalog.price.add@2": (
        {"fields": {"productId": 1, "catalogGroupId": 2, "price": 9.5, "currency": "EUR"}},
        {"price": has(price=9.5, catalogGroupId=2)},
        {"fields": {"productId": 1, "catalogGroupId": 1, "price": 9.5, "currency": "EUR"}},
        NO,
    ),
    "catalog.product.add@2": (
        {"fields": {"iblockId": 23, "name": "x"}},
        {"element": has(name="x", iblockId=23, active="Y")},
        {"fields": {"iblockId": 77, "name": "x"}},
        (400, 200040300043),
    ),
    "catalog.store.list@2": (
        {"select": ["id", "title"]},
        {"stores": [{"id": 1, "title": "Main store"}, {"id": 2, "title": "Service van"}]},
        None,
        None,
    ),
    "catalog.storeproduct.list@2": (
        {"filter": {"productId": 1}},
        {"storeProducts": [has(productId=1, storeId=1, amount=10)]},
        None,
        None,
    ),
    "catalog.document.mode.status@2": ({}, "Y", None, None),
    "catalog.document.add@2": (
        {"fields": {"docType": "A", "currency": "EUR", "responsibleId": 1}},
        {"document": has(docType="A", status="N", docNumber="A-00002")},
        {"fields": {"docType": "Q", "currency": "EUR", "responsibleId": 1}},
        (400, "0"),
    ),
    "catalog.document.element.add@2": (
        {"fields": {"docId": 1, "elementId": 1, "storeTo": 1, "amount": 2}},
        {"documentElement": has(docId=1, amount=2, storeTo=1)},
        {"fields": {"docId": 99, "elementId": 1}},
        (400, "ERROR_DOCUMENT_STATUS"),
    ),
    "catalog.document.conduct@2": ({"id": 1}, True, {"id": 99}, (400, "0")),
    # --- orders
    "sale.persontype.list@2": (
        {"select": ["id"]},
        {"personTypes": [{"id": 1}, {"id": 2}]},
        None,
        None,
    ),
    "sale.paysystem.list@2": (
        {"SELECT": ["ID", "NAME"], "FILTER": {"ID": 2}},
        [{"ID": 2, "NAME": "Cash"}],
        {"FILTER": "x"},
        (400, "ERROR_CHECK_FAILURE"),
    ),
    "sale.order.add@2": (
        {"fields": {"lid": "s1", "personTypeId": 1, "currency": "EUR"}},
        {"order": has(personTypeId=1, payed="N", price=0)},
        {"fields": {"lid": "s1"}},
        NO,
    ),
    "sale.order.get@2": (
        {"id": 1},
        {"order": has(id=1, basketItems=[has(productId=1, quantity=2)], payments=[])},
        {"id": 99},
        (400, 201240400001),
    ),
    "sale.basketitem.addcatalogproduct@2": (
        {"fields": {"orderId": 1, "productId": 2, "quantity": 1, "currency": "EUR"}},
        {"basketItem": has(orderId=1, productId=2, quantity=1)},
        {"fields": {"orderId": 1, "productId": 2, "quantity": 1, "currency": "USD"}},
        (400, 200140400011),
    ),
    "sale.payment.list@2": (
        {"filter": {"orderId": 2}},
        {"payments": [has(orderId=2, sum=1450, paid="N")]},
        None,
        None,
    ),
    "sale.payment.get@2": ({"id": 1}, {"payment": has(id=1)}, {"id": 9}, (400, 200640400001)),
    "sale.payment.add@2": (
        {"fields": {"orderId": 1, "paySystemId": 1, "sum": 5}},
        {"payment": has(sum=5, paid="N", accountNumber="1/1")},
        {"fields": {"orderId": 1}},
        NO,
    ),
    "crm.item.productrow.getavailableforpayment@2": (
        {"ownerType": "D", "ownerId": 3},
        {"productRows": [has(ownerId=3, quantity=4)]},
        {"ownerType": "D", "ownerId": 99999},
        (400, "ACCESS_DENIED"),
    ),
    "crm.item.payment.add@2": (
        {"entityTypeId": 2, "entityId": 3},
        2,
        {"entityTypeId": 2, "entityId": 99999},
        NO,
    ),
    "crm.item.payment.product.add@2": (
        {"paymentId": 1, "rowId": 1, "quantity": 2},
        1,
        {"paymentId": 1, "rowId": 1, "quantity": 200},
        NO,
    ),
    "crm.item.payment.get@2": ({"id": 1}, has(id=1, sum=1450, paid="N"), {"id": 9}, NO),
    "crm.item.payment.list@2": (
        {"entityTypeId": 2, "entityId": 1},
        [has(id=1, accountNumber="2/1")],
        {"entityTypeId": 2},
        MISSING,
    ),
    "crm.item.payment.pay@2": ({"id": 1}, True, {}, MISSING),
    "salescenter.payment.getpublicurl@2": (
        {"id": 1},
        {"payment": has(url=IsStr(regex=".*paymentId=1"))},
        {"id": 9},
        (400, 200640400001),
    ),
    # --- calendar, workday, booking
    "calendar.section.get@2": (
        {"type": "user", "ownerId": 1},
        [has(ID="1", NAME="Work", OWNER_ID="1")],
        {"type": "user"},
        EMPTY,
    ),
    "calendar.accessibility.get@2": (
        {"users": [2, 9], "from": "2026-10-05", "to": "2026-10-05"},
        {"2": [has(NAME="Sales meeting")], "9": []},
        {"users": [2], "to": "2026-10-05"},
        EMPTY,
    ),
    "calendar.event.getbyid@2": (
        {"id": 3},
        has(ID="3", ATTENDEE_LIST=[has(id=6, status="H"), has(id=1), has(id=7)]),
        {},
        EMPTY,
    ),
    "calendar.event.get.nearest@2": ({"days": 1}, [], None, None),
    "calendar.meeting.status.get@2": ({"eventId": 3}, "Q", {"eventId": 1}, EMPTY),
    "calendar.meeting.status.set@2": (
        {"eventId": 3, "status": "N"},
        True,
        {"eventId": 3, "status": "perhaps"},
        EMPTY,
    ),
    "timeman.status@2": ({}, has(STATUS="CLOSED", DURATION="08:00:00"), {"USER_ID": 99}, EMPTY),
    "timeman.settings@2": ({}, has(UF_TIMEMAN=True, ADMIN=True), {"USER_ID": 99}, EMPTY),
    "timeman.open@2": (
        {},
        has(STATUS="OPENED"),
        {"TIME": "2020-01-01T09:00:00+03:00"},
        (400, "WRONG_DATETIME"),
    ),
    "timeman.record.list@3": (
        {"filter": [["userId", 1]], "select": ["id", "duration"]},
        {"items": [{"id": 1, "duration": 28800}]},
        {"filter": []},
        V3_BAD,
    ),
    "booking.v1.resource.list@2": (
        {"FILTER": {"searchQuery": "bench"}},
        {"resource": [has(id=3, name="Test bench")]},
        {"FILTER": 5},
        EMPTY,
    ),
    "booking.v1.resource.slots.list@2": (
        {"resourceId": 1},
        {"slots": [has(**{"from": 540, "to": 1080, "slotSize": 60})]},
        {"resourceId": 9},
        (400, 1009),
    ),
    "booking.v1.booking.list@2": (
        {"FILTER": {"within": {"dateFrom": 1, "dateTo": 2}}},
        {"booking": []},
        {"FILTER": {"within": {"dateFrom": 2, "dateTo": 1}}},
        (400, 422),
    ),
    "booking.v1.booking.get@2": (
        {"id": 1},
        {"booking": has(resourceIds=[3], name="Acceptance test")},
        {"id": 9},
        (400, 1021),
    ),
    "booking.v1.booking.add@2": (
        {"fields": {"resourceIds": [1], "datePeriod": PERIOD}},
        {"id": 2},
        {"fields": {"resourceIds": [77], "datePeriod": PERIOD}},
        (400, 1018),
    ),
    "booking.v1.booking.update@2": (
        {"id": 1, "fields": {"name": "x"}},
        True,
        {"id": 9, "fields": {"name": "x"}},
        (400, 1019),
    ),
    "booking.v1.booking.client.set@2": (
        {"bookingId": 1, "clients": [{"id": 1, "type": {"module": "crm", "code": "CONTACT"}}]},
        True,
        {"bookingId": 1, "clients": [{"id": 1}]},
        NO,
    ),
    "booking.v1.booking.client.list@2": (
        {"bookingId": 1},
        {"bookingClient": [{"id": 2, "type": {"code": "CONTACT", "module": "crm"}}]},
        {"bookingId": 9},
        (400, 1021),
    ),
    "booking.v1.waitlist.list@2": ({}, {"waitList": [has(id=1), has(id=2)]}, None, None),
    "booking.v1.waitlist.client.list@2": (
        {"waitListId": 1},
        {"waitListClient": [has(id=2)]},
        {"waitListId": 9},
        (400, 1040),
    ),
    "booking.v1.booking.createfromwaitlist@2": (
        {"waitListId": 1, "fields": {"resourceIds": [1], "datePeriod": PERIOD}},
        2,
        {"waitListId": 9, "fields": {"resourceIds": [1], "datePeriod": PERIOD}},
        (400, 1038),
    ),
    # --- groups, structure, votes
    "socialnetwork.api.workgroup.list@2": (
        {"filter": {"NAME": "Exhibition"}, "select": ["ID", "NAME"]},
        {"workgroups": [has(id="3", name="Exhibition", type="project")]},
        {"filter": 5},
        EMPTY,
    ),
    "sonet_group.create@2": ({"NAME": "x"}, 4, {}, EMPTY),
    "sonet_group.user.invite@2": (
        {"GROUP_ID": 1, "USER_ID": [4, 1]},
        ["4"],
        {"GROUP_ID": 1},
        EMPTY,
    ),
    "sonet_group.user.get@2": (
        {"ID": 1},
        [has(USER_ID="1", ROLE="A"), has(USER_ID="2", ROLE="E"), has(USER_ID="3", ROLE="K")],
        {"ID": 99},
        EMPTY,
    ),
    "humanresources.node.search@3": (
        {"type": "DEPARTMENT", "name": "sales"},
        {"items": [has(id=2, userCount=4, accessCode="DR2")]},
        {"type": "DEPARTMENT"},
        V3_BAD,
    ),
    "humanresources.node.get@3": (
        {"id": 2, "select": ["id", "userCount"]},
        {"item": {"id": 2, "userCount": 4}},
        {"id": 99},
        V3_GONE,
    ),
    "humanresources.node.member.add@3": (
        {"nodeId": 2, "userIds": [1], "role": "MEMBER_EMPLOYEE"},
        {"success": True},
        {"nodeId": 2, "userIds": [1], "role": "KING"},
        V3_BAD,
    ),
    "vote.integration.im.send@2": (
        {"chatId": 11, "IM_MESSAGE_VOTE_DATA": VOTE},
        {"messageId": IsInt, "voteId": 2},
        {"chatId": 11, "IM_MESSAGE_VOTE_DATA": {"QUESTIONS": []}},
        (400, "400"),
    ),
    "vote.attachedvote.get@2": (
        {"attachId": 1},
        {"attach": has(ID=1, COUNTER=1, isVoted=True)},
        {"attachId": 9},
        (400, "ATTACH_NOT_FOUND"),
    ),
    # --- content
    "disk.file.getexternallink@2": (
        {"id": 816},
        IsStr(regex=r"http://.*/~\w{5}"),
        {},
        (400, "ERROR_ARGUMENT"),
    ),
    "disk.file.uploadversion@2": (
        {"id": 816, "fileContent": ["a.txt", "aGVsbG8="]},
        has(ID="816", SIZE="5", GLOBAL_CONTENT_VERSION=2),
        {"id": 816},
        (400, "DISK_FILE_22002"),
    ),
    "disk.file.getversions@2": ({"id": 816}, [], {"id": 1}, (400, "ERROR_NOT_FOUND")),
    "lists.get@2": (
        {"IBLOCK_TYPE_ID": "lists"},
        [has(ID="1", NAME="Contracts"), has(ID="2", NAME="Vehicles")],
        {},
        (400, "ERROR_REQUIRED_PARAMETERS_MISSING"),
    ),
    "lists.field.get@2": (
        LIST,
        {"NAME": has(IS_REQUIRED="Y"), "PROPERTY_101": has(CODE="NUMBER")},
        {**LIST, "IBLOCK_ID": 99},
        (400, "ERROR_IBLOCK_NOT_FOUND"),
    ),
    "lists.element.add@2": (
        {**LIST, "ELEMENT_CODE": "new", "FIELDS": {"NAME": "x", "PROPERTY_101": "7"}},
        2,
        {**LIST, "ELEMENT_CODE": "old", "FIELDS": {"NAME": "x"}},
        (400, "ERROR_ELEMENT_ALREADY_EXISTS"),
    ),
    "lists.element.get@2": (
        {**LIST, "ELEMENT_ID": 1},
        [has(ID="1", NAME="Old", CODE="old")],
        {"IBLOCK_TYPE_ID": "lists"},
        (400, "ERROR_REQUIRED_PARAMETERS_MISSING"),
    ),
    "crm.documentgenerator.template.list@2": (
        {"filter": {"entityTypeId": ["2"]}, "select": ["id", "name"]},
        {"templates": {"1": {"id": "1", "name": "Contract"}}},
        {"filter": 5},
        EMPTY,
    ),
    "crm.documentgenerator.document.add@2": (
        {"templateId": 1, "entityTypeId": 2, "entityId": 1},
        {"document": has(templateId="1", publicUrl=None)},
        {"templateId": 1, "entityTypeId": 77, "entityId": 1},
        (400, "0"),
    ),
    "crm.documentgenerator.document.get@2": (
        {"id": 1},
        {"document": has(id="1", number="2026-900")},
        {"id": 99},
        (400, "0"),
    ),
    "crm.documentgenerator.document.enablepublicurl@2": (
        {"id": 1, "status": 1},
        {"publicUrl": IsStr(regex="http://.*/~d1")},
        {},
        MISSING,
    ),
    "note.collection.list@3": (
        {},
        {"items": [has(id=1, name="Service handbook")], "nextCursor": None},
        {"pagination": {"limit": 0}},
        V3_PAGES,
    ),
    "note.document.search.list@3": (
        {"query": "pump seal"},
        {"items": [has(documentId=1, title="Pump maintenance")], "hasMore": False},
        {"query": "ab"},
        (400, "NOTE_SEARCH_QUERY_TOO_SHORT"),
    ),
    "note.document.tree.list@3": (
        {"collectionId": 1},
        {"items": [has(id=1, children=[])], "truncated": False},
        {"collectionId": 99},
        V3_GONE,
    ),
    "note.document.add@3": (
        {"fields": {"collectionId": 1, "title": "x", "parentId": 1}},
        {"item": has(id=2, title="x", parentId=1)},
        {"fields": {"collectionId": 1}},
        V3_OBJECT,
    ),
    "note.document.get@3": ({"id": 1}, {"item": has(title="Pump maintenance")}, {}, V3_BAD),
    # --- messages
    "im.search.chat.list@2": (
        {"FIND": "sales"},
        IsList(length=...),
        {"FIND": "x"},
        (400, "FIND_SHORT"),
    ),
    "im.notify.get@2": (
        {},
        {"notifications": [], "users": []},
        {"LAST_ID": "x", "LAST_TYPE": 1},
        (400, "LAST_ID_STRING"),
    ),
    "tasks.task.chat.message.send@3": (
        {"fields": {"taskId": 31, "text": "x"}},
        {"result": True},
        {"fields": {"taskId": 31}},
        V3_OBJECT,
    ),
    "imopenlines.crm.chat.get@2": (
        DEAL,
        [{"CHAT_ID": "9", "CONNECTOR_ID": "livechat", "CONNECTOR_TITLE": "Live chat"}],
        {"CRM_ENTITY_TYPE": "deal"},
        (400, "ERROR_ARGUMENT"),
    ),
    "imopenlines.dialog.get@2": (
        {"CHAT_ID": 9},
        has(id=9, type="lines", message_count=1),
        {"CHAT_ID": 11},
        (400, "ACCESS_ERROR"),
    ),
    "imopenlines.crm.chat.user.add@2": (
        {**DEAL, "USER_ID": 1, "CHAT_ID": 9},
        9,
        {**DEAL, "USER_ID": 1, "CHAT_ID": 11},
        (400, "CHAT_NOT_IN_CRM"),
    ),
    "imopenlines.crm.message.add@2": (
        {**DEAL, "USER_ID": 2, "CHAT_ID": 9, "MESSAGE": "x"},
        IsInt,
        {**DEAL, "USER_ID": 1, "CHAT_ID": 9, "MESSAGE": "x"},
        (400, "CANCELED"),
    ),
    "telephony.externalcall.searchcrmentities@2": (
        {"PHONE_NUMBER": "+49 17155 50000"},
        [has(CRM_ENTITY_TYPE="CONTACT", CRM_ENTITY_ID=1)],
        {},
        (400, "ERROR_CORE"),
    ),
    "telephony.externalcall.register@2": (
        {"USER_ID": 1, "PHONE_NUMBER": "+491715550000", "TYPE": 2},
        has(CALL_ID=IsStr(regex="externalCall.*"), CRM_ENTITY_TYPE="CONTACT", CRM_ENTITY_ID=1),
        {"USER_ID": 1, "PHONE_NUMBER": "+491715550000", "TYPE": 9},
        (400, "ERROR_CORE"),
    ),
    "telephony.externalcall.finish@2": (
        {"CALL_ID": "externalCall.open", "USER_ID": 1, "DURATION": 5},
        has(CALL_DURATION=5, CALL_FAILED_CODE="200"),
        {"CALL_ID": "externalCall.lost", "USER_ID": 1},
        (400, "ERROR_CORE"),
    ),
    "telephony.externalcall.attachrecord@2": (
        {"CALL_ID": "externalCall.done", "RECORD_URL": "https://pbx.example.com/1.mp3"},
        {"FILE_ID": IsInt},
        {"CALL_ID": "externalCall.open", "FILENAME": "a.mp3"},
        (400, "ERROR_CORE"),
    ),
    "voximplant.statistic.get@2": ({}, [has(CALL_ID="externalCall.done")], {"FILTER": 5}, EMPTY),
    "mail.mailbox.senders@3": (
        {},
        {"items": [has(email="office@northwater.example")]},
        {"pagination": {"limit": "abc"}},
        V3_PAGES,
    ),
    "mail.message.list@3": (
        {"searchQuery": "complaint"},
        {"items": [has(id=2)]},
        {"dateFrom": "soon"},
        V3_BAD,
    ),
    "mail.message.get@3": (
        {"id": 1},
        {"item": has(subject="Question about the contract")},
        {"id": 99},
        V3_GONE,
    ),
    "mail.message.thread@3": ({"id": 1}, [has(id=1)], {}, V3_BAD),
    "mail.message.reply@3": (
        {**MAIL, "to": ["a@b.example"]},
        {"success": True, "to": ["a@b.example"]},
        MAIL,
        V3_BAD,
    ),
    "mail.message.createtask@3": (
        {"messageId": 1, "title": "x", "responsibleId": 2},
        {"success": True, "taskId": 71, "messageId": 1},
        {"messageId": 0},
        V3_BAD,
    ),
    "mail.message.createcrmactivity@3": ({"messageId": 1}, True, {"messageId": 99}, V3_BAD),
    "imbot.v2.bot.list@2": (
        {"botToken": TOKEN},
        has(bots=[has(id=950, code="old"), has(id=951)]),
        {},
        (400, "BOT_TOKEN_NOT_SPECIFIED"),
    ),
    "imbot.v2.bot.register@2": (
        {"fields": {"code": "new", "botToken": TOKEN, "properties": {"name": "N"}}},
        has(bot=has(code="new", type="bot", eventMode="fetch")),
        {"fields": {"botToken": TOKEN, "properties": {"name": "N"}}},
        (400, "BOT_CODE_REQUIRED"),
    ),
    "imbot.v2.chat.message.send@2": (
        {"botId": 950, "botToken": TOKEN, "dialogId": "1", "fields": {"message": "x"}},
        {"id": IsInt, "uuidMap": {}},
        {"botId": 950, "botToken": TOKEN, "dialogId": "1", "fields": {}},
        (400, "EMPTY_MESSAGE"),
    ),
    "imbot.v2.chat.message.get@2": (
        {"botId": 951, "botToken": TOKEN, "messageId": 9001},
        has(message=has(text="hi")),
        {"botId": 950, "botToken": TOKEN, "messageId": 9001},
        (400, "BOT_TYPE_NOT_ALLOWED"),
    ),
    # --- automation
    "bizproc.workflow.template.list@2": (
        {"SELECT": ["ID", "NAME"], "FILTER": {"ID": 1}},
        [{"ID": "1", "NAME": "Approve the discount"}],
        {"FILTER": 5},
        EMPTY,
    ),
    "bizproc.workflow.start@2": (
        {"TEMPLATE_ID": 1, "DOCUMENT_ID": ["crm", "CCrmDocumentDeal", "DEAL_2"]},
        IsStr(regex=r"\w{14}\.\d{8}"),
        {"TEMPLATE_ID": 99, "DOCUMENT_ID": ["crm", "CCrmDocumentDeal", "DEAL_2"]},
        (400, "ERROR_WRONG_WORKFLOW_ID"),
    ),
    "bizproc.workflow.instances@2": (
        {"SELECT": ["ID", "DOCUMENT_ID"]},
        [{"ID": "66e412fdc9bd44.36306599", "DOCUMENT_ID": "DEAL_1"}],
        {"FILTER": 5},
        EMPTY,
    ),
    "bizproc.workflow.terminate@2": (
        {"ID": "66e412fdc9bd44.36306599"},
        True,
        {},
        (400, "ERROR_WRONG_WORKFLOW_ID"),
    ),
    "bizproc.task.list@2": (
        {"SELECT": ["ID", "STATUS"], "FILTER": {"USER_ID": 1}},
        [{"ID": "1", "STATUS": "0"}, {"ID": "2", "STATUS": "0"}],
        {"SELECT": ["HOUSE"]},
        (400, "ERROR_SELECT_VALIDATION_FAILURE"),
    ),
    "bizproc.task.complete@2": (
        {"TASK_ID": 1, "STATUS": 1},
        True,
        {"TASK_ID": 1, "STATUS": 9},
        (400, "ERROR_TASK_VALIDATION"),
    ),
    "bizproc.task.delegate@2": (
        {"TASK_IDS": [1], "FROM_USER_ID": 1, "TO_USER_ID": 2},
        True,
        {"TASK_IDS": [1], "FROM_USER_ID": 3, "TO_USER_ID": 2},
        (400, "ERROR_DELEGATION_NOT_ALLOWED"),
    ),
    "bizproc.robot.list@2": ({}, ["old"], None, None),
    "bizproc.robot.add@2": (
        {"CODE": "new", "HANDLER": "https://a.example", "NAME": "N"},
        True,
        {"CODE": "old", "HANDLER": "https://a.example", "NAME": "N"},
        (400, "ERROR_ACTIVITY_ALREADY_INSTALLED"),
    ),
    "crm.automation.trigger.list@2": ({}, [{"NAME": "Old", "CODE": "old"}], None, None),
    "crm.automation.trigger.add@2": (
        {"CODE": "new", "NAME": "N"},
        True,
        {"CODE": "NEW!", "NAME": "N"},
        EMPTY,
    ),
    "crm.automation.trigger.execute@2": (
        {"CODE": "old", "OWNER_TYPE_ID": 2, "OWNER_ID": 1},
        True,
        {"CODE": "lost", "OWNER_TYPE_ID": 2, "OWNER_ID": 1},
        EMPTY,
    ),
    # --- boards
    "tasks.api.scrum.sprint.list@2": (
        {"filter": {"GROUP_ID": 2}},
        [has(id=2, status="active")],
        {"filter": {"GROUP_ID": 3}},
        NO,
    ),
    "tasks.api.scrum.epic.list@2": (
        {"filter": {"GROUP_ID": 1}},
        [has(id=1, name="Sign-in")],
        {"filter": {"GROUP_ID": 2}},
        NO,
    ),
    "tasks.api.scrum.backlog.get@2": ({"id": 1}, has(id=5001, groupId=1), {"id": 3}, NO),
    "tasks.api.scrum.sprint.add@2": (
        {"fields": {"groupId": 1, "name": "x"}},
        has(id=IsInt, status="planned"),
        {"fields": {"groupId": 3, "name": "x"}},
        NO,
    ),
    "tasks.api.scrum.sprint.get@2": ({"id": 1}, has(id=1, status="completed"), {"id": 99}, NO),
    "tasks.api.scrum.sprint.start@2": ({"id": 3}, has(status="active"), {"id": 1}, NO),
    "tasks.api.scrum.epic.add@2": (
        {"fields": {"groupId": 1, "name": "x"}},
        has(id=2, name="x", groupId=1),
        {"fields": {"groupId": 3, "name": "x"}},
        NO,
    ),
    "tasks.api.scrum.task.get@2": ({"id": 68}, has(entityId=5001, epicId=0), {"id": 31}, NO),
    "tasks.api.scrum.task.update@2": (
        {"id": 68, "fields": {"storyPoints": "3", "epicId": 1}},
        has(status="success", data=True),
        {"id": 68, "fields": {"epicId": 99}},
        NO,
    ),
    "tasks.api.scrum.kanban.getstages@2": (
        {"sprintId": 2},
        [has(name="New"), has(name="In Progress"), has(name="Done")],
        {},
        NO,
    ),
    "tasks.api.scrum.kanban.addtask@2": (
        {"sprintId": 2, "taskId": 69, "stageId": 5},
        True,
        {"sprintId": 2, "taskId": 31, "stageId": 5},
        NO,
    ),
    "task.stages.get@2": (
        {"entityId": 3},
        {"1": has(TITLE="New"), "2": has(TITLE="In Progress"), "3": has(TITLE="Done")},
        {"entityId": 99},
        (400, "ACCESS_DENIED"),
    ),
    "task.stages.canmovetask@2": (
        {"entityId": 3, "entityType": "G"},
        True,
        {"entityId": 3},
        MISSING,
    ),
    "task.stages.movetask@2": (
        {"id": 70, "stageId": 3},
        True,
        {"id": 70, "stageId": 99},
        (400, "NOT_FOUND"),
    ),
    "tasks.flow.flow.isexists@2": ({"flowData": {"name": "f"}}, {"exists": False}, {}, MISSING),
    "tasks.flow.flow.create@2": (
        {"flowData": {**FLOW, "responsibleList": [["user", 1]]}},
        has(name="f", groupId=4, team=[["user", "1"]]),
        {"flowData": FLOW},
        (400, "0"),
    ),
    "tasks.flow.flow.get@2": ({"flowId": 1}, has(id=1, name="old"), {"flowId": 9}, (400, "0")),
    # --- applications
    "events@2": ({"SCOPE": "crm"}, Contains("ONCRMDEALADD"), None, None),
    "event.get@2": ({}, [], None, None),
    "event.bind@2": (
        {"event": "OnCrmDealAdd", "handler": "https://a.example"},
        True,
        {"event": "OnNothing", "handler": "https://a.example"},
        (400, "ERROR_EVENT_NOT_FOUND"),
    ),
    "event.offline.list@2": ({}, [has(PROCESS_ID="p")], {"filter": 5}, EMPTY),
    "event.offline.get@2": ({}, {"process_id": None, "events": []}, {"filter": 5}, EMPTY),
    "event.offline.clear@2": ({"process_id": "p"}, True, {}, MISSING),
    "placement.list@2": ({}, Contains("CRM_DEAL_DETAIL_TAB"), None, None),
    "placement.get@2": ({}, [], None, None),
    "placement.bind@2": (
        {"PLACEMENT": "CRM_DEAL_DETAIL_TAB", "HANDLER": "https://a.example"},
        True,
        {"PLACEMENT": "CRM_DEAL_DETAIL_TAB"},
        (200, "ERROR_ARGUMENT"),
    ),
    "userfieldconfig.gettypes@2": (
        {"moduleId": "crm"},
        {"types": has(enumeration={"userTypeId": "enumeration", "description": "List"})},
        {},
        MISSING,
    ),
    "userfieldconfig.list@2": (
        {"moduleId": "crm"},
        {"fields": [has(fieldName="UF_CRM_1_OLD")]},
        {},
        MISSING,
    ),
    "userfieldconfig.add@2": (
        {
            "moduleId": "crm",
            "field": {
                "entityId": "CRM_1",
                "fieldName": "UF_CRM_1_NEW",
                "userTypeId": "enumeration",
                "enum": [{"value": "a"}],
            },
        },
        {"field": has(fieldName="UF_CRM_1_NEW", enum=[has(value="a")])},
        {
            "moduleId": "crm",
            "field": {"entityId": "CRM_1", "fieldName": "NEW", "userTypeId": "string"},
        },
        EMPTY,
    ),
    "userfieldconfig.get@2": (
        {"moduleId": "crm", "id": 1},
        {"field": has(id="1", fieldName="UF_CRM_1_OLD")},
        {"moduleId": "crm"},
        MISSING,
    ),
    "entity.get@2": (
        {},
        [has(ENTITY="old")],
        {"ENTITY": "lost"},
        (400, "ERROR_ENTITY_NOT_FOUND"),
    ),
    "entity.add@2": (
        {"ENTITY": "new", "NAME": "N"},
        True,
        {"ENTITY": "old", "NAME": "N"},
        (400, "ERROR_ENTITY_ALREADY_EXISTS"),
    ),
    "entity.item.property.add@2": (
        {"ENTITY": "old", "PROPERTY": "SIZE", "TYPE": "N"},
        True,
        {"ENTITY": "old", "PROPERTY": "PRICE"},
        (400, "ERROR_PROPERTY_ALREADY_EXISTS"),
    ),
    "entity.item.add@2": (
        {"ENTITY": "old", "NAME": "x", "PROPERTY_VALUES": {"PRICE": 5}},
        1,
        {"ENTITY": "old", "NAME": "x", "PROPERTY_VALUES": {"PRICE": "much"}},
        (400, "ERROR_ARGUMENT"),
    ),
    "entity.item.get@2": ({"ENTITY": "old"}, [], {}, (400, "ERROR_ARGUMENT")),
    "biconnector.connector.list@2": (
        {"select": ["id", "title"]},
        [{"id": "1", "title": "Warehouse API"}],
        {"select": ["house"]},
        (200, "VALIDATION_FIELD_NOT_ALLOWED_IN_SELECT"),
    ),
    "biconnector.source.list@2": (
        {},
        [has(id="1", title="old")],
        {"filter": {"house": 1}},
        (200, "VALIDATION_FIELD_NOT_ALLOWED_IN_FILTER"),
    ),
    "biconnector.source.add@2": (
        {"fields": {"title": "x", "connectorId": 1, "settings": {}}},
        {"id": 2},
        {"fields": {"title": "x", "connectorId": 99, "settings": {}}},
        (200, "CONNECTOR_NOT_FOUND"),
    ),
    "biconnector.dataset.add@2": (
        {
            "fields": {
                "sourceId": 1,
                "name": "stock",
                "externalName": "Stock",
                "externalCode": "stock",
                "fields": [{"type": "int", "name": "ID", "externalCode": "ID"}],
            }
        },
        {"id": 2},
        {
            "fields": {
                "sourceId": 1,
                "name": "Stock",
                "externalName": "Stock",
                "externalCode": "stock",
                "fields": [{"type": "int", "name": "ID", "externalCode": "ID"}],
            }
        },
        (200, "VALIDATION_DATASET_NAME_INVALID"),
    ),
    "biconnector.dataset.get@2": (
        {"id": 1},
        {"item": has(name="old", fields=[])},
        {"id": 99},
        (200, "DATASET_NOT_FOUND"),
    ),
    # --- sites
    "landing.site.getlist@2": (
        {"params": {"select": ["TITLE"]}},
        [{"ID": "1", "TITLE": "Company"}],
        {"params": "x"},
        (400, "TYPE_ERROR"),
    ),
    "landing.landing.getlist@2": (
        {"params": {"select": ["ID", "ACTIVE"], "filter": {"SITE_ID": 1, "ACTIVE": "N"}}},
        [{"ID": "2", "ACTIVE": "N"}],
        {"params": {"filter": 5}},
        (400, "TYPE_ERROR"),
    ),
    "landing.landing.publication@2": ({"lid": 2}, True, {"lid": 99}, (400, "LANDING_NOT_EXIST")),
    "landing.landing.unpublic@2": ({"lid": 1}, True, {}, (400, "MISSING_PARAMS")),
    "landing.landing.getpublicurl@2": (
        {"lid": 1},
        "https://northwater.b24site.example/home/",
        {"lid": 99},
        (400, "LANDING_NOT_EXIST"),
    ),
    "landing.landing.resolveidbypublicurl@2": (
        {"landingUrl": "/spring-sale/", "siteId": 1},
        2,
        {"siteId": 1},
        (400, "MISSING_PARAMS"),
    ),
    "landing.demos.getpagelist@2": (
        {"type": "page"},
        has(empty=has(ID="empty")),
        {},
        (400, "MISSING_PARAMS"),
    ),
    "landing.landing.addbytemplate@2": (
        {"siteId": 1, "code": "company", "fields": {"TITLE": "x"}},
        4,
        {"siteId": 99, "code": "company"},
        (400, "SITE_ERROR"),
    ),
    "landing.landing.addblock@2": (
        {"lid": 1, "fields": {"CODE": "0.menu_02"}},
        7,
        {"lid": 1, "fields": {"CODE": "lost"}},
        (400, "BLOCK_CANT_BE_ADDED"),
    ),
    "landing.block.getlist@2": (
        {"lid": 2, "params": {"edit_mode": True}},
        [has(id=3, code="0.menu_02"), has(id=4)],
        {"lid": 99},
        (400, "LANDING_NOT_EXIST"),
    ),
    "landing.block.getcontent@2": (
        {"lid": 2, "block": 4, "editMode": True},
        has(id=4, sections="text,title"),
        {"lid": 2, "block": 4},
        (400, "BLOCK_NOT_FOUND"),
    ),
    "landing.block.updatenodes@2": (
        {"lid": 2, "block": 4, "data": {".landing-block-node-title": "x"}},
        True,
        {"lid": 2, "block": 4, "data": []},
        (400, "NODES_NOT_FOUND"),
    ),
    "landing.block.getrepository@2": (
        {"section": "cover"},
        {"cover": has(items=has(**{"01.big_with_text": has(name="Cover with a text")}))},
        None,
        None,
    ),
    "landing.block.getmanifestfile@2": (
        {"code": "0.menu_02"},
        has(nodes=has(**{".landing-block-node-menu": has(type="text")})),
        {},
        (400, "MISSING_PARAMS"),
    ),
    # --- compliance
    "userconsent.agreement.list@2": ({}, [has(ID="2"), has(ID="1")], None, None),
    "userconsent.agreement.text@2": (
        {"id": 1, "replace": {"button_caption": "Send"}},
        has(LABEL="By pressing Send you agree"),
        {"id": 99},
        (400, "ERROR_ARGUMENT"),
    ),
    "userconsent.consent.add@2": (
        {"AGREEMENT_ID": 1, "IP": "192.0.2.1"},
        1,
        {"AGREEMENT_ID": 1, "IP": "house"},
        (400, "ERROR_ARGUMENT"),
    ),
    "main.eventlog.field.list@3": (
        {"select": ["name", "filterable"]},
        {"items": Contains({"name": "id", "filterable": True})},
        {"select": ["house"]},
        (400, "UNKNOWNDTOPROPERTYEXCEPTION"),
    ),
    "main.eventlog.list@3": (
        {"select": ["id"], "filter": [["userId", 2]]},
        {"items": [{"id": 801}]},
        {"pagination": {"limit": 0}},
        V3_PAGES,
    ),
    "main.eventlog.get@3": ({"id": 800}, {"item": has(id=800, userId=1)}, {"id": 1}, V3_GONE),
    "main.eventlog.tail@3": (
        {"select": ["id"], "cursor": {"field": "id", "order": "ASC", "value": 803, "limit": 5}},
        {"items": [{"id": 804}]},
        {"filter": [["id", ">", 1]], "cursor": {"field": "id"}},
        (400, "INVALIDFILTEREXCEPTION"),
    ),
    "humanresources.hcmlink.company.list@2": ({}, [has(company="northwater-hr")], None, None),
    "humanresources.hcmlink.job.status.get@2": ({"id": 101}, {"alive": True}, {"id": 1}, NO),
    "humanresources.hcmlink.employee.set@2": (
        {"company": "northwater-hr", "data": [{"employee": "e", "person": "p"}]},
        {"status": "error", "errors": SOME},
        None,
        None,
    ),
    "humanresources.hcmlink.employee.list@2": (
        {"company": "northwater-hr"},
        [],
        {"company": "lost"},
        (400, 510),
    ),
    "sign.b2e.company.provider.list@2": (
        {"companyCrmId": 12},
        [has(uid=PROVIDER)],
        {"companyCrmId": 1},
        (400, 510),
    ),
    "sign.b2e.document.send@2": (
        {"fields": {**SIGN, "companyProviderUid": PROVIDER}},
        has(state={"code": "sent", "name": "Sent"}),
        {"fields": SIGN},
        (400, "BAD_REQUEST"),
    ),
    "sign.b2e.document.get@2": (
        {"uid": "0d9f4c1e-7a55-4c3e-9b1a-2f6f1c0a7e11"},
        has(state={"code": "done", "name": "Done"}),
        {"uid": "lost"},
        EMPTY,
    ),
    "sign.b2e.mysafe.tail@2": ({}, [has(id=1, role="signer")], None, None),
    "sign.b2e.personal.tail@2": ({"limit": 5}, [has(id=1)], None, None),
    # --- small ones
    "access.name@2": ({"ACCESS": ["AU", "X9"]}, {"AU": has(provider_id="other")}, None, None),
    "log.blogpost.getusers.important@2": ({"POST_ID": 1}, ["3"], {"POST_ID": 9}, EMPTY),
}


def prepare(state: Any) -> None:
    """Give the calls something to work on that only other calls would make."""
    state.table("stock_documents").add({"DOC_TYPE": "A", "STATUS": "N", "CURRENCY": "EUR"})
    line = {"DOC_ID": 1, "ELEMENT_ID": 1, "STORE_TO": 1, "AMOUNT": 1.0}
    state.table("stock_elements").add(line)
    ballots = {"BALLOTS": {1: 0}, "OPTIONS": 0, "ANONYMITY": 0, "AUTHOR_ID": 1, "DATE": 1}
    vote = {"CHAT_ID": 11, "MESSAGE_ID": 1, "QUESTION": "q", "ANSWERS": ["a", "b"]}
    state.table("votes").add({**vote, **ballots, "FIELD_TYPE": 0})
    state.table("list_elements").add({"LIST_ID": 1, "NAME": "Old", "CODE": "old"})
    document = {"TITLE": "t", "NUMBER": "2026-900", "TEMPLATE_ID": 1, "VALUES": {}}
    state.table("documents").add({**document, "CREATED": 1, "UPDATED": 1, "CREATED_BY": 1})
    call = {"PORTAL_USER_ID": 1, "PHONE_NUMBER": "49", "CALL_START_DATE": 1, "CALL_TYPE": "2"}
    call |= {
        "CRM_ENTITY_TYPE": None,
        "CRM_ENTITY_ID": None,
        "EXTERNAL_CALL_ID": None,
        "PORTAL_NUMBER": "1",
    }
    for name, over in (("open", False), ("done", True)):
        state.table("calls").add({**call, "CALL_ID": f"externalCall.{name}", "FINISHED": over})
    bot = {"OWNER": f"token {TOKEN}", "NAME": "B", "MODE": "fetch", "HIDDEN": False, "MESSAGES": 0}
    state.table("bots").add({**bot, "CODE": "old", "TYPE": "bot"}, key=950)
    state.table("bots").add(
        {**bot, "OWNER": f"token {TOKEN}", "CODE": "all", "TYPE": "personal"}, key=951
    )
    chat = {"TYPE": "private", "NAME": "", "OWNER": 0, "MEMBERS": [1, 951], "CREATED": 1}
    key = state.chats.add(chat)
    state.messages.add({"CHAT_ID": key, "AUTHOR_ID": 1, "DATE": 1, "TEXT": "hi"}, key=9001)
    state.table("robots").add({"CODE": "old"})
    state.table("triggers").add({"CODE": "old", "NAME": "Old", "STAGES": {}})
    sprint = {"GROUP_ID": 1, "NAME": "Next", "STATUS": "planned", "ENTITY_TYPE": "sprint"}
    state.table("scrum_sprints").add(sprint)
    state.table("flows").add({"NAME": "old", "DATA": {"name": "old"}})
    waiting = {"EVENT_NAME": "ONCRMDEALADD", "EVENT_DATA": False, "EVENT_ADDITIONAL": False}
    waiting |= {"TIMESTAMP_X": 1, "MESSAGE_ID": "m", "PROCESS_ID": "p", "ERROR": 0}
    state.table("event_queue").add(waiting)
    field = {"MODULE_ID": "crm", "ENTITY_ID": "CRM_1", "FIELD_NAME": "UF_CRM_1_OLD", "SORT": 100}
    field |= {"USER_TYPE_ID": "string", "LABELS": {}, "SETTINGS": {}, "ENUM": []}
    state.table("user_fields").add(field)
    storage = {"OWNER": "application", "ENTITY": "old", "NAME": "Old", "ACCESS": {"U1": "X"}}
    state.table("storages_of_apps").add({**storage, "PROPERTIES": {"PRICE": "N"}})
    state.table("sources").add({"TITLE": "old", "ACTIVE": True, "CONNECTOR_ID": 1})
    dataset = {"NAME": "old", "DESCRIPTION": "", "EXTERNAL_CODE": "o", "EXTERNAL_NAME": "o"}
    state.table("datasets").add({**dataset, "COLUMNS": [], "DATE": "", "USER_ID": 1})
    post = {"TITLE": "t", "DETAIL_TEXT": "d", "AUTHOR_ID": 1, "DATE_PUBLISH": 1, "DEST": ["UA"]}
    state.blog_posts.add({**post, "READERS": [3]})
